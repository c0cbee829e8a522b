"""Bob's default settings; calibration.json in his home overrides single values.

The analysis phase per herald pattern maximises S on the maximum-likelihood state of the published tomography
(Nadlinger 2022, Supplement, table S2): postprocess.characterisation.prediction.best_analysis_phase of
postprocess.characterisation.state_tomography.published_states; a test compares them. On another apparatus they follow
from the optical path of the heralding station: calibrate them.
"""

import math

from node.settings import NodeSettings, QubitSettings, Transition

BOB_QUBIT = QubitSettings(
    mapping=Transition(200.0e6, 5e-6),
    analysis=Transition(214.0e6, 6e-6),
    shelving=Transition(225.2e6, 5e-6),
    angle=math.pi / 4,
    # Y = 0: Rxy(pi/4, phi); Y = 1: Rxy(-pi/4, phi) = Rxy(pi/4, phi + pi); Y = 2: computational basis. With two key
    # bases Y = 3: Rxy(pi/2, phi), twice the pulse of Y = 0, which agrees with Alice's Rxy(pi/2, 0).
    amplitude=(1.0, 1.0, 0.0, 1.0),
    phase=(0.0, math.pi, 0.0, 0.0),
    # 0011, 0101, 1010, 1100
    pattern_phase=(1.4221, 4.4689, 4.6053, 1.3836),
)

DEFAULTS = NodeSettings(qubit=BOB_QUBIT)
