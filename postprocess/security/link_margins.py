"""What a link must be for a key at a given size: S needed, Q allowed, and the key for other S and Q.

Threshold and syndrome are planned anew for every S and Q; every answer is certified, never an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from postprocess.security.planning import NoThreshold, PlannedLink

SCORE_STEP, QBER_STEP = 0.001, 0.0001
"""Steps of the answers: S is rounded up, Q down."""
SCORE_OFFSETS = (-0.08, -0.04, 0.0, 0.04, 0.08)
QBER_FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5)


@dataclass(frozen=True)
class Sensitivity:
    """Certified key length in bits for each S (rows) and Q (columns)."""

    scores: tuple[float, ...]
    qbers: tuple[float, ...]
    bits: tuple[tuple[int, ...], ...]


def score_needed(link: PlannedLink, rounds: int, gamma: Fraction) -> float | None:
    """Least S with a key at the link's Q, rounded up to 0.001; None where not even S = 2.828 gives one."""

    def has_key(step: int) -> bool:
        return link.with_statistics(step * SCORE_STEP, link.qber).plan(rounds, gamma) is not None

    found = _first(has_key, round(2 / SCORE_STEP), math.floor(2 * math.sqrt(2) / SCORE_STEP))
    return None if found is None else round(found * SCORE_STEP, 3)


def qber_allowed(link: PlannedLink, rounds: int, gamma: Fraction) -> float | None:
    """Largest Q with a key at the link's S, rounded down to 0.01 %; None where none gives one."""
    ell = _lengths(link, rounds, gamma)
    most = round(0.5 / QBER_STEP)
    found = _first(lambda step: ell((most - step) * QBER_STEP) > 0, 0, most - 1)
    return None if found is None else round((most - found) * QBER_STEP, 4)


def sensitivity(link: PlannedLink, rounds: int, gamma: Fraction) -> Sensitivity:
    """The key around the link's S and Q."""
    top = 2 * math.sqrt(2)
    scores = tuple(dict.fromkeys(round(min(link.score + step, top), 4) for step in SCORE_OFFSETS))
    scores = tuple(min(score, top) for score in scores if score > 0)
    middle = link.qber or 4 * QBER_STEP
    qbers = tuple(min(round(middle * factor, 6), 0.5) for factor in QBER_FACTORS)
    qbers = tuple(dict.fromkeys((link.qber, *qbers) if link.qber == 0 else qbers))
    rows = []
    for score in scores:
        ell = _lengths(link.with_statistics(score, link.qber), rounds, gamma)
        rows.append(tuple(ell(qber) for qber in qbers))
    return Sensitivity(scores, qbers, tuple(rows))


def _lengths(link: PlannedLink, rounds: int, gamma: Fraction) -> Callable[[float], int]:
    """Key length against Q: a syndrome shifts every choice of free parameters alike, so one search serves all Q."""
    from dataclasses import replace

    try:
        free = link.rule.search(replace(link.problem(rounds, gamma), syndrome_bits=0))
    except NoThreshold:
        free = None
    if free is None:
        return lambda qber: 0
    return lambda qber: link.rule.certify(link.with_statistics(link.score, qber).paying_problem(rounds, gamma), free)


def _first(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """First whole number from `low` to `high` for which something holds that holds for all later ones."""
    if not holds(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return high
