"""Counts at the heralding station by preparation and outcome, summed over a measurement of the leak, and what they
say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from node.shots.leak_counter import (
    COLUMNS,
    CYCLE_MU,
    CYCLES,
    EDGES,
    GATE_OPENS_MU,
    HISTOGRAM,
    PER_OUTCOME,
    WINDOWS,
)

if TYPE_CHECKING:
    from postprocess.calibration.leakage import Counted, Leak

DARK, BRIGHT = 0, 1
LEAST_IN_FOCUS = 0.1  # photons per readout of a bright ion in the focus: fewer, and nothing is being counted
MOST_BACKGROUND = 1.0  # per readout: above, the light of another ion blinds the station


@dataclass(frozen=True)
class Condition:
    """How the ion is prepared, whether the link is cut, whether there is readout light."""

    name: str
    bright: bool
    shuttled: bool
    lit: bool = True


CONDITIONS = (
    Condition("link cut, bright", bright=True, shuttled=True),
    Condition("link cut, dark", bright=False, shuttled=True),
    Condition("link cut, no light", bright=True, shuttled=True, lit=False),
    Condition("connected, bright", bright=True, shuttled=False),
    Condition("connected, dark", bright=False, shuttled=False),
)
CUT, CONNECTED, NO_LIGHT = (0, 1), (3, 4), 2


def clicks_per_window(counts: list[int]) -> tuple[int, int]:
    """Clicks and windows of a point, whatever the outcomes; `counts` as the kernel leaves them."""
    rows = np.reshape(counts[:EDGES], (2, PER_OUTCOME))
    return int(rows[:, :CYCLES].sum()), int(rows[:, WINDOWS].sum())


class LeakCounts:
    """Sums of node.shots.leak_counter over the points of each of CONDITIONS.

    Attributes:
        counts: int64 (conditions, outcomes dark and bright, numbers of the counter).
    """

    def __init__(self, readout_s: float) -> None:
        self.readout_ns = readout_s * 1e9
        self.counts = np.zeros((len(CONDITIONS), 2, PER_OUTCOME), np.int64)
        self.edges = 0

    def add(self, condition: int, counts: list[int]) -> None:
        """One more point, `counts` as the kernel leaves them."""
        self.counts[condition] += np.reshape(counts[:EDGES], (2, PER_OUTCOME))
        self.edges += counts[EDGES]

    def photons(self, conditions: tuple[int, ...], outcome: int | None = None) -> Counted | None:
        """Photons of all windows under some conditions, by the ion's outcome or whatever it was; None without any."""
        from postprocess.calibration.leakage import of_clicks

        rows = self.counts[list(conditions)].sum(0)
        row = rows.sum(0) if outcome is None else rows[outcome]
        if not row[CYCLES]:
            return None
        edge_ns = self.edges / self.counts[:, :, WINDOWS].sum()
        open_ns = CYCLE_MU - edge_ns - GATE_OPENS_MU
        return of_clicks(row[:CYCLES], int(row[CYCLES]), open_ns, self.readout_ns)

    def evaluate(self, efficiency: float, level: float) -> MeasuredLeak:
        """The leak with the link cut, and what shows that it was counted at all.

        Raises:
            FitFailed: an outcome was never found, or there is no light from the ion in the focus.
        """
        from postprocess.calibration.curve_fit import require
        from postprocess.calibration.leakage import WHAT, leak

        bright, dark, focus = (
            self.photons(CUT, BRIGHT),
            self.photons(CUT, DARK),
            self.photons(CONNECTED, BRIGHT),
        )
        without = self.photons((NO_LIGHT,))
        for name, counted in (("bright", bright), ("dark", dark), ("bright in the focus", focus), ("unlit", without)):
            require(counted is not None, WHAT, f"no ion was found {name}: calibrate pulses and readout first")
        assert bright is not None and dark is not None and focus is not None and without is not None
        return MeasuredLeak(leak(bright, dark, efficiency, level), bright, dark, focus, without, self.readout_ns)

    def datasets(self) -> dict[str, Any]:
        """What is published of the counts."""
        return {
            "conditions": "; ".join(condition.name for condition in CONDITIONS),
            "clicks": self.counts[:, :, :CYCLES],
            "cycles": self.counts[:, :, CYCLES],
            "windows": self.counts[:, :, WINDOWS],
            "histogram": self.counts[:, :, HISTOGRAM : HISTOGRAM + COLUMNS],
        }


@dataclass(frozen=True)
class MeasuredLeak:
    """What a measurement found: the leak, and photons by outcome with the link cut, of the bright ion in the focus, and
    without light (dark counts)."""

    leak: Leak
    bright: Counted
    dark: Counted
    focus: Counted
    without: Counted
    readout_ns: float

    @property
    def dark_counts_hz(self) -> float:
        """Of all four APDs together."""
        return self.without.rate / self.readout_ns * 1e9

    def datasets(self) -> dict[str, float]:
        """What is published of it."""
        return {
            "probability": self.leak.value,
            "standard_error": self.leak.standard_error,
            "limit": self.leak.limit,
            "level": self.leak.level,
            "bits_per_round": self.leak.bits,
            "dark_counts_hz": self.dark_counts_hz,
            "in_focus": self.focus.rate,
        }

    def require_cut(self, tolerated: float) -> None:
        """FitFailed unless the station sees the ion in the focus, is not blinded, and the leak is tolerable."""
        from postprocess.calibration.curve_fit import require
        from postprocess.calibration.leakage import WHAT

        require(
            self.focus.rate - self.without.rate > LEAST_IN_FOCUS,
            WHAT,
            f"only {self.focus.rate:.2g} photons per readout from the bright ion in the focus, {self.without.rate:.2g} "
            "without light: is the pulsed laser on, which opens the gates, are the APDs?",
        )
        require(
            self.without.rate < MOST_BACKGROUND,
            WHAT,
            f"{self.without.rate:.2g} photons per readout without own light: is the peer's ion out of the focus?",
        )
        share = (self.bright.rate - self.dark.rate) / (self.focus.rate - self.without.rate)
        require(
            self.leak.limit < tolerated,
            WHAT,
            f"a readout of a bright ion sends {self.leak.value:.2g} photons into the link, and the bound "
            f"{self.leak.limit:.2g} on the probability of one is not below {tolerated:g}: {self._remedy(share)}",
        )

    def _remedy(self, share: float) -> str:
        if share > 0.1:
            return "the ion does not leave the focus; make no key, look after the shuttle (calibrate_shuttle)"
        if self.leak.value < 3 * self.leak.standard_error:
            return "count more windows"
        return "make no key; move the ion further (shuttle.disconnected)"

    def words(self) -> str:
        """The result in one line."""
        leak = self.leak
        return (
            f"p_leak {leak.value:.5f} +- {leak.standard_error:.5f} per readout of a bright ion, below {leak.limit:.5f} "
            f"at {100 * leak.level:g} %: a round leaks at most h = {leak.bits:.4f} bits; dark counts "
            f"{self.dark_counts_hz:.0f} /s, {self.focus.rate:.2g} photons per readout in the focus"
        )
