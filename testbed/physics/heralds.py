"""The public herald stream: how many attempts until the k-th herald, and with which pattern.

Both nodes derive it from the laboratory's seed. It is drawn in chunks, each from its own counter-based generator, so
that a node can start anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contract.patterns import PATTERNS
from testbed.physics import truth

CHUNK = 4096


def last_of_chunk(index: int) -> int:
    """Last item that is drawn together with this one."""
    return index + CHUNK - 1 - index % CHUNK


def generator(seed: int, stream: str, chunk: int) -> np.random.Generator:
    """Independent generator for a named stream and chunk of a laboratory's randomness."""
    name = int.from_bytes(stream.encode(), "big")
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, name, chunk])))


class Chunked:
    """Item k of an endless random sequence that is drawn in chunks."""

    def __init__(self, seed: int, stream: str):
        self.seed, self.stream = seed, stream
        self._first, self._items = -CHUNK, list[Any]()  # of the chunk at hand

    def __getitem__(self, index: int):
        place = index - self._first
        if not 0 <= place < CHUNK:
            chunk, place = divmod(index, CHUNK)
            self._items = self.draw(generator(self.seed, self.stream, chunk))
            self._first = index - place
        return self._items[place]

    def draw(self, random: np.random.Generator) -> list:
        raise NotImplementedError


class HeraldStream(Chunked):
    """Item k: (attempts needed, herald pattern) of the k-th herald."""

    def __init__(self, seed: int, success_per_attempt: float = truth.SUCCESS_PER_ATTEMPT):
        super().__init__(seed, "heralds")
        self.success_per_attempt = success_per_attempt

    def draw(self, random: np.random.Generator) -> list:
        attempts = random.geometric(self.success_per_attempt, CHUNK).tolist()
        patterns = random.choice(PATTERNS, CHUNK).tolist()
        return list(zip(attempts, patterns, strict=True))


class Uniforms(Chunked):
    """Item k: `width` uniform numbers in [0, 1) for the k-th use of a stream."""

    def __init__(self, seed: int, stream: str, width: int):
        super().__init__(seed, stream)
        self.width = width

    def draw(self, random: np.random.Generator) -> list:
        return random.random((CHUNK, self.width)).tolist()
