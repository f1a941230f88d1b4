"""Where the count lives: what every store promises, in this process's memory, and in a shared file."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol


class HitStore(Protocol):
    """A counter. Its text names it."""

    async def add(self) -> int:
        """Adds one and returns the new count. No two calls return the same number, in whatever process."""

    async def count(self) -> int:
        """The count, including every add that has returned."""


class StoreError(Exception):
    """Why a store gave no count."""

    text: str
    status: int
    """Of the HTTP answer."""

    def __init__(self, store: object, why: object) -> None:
        super().__init__(self.text.format(store=store, why=why))


class Refused(StoreError):
    """Certainly nothing was added."""

    text = "{store} refused ({why}): nothing was counted, the request can be sent again"
    status = 503


class Unknown(StoreError):
    """Repeating could count one hit twice."""

    text = "{store} gave no clear answer ({why}): the hit may or may not have been counted"
    status = 500


class Unread(StoreError):
    """A count could not be read."""

    text = "{store} could not be read ({why})"
    status = 503


class MemoryStore:
    """A count that starts at 0, is lost when the process ends and is not shared with any other."""

    def __init__(self) -> None:
        self._hits = 0

    def __str__(self) -> str:
        return "memory (lost when this process ends)"

    async def add(self) -> int:
        # Between two awaits nothing runs beside this.
        self._hits += 1
        return self._hits

    async def count(self) -> int:
        return self._hits


class FileStore:
    """A count in a file, kept and shared: any number of processes add to the same count.

    Hits that arrive while others are being written wait and are written together: a disk is asked
    to keep something once for all of them."""

    def __init__(self, path: str) -> None:
        from counter_file import CounterFile

        self._file = CounterFile(path)
        # One, since all locks taken through one open file are the same lock.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="counter-file")
        self._waiting: list[asyncio.Future[int]] = []
        self._writing: asyncio.Task[None] | None = None

    def __str__(self) -> str:
        return str(self._file)

    async def add(self) -> int:
        hit = asyncio.get_running_loop().create_future()
        self._waiting.append(hit)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await hit

    async def count(self) -> int:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._file.count)

    async def _write(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting, []
            await self._write_once(together)
        self._writing = None

    async def _write_once(self, together: list[asyncio.Future[int]]) -> None:
        size = len(together)
        loop = asyncio.get_running_loop()
        # Whoever was cut off meanwhile waits no more: its hit counts and its number is nobody's.
        waiting = lambda hit: not hit.done()
        try:
            count = await loop.run_in_executor(self._thread, self._file.add, size)
        except Exception as error:
            for hit in filter(waiting, together):
                hit.set_exception(error)
        else:
            for number, hit in enumerate(together, count - size + 1):
                if waiting(hit):
                    hit.set_result(number)


def open_store(path: str | None) -> HitStore:
    """Opens no file yet: one that cannot be opened shows at the first hit."""
    return MemoryStore() if path is None else FileStore(path)
