"""Drift: how lasers and heralds have changed since the laboratory began, at each herald.

The number of the herald is the clock that both nodes' processes share, so that the same seed gives the same drift
whatever they do, over kernels, processes and restarts. All begins where the default settings are right.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from testbed.physics import truth
from testbed.physics.heralds import CHUNK, generator

DAY_S = 86_400.0


class Deviation(NamedTuple):
    """From testbed.physics.truth: 674 nm resonances in Hz, factors on the 674 nm amplitude and on the 422 nm power,
    phase of the heralds' coherence in rad."""

    frequency_hz: float
    qubit_amplitude: float
    cooling_power: float
    herald_phase: float


class Wandering:
    """A random walk, or with a correlation time an Ornstein-Uhlenbeck process, from 0, by steps of equal length.

    Args:
        step_s: length of a step.
        spread: standard deviation after a second, or with `time_s` in the long run.
        time_s: correlation time; infinite: a random walk.
    """

    def __init__(self, seed: int, stream: str, step_s: float, spread: float, time_s: float = math.inf) -> None:
        self._seed, self._stream = seed, stream
        self._keeps = math.exp(-step_s / time_s)
        self._kick = spread * (math.sqrt(step_s) if math.isinf(time_s) else math.sqrt(1 - self._keeps**2))
        self._values = [0.0]

    def __getitem__(self, step: int) -> float:
        values = self._values
        while len(values) <= step:
            last = values[-1]
            kicks = generator(self._seed, self._stream, len(values) // CHUNK).standard_normal(CHUNK)
            for kick in kicks.tolist():
                last = self._keeps * last + self._kick * kick
                values.append(last)
        return values[step]


class Drift:
    """What has become of one node's lasers, and of the heralds of both.

    Args:
        herald_s: laboratory time from herald to herald.
        speed: so many times faster than testbed.physics.truth says.
    """

    def __init__(self, seed: int, node: str, herald_s: float, speed: float) -> None:
        step_s = truth.DRIFT_STEP * herald_s * speed
        self._ageing_hz = truth.NODE_TRUTHS[node].ageing_hz_s * step_s
        slow = truth.POWER_TIME_S
        self._frequency = Wandering(seed, f"drift-frequency-{node}", step_s, truth.FREQUENCY_WALK_HZ)
        self._qubit = Wandering(seed, f"drift-qubit-{node}", step_s, truth.QUBIT_AMPLITUDE_SPREAD, slow)
        self._cooling = Wandering(seed, f"drift-cooling-{node}", step_s, truth.COOLING_POWER_SPREAD, slow)
        self._phase = Wandering(seed, "drift-phase", step_s, truth.HERALD_PHASE_WALK_RAD / math.sqrt(DAY_S))

    @staticmethod
    def step_of(herald: int) -> int:
        """The step that a herald lies in."""
        return herald // truth.DRIFT_STEP

    def at(self, step: int) -> Deviation:
        """All deviations during a step."""
        return Deviation(
            self._ageing_hz * step + self._frequency[step],
            math.exp(self._qubit[step]),
            math.exp(self._cooling[step]),
            self._phase[step],
        )
