"""Exact distance of key and seed from uniform, by going through all seeds and all sources."""

from __future__ import annotations

from functools import cache

import numpy as np

from postprocess.privacy import ToeplitzExtractor


def bits_of(numbers, count: int) -> np.ndarray:
    """uint8 (..., count), least significant bit first."""
    return ((np.asarray(numbers)[..., None] >> np.arange(count)) & 1).astype(np.uint8)


@cache
def toeplitz_table(n: int, ell: int) -> np.ndarray:
    """Keys as numbers: int (2^(n-1) seeds, 2^n sources)."""
    extractor = ToeplitzExtractor(n, ell)
    sources, weights = bits_of(np.arange(2**n), n), 1 << np.arange(ell)
    rows = [[weights @ extractor.extract(x, seed) for x in sources] for seed in bits_of(np.arange(2 ** (n - 1)), n - 1)]
    return np.array(rows)


def mean_distance(table: np.ndarray, ell: int, weights: np.ndarray) -> np.ndarray:
    """Mean over seeds of 1/2 sum_e || P(key, e) - 2^-ell P(e) ||_1.

    Args:
        table: int (seeds, sources).
        ell: bits of the key.
        weights: float (..., sources), a (subnormalised) distribution of the source for each value of e; the axes before
            the last stand for e and are kept.
    """
    total = weights.sum(axis=-1, keepdims=True) / 2**ell
    distance = np.zeros(weights.shape[:-1])
    for keys in table:
        distance += np.abs(weights @ np.eye(2**ell)[keys] - total).sum(axis=-1)
    return distance / 2 / len(table)


def flat(members) -> np.ndarray:
    """Uniform distribution on the sources marked in each row of a bool (..., sources)."""
    members = np.asarray(members)
    return members / members.sum(axis=-1, keepdims=True)
