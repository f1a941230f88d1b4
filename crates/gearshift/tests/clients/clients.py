"""Plain boto3 clients. Endpoint, region and credentials come from the environment, as anywhere."""

import zlib

import boto3
from botocore.config import Config

# One attempt: a repetition would hide what the first answer was.
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)


def lambda_client():
    return boto3.client("lambda", config=ONCE)


class CheckedTable:
    """A DynamoDB client whose every answer's x-amz-crc32 is compared with its bytes."""

    def __init__(self):
        self.compared = 0
        self.client = boto3.client("dynamodb", config=ONCE)
        self.client.meta.events.register("before-parse.dynamodb", self.compare)

    def compare(self, response_dict, **_):
        told = int(response_dict["headers"]["x-amz-crc32"])
        counted = zlib.crc32(response_dict["body"]) & 0xFFFFFFFF
        assert told == counted, f"x-amz-crc32 is {told}, the body's is {counted}"
        self.compared += 1


def refused(error, call, **arguments):
    """The answer of a call that must be refused with this error."""
    try:
        answer = call(**arguments)
    except error as refusal:
        return refusal.response
    raise AssertionError(f"not refused with {error.__name__}: {answer}")
