"""What a link characterisation tells: S and Q with moving averages (figure 3), P(A, B | X, Y) (table S4), per pattern.

Only rounds declared as a characterisation before they began come here; see recombination.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.patterns import PATTERNS
from contract.round_settings import KEY_SETTING
from postprocess.characterisation.recombination import JointRounds
from postprocess.estimation.score_and_qber import Estimate, chsh_score, moving_averages, qber

SETTINGS = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2))
TWO_SIDED_95 = 1.959963984540054
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Averages:
    """Moving averages at some rounds with 95 % bands; float64 arrays of equal length, NaN where nothing is known.

    `round` is the number of the last round of each window.
    """

    round: Floats
    score: Floats
    score_low: Floats
    score_high: Floats
    qber: Floats
    qber_low: Floats
    qber_high: Floats


@dataclass(frozen=True)
class LinkQuality:
    """Result of a characterisation.

    Attributes:
        score, qber: S and Q over all rounds. score_of, qber_of: the same per herald pattern, in the order of PATTERNS.
        second_qber: Q_1 over all rounds, without rounds where there is no second key basis.
        counts: int64 (4, 2, 3, 2, 2): rounds by pattern, X, Y, A, B, without those of the second key basis.
        probabilities: float64 (5, 2, 2): P(A, B | X, Y) for the settings in SETTINGS, Alice first (table S4).
        lost: rounds left out because of a fault.
    """

    score: Estimate
    qber: Estimate
    score_of: tuple[Estimate, ...]
    qber_of: tuple[Estimate, ...]
    second_qber: Estimate
    counts: NDArray[np.int64]
    probabilities: Floats
    lost: int


def averages(joint: JointRounds, window: int, points: int = 1000) -> Averages:
    """Moving averages over `window` rounds (over all of them while there are fewer), at no more than `points` places.

    Bands are those of the binomial errors of each window: +-1.96 standard errors (Nadlinger 2022, figure 3).
    """
    if len(joint) == 0:
        return Averages(*(np.empty(0) for _ in range(7)))
    moving = moving_averages(joint.x, joint.y, joint.a, joint.b, min(window, len(joint)))
    places = np.unique(np.linspace(0, len(moving.score) - 1, min(points, len(moving.score))).astype(np.int64))
    ends = joint.numbers[len(joint) - len(moving.score) :][places].astype(np.float64)
    score, qber_ = moving.score[places], moving.qber[places]
    score_band, qber_band = TWO_SIDED_95 * moving.score_error[places], TWO_SIDED_95 * moving.qber_error[places]
    return Averages(
        ends, score, score - score_band, score + score_band, qber_, np.maximum(qber_ - qber_band, 0), qber_ + qber_band
    )


def link_quality(joint: JointRounds) -> LinkQuality:
    """All figures of a characterisation."""
    counts = joint_counts(joint)
    rows = np.array([counts[:, x, y].sum(axis=0) for x, y in SETTINGS], np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        probabilities = rows / rows.sum(axis=(1, 2), keepdims=True)
    parts = [_of_pattern(joint, pattern) for pattern in PATTERNS]
    return LinkQuality(
        score=chsh_score(joint.x, joint.y, joint.a, joint.b),
        qber=qber(joint.x, joint.y, joint.a, joint.b),
        score_of=tuple(chsh_score(*part) for part in parts),
        qber_of=tuple(qber(*part) for part in parts),
        second_qber=qber(joint.x, joint.y, joint.a, joint.b, basis=1),
        counts=counts,
        probabilities=probabilities,
        lost=joint.lost,
    )


def joint_counts(joint: JointRounds) -> NDArray[np.int64]:
    """Rounds by pattern (order of PATTERNS), X, Y, A, B: int64 (4, 2, 3, 2, 2); none of the second key basis."""
    here = joint.y <= KEY_SETTING
    places = (np.searchsorted(PATTERNS, joint.patterns), joint.x, joint.y, joint.a, joint.b)
    flat = np.ravel_multi_index(tuple(each[here] for each in places), (4, 2, 3, 2, 2))
    return np.bincount(flat, minlength=96).reshape(4, 2, 3, 2, 2).astype(np.int64)


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
    lines = ["pattern          rounds  S                 Q"]
    scores, rates = (quality.score, *quality.score_of), (quality.qber, *quality.qber_of)
    for name, count, s, q in zip(names, rounds, scores, rates, strict=True):
        lines.append(f"{name:<14} {count:>8}  {_told(s, 1, 4, '', 'S'):<18}{_told(q, 100, 2, ' %', 'Q')}")
    if quality.second_qber.rounds:
        lines.append(f"second key basis: Q_1 = {_told(quality.second_qber, 100, 2, ' %', 'Q_1')}")
    lines.append("P(A, B | X, Y)      A=0,B=0  A=0,B=1  A=1,B=0  A=1,B=1   (Alice first)")
    for (x, y), row in zip(SETTINGS, quality.probabilities, strict=True):
        lines.append(f"  X = {x}, Y = {y}      " + "  ".join(f"{p:7.4f}" for p in row.ravel()))
    if quality.lost:
        lines.append(f"{quality.lost} rounds with a fault on either node are left out")
    return "\n".join(lines)
