"""TEST ONLY, never deployed: `hits` with a counter that is wrong on purpose.

It reads, adds, writes back, and takes any failed read for "nothing counted yet". It exists so that a
counter test can be seen to fail. Handler `lost_update.handler`.
"""

from typing import Any

import routes
import settings
from aws import Service, short
from bucket import OBJECT
from store import HitStore, MemoryStore, Unknown
from table import KEY


class LostUpdate:
    """Read-modify-write; `_read` and `_write` are the store's."""

    _name: str
    _service: Service

    def add(self) -> int:
        hits = self.count() + 1
        try:
            self._write(hits)
        except Exception as error:
            raise Unknown(self._name, short(error)) from error
        return hits

    def count(self) -> int:
        self._service.begin()
        try:
            return self._read()
        except Exception:
            return 0


class LostUpdateTable(LostUpdate):
    def __init__(self, table: str, region: str) -> None:
        self._service = Service("dynamodb", region)
        self._item = {"TableName": table, "Key": KEY}
        self._name = f"table {table}"

    def _read(self) -> int:
        return int(self._service.client.get_item(**self._item)["Item"]["hits"]["N"])

    def _write(self, hits: int) -> None:
        self._service.client.update_item(
            **self._item,
            UpdateExpression="SET hits = :hits",
            ExpressionAttributeValues={":hits": {"N": str(hits)}},
        )


class LostUpdateBucket(LostUpdate):
    def __init__(self, bucket: str, region: str) -> None:
        self._service = Service("s3", region)
        self._object = {"Bucket": bucket, "Key": OBJECT}
        self._name = f"bucket {bucket}"

    def _read(self) -> int:
        return int(self._service.client.get_object(**self._object)["Body"].read())

    def _write(self, hits: int) -> None:
        self._service.client.put_object(**self._object, Body=str(hits).encode())


def _open(chosen: settings.Settings) -> HitStore:
    if chosen.table is not None:
        return LostUpdateTable(chosen.table, chosen.region)
    if chosen.bucket is not None:
        return LostUpdateBucket(chosen.bucket, chosen.region)
    return MemoryStore()


SETTINGS = settings.read()
_store = _open(SETTINGS)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers one event, perhaps with a count that others got too."""
    return routes.respond(event, _store, SETTINGS.instance)
