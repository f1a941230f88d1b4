"""The count in a DynamoDB table."""

import json
from typing import Any

from aws import NOT_SENT, Service, code, short, status
from store import Refused, Unknown, Unread

# The first and two more.
MAX_ATTEMPTS = 3

# What DynamoDB answers when it turned a request away before looking at the item.
THROTTLES = {
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
}

KEY = {"id": {"N": "0"}}


class TableStore:
    """A count in the item `id = 0` (a number), in its attribute `hits`. No item: 0. Kept and shared:
    any number of processes add to the same count."""

    def __init__(self, table: str, region: str) -> None:
        self._dynamodb = Service("dynamodb", region)
        self._dynamodb.client.meta.events.register("response-received.dynamodb", _readable)
        self._table = table
        self._name = f"table {table}"

    def add(self) -> int:
        try:
            updated = self._send(
                self._dynamodb.client.update_item,
                UpdateExpression="ADD hits :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="UPDATED_NEW",
            )
            return _number(updated.get("Attributes", {}))
        except Exception as error:
            kind = Refused if _not_applied(error) else Unknown
            raise kind(self._name, short(error)) from error

    def count(self) -> int:
        try:
            read = self._send(self._dynamodb.client.get_item, ConsistentRead=True)
            return _number(read["Item"]) if "Item" in read else 0
        except Exception as error:
            raise Unread(self._name, short(error)) from error

    def _send(self, operation: Any, **parameters: Any) -> dict[str, Any]:
        """Repeats after a throttle and nothing else. A timeout, a reset connection or a status 5xx
        leaves open whether an update was applied, and `ADD` twice counts one hit twice."""
        deadline = self._dynamodb.begin()
        attempt = 0
        while True:
            try:
                return operation(TableName=self._table, Key=KEY, **parameters)
            except Exception as error:
                last = attempt + 1 == MAX_ATTEMPTS
                if last or code(error) not in THROTTLES or not deadline.wait(attempt):
                    raise
            attempt += 1


def _not_applied(error: Exception) -> bool:
    """Whether this failed update certainly left the item as it was: the request was never sent, or
    DynamoDB refused it with 400, the status of all its client errors."""
    return isinstance(error, NOT_SENT) or status(error) == 400


def _readable(response_dict: dict[str, Any] | None, **_: object) -> None:
    """botocore takes an answer that is no JSON for an empty one, and no item would pass for 0."""
    if response_dict is not None and response_dict["status_code"] == 200:
        json.loads(response_dict["body"])


def _number(item: dict[str, Any]) -> int:
    if "hits" not in item:
        raise ValueError("attribute `hits` is missing")
    if "N" not in item["hits"]:
        raise ValueError("attribute `hits` is not a number")
    text = item["hits"]["N"]
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"attribute `hits` is {text}, not a count")
    return int(text)
