"""Alice's default settings; calibration.json in her home overrides single values."""

import math

from node.settings import NodeSettings, QubitSettings, Transition

ALICE_QUBIT = QubitSettings(
    mapping=Transition(200.0e6, 5e-6),
    analysis=Transition(214.0e6, 6e-6),
    shelving=Transition(225.2e6, 5e-6),
    angle=math.pi / 2,
    # X = 0: computational basis; X = 1: Rxy(pi/2, 0). The last two values are not used.
    amplitude=(0.0, 1.0, 0.0, 0.0),
    phase=(0.0, 0.0, 0.0, 0.0),
    pattern_phase=(0.0, 0.0, 0.0, 0.0),
)

DEFAULTS = NodeSettings(qubit=ALICE_QUBIT)
