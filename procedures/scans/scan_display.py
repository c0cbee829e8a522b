"""The public datasets of a calibration, for applets: scan with error bars, fit, histograms, one line of result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from postprocess.calibration.curve_fit import Fit

SCAN, HISTOGRAM = "diqkd.calibration.scan.", "diqkd.calibration.histogram."
STATUS = "diqkd.calibration.status"
CURVE_POINTS = 201
LISTS = ("x", "y", "y_low", "y_high", "fit_x", "fit_y")


class Display:
    """Writes them, all broadcast, in the units of the axes' labels.

    Args:
        experiment: whose set_dataset and append_to_dataset are used.
    """

    def __init__(self, experiment):
        self.experiment = experiment
        self.unit = 1.0

    def begin(self, title: str, x_label: str, y_label: str, unit: float = 1.0) -> None:
        """An empty scan; `unit`: SI value of one of x_label's units. Error bars are 68 % intervals."""
        self.unit = unit
        for name, text in (("title", title), ("x_label", x_label), ("y_label", y_label), ("result", "")):
            self._set(SCAN + name, text)
        for name in LISTS:
            self._set(SCAN + name, [])

    def point(self, x: float, y: float, low: float, high: float) -> None:
        """One point more, with its 68 % interval."""
        for name, value in zip(LISTS, (x / self.unit, y, low, high), strict=False):
            self.experiment.append_to_dataset(SCAN + name, float(value))

    def fit(self, fit: Fit, x: Sequence[float]) -> None:
        """The fitted curve over the range of the scan."""
        self.curve(x, fit.curve)

    def curve(self, x: Sequence[float], of: Callable[[np.ndarray], np.ndarray]) -> None:
        """Any curve over the range of the scan."""
        at = np.linspace(min(x), max(x), CURVE_POINTS)
        self._set(SCAN + "fit_x", at / self.unit)
        self._set(SCAN + "fit_y", np.asarray(of(at), float))

    def histograms(self, dark: Iterable[int], bright: Iterable[int], threshold: int) -> None:
        """Shots with k counts of both preparations; counts up to `threshold` mean dark."""
        self._set(HISTOGRAM + "dark", np.asarray(dark, np.int64))
        self._set(HISTOGRAM + "bright", np.asarray(bright, np.int64))
        self._set(HISTOGRAM + "threshold", int(threshold))

    def result(self, line: str) -> None:
        """What came out."""
        self._set(SCAN + "result", line)

    def status(self, line: str) -> None:
        """What the node is waiting for, or "" while it measures."""
        self._set(STATUS, line)

    def _set(self, name, value):
        self.experiment.set_dataset(name, value, broadcast=True)


def with_error(value: float, error: float, unit: str, scale: float) -> str:
    """A value with its standard error, as many digits as that has: "199.99990 +- 0.00012 MHz"."""
    value, error = value / scale, error / scale
    digits = max(0, 1 - int(np.floor(np.log10(error)))) if error > 0 else 3
    return f"{value:.{digits}f} +- {error:.{digits}f} {unit}".rstrip()
