"""Private random bits: the system's generator, a hardware generator's file, or a repeatable stream for rehearsals.

Whatever a source hands out is never handed out again, not even after a crash. Settings and K0 come from here.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from pathlib import Path
from typing import Protocol

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.storage.private_files import write_private

_BLOCK_BYTES = 1 << 16


class RandomSource(Protocol):
    """Where random bits come from."""

    @property
    def insecure(self) -> bool:
        """Whether somebody else can predict the bits."""

    @property
    def description(self) -> str:
        """What an operator should read about the source; no secret in it."""

    def random_bytes(self, count: int) -> bytes:
        """The next `count` bytes."""

    def bits(self, count: int) -> np.ndarray:
        """The next `count` bits, uint8 0/1; the rest of the last byte is thrown away."""


class _Octets:
    """Bits on top of bytes, most significant bit first."""

    def random_bytes(self, count: int) -> bytes:
        raise NotImplementedError

    def bits(self, count: int) -> np.ndarray:
        data = np.frombuffer(self.random_bytes(-(-count // 8)), np.uint8)
        return np.unpackbits(data, count=count, bitorder="big")


class SystemSource(_Octets):
    """The operating system's generator (getrandom)."""

    insecure = False
    description = "the operating system's generator"

    def random_bytes(self, count: int) -> bytes:
        """The next `count` bytes."""
        return os.urandom(count)


class FileSource(_Octets):
    """A file of raw bytes from a hardware generator, used from its beginning and never twice.

    How far the file is used stands in `<file>.used` beside it and is on disk before an byte is handed out; the two
    belong together and must not be copied. Several processes may draw from one file; two nodes must never share one.

    Raises:
        InvalidInput: the file is missing, exhausted, shorter than what has been used, or its record of use is damaged.
    """

    insecure = False

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.record = self.path.with_name(self.path.name + ".used")
        if not self.path.is_file():
            raise InvalidInput(f"{self.path}: no such file of random bytes; give the file that the generator wrote")
        self._used()

    @property
    def description(self) -> str:
        """The file's name."""
        return f"the hardware generator's file {self.path.name}"

    @property
    def left(self) -> int:
        """Bytes not yet used."""
        return self.path.stat().st_size - self._used()

    def random_bytes(self, count: int) -> bytes:
        """The next `count` bytes; marked as used, durably, before they are read."""
        with self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            start, size = self._used(), os.fstat(file.fileno()).st_size
            if start + count > size:
                raise InvalidInput(
                    f"{self.path}: {size - start} bytes are left and {count} are needed; append fresh ones"
                )
            write_private(self.record, json.dumps({"octets_used": start + count}).encode())
            file.seek(start)
            data = file.read(count)
        if len(data) != count:
            raise InvalidInput(f"{self.path}: shorter than a moment ago; leave the file alone while it is in use")
        return data

    def _used(self) -> int:
        if not self.record.exists():
            return 0
        try:
            used = int(json.loads(self.record.read_text())["octets_used"])
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise InvalidInput(f"{self.record}: damaged; take a fresh file of random bytes") from problem
        if not 0 <= used <= self.path.stat().st_size:
            raise InvalidInput(f"{self.path}: {used} bytes are marked as used, more than it has; take a fresh file")
        return used


class SeededSource(_Octets):
    """A repeatable stream for rehearsals: SHAKE-256 of seed, block number and label. All that is made from it is
    insecure.

    Args:
        seed: any integer; the same seed and label give the same bits.
        label: separates streams, such as "alice settings".
    """

    insecure = True

    def __init__(self, seed: int, label: str) -> None:
        self.seed, self.label = seed, label
        self._block, self._buffer = 0, b""

    @property
    def description(self) -> str:
        """The seed and what it means."""
        return f"the fixed seed {self.seed}, which makes every bit predictable"

    def random_bytes(self, count: int) -> bytes:
        """The next `count` bytes of the stream."""
        pieces, have = [self._buffer], len(self._buffer)
        while have < count:
            name = f"diqkd random stream/{self.seed}/{self._block}/{self.label}".encode()
            pieces.append(hashlib.shake_256(name).digest(_BLOCK_BYTES))
            self._block += 1
            have += _BLOCK_BYTES
        stream = b"".join(pieces)
        self._buffer = stream[count:]
        return stream[:count]
