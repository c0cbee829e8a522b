"""The line's shape as the physics has it; held against the Schroedinger equation in test_fits.py."""

import numpy as np


def transfer(detuning, rabi, duration):
    """Transferred population; detuning and Rabi frequency in Hz, duration in s."""
    general = np.hypot(rabi, detuning)
    return (rabi / general) ** 2 * np.sin(np.pi * general * duration) ** 2
