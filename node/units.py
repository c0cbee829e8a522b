"""Seconds to machine units, rounded, in one place (a machine unit is 1 ns; the RTIO clock period is 8 ns)."""

import numpy as np

MACHINE_UNIT_S = 1e-9
COARSE_MU = 8


def to_mu(seconds: float) -> np.int64:
    """Nearest machine unit."""
    return np.int64(round(seconds / MACHINE_UNIT_S))


def to_coarse_mu(seconds: float) -> np.int64:
    """Nearest multiple of the RTIO clock period, in machine units.

    Everything that follows a herald lies on this grid: AD9910 phases are only reproducible there.
    """
    return np.int64(COARSE_MU * round(seconds / MACHINE_UNIT_S / COARSE_MU))
