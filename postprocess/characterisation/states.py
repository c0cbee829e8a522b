"""What a tomography tells: state, fully entangled fraction and best analysis phase per herald pattern (table S2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from contract.patterns import PATTERNS
from postprocess.characterisation.prediction import best_analysis_phase, qber, second_qber
from postprocess.characterisation.state_tomography import (
    Counts,
    Matrix,
    bootstrap_fraction,
    fully_entangled_fraction,
    maximum_likelihood_state,
)

_SEED = 2022  # of the resamplings: the same counts give the same errors


@dataclass(frozen=True)
class PatternState:
    """Maximum-likelihood state of one pattern.

    Attributes:
        pattern: bit k = APD k. rounds: heralds behind it.
        matrix: complex128 (4, 4), Alice's qubit first.
        fraction: fully entangled fraction. standard_error: of the parametric bootstrap. bias: mean of the resamplings
            minus `fraction` (maximum likelihood is biased near pure states).
        analysis_phase: Bob's phase in rad that gives the largest S.
        key_errors: Q_0 and Q_1 that the protocol's key settings give on the state, with perfect pulses.
    """

    pattern: int
    rounds: int
    matrix: Matrix
    fraction: float
    standard_error: float
    bias: float
    analysis_phase: float
    key_errors: tuple[float, float]


def states_of(counts: Mapping[int, Counts], resamplings: int) -> list[PatternState]:
    """States of all patterns, in the order of PATTERNS."""
    return [_state_of(pattern, counts[pattern], resamplings) for pattern in PATTERNS]


def _state_of(pattern: int, counts: Counts, resamplings: int) -> PatternState:
    matrix = maximum_likelihood_state(counts)
    fraction = fully_entangled_fraction(matrix)
    again = bootstrap_fraction(counts, resamplings, np.random.default_rng((_SEED, pattern)))
    phase = best_analysis_phase(matrix)
    return PatternState(
        pattern=pattern,
        rounds=int(sum(row.sum() for row in counts.values())),
        matrix=matrix,
        fraction=fraction,
        standard_error=float(again.std(ddof=1)),
        bias=float(again.mean() - fraction),
        analysis_phase=phase,
        key_errors=(qber(matrix), second_qber(matrix, phase)),
    )


def report(states: Sequence[PatternState]) -> str:
    """The figures as lines of text, for the log and the terminal."""
    lines = ["pattern    rounds  fully entangled fraction  Bob's analysis phase     Q_0     Q_1"]
    for state in states:
        fraction = f"{100 * state.fraction:.2f} +- {100 * state.standard_error:.2f} %"
        errors = "  ".join(f"{100 * error:4.2f} %" for error in state.key_errors)
        phase = f"{state.analysis_phase:.4f} rad"
        lines.append(f"{state.pattern:04b}    {state.rounds:>8}  {fraction:<24}  {phase:<20}  {errors}")
    return "\n".join(lines)
