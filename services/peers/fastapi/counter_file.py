"""A count in a file that processes share, whatever they are written in.

Two records of 36 bytes, a page apart so that no torn write meets both:

    hits1 00000000000000000042 0f1e2d3c\\n

a mark, the count, and the CRC-32 (as in zlib) of the 26 bytes before it. The count is the highest of
the records that are whole. A new count goes over the other record, so that the newest one stays whole
wherever a writer is killed.
"""

import contextlib
import fcntl
import os
import re
import zlib
from typing import NamedTuple

from store import Refused, Unknown, Unread

RECORD = re.compile(rb"(hits1 ([0-9]{20})) ([0-9a-f]{8})\n")
RECORD_BYTES = 36
OFFSETS = (0, 4_096)
# Counts are unsigned 64-bit numbers.
LARGEST = 2**64 - 1


class NoCounter(Exception):
    """What lies in the file is no count."""


class State(NamedTuple):
    """The count as it was read."""

    hits: int
    write_at: int
    """The offset of the record that the next count goes over."""


class CounterFile:
    """A count in this file; no file: 0. Blocks, and is for one thread at a time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None

    def __str__(self) -> str:
        return f"file {self._path}"

    def add(self, hits: int) -> int:
        """Adds that many and returns the new count once the disk has it."""
        try:
            file = self._lock(fcntl.LOCK_EX)
            before = _read(file)
            count = before.hits + hits
            if count > LARGEST:
                raise NoCounter("it is full")
        except (OSError, NoCounter) as error:
            self._close()
            raise Refused(self, _short(error)) from error
        try:
            _write(file, before.write_at, count)
        except OSError as error:
            self._close()
            raise Unknown(self, _short(error)) from error
        self._unlock(file)
        return count

    def count(self) -> int:
        """The count as it is on the disk."""
        try:
            file = self._lock(fcntl.LOCK_SH)
            hits = _read(file).hits
        except (OSError, NoCounter) as error:
            self._close()
            raise Unread(self, _short(error)) from error
        self._unlock(file)
        return hits

    def _lock(self, kind: int) -> int:
        while True:
            if self._file is None:
                self._file = _open(self._path)
            fcntl.flock(self._file, kind)
            if os.fstat(self._file).st_nlink > 0:
                return self._file
            # Removed or replaced since it was opened: what is written there is lost.
            self._close()

    def _unlock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_UN)
        except OSError:
            # Closing gives the lock back, too, and what was counted stays counted.
            self._close()

    def _close(self) -> None:
        """After an error the file is opened anew: it may be another one by then."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None


def _open(path: str) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if os.fstat(file).st_size == 0:
            _keep_name(path)
    except OSError:
        os.close(file)
        raise
    return file


def _keep_name(path: str) -> None:
    """A new file's name lies in its directory, which is kept by itself."""
    directory = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read(file: int) -> State:
    first, second = (_hits(os.pread(file, RECORD_BYTES, offset)) for offset in OFFSETS)
    if first is None and second is None:
        # Less than a record is a first one that was torn.
        if os.fstat(file).st_size < RECORD_BYTES:
            return State(0, OFFSETS[0])
        raise NoCounter(
            "it is no counter: neither of its two records is whole → restore it, or remove it to "
            "begin at 0"
        )
    if second is None or (first is not None and first > second):
        return State(first, OFFSETS[1])
    return State(second, OFFSETS[0])


def _hits(record: bytes) -> int | None:
    """The count in this record, if it is whole."""
    match = RECORD.fullmatch(record)
    if match is None or int(match[3], 16) != zlib.crc32(match[1]) or int(match[2]) > LARGEST:
        return None
    return int(match[2])


def _write(file: int, offset: int, count: int) -> None:
    counted = b"hits1 %020d" % count
    record = b"%s %08x\n" % (counted, zlib.crc32(counted))
    written = os.pwrite(file, record, offset)
    if written != RECORD_BYTES:
        raise OSError(0, f"{written} of {RECORD_BYTES} bytes were written")
    os.fdatasync(file)


def _short(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
