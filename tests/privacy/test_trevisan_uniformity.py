"""Trevisan keys on the smallest instances, every seed gone through: collisions and distance from uniform.

The bit of a row depends on t = 2 l seed bits (alpha, beta). For two sources of s coefficients, p(alpha) differs but for
s - 1 values of alpha, and then beta halves the rest: the bits agree for at most a fraction c = (1 + (s - 1) / 2^l) / 2
of the seeds. Rows whose index sets are disjoint have independent seeds, so ell of them agree for at most c^ell, and a
flat source on 2^k strings gives, with its seed, at most the distance sqrt(2^ell (2^-k + c^ell) - 1) / 2 from uniform.
"""

from functools import cache

import numpy as np
import pytest
from exact_distance import bits_of
from slow_extractor import as_integer

from postprocess.privacy import TrevisanExtractor
from postprocess.privacy.trevisan import paths

EPS1 = 0.9  # smaller errors need fields too large to go through
N = 8
SOURCES = bits_of(np.arange(2**N), N)
PATHS = list(paths.available())


def signs_of(n, sources, path=None):
    """(-1)^bit: float32 (2^t seeds, sources), seed = alpha + 2^l beta."""
    degree = TrevisanExtractor(n, 1, EPS1).degree
    seeds = np.arange(1 << 2 * degree, dtype=np.uint64)
    alpha, beta = np.zeros((2, len(seeds), 3), np.uint64)
    alpha[:, 0], beta[:, 0] = seeds & np.uint64((1 << degree) - 1), seeds >> np.uint64(degree)
    columns = []
    for source in sources:
        coefficients = np.array([(as_integer(source[i : i + degree]), 0, 0) for i in range(0, n, degree)], np.uint64)
        columns.append(paths.choose(path)(coefficients, degree).evaluate(alpha, beta))
    return 1 - 2 * np.array(columns, np.float32).T


@cache
def all_signs():
    return signs_of(N, SOURCES)


def excess(n):
    """2 c - 1 = (s - 1) / 2^l."""
    degree = TrevisanExtractor(n, 1, EPS1).degree
    return (-(-n // degree) - 1) / 2**degree


def bound(rows, size):
    agree = (1 + excess(N)) / 2
    return np.sqrt(2**rows * (1 / size + agree**rows) - 1) / 2


def source_sets():
    """Sets of sources: constant bits, even weight, equal coefficients, random ones."""
    random = np.random.default_rng(11)
    yield from (SOURCES[:, list(places)].sum(axis=1) == 0 for places in ((0,), (7,), (0, 1, 2), (6, 7), range(6)))
    yield SOURCES.sum(axis=1) % 2 == 0
    yield (SOURCES @ random.integers(0, 2, (N, 2)) % 2 == 0).all(axis=1)
    yield from (random.permutation(2**N) < size for size in (2, 8, 16, 64, 128, 256))


@pytest.mark.parametrize("path", PATHS)
def test_two_sources_agree_for_few_seeds(path):
    """All pairs of sources, the pair with 0 among them: the bit of any source is nearly balanced over the seeds."""
    signs = signs_of(N, SOURCES, path)
    correlations = signs.T @ signs / len(signs) - np.eye(2**N)
    assert (correlations >= 0).all() and correlations.max() == excess(N) > 0


@pytest.mark.slow
@pytest.mark.parametrize("n", [12, 40])
def test_two_of_many_sources_agree_for_few_seeds(n):
    """More coefficients and a larger field; differences of random sources and of neighbours."""
    random = np.random.default_rng(n)
    sources = np.concatenate([random.integers(0, 2, (200, n), np.uint8), np.eye(n, dtype=np.uint8)])
    sources = np.unique(sources, axis=0)
    signs = signs_of(n, sources)
    correlations = signs.T @ signs / len(signs) - np.eye(len(sources))
    assert (correlations >= -1e-6).all() and correlations.max() <= excess(n) + 1e-6


def test_one_bit_with_its_seed():
    signs = all_signs()
    for members in source_sets():
        distance = np.abs(signs[:, members].mean(axis=1)).mean() / 2
        assert distance <= bound(1, members.sum())
    assert distance < 0.01  # the last set has all sources


def test_two_bits_with_their_seeds():
    """All 2^24 pairs of seeds."""
    signs = all_signs()
    for members in source_sets():
        chosen = signs[:, members]
        first, total = chosen.mean(axis=1), 0.0
        for start in range(0, len(signs), 512):
            a, b, c = first[start : start + 512, None], first, chosen[start : start + 512] @ chosen.T / chosen.shape[1]
            # P(key) - 1/4 = (+-a +-b +-c) / 4 with an even number of minus signs
            parts = (np.abs(a + b + c), np.abs(a - b - c), np.abs(b - a - c), np.abs(c - a - b))
            total += sum(float(part.sum(dtype=np.float64)) for part in parts)
        assert total / 8 / len(signs) ** 2 <= bound(2, members.sum()) + 1e-6


@pytest.mark.parametrize("ell", [1, 2, 3])
def test_the_extractor_reads_these_bits(ell):
    """Whole extractions with random seeds: each bit is the one gone through above, at the index set of its row. The
    index sets of so few rows are disjoint, and no other bit of the seed is read."""
    extractor = TrevisanExtractor(N, ell, EPS1)
    rows = np.concatenate(
        [extractor.index_sets(block, range(size)) for block, size in enumerate(extractor.block_sizes)]
    )
    assert rows.shape == (ell, extractor.t) and len(np.unique(rows)) == rows.size
    signs, random = all_signs(), np.random.default_rng(ell)
    for _ in range(60):
        seed, source = random.integers(0, 2, extractor.seed_bits, np.uint8), random.integers(2**N)
        expected = [int(signs[as_integer(seed[row]), source] < 0) for row in rows]
        assert extractor.extract(SOURCES[source], seed).tolist() == expected
        seed[np.setdiff1d(np.arange(len(seed)), rows)] ^= 1
        assert extractor.extract(SOURCES[source], seed).tolist() == expected


def test_every_seed_bit_of_a_row_counts():
    """Flipping one changes the bit of nearly half of all seeds and sources."""
    signs = all_signs()
    seeds = np.arange(len(signs))
    for place in range(len(signs).bit_length() - 1):
        assert 0.45 < (signs != signs[seeds ^ 1 << place]).mean() <= 0.5
