"""Where the count lives: what every store promises, and the count in this process's memory."""

from collections.abc import Callable
from typing import Protocol

from settings import Settings


class HitStore(Protocol):
    """A counter."""

    def add(self) -> int:
        """Adds one and returns the new count. No two calls return the same number, in whatever process."""

    def count(self) -> int:
        """The count, including every add that has returned."""


class StoreError(Exception):
    """Why a store gave no count."""

    text: str

    def __init__(self, store: str, why: object) -> None:
        super().__init__(self.text.format(store=store, why=why))


class Refused(StoreError):
    """Certainly nothing was added."""

    text = "{store} refused ({why}): nothing was counted, the request can be sent again"


class Unknown(StoreError):
    """The answer was lost or told nothing; repeating could count one hit twice."""

    text = "{store} gave no clear answer ({why}): the hit may or may not have been counted"


class Unread(StoreError):
    """A count could not be read."""

    text = "{store} could not be read ({why})"


class MemoryStore:
    """A count that starts at 0, is lost when the process ends and is not shared with any other."""

    def __init__(self) -> None:
        self._hits = 0

    def add(self) -> int:
        # A Lambda environment handles one event at a time: nothing runs beside this.
        self._hits += 1
        return self._hits

    def count(self) -> int:
        return self._hits


def opener(settings: Settings) -> Callable[[], HitStore]:
    """Imports what the chosen store needs. What it returns makes the store's client; it sends
    nothing: a table that is missing shows at the first hit."""
    if settings.table is not None:
        from table import TableStore

        return lambda: TableStore(settings.table, settings.region)
    if settings.bucket is not None:
        from bucket import BucketStore

        return lambda: BucketStore(settings.bucket, settings.region)
    memory = MemoryStore()
    return lambda: memory
