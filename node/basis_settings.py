"""Pauli bases of the optical qubit: the node's settings with Rxy(pi/2, k pi/2) analysis pulses in place of the
protocol's (Nadlinger 2022, S3)."""

import math
from collections.abc import Sequence
from dataclasses import replace

from node.settings import NodeSettings

# Rxy(pi/2, phi) before readout measures cos(phi) Y - sin(phi) X, with bright as +1.
PHASES = {"X": 3 * math.pi / 2, "Y": 0.0, "-X": math.pi / 2, "-Y": math.pi}
COMPUTATIONAL = "Z"
SETTINGS = 4


def with_bases(settings: NodeSettings, names: Sequence[str]) -> NodeSettings:
    """Settings whose values 0, 1, ... of a round measure these bases (X, Y, -X, -Y or Z), the same for all patterns.

    Raises:
        ValueError: more than four, or no such basis.
    """
    unknown = [name for name in names if name not in PHASES and name != COMPUTATIONAL]
    if unknown or not 1 <= len(names) <= SETTINGS:
        raise ValueError(f"bases {', '.join(names)}: one to four of X, Y, -X, -Y, Z")
    four = [*names, *[names[-1]] * (SETTINGS - len(names))]
    qubit = replace(
        settings.qubit,
        angle=math.pi / 2,
        amplitude=tuple(0.0 if name == COMPUTATIONAL else 1.0 for name in four),
        phase=tuple(PHASES.get(name, 0.0) for name in four),
        pattern_phase=(0.0, 0.0, 0.0, 0.0),
    )
    return replace(settings, qubit=qubit)
