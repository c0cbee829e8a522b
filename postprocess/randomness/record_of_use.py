"""How far files of random bytes are used: one pool of bytes has one counter, whatever its names are.

The counter stands beside the file, under the name that symbolic links lead to, and in a folder of this user
(XDG_STATE_HOME, else ~/.local/state, diqkd/random_use): once under the file's device and inode, which hard links and
bind mounts share, and once under the digest of its first bytes, which a copy shares. The highest counter holds.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from postprocess.errors import InvalidInput
from postprocess.storage.private_files import private_folder, write_private

HEAD_BYTES = 64  # two pools that begin with the same 512 random bits are one


def use_folder() -> Path:
    """Where this user's counters are; InvalidInput when the user has no home."""
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    try:
        states = given if given.is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError:
        raise InvalidInput("this user has no home; set XDG_STATE_HOME to a folder of this user alone") from None
    return states / "diqkd" / "random_use"


class RecordOfUse:
    """The counter of one open file of random bytes.

    Args:
        path: a name of the file. file: the same, opened for reading.

    Raises:
        InvalidInput: from every method: a counter is damaged, or exceeds the file's size.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file = path, file
        self.beside = record_beside(path)

    def used(self) -> int:
        """Bytes that were handed out, under whatever name."""
        counters = [_read(place) for place in {self.beside, self.path.with_name(self.path.name + ".used")}]
        for place in self._places():
            record = _read(place)
            if record and record.get("head") == self._head(int(record.get("head_bytes", 0))):
                counters.append(record)  # otherwise the inode belongs to another file now
        used = max((record["octets_used"] for record in counters if record), default=0)
        if used > self.size:
            raise InvalidInput(f"{self.path}: {used} bytes are marked as used, more than it has; take a fresh file")
        return used

    def mark(self, used: int) -> None:
        """Set the counter, durably, for every name."""
        length = min(HEAD_BYTES, self.size)
        record = {"octets_used": used, "head_bytes": length, "head": self._head(length)}
        private_folder(use_folder())
        for place in (*self._places(), self.beside):
            write_private(place, json.dumps(record).encode())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Other processes that draw from the file, or from a copy of it, wait."""
        folder = private_folder(use_folder())
        descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            fcntl.flock(self._file, fcntl.LOCK_EX)  # other users have a folder of their own
            yield
        finally:
            os.close(descriptor)

    def read(self, start: int, count: int) -> bytes:
        """Bytes of the file."""
        self._file.seek(start)
        return self._file.read(count)

    @property
    def size(self) -> int:
        """Bytes in the file, used ones included."""
        return os.fstat(self._file.fileno()).st_size

    def _places(self) -> list[Path]:
        status = os.fstat(self._file.fileno())
        names = [f"inode-{status.st_dev}-{status.st_ino}"]
        if status.st_size >= HEAD_BYTES:
            names.append(f"head-{self._head(HEAD_BYTES)}")
        return [use_folder() / name for name in names]

    def _head(self, length: int) -> str:
        return hashlib.sha256(b"diqkd random use/" + os.pread(self._file.fileno(), length, 0)).hexdigest()


def record_beside(path: Path) -> Path:
    """The counter beside the file that `path` leads to."""
    target = path.resolve()
    return target.with_name(target.name + ".used")


def _read(place: Path) -> dict[str, Any] | None:
    if not place.exists():
        return None
    try:
        record = json.loads(place.read_text())
        if type(record["octets_used"]) is not int or record["octets_used"] < 0:
            raise ValueError("octets_used")
        if type(record.get("head_bytes", 0)) is not int or not 0 <= record.get("head_bytes", 0) <= HEAD_BYTES:
            raise ValueError("head_bytes")
        return record
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise InvalidInput(f"{place}: damaged; take a fresh file of random bytes") from problem
