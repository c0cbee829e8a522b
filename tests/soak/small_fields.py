"""Kinds 'tags' and 'extractors': the promises of their proofs on instances small enough to see them broken.

VHASH with words of w bits instead of 64 (NH and the polynomial exactly as in the large one, over the Mersenne prime
that belongs to w): for two messages and any difference, over all keys, the hash differs by it with at most the bound's
probability. Extractors: distance from uniform over all seeds against the leftover-hash bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binom

from postprocess.privacy import ToeplitzExtractor, TrevisanExtractor

UNLIKELY = 1e-9
KEYS = 50_000


@dataclass(frozen=True)
class SmallHash:
    """VHASH with words of `bits` bits.

    Attributes:
        bits: w; NH sums are kept modulo 2^(2w - 2), the field has 2^(2w - 1) - 1 elements (w = 4: 127; 7: 8191;
            9: 131 071; 10: 524 287), the point K has two bits less than the field, the result is below `last`, the
            largest prime below 2^w.
    """

    bits: int
    last: int

    def of_keys(self, message: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Hashes of one message (words, a multiple of 2; blocks of 4) under many keys: object or int64 (keys,)."""
        word, field = 1 << self.bits, (1 << 2 * self.bits - 1) - 1
        nh, point, last = keys[:, :4], keys[:, 4] % (1 << 2 * self.bits - 3), keys[:, 5:] % self.last
        value = np.ones(len(keys), np.int64)
        for start in range(0, len(message), 4):
            block = message[start : start + 4]
            total = np.zeros(len(keys), np.int64)
            for i in range(0, len(block), 2):
                total += (block[i] + nh[:, i]) % word * ((block[i + 1] + nh[:, i + 1]) % word)
            value = (value * point + total % (1 << 2 * self.bits - 2)) % field
        value = (value + len(message) % 4 * word) % field
        high, low = np.divmod(value, word - (1 << self.bits // 2))
        return (high + last[:, 0]) % self.last * ((low + last[:, 1]) % self.last) % self.last

    def bound(self, blocks: int) -> float:
        """Most likely difference of two hashes; `blocks` of the longer message.

        NH 2^-w, four times as much without its two highest bits; polynomial (blocks + 1) / 2^(2w-3); product 2 / last.
        """
        return 2.0 ** (2 - self.bits) + (blocks + 1) * 2.0 ** (3 - 2 * self.bits) + 2 / self.last


HASHES = (SmallHash(7, 127), SmallHash(9, 509), SmallHash(10, 1021))


class Tags:
    """One case is a pair of messages under KEYS random keys: the most frequent difference is the best forgery."""

    name, target = "tags", 2_000

    def __init__(self, scratch: Path) -> None:
        self._pairs = 0

    def case(self, number: int) -> list[str]:
        """Whether some difference of hashes, 0 (a collision) among them, comes more often than its bound."""
        random = np.random.default_rng([5, number])
        small = HASHES[number % len(HASHES)]
        words = 2 * int(random.integers(1, 9))
        one = random.integers(0, 1 << small.bits, words)
        other = _another(random, one, small.bits)
        keys = np.concatenate(
            [random.integers(0, 1 << small.bits, (KEYS, 4)), random.integers(0, 1 << 2 * small.bits, (KEYS, 3))], axis=1
        )
        difference = (small.of_keys(one, keys) - small.of_keys(other, keys)) % small.last
        most = int(np.bincount(difference, minlength=small.last).max())
        bound = small.bound(-(-max(len(one), len(other)) // 4))
        if binom.sf(most - 1, KEYS, bound) * small.last < UNLIKELY:
            return [f"{small}: a difference comes {most} times of {KEYS}, bound {bound:.3g}, for {one} and {other}"]
        return []


def _another(random: np.random.Generator, one: np.ndarray, bits: int) -> np.ndarray:
    """A message near the first: one word, one bit, a word more or less, two blocks exchanged, or anything."""
    other, choice = one.copy(), int(random.integers(5))
    if choice == 0:
        other[int(random.integers(len(one)))] ^= 1 << int(random.integers(bits))
    elif choice == 1:
        other = np.concatenate([one, np.zeros(2, one.dtype)])
    elif choice == 2 and len(one) > 4:
        other = np.concatenate([one[4:], one[:4]])
    elif choice == 3:
        other = np.roll(one, 1)
    if len(other) == len(one) and (other == one).all():
        other[0] ^= 1
    return other


class Extractors:
    """One case is a flat source on a random set: distance of (seed, key) from uniform against the leftover hash.

    Also: one flipped bit of the seed, or of the source, changes the key for as many of the others as it must.
    """

    name, target = "extractors", 2_000

    def __init__(self, scratch: Path) -> None:
        self._toeplitz = {(n, ell): _toeplitz(n, ell) for n, ell in ((6, 2), (7, 3), (8, 4))}
        self._trevisan = TrevisanExtractor(64, 8, 0.9)

    def case(self, number: int) -> list[str]:
        """Faults of the distance (two of three cases) or of Trevisan's sensitivity."""
        random = np.random.default_rng([6, number])
        if number % 3 == 2:
            return self._sensitivity(random)
        (n, ell), table = list(self._toeplitz.items())[int(random.integers(len(self._toeplitz)))]
        size = int(random.integers(1, 2**n + 1))
        members = random.permutation(2**n)[:size] if random.random() < 0.5 else _subspace(random, n)
        counts = np.array([np.bincount(keys[members], minlength=2**ell) for keys in table]) / len(members)
        distance, bound = np.abs(counts - 2.0**-ell).sum(axis=1).mean() / 2, np.sqrt(2**ell / len(members)) / 2
        if distance > bound + 1e-12:
            return [f"toeplitz {n}, {ell}: distance {distance} above {bound} for {len(members)} strings"]
        return []

    def _sensitivity(self, random: np.random.Generator) -> list[str]:
        """Keys of two sources agree in a bit for about half of the seeds: never for many more (binomial)."""
        extractor, tries = self._trevisan, 200
        one = random.integers(0, 2, 64, np.uint8)
        other = one.copy()
        other[random.integers(64)] ^= 1
        seeds = random.integers(0, 2, (tries, extractor.seed_bits), np.uint8)
        agree = sum(int((extractor.extract(one, seed) == extractor.extract(other, seed)).sum()) for seed in seeds)
        coefficients = -(-64 // extractor.degree)
        bound = (1 + (coefficients - 1) / 2**extractor.degree) / 2
        if binom.sf(agree - 1, 8 * tries, bound) < UNLIKELY:
            return [f"trevisan: {agree} of {8 * tries} bits agree, bound {bound:.3f}"]
        return []


def _toeplitz(n: int, ell: int) -> np.ndarray:
    """Keys as numbers: int (2^(n-1) seeds, 2^n sources)."""
    extractor, weights = ToeplitzExtractor(n, ell), 1 << np.arange(ell)
    sources = _bits(np.arange(2**n), n)
    seeds = _bits(np.arange(2 ** (n - 1)), n - 1)
    return np.array([[weights @ extractor.extract(source, seed) for source in sources] for seed in seeds])


def _subspace(random: np.random.Generator, n: int) -> np.ndarray:
    strings = _bits(np.arange(2**n), n)
    checks = random.integers(0, 2, (n, int(random.integers(1, n))), np.uint8)
    return np.flatnonzero((strings @ checks % 2 == 0).all(axis=1))


def _bits(numbers: np.ndarray, count: int) -> np.ndarray:
    return ((numbers[:, None] >> np.arange(count)) & 1).astype(np.uint8)
