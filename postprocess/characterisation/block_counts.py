"""Outcomes of a characterisation counted block by block: S and Q over time for any window of whole blocks.

Only of rounds that were declared a characterisation before they began; a session's outcomes are never counted so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from contract.round_settings import KEY_SETTING
from postprocess.characterisation.link import ONE_KEY_BASIS, TWO_KEY_BASES, TWO_SIDED_95, Averages, values_of_y
from postprocess.characterisation.recombination import JointRounds
from postprocess.errors import InvalidInput

SHAPES = tuple((2, values, 2, 2) for values in (ONE_KEY_BASIS, TWO_KEY_BASES))  # X, Y, A, B


def counts_of_blocks(joint: JointRounds, block_rounds: int) -> NDArray[np.int32]:
    """Rounds by block, X, Y, A, B: int32 (blocks, 2, 3, 2, 2), with two key bases (blocks, 2, 4, 2, 2); blocks follow
    the rounds' numbers."""
    if not len(joint):
        return np.zeros((0, *SHAPES[0]), np.int32)
    blocks = joint.numbers // block_rounds
    shape = (int(blocks[-1]) + 1, 2, values_of_y(joint), 2, 2)
    flat = np.ravel_multi_index((blocks, joint.x, joint.y, joint.a, joint.b), shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape).astype(np.int32)


def averages_of_blocks(counts: NDArray[np.integer], block_rounds: int, window: int) -> Averages:
    """Moving averages over as many whole blocks as `window` rounds hold, at least one, with 95 % bands.

    The band of S is that of its binomial errors; the band of Q is Wilson's interval, which has a width without errors,
    too.

    Args:
        counts: (blocks, 2, 3 or 4, 2, 2), of `counts_of_blocks`.

    Raises:
        InvalidInput: counts of another shape.
    """
    counts = np.asarray(counts)
    if counts.ndim != 5 or counts.shape[1:] not in SHAPES or not len(counts):
        raise InvalidInput(f"counts of blocks: the shape is {counts.shape}, not (blocks, 2, 3 or 4, 2, 2)")
    blocks = min(max(window // block_rounds, 1), len(counts))
    total = np.concatenate((np.zeros((1, *counts.shape[1:])), np.cumsum(counts, axis=0, dtype=np.float64)))
    moving = total[blocks:] - total[:-blocks]
    rounds = moving.sum(axis=(3, 4))
    same = moving[..., 0, 0] + moving[..., 1, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        correlator = 2 * same / rounds - 1
        variance = ((1 - correlator**2) / rounds)[:, :, :KEY_SETTING].sum(axis=(1, 2))
    score = correlator[:, 0, 0] + correlator[:, 0, 1] + correlator[:, 1, 0] - correlator[:, 1, 1]
    band = TWO_SIDED_95 * np.sqrt(variance)
    ends = np.arange(blocks, len(counts) + 1, dtype=np.float64) * block_rounds
    rates = [_error_rate(same, rounds, basis) for basis in (0, 1)]
    return Averages(ends, score, score - band, score + band, *rates[0], *rates[1])


def _error_rate(same: NDArray, rounds: NDArray, basis: int) -> tuple[NDArray, NDArray, NDArray]:
    """Q_r of windows with the rounds and equal outcomes (k, X, Y), with its band; NaN without that key basis."""
    if KEY_SETTING + basis >= rounds.shape[2]:
        return (np.full(len(rounds), np.nan),) * 3
    number = rounds[:, basis, KEY_SETTING + basis]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 1 - same[:, basis, KEY_SETTING + basis] / number
    return share, *wilson_band(share, number)


def wilson_band(share: NDArray[np.float64], number: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """95 % interval of a probability of which `share` was found in `number` trials (Wilson 1927); NaN without any."""
    z2 = TWO_SIDED_95**2
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (share + z2 / (2 * number)) / (1 + z2 / number)
        half = TWO_SIDED_95 * np.sqrt(share * (1 - share) / number + z2 / (4 * number**2)) / (1 + z2 / number)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
