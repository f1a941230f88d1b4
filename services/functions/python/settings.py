"""What the environment asks for."""

import json
import os
import re
from typing import NamedTuple

TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Settings(NamedTuple):
    """All that can be set, read once at the start. Neither table nor bucket: count in memory."""

    instance: str
    table: str | None
    bucket: str | None
    region: str
    per_call: bool
    """Make the client inside the handler, at every call: to show what that costs."""


class BadSetting(Exception):
    """An environment variable that cannot be used."""

    def __init__(self, name: str, value: str, why: str, next_step: str) -> None:
        value = json.dumps(value, ensure_ascii=False)
        super().__init__(f"{name}={value} cannot be used: {why} → {next_step}")


def read() -> Settings:
    """Reads this process's environment; raises BadSetting for the first bad variable."""
    table, bucket = _table(), _bucket()
    if table is not None and bucket is not None:
        raise BadSetting(
            "HITS_BUCKET",
            bucket,
            "HITS_TABLE is set too and the count lives in one place",
            "unset one of them",
        )
    return Settings(
        instance=_set("INSTANCE_ID") or _set("AWS_LAMBDA_LOG_STREAM_NAME"),
        table=table,
        bucket=bucket,
        region=_region(table, bucket),
        per_call=_per_call(),
    )


def _set(name: str) -> str:
    return os.environ.get(name, "")


def _table() -> str | None:
    name = os.environ.get("HITS_TABLE")
    if name is not None and not TABLE_NAME.fullmatch(name):
        raise BadSetting(
            "HITS_TABLE",
            name,
            "not a table name: 3 to 255 of a-z A-Z 0-9 _ . -",
            "set the name of a DynamoDB table, or unset it to count in memory",
        )
    return name


def _bucket() -> str | None:
    name = os.environ.get("HITS_BUCKET")
    if name is not None and not BUCKET_NAME.fullmatch(name):
        raise BadSetting(
            "HITS_BUCKET",
            name,
            "not a bucket name: 3 to 63 of a-z 0-9 . -, a letter or digit at both ends",
            "set the name of an S3 bucket, or unset it to count in memory",
        )
    return name


def _region(table: str | None, bucket: str | None) -> str:
    region = _set("AWS_REGION") or _set("AWS_DEFAULT_REGION")
    if region or (table is None and bucket is None):
        return region
    variable, what = ("HITS_BUCKET", "bucket") if table is None else ("HITS_TABLE", "table")
    raise BadSetting(
        "AWS_REGION",
        "",
        f"{variable} names a {what} and a {what} is in a region",
        f"set the {what}'s region, such as eu-west-2",
    )


def _per_call() -> bool:
    value = _set("HITS_INIT")
    if value not in ("", "per-call"):
        raise BadSetting(
            "HITS_INIT",
            value,
            "not a way to make the client",
            "set per-call to make it at every call, or unset it to make it once",
        )
    return value == "per-call"
