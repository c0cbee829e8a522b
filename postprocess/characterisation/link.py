"""What a link characterisation tells: S and Q with moving averages (figure 3), P(A, B | X, Y) (table S4), per pattern.

Only rounds declared as a characterisation before they began come here; see recombination.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.patterns import PATTERNS
from postprocess.characterisation.recombination import JointRounds
from postprocess.estimation.score_and_qber import Estimate, chsh_score, moving_averages, qber

SETTINGS = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (1, 3))
ONE_KEY_BASIS, TWO_KEY_BASES = 3, 4  # values that Y takes
TWO_SIDED_95 = 1.959963984540054
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Averages:
    """Moving averages at some rounds with 95 % bands; float64 arrays of equal length, NaN where nothing is known.

    `round` is the number of the last round of each window; `qber2` is Q_1 of the second key basis, NaN without it.
    """

    round: Floats
    score: Floats
    score_low: Floats
    score_high: Floats
    qber: Floats
    qber_low: Floats
    qber_high: Floats
    qber2: Floats
    qber2_low: Floats
    qber2_high: Floats


@dataclass(frozen=True)
class LinkQuality:
    """Result of a characterisation.

    Attributes:
        score, qber: S and Q over all rounds. score_of, qber_of: the same per herald pattern, in the order of PATTERNS.
        qber2, qber2_of: Q_1 of the second key basis, estimates without rounds where there is none.
        counts: int64 (4, 2, 3 or 4, 2, 2): rounds by pattern, X, Y, A, B; see `joint_counts`.
        probabilities: float64 (5 or 6, 2, 2): P(A, B | X, Y) for `settings_of(counts)`, Alice first (table S4).
        lost: rounds left out because of a fault.
    """

    score: Estimate
    qber: Estimate
    score_of: tuple[Estimate, ...]
    qber_of: tuple[Estimate, ...]
    qber2: Estimate
    qber2_of: tuple[Estimate, ...]
    counts: NDArray[np.int64]
    probabilities: Floats
    lost: int


def averages(joint: JointRounds, window: int, points: int = 1000) -> Averages:
    """Moving averages over `window` rounds (over all of them while there are fewer), at no more than `points` places.

    Bands are those of the binomial errors of each window: +-1.96 standard errors (Nadlinger 2022, figure 3).
    """
    if len(joint) == 0:
        return Averages(*(np.empty(0) for _ in range(10)))
    window = min(window, len(joint))
    windows = len(joint) - window + 1
    places = np.unique(np.linspace(0, windows - 1, min(points, windows)).astype(np.int64))
    moving = moving_averages(joint.x, joint.y, joint.a, joint.b, window, places)
    ends = joint.numbers[places + window - 1].astype(np.float64)
    score, band = moving.score, TWO_SIDED_95 * moving.score_error
    rates = []
    for rate, error in ((moving.qber, moving.qber_error), (moving.qber2, moving.qber2_error)):
        width = TWO_SIDED_95 * error
        rates += [rate, np.maximum(rate - width, 0), rate + width]
    return Averages(ends, score, score - band, score + band, *rates)


def link_quality(joint: JointRounds) -> LinkQuality:
    """All figures of a characterisation."""
    counts = joint_counts(joint)
    rows = np.array([counts[:, x, y].sum(axis=0) for x, y in settings_of(counts)], np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        probabilities = rows / rows.sum(axis=(1, 2), keepdims=True)
    parts = [_of_pattern(joint, pattern) for pattern in PATTERNS]
    return LinkQuality(
        score=chsh_score(joint.x, joint.y, joint.a, joint.b),
        qber=qber(joint.x, joint.y, joint.a, joint.b),
        score_of=tuple(chsh_score(*part) for part in parts),
        qber_of=tuple(qber(*part) for part in parts),
        qber2=qber(joint.x, joint.y, joint.a, joint.b, basis=1),
        qber2_of=tuple(qber(*part, basis=1) for part in parts),
        counts=counts,
        probabilities=probabilities,
        lost=joint.lost,
    )


def joint_counts(joint: JointRounds) -> NDArray[np.int64]:
    """Rounds by pattern (order of PATTERNS), X, Y, A, B: int64 (4, 2, 3, 2, 2), with two key bases (4, 2, 4, 2, 2)."""
    shape = (4, 2, values_of_y(joint), 2, 2)
    places = (np.searchsorted(PATTERNS, joint.patterns), joint.x, joint.y, joint.a, joint.b)
    flat = np.ravel_multi_index(places, shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape).astype(np.int64)


def values_of_y(joint: JointRounds) -> int:
    """How many values Bob's setting takes: 4 as soon as a round has the second key basis, else 3."""
    return TWO_KEY_BASES if (joint.y >= ONE_KEY_BASIS).any() else ONE_KEY_BASIS


def settings_of(counts: NDArray) -> tuple[tuple[int, int], ...]:
    """The pairs (X, Y) that the protocol has, for counts (..., X, Y, A, B)."""
    return SETTINGS if counts.shape[-3] == TWO_KEY_BASES else SETTINGS[:-1]


def _of_pattern(joint: JointRounds, pattern: int) -> tuple[NDArray[np.uint8], ...]:
    here = joint.patterns == pattern
    return joint.x[here], joint.y[here], joint.a[here], joint.b[here]


def _told(estimate: Estimate, scale: int, digits: int, unit: str, name: str) -> str:
    if not estimate.rounds:
        return f"no {name} yet"
    return f"{scale * estimate.value:.{digits}f} +- {scale * estimate.standard_error:.{digits}f}{unit}"


def report(quality: LinkQuality) -> str:
    """The figures as lines of text, for the log and the terminal."""
    names = ["all patterns", *(f"{pattern:04b}" for pattern in PATTERNS)]
    rounds = [quality.counts.sum(), *quality.counts.sum(axis=(1, 2, 3, 4))]
    two = bool(quality.qber2.rounds)
    lines = [f"pattern          rounds  S                 {'Q_0             Q_1' if two else 'Q'}"]
    scores, rates = (quality.score, *quality.score_of), (quality.qber, *quality.qber_of)
    for name, count, s, q, q1 in zip(names, rounds, scores, rates, (quality.qber2, *quality.qber2_of), strict=True):
        line = f"{name:<14} {count:>8}  {_told(s, 1, 4, '', 'S'):<18}{_told(q, 100, 2, ' %', 'Q'):<16}"
        lines.append((line + (_told(q1, 100, 2, " %", "Q_1") if two else "")).rstrip())
    lines.append("P(A, B | X, Y)      A=0,B=0  A=0,B=1  A=1,B=0  A=1,B=1   (Alice first)")
    for (x, y), row in zip(settings_of(quality.counts), quality.probabilities, strict=True):
        lines.append(f"  X = {x}, Y = {y}      " + "  ".join(f"{p:7.4f}" for p in row.ravel()))
    if quality.lost:
        lines.append(f"{quality.lost} rounds with a fault on either node are left out")
    return "\n".join(lines)
