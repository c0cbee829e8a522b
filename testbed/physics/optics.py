"""Where the ion is and what light reaches whom: electrodes behind their low-pass, coupling into the link, photon
numbers."""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import lru_cache

from testbed.drivers.ad53xx import voltage_to_mu
from testbed.physics import truth

ZERO_VOLTS, DAC_STEP_V = voltage_to_mu(0.0), 20.0 / 65536


class Electrodes:
    """Displacement of the ion over time, from the steps of the DAC."""

    SETTLED = 15 * truth.ELECTRODE_TIME_CONSTANT_NS

    def __init__(self) -> None:
        self.steps: list[tuple[int, float]] = [(0, 0.0)]  # (time, target in um)
        self._start = 0.0  # displacement at the first step
        self.home_from = 0.0  # from this time on the ion rests in the focus

    def step(self, time: int, target: float) -> None:
        """New voltages from `time` on (earlier than the last step only by mistake of a kernel, then at the last
        step); the ion will come to rest `target` um from the focus."""
        self.steps.append((max(time, self.steps[-1][0]), target))
        self.home_from = time + self.SETTLED if target == 0.0 else math.inf

    def forget(self, before: int) -> None:
        """Keep only what still matters at a time and after."""
        steps = self.steps
        while len(steps) > 1 and steps[1][0] <= before:
            self._start = self._relax(self._start, steps[0][1], steps[1][0] - steps[0][0])
            del steps[0]

    @staticmethod
    def _relax(position: float, target: float, duration: int) -> float:
        return target + (position - target) * math.exp(-duration / truth.ELECTRODE_TIME_CONSTANT_NS)

    def displacement(self, time: int) -> float:
        """um from the focus at a time."""
        position = self._start
        for i, (since, target) in enumerate(self.steps):
            if since >= time:
                break
            until = self.steps[i + 1][0] if i + 1 < len(self.steps) else time
            position = self._relax(position, target, min(until, time) - since)
        return position


@lru_cache(maxsize=4096)
def displaced(*registers: int) -> float:
    """um from the focus at which an ion rests under the DAC's registers of its electrodes."""
    volts = [(register - ZERO_VOLTS) * DAC_STEP_V for register in registers]
    return truth.MICROMETRES_PER_VOLT * sum(volts) / len(volts)


def coupling(displacement_um: float, isolation: float) -> float:
    """Coupling into the link, 1 in the focus, never below the node's isolation (scattered light)."""
    return max(math.exp(-2 * (displacement_um / truth.FOCUS_WAIST_UM) ** 2), isolation)


def gate_fraction(start_ns: int, stop_ns: int) -> float:
    """Fraction of the photons that arrive within an APD gate."""

    def arrived(time: float) -> float:
        return 1 - math.exp(-max(0.0, time - truth.PHOTON_DELAY_NS) / truth.PHOTON_LIFETIME_NS)

    return max(0.0, arrived(stop_ns) - arrived(start_ns))


@lru_cache(maxsize=4096)
def _cumulative(mean: float) -> tuple[float, ...]:
    """Poisson distribution function up to where nothing is left."""
    term = math.exp(-mean)
    total, k, values = term, 0, [term]
    while total < 1 - 1e-12 and k < mean + 12 * math.sqrt(mean) + 30:
        k += 1
        term *= mean / k
        total += term
        values.append(total)
    return tuple(values)


def photons(mean: float, uniform: float) -> int:
    """Poissonian number from a uniform one in [0, 1)."""
    if mean > 500:
        return max(0, round(mean + math.sqrt(mean) * _normal_quantile(uniform)))
    return bisect_right(_cumulative(mean), uniform)


def _normal_quantile(uniform: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(min(max(uniform, 1e-12), 1 - 1e-12))


def saturated(amplitude: float) -> float:
    """Fluorescence of a cooling beam relative to nominal amplitude."""
    return 2 * amplitude**2 / (1 + amplitude**2)
