"""The count in an S3 object, changed by compare-and-swap."""

from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from aws import NOT_SENT, Deadline, Service, code, short, status
from store import Refused, Unknown, Unread

OBJECT = "hits"

# Of read and write together. With eight writers at once about half of the attempts are lost.
MAX_ATTEMPTS = 12

# What S3 answers when somebody else wrote, is writing, or deleted the object since it was read.
LOST = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}

# What S3 answers when it turned a request away before looking at the object.
THROTTLES = {"SlowDown", "RequestLimitExceeded", "ThrottlingException", "Throttling"}


class Version(NamedTuple):
    """The count as it was read. Without an ETag there was no object."""

    hits: int
    etag: str | None


class BucketStore:
    """A count in the object `hits`, as decimal digits. No object: 0. Kept and shared: any number of
    processes add to the same count."""

    def __init__(self, bucket: str, region: str) -> None:
        self._s3 = Service("s3", region)
        self._object = {"Bucket": bucket, "Key": OBJECT}
        self._name = f"bucket {bucket}"

    def add(self) -> int:
        deadline = self._s3.begin()
        losses, why = 0, ""
        for attempt in range(MAX_ATTEMPTS):
            if attempt > 0 and not deadline.wait(attempt - 1):
                break
            try:
                before = self._read()
                if self._swap(before, deadline):
                    return before.hits + 1
                losses += 1
                why = f"lost {losses} times to other writers"
            except _Again as again:
                why = str(again)
        raise Refused(self._name, why)

    def count(self) -> int:
        self._s3.begin()
        try:
            return self._get().hits
        except Exception as error:
            raise Unread(self._name, short(error)) from error

    def _read(self) -> Version:
        """Nothing is written yet, so a failed read may be repeated. It never passes for 0."""
        try:
            return self._get()
        except Exception as error:
            if _may_pass(error):
                raise _Again(short(error)) from error
            raise Refused(self._name, short(error)) from error

    def _get(self) -> Version:
        try:
            read = self._s3.client.get_object(**self._object)
        except ClientError as error:
            if code(error) == "NoSuchKey":
                return Version(0, None)
            raise
        body = read["Body"].read()
        if not body.isdigit():
            raise ValueError(f"object `{OBJECT}` is {body[:40]!r}, not a count")
        return Version(int(body), read["ETag"])

    def _swap(self, before: Version, deadline: Deadline) -> bool:
        """Writes the next count if the object is still the one that was read. False: it is not."""
        if deadline.left() <= 0:
            raise _Again("no time was left to write")
        unchanged = {"IfMatch": before.etag} if before.etag else {"IfNoneMatch": "*"}
        body = str(before.hits + 1).encode()
        try:
            self._s3.client.put_object(**self._object, Body=body, **unchanged)
            return True
        except Exception as error:
            if code(error) in LOST:
                return False
            if code(error) in THROTTLES:
                raise _Again(short(error)) from error
            kind = Refused if _not_applied(error) else Unknown
            raise kind(self._name, short(error)) from error


class _Again(Exception):
    """Nothing was written, and another attempt may succeed."""


def _may_pass(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return status(error) >= 500 or code(error) in THROTTLES
    return isinstance(error, BotoCoreError)


def _not_applied(error: Exception) -> bool:
    """Whether this failed write certainly left the object as it was: the request was never sent, or
    S3 turned it away. A timeout, a reset connection or a status 5xx leaves that open."""
    return isinstance(error, NOT_SENT) or 300 <= status(error) < 500
