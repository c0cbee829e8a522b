"""The constants of the paper's session (Nadlinger 2022, table I, Methods, S6)."""

from __future__ import annotations

from fractions import Fraction

from postprocess.estimation.priors import Priors

PAPER_ROUNDS = 1_500_000
PAPER_GAMMA = Fraction(13, 256)
PAPER_SCORE = 2.64
PAPER_QBER = 0.018
PAPER_EPS_SND = 1e-10
PAPER_EPS_PA = 1.3e-13
PAPER_SYNDROME_BITS = 296_517
PAPER_ELL = 95_884
PAPER_PRIORS = Priors(test=((0.411, 0.0842), (0.0813, 0.4237)), key=((0.5017, 0.011), (0.0034, 0.4839)))
