"""S and Q from counted rounds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contract.round_settings import KEY_SETTING
from postprocess.errors import InvalidInput
from postprocess.estimation.binomial import binomial_error
from postprocess.estimation.score_and_qber import Estimate

SHAPE = (2, 3, 2, 2)
SHAPES = (SHAPE, (2, 4, 2, 2))  # with a second key basis


def count_rounds(x: ArrayLike, y: ArrayLike, a: ArrayLike, b: ArrayLike) -> NDArray[np.int64]:
    """Rounds counted by settings and outcomes.

    Args:
        x: Alice's settings X, (n,) of 0/1; 0 in key rounds.
        y: Bob's settings Y, (n,): 0/1 in Bell-test rounds, 2 in key rounds.
        a, b: outcomes A and B, (n,) of 0/1, Alice's bit inverted at readout (docs/conventions.md).

    Returns:
        int64 (2, 3, 2, 2): rounds with these X, Y, A, B. Rounds of Y = 2 and X = 1 are counted, too; Q leaves them out.

    Raises:
        InvalidInput: different lengths, or values out of range.
    """
    columns = []
    for name, values, most in (("x", x, 1), ("y", y, 2), ("a", a, 1), ("b", b, 1)):
        column = np.asarray(values)
        if column.ndim != 1 or column.dtype.kind not in "bui":
            raise InvalidInput(f"{name}: must be a vector of whole numbers, not {column.dtype} {column.shape}")
        if column.size and not 0 <= column.min() <= column.max() <= most:
            raise InvalidInput(f"{name}: found {column.min()}..{column.max()}, must lie in 0..{most}")
        columns.append(column.astype(np.int64))
    if len({column.size for column in columns}) != 1:
        raise InvalidInput(f"x, y, a, b: must be equally long, not {', '.join(str(c.size) for c in columns)}")
    flat = np.ravel_multi_index(tuple(columns), SHAPE)
    return np.bincount(flat, minlength=math.prod(SHAPE)).reshape(SHAPE).astype(np.int64)


def score_and_qber(counts: ArrayLike) -> tuple[Estimate, Estimate]:
    """CHSH score S and quantum bit error rate Q of counted rounds, with binomial standard errors.

    S = E00 + E01 + E10 - E11 with E = P(A = B) - P(A != B); Q is how often A and B differ for X = 0, Y = 2.

    Args:
        counts: integers (..., 2, 3, 2, 2) by X, Y, A, B, Alice first; leading axes (herald pattern, block) are summed.
            A characterisation with two key bases has (..., 2, 4, 2, 2); Y = 3, its second basis, is not looked at.

    Returns:
        Estimates of S and Q: value, standard error, rounds behind it; NaN and 0 rounds where a setting is missing.

    Raises:
        InvalidInput: another shape, or counts that are no whole numbers from 0.

    Source: Nadlinger 2022, steps 6 and 8; Methods.
    """
    table = np.asarray(counts)
    if table.ndim < 4 or table.shape[-4:] not in SHAPES:
        raise InvalidInput(f"counts: the shape is {table.shape}, not (..., 2, 3, 2, 2) by X, Y, A, B")
    if table.dtype.kind not in "ui" or (table.size and table.min() < 0):
        raise InvalidInput("counts: must be whole numbers from 0")
    table = table.reshape(-1, *table.shape[-4:]).sum(axis=0)
    rounds = table.sum(axis=(2, 3))
    differ = table[..., 0, 1] + table[..., 1, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = differ / rounds
    error = binomial_error(rate, rounds)
    correlator = 1 - 2 * rate[:, :KEY_SETTING]
    score = correlator[0, 0] + correlator[0, 1] + correlator[1, 0] - correlator[1, 1]
    known = bool(rounds[:, :KEY_SETTING].all())
    spread = 2 * math.sqrt(float((error[:, :KEY_SETTING] ** 2).sum())) if known else math.nan
    return (
        Estimate(float(score) if known else math.nan, spread, int(rounds[:, :KEY_SETTING].sum()) if known else 0),
        Estimate(float(rate[0, KEY_SETTING]), float(error[0, KEY_SETTING]), int(rounds[0, KEY_SETTING])),
    )
