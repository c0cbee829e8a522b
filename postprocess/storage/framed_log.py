"""Append-only file of checksummed frames: what was appended is on disk, and what a crash tore off is recognised and
cut.

Frame: 4 bytes b"dqkd", 1 byte kind (1 to 255), 3 bytes zero, uint32 payload length, uint32 CRC-32 of the twelve bytes
before and the payload; then the payload. Integers are little-endian. A file that ends in zeros (a page allocated but
not written when the power failed) does not parse as frames, because the magic is missing.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.storage.private_files import disk_errors

MAGIC = b"dqkd"
_HEAD = struct.Struct("<4sB3xI")
_CRC = struct.Struct("<I")
OVERHEAD = _HEAD.size + _CRC.size


def frame(kind: int, payload: bytes) -> bytes:
    """The bytes of one frame."""
    head = _HEAD.pack(MAGIC, kind, len(payload))
    return head + _CRC.pack(zlib.crc32(payload, zlib.crc32(head))) + payload


class FramedLog:
    """An open log, positioned after its last whole frame.

    Args:
        path: the file; it must exist (`FramedLog.create` makes an empty one, mode 0600).
        longest_payload: no frame may carry more bytes. A damaged end longer than one such frame is no torn tail but a
            damaged file.
        read_only: never write, leave a torn tail where it is, keep no file open.

    Attributes:
        torn: True when the file ended in an unfinished frame (cut at the first append).

    Raises:
        InvalidInput: missing file, or damage that a crash cannot explain.
    """

    def __init__(self, path: Path, *, longest_payload: int, read_only: bool = False) -> None:
        self.path = path
        self.longest_payload = longest_payload
        self._read_only = read_only
        self._broken = False
        try:
            self._fd = os.open(path, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_NONBLOCK)
        except OSError as problem:
            raise InvalidInput(
                f"{path}: cannot be opened ({problem.strerror}); is this the folder of a session?"
            ) from problem
        try:
            if not stat.S_ISREG(os.fstat(self._fd).st_mode):
                raise InvalidInput(f"{path}: not a regular file; restore it from a copy or abandon the session")
            self._end, self.torn = self._find_end()
            if read_only:
                self.close()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def create(path: Path) -> None:
        """Make an empty log that only its owner can read; an existing file is emptied."""
        with disk_errors(path):
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            try:
                os.fchmod(descriptor, 0o600)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _find_end(self) -> tuple[int, bool]:
        end = 0
        with self.path.open("rb") as file:
            for _, payload in _whole_frames(file, self.longest_payload):
                end += OVERHEAD + len(payload)
            size = file.seek(0, os.SEEK_END)
        if size - end > OVERHEAD + self.longest_payload:
            raise InvalidInput(
                f"{self.path}: damaged at byte {end}, with {size - end} bytes behind it: no crash does that; "
                "restore the file from a copy or abandon the session"
            )
        return end, size > end

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """All whole frames in order, as (kind, payload)."""
        with self.path.open("rb") as file:
            yield from _whole_frames(file, self.longest_payload)

    def append(self, kind: int, payload: bytes) -> None:
        """Append one frame; when this returns, it is on disk.

        Raises:
            DiqkdError: the disk refused, now or in an earlier append; only opening the log anew tells what is on it.
        """
        if self._read_only or not 1 <= kind <= 255 or len(payload) > self.longest_payload:
            raise ValueError(
                f"{self.path.name}: read-only, kind outside 1..255 or payload above {self.longest_payload} bytes"
            )
        if self._broken:
            raise DiqkdError(f"{self.path}: an earlier write failed; start again to resume from what is on disk")
        data = memoryview(frame(kind, payload))
        try:
            if self.torn:
                os.ftruncate(self._fd, self._end)
            written = 0
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], self._end + written)
            os.fdatasync(self._fd)
        except BaseException as problem:
            self._broken = True
            if isinstance(problem, OSError):
                raise DiqkdError(
                    f"{self.path}: cannot be written ({problem.strerror}); make room and start again"
                ) from problem
            raise
        self._end += len(data)
        self.torn = False

    def close(self) -> None:
        """Release the file; further appends fail."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._broken = True


def _whole_frames(file: BinaryIO, longest_payload: int) -> Iterator[tuple[int, bytes]]:
    while len(head := file.read(OVERHEAD)) == OVERHEAD:
        magic, kind, length = _HEAD.unpack_from(head)
        if magic != MAGIC or length > longest_payload:
            return
        payload = file.read(length)
        (checksum,) = _CRC.unpack_from(head, _HEAD.size)
        if len(payload) < length or zlib.crc32(payload, zlib.crc32(head[: _HEAD.size])) != checksum:
            return
        yield kind, payload
