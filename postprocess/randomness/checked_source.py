"""A source whose bytes pass the health tests before anybody gets them."""

from __future__ import annotations

from postprocess.errors import InvalidInput
from postprocess.randomness.health_tests import BLOCK_BYTES, fault_of
from postprocess.randomness.sources import ByteSource, FileSource, SystemSource

_PIECE_BYTES = 1 << 18


class CheckedSource(ByteSource):
    """The bytes of a source, each tested with the BLOCK_BYTES drawn before it; before the first ones, a sample.

    Raises:
        InvalidInput: from every draw: the bytes are not random. They are lost, and what was found is named.
    """

    insecure = False

    def __init__(self, source: SystemSource | FileSource) -> None:
        self.source = source
        self._recent: bytes | None = None

    @property
    def description(self) -> str:
        """That of the source."""
        return self.source.description

    @property
    def left(self) -> int | None:  # type: ignore[override]
        """Bytes until the source is exhausted; None where it never is."""
        return self.source.left

    def random_bytes(self, count: int) -> bytes:
        """The next `count` bytes."""
        if self._recent is None:
            self._require_no_fault(self.source.sample())
            self._recent = b""
        data = self.source.random_bytes(count)
        for start in range(0, count, _PIECE_BYTES):
            tested = self._recent + data[start : start + _PIECE_BYTES]
            self._require_no_fault(tested)
            self._recent = tested[-BLOCK_BYTES:]
        return data

    def _require_no_fault(self, data: bytes) -> None:
        fault = fault_of(data)
        if fault:
            raise InvalidInput(
                f"{self.description}: not random, {fault}; nothing was made of it, look after the generator or name "
                "another source in random.json"
            )
