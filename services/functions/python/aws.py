"""AWS clients that send each request once and keep to a deadline."""

import os
import random
import time
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)

# Within a region connecting takes about a millisecond; a second is a lost SYN and its repetition.
CONNECT_TIMEOUT = 1.0
ATTEMPT_TIMEOUT = 2.0
# Of all attempts: an answer still fits into AWS Lambda's default timeout of 3 s.
OPERATION_TIMEOUT = 2.5

# Upper end of the first random wait; DynamoDB's own clients start at 25 ms too.
INITIAL_BACKOFF = 0.025
LONGEST_BACKOFF = 0.2

# Errors of requests that never left this process.
NOT_SENT = (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)


class Deadline:
    """The time that one operation may take, over all its attempts."""

    def __init__(self) -> None:
        self._end = time.monotonic() + OPERATION_TIMEOUT

    def left(self) -> float:
        return self._end - time.monotonic()

    def wait(self, attempt: int) -> bool:
        """Waits at random, longer after each attempt (counted from 0). False, at once, where the
        time left is too short for that."""
        longest = min(INITIAL_BACKOFF * 2**attempt, LONGEST_BACKOFF)
        pause = random.uniform(0, longest)
        if pause >= self.left():
            return False
        time.sleep(pause)
        return True


class Service:
    """A boto3 client without retries: only its user knows which request may be repeated."""

    def __init__(self, name: str, region: str) -> None:
        config = Config(
            region_name=region,
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=ATTEMPT_TIMEOUT,
            retries={"total_max_attempts": 1, "mode": "standard"},
            s3={"addressing_style": _addressing()},
        )
        self.client = boto3.client(name, config=config)
        self.client.meta.events.register("before-send", self._limit)
        self._deadline = Deadline()

    def begin(self) -> Deadline:
        """Begins an operation: the requests from here on share its deadline."""
        self._deadline = Deadline()
        return self._deadline

    def _limit(self, request: Any, **_: object) -> None:
        # Never 0, which would mean no limit.
        left = max(self._deadline.left(), 0.001)
        request.context["read_timeout"] = min(left, ATTEMPT_TIMEOUT)


def _addressing() -> str:
    """An S3 endpoint of one's own is one host, without a name per bucket."""
    own = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return "path" if own else "auto"


def code(error: Exception) -> str:
    """AWS's code of this error; empty where AWS did not answer."""
    return error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""


def status(error: Exception) -> int:
    """The HTTP status that came with this error; 0 where AWS did not answer."""
    if not isinstance(error, ClientError):
        return 0
    return error.response["ResponseMetadata"].get("HTTPStatusCode", 0)


def short(error: Exception) -> str:
    """The error in one line."""
    if not isinstance(error, ClientError):
        return " ".join(str(error).split()) or type(error).__name__
    message = error.response["Error"].get("Message")
    return f"{code(error)}: {message}" if message else code(error)
