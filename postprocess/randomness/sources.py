"""Private random bits: the system's generator, a hardware generator's file, or a repeatable stream for rehearsals.

Whatever a source hands out is never handed out again, not even after a crash. Settings and K0 come from here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.randomness.health_tests import BLOCK_BYTES
from postprocess.randomness.record_of_use import RecordOfUse, record_beside

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


class ByteSource:
    """Bits on top of bytes, most significant bit first."""

    left: int | None = None  # bytes until the source is exhausted; None where it never is

    def random_bytes(self, count: int) -> bytes:
        raise NotImplementedError

    def bits(self, count: int) -> np.ndarray:
        data = np.frombuffer(self.random_bytes(-(-count // 8)), np.uint8)
        return np.unpackbits(data, count=count, bitorder="big")


class SystemSource(ByteSource):
    """The operating system's generator (getrandom)."""

    insecure = False
    description = "the operating system's generator"

    def random_bytes(self, count: int) -> bytes:
        """The next `count` bytes."""
        return os.urandom(count)

    def sample(self) -> bytes:
        """BLOCK_BYTES for a health test, used for nothing else."""
        return os.urandom(BLOCK_BYTES)


class FileSource(ByteSource):
    """A file of raw bytes from a hardware generator, used from its beginning and never twice.

    How far it is used is on disk before a byte is handed out, see RecordOfUse: links to the file, the file moved and
    copies of it have one counter. Several processes may draw from one file; two nodes must never share one.

    Raises:
        InvalidInput: the file is missing, exhausted, shorter than what has been used, or its record of use is damaged.
    """

    insecure = False

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            found = self.path.is_file()
        except OSError as problem:
            raise InvalidInput(f"{self.path}: {problem.strerror}; give the file that the generator wrote") from problem
        if not found:
            raise InvalidInput(f"{self.path}: no such file of random bytes; give the file that the generator wrote")
        self.record = record_beside(self.path)
        self.left  # noqa: B018, what is damaged shows before anything is drawn

    @property
    def description(self) -> str:
        """The file's name."""
        return f"the hardware generator's file {self.path}"

    @property
    def left(self) -> int:  # type: ignore[override]
        """Bytes not yet used."""
        with self._opened() as use:
            return use.size - use.used()

    def random_bytes(self, count: int) -> bytes:
        """The next `count` bytes; marked as used, durably, before they are read."""
        with self._opened() as use, use.locked():
            start = use.used()
            if start + count > use.size:
                raise InvalidInput(
                    f"{self.path}: {use.size - start} bytes are left and {count} are needed; append fresh ones"
                )
            use.mark(start + count)
            data = use.read(start, count)
        if len(data) != count:
            raise InvalidInput(f"{self.path}: shorter than a moment ago; leave the file alone while it is in use")
        return data

    def sample(self) -> bytes:
        """BLOCK_BYTES for a health test: the next ones, or the last ones of the file; they are not marked as used."""
        with self._opened() as use:
            if use.size < BLOCK_BYTES:
                raise InvalidInput(
                    f"{self.path}: {use.size} bytes are too few for the health tests, which need {BLOCK_BYTES}; "
                    "take a longer file"
                )
            return use.read(min(use.used(), use.size - BLOCK_BYTES), BLOCK_BYTES)

    @contextmanager
    def _opened(self) -> Iterator[RecordOfUse]:
        try:
            with self.path.open("rb") as file:
                yield RecordOfUse(self.path, file)
        except OSError as problem:
            raise InvalidInput(
                f"{problem.filename or self.path}: {problem.strerror}; the file of random bytes must be readable, and "
                "its record of use writable"
            ) from problem


class SeededSource(ByteSource):
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
