"""Measurements in Pauli bases on both nodes: which pairs, in which order, and the counts that tomography takes.

A kernel knows four settings of Alice and two of Bob, so the pairs are measured in legs, each a measurement of its own
in which the settings of every round are drawn at random.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.patterns import PATTERNS
from postprocess.characterisation.recombination import JointRounds
from postprocess.characterisation.state_tomography import Counts
from postprocess.errors import InvalidInput
from postprocess.estimation.binomial import binomial_error
from postprocess.plans.measurement_plan import BASES, MeasurementPlan

EQUATOR, POLE = ("X", "Y", "-X", "-Y"), "Z"
Names = tuple[str, ...]

# Alice's four and Bob's two bases per leg.
ALL_PAIRS: tuple[tuple[Names, Names], ...] = tuple(
    (alice, bob) for alice in (EQUATOR, (POLE,) * 4) for bob in (EQUATOR[:2], EQUATOR[2:], (POLE,) * 2)
)
EQUATORIAL_PAIRS = ((EQUATOR, EQUATOR[:2]),)


def leg_plans(
    name: str, apparatus: str, pair_rounds: int, block_rounds: int, legs: Sequence[tuple[Names, Names]]
) -> list[MeasurementPlan]:
    """Plans of all legs, named NAME.1, NAME.2, ...; each pair of bases gets about `pair_rounds` heralds in all."""
    return [
        MeasurementPlan(
            f"{name}.{number}",
            apparatus,
            pair_rounds * len({(a, b) for a in alice for b in bob}),
            scheme=BASES,
            bases=(alice, bob),
            block_rounds=block_rounds,
        )
        for number, (alice, bob) in enumerate(legs, 1)
    ]


def basis_counts(legs: Iterable[tuple[MeasurementPlan, JointRounds]]) -> Mapping[int, Counts]:
    """Joint counts of all legs: pattern -> (Alice's basis, Bob's) -> int64 (4,) in the order ++, +-, -+, --.

    '+' is bright: Alice's outcome 0, Bob's 1.
    """
    found: dict[int, dict[tuple[str, str], NDArray[np.int64]]] = {pattern: {} for pattern in PATTERNS}
    for plan, joint in legs:
        signs = 2 * joint.a + (1 - joint.b)  # 0: ++, 1: +-, 2: -+, 3: --
        for x, alice in enumerate(plan.bases[0]):
            for y, bob in enumerate(plan.bases[1]):
                for pattern in PATTERNS:
                    here = (joint.patterns == pattern) & (joint.x == x) & (joint.y == y)
                    rows = found[pattern].setdefault((alice, bob), np.zeros(4, np.int64))
                    rows += np.bincount(signs[here], minlength=4)
    return found


@dataclass(frozen=True)
class HeraldPhase:
    """Bob's analysis phase of one pattern in rad, in [0, 2 pi), its standard error, and the contrast behind it;
    `goodness` is (chi-square, degrees of freedom) of T_XX = T_YY and T_XY = -T_YX."""

    phase: float
    standard_error: float
    contrast: float
    goodness: tuple[float, int]


def herald_phase(counts: Counts) -> HeraldPhase:
    """The analysis phase that maximises S, from equatorial correlations of both ions.

    With T the correlation matrix, S = -sqrt2 (T_ZZ + cos(phi) T_YY - sin(phi) T_YX). Heralded states have odd parity,
    so that T_XX = T_YY and T_XY = -T_YX; both pairs count: phi = atan2(T_YX - T_XY, -(T_XX + T_YY)).

    Raises:
        InvalidInput: a pair of bases has no counts, or no correlation is seen.
    """
    table, variance = _correlations(counts)
    along, across = -(table["X", "X"] + table["Y", "Y"]) / 2, (table["Y", "X"] - table["X", "Y"]) / 2
    contrast = math.hypot(along, across)
    phase = math.atan2(across, along)
    of_along, of_across = variance["X", "X"] + variance["Y", "Y"], variance["Y", "X"] + variance["X", "Y"]
    error = math.sqrt(math.sin(phase) ** 2 * of_along + math.cos(phase) ** 2 * of_across) / 2
    if contrast < 5 * error:
        raise InvalidInput(
            f"herald phase: contrast {contrast:.3f} +- {error:.3f}, nothing to calibrate on; check mapping, analysis "
            "frequency and the heralds first"
        )
    pulls = (table["X", "X"] - table["Y", "Y"]) ** 2 / of_along, (table["X", "Y"] + table["Y", "X"]) ** 2 / of_across
    return HeraldPhase(phase % (2 * math.pi), error / contrast, contrast, (sum(pulls), len(pulls)))


def _correlations(counts: Counts) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], float]]:
    """Correlations T of X and Y with their variances; a basis with the opposite sign counts for the same axis."""
    sums = {(a, b): np.zeros(2) for a in "XY" for b in "XY"}  # rounds with equal and with opposite signs
    for (alice, bob), row in counts.items():
        axes = alice.lstrip("-"), bob.lstrip("-")
        if axes in sums:
            same, opposite = float(row[0] + row[3]), float(row[1] + row[2])
            flip = alice.startswith("-") != bob.startswith("-")
            sums[axes] += (opposite, same) if flip else (same, opposite)
    table, variance = {}, {}
    for axes, (same, opposite) in sums.items():
        total = float(same + opposite)
        if total == 0:
            raise InvalidInput(f"herald phase: no rounds in the bases {axes[0]} and {axes[1]}; measure more")
        table[axes] = float(same - opposite) / total
        variance[axes] = float(2 * binomial_error(same / total, total)) ** 2
    return table, variance
