"""How much of a node's outcome leaves it with light although the link is cut (Nadlinger 2022, supplement, table S5).

An ion found bright scatters light during its readout, a dark one does not. Counts at the heralding station of bright
against dark readouts, corrected for losses on the way, give the probability p that a readout of a bright ion sends a
photon into the link; whoever collects all of them learns at most h(p) bits of a round. Light that does not depend on
the outcome, dark counts and a peer's ion included, cancels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from postprocess.calibration.curve_fit import Array, poisson_interval, require
from postprocess.errors import InvalidInput
from postprocess.support.entropy import binary_entropy

WHAT = "leak at the heralding station"
LEVEL = 0.975
ROWS = ("dark_dark", "dark_bright", "bright_dark", "bright_bright")  # of table S5, Alice's outcome first


@dataclass(frozen=True)
class Counted:
    """Photons counted at the station (corrected for saturation), and during how many readouts."""

    photons: float
    readouts: float

    @property
    def rate(self) -> float:
        """Photons per readout."""
        return self.photons / self.readouts

    def limits(self, level: float) -> tuple[float, float]:
        """Exact central interval of the photons per readout."""
        low, high = poisson_interval(self.photons, level)  # type: ignore[arg-type]
        return low / self.readouts, high / self.readouts


@dataclass(frozen=True)
class Leak:
    """Photons that one readout of a bright ion sends into the link.

    Attributes:
        value, standard_error: photons per readout; by chance also negative.
        limit: upper bound of the probability of a photon, at confidence `level` (one-sided).
    """

    value: float
    standard_error: float
    limit: float
    level: float

    @property
    def bits(self) -> float:
        """h(p) at the bound, bits per round: as if every readout found a bright ion."""
        return leaked_bits(self.limit)


def leaked_bits(p: float) -> float:
    """h(p) for p up to 1/2, and one bit above: what a round leaks at most if a photon leaves with probability p."""
    if not p >= 0:
        raise InvalidInput(f"leak probability {p}: lies between 0 and 1")
    return binary_entropy(min(p, 0.5))


def of_clicks(clicks: Array, cycles: int, open_ns: float, readout_ns: float) -> Counted:
    """Photons from clicks of APDs that count at most once per cycle.

    Args:
        clicks: of each APD, (4,); cycles: during which they counted.
        open_ns: time in a cycle during which they count; readout_ns: length of a round's readout gate.

    Raises:
        InvalidInput: nothing was counted, or an APD clicked in every cycle.
    """
    if cycles <= 0 or open_ns <= 0 or readout_ns <= 0:
        raise InvalidInput(f"{WHAT}: no cycles were counted")
    shares = np.asarray(clicks, float) / cycles
    if (shares >= 1).any():
        raise InvalidInput(f"{WHAT}: an APD clicked in each of {cycles} cycles; attenuate the light, or look after it")
    return Counted(float(-cycles * np.log1p(-shares).sum()), cycles * open_ns / readout_ns)


def of_histogram(row: Sequence[int]) -> Counted:
    """Photons of a row of table S5: readouts with 0, 1, 2, 3 and more photons, the last counted as four."""
    return Counted(float(sum(k * readouts for k, readouts in enumerate(row))), float(sum(row)))


def efficiency_of(coupling_loss: float, detector_efficiency: float) -> float:
    """Share of the photons in the link that click."""
    if not 0 <= coupling_loss < 1 or not 0 < detector_efficiency <= 1:
        raise InvalidInput(
            f"coupling loss {coupling_loss:g}, detector efficiency {detector_efficiency:g}: a loss from 0 to below 1, "
            "an efficiency above 0 and at most 1"
        )
    return (1 - coupling_loss) * detector_efficiency


def leak(bright: Counted, dark: Counted, efficiency: float, level: float = LEVEL) -> Leak:
    """What readouts of bright ions send more than those of dark ones.

    The bound is exact for Poissonian counts: each rate keeps to its limit but for half of 1 - level.

    Args:
        efficiency: share of the photons that click.

    Raises:
        FitFailed: an outcome was never found.
    """
    for name, counted in (("bright", bright), ("dark", dark)):
        require(counted.readouts > 0, WHAT, f"no ion was found {name}: prepare and read it out properly first")
    value = (bright.rate - dark.rate) / efficiency
    error = math.hypot(math.sqrt(bright.photons) / bright.readouts, math.sqrt(dark.photons) / dark.readouts)
    limit = max(0.0, bright.limits(level)[1] - dark.limits(level)[0]) / efficiency
    return Leak(value, error / efficiency, min(limit, 1.0), level)


def leaks_of_table(rows: Mapping[str, Sequence[int]], efficiency: float, level: float = LEVEL) -> dict[str, Leak]:
    """Leaks of both nodes from rounds that both measured (table S5): each node's with the other's ion dark.

    Args:
        rows: histogram of photons by outcomes, see ROWS.

    Returns:
        "alice" and "bob", of their bright ions, and "either", mean over the rounds as they came.
    """
    found = {name: of_histogram(rows[name]) for name in ROWS}
    dark = found["dark_dark"]
    everything = Counted(sum(each.photons for each in found.values()), sum(each.readouts for each in found.values()))
    return {
        "alice": leak(found["bright_dark"], dark, efficiency, level),
        "bob": leak(found["dark_bright"], dark, efficiency, level),
        "either": leak(everything, dark, efficiency, level),
    }
