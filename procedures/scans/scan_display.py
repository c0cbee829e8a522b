"""The public datasets of a calibration, for applets: scan with error bars, fit, histograms, one line of result."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from postprocess.calibration.curve_fit import Fit
    from postprocess.calibration.threshold import Threshold

SCAN, HISTOGRAM, FIT = "calibration.scan.", "calibration.histogram.", "calibration.fit."
STATUS = "calibration.status"
CURVE_POINTS = 201
LISTS = ("x", "y", "y_low", "y_high", "fit_x", "fit_y")
UNIT = re.compile(r"\(([^()]*)\)$")  # of a label


class Display:
    """Writes them, all broadcast, in the units of the axes' labels.

    Args:
        experiment: procedures.described_datasets.DescribedDatasets.
    """

    def __init__(self, experiment):
        self.experiment = experiment
        self.unit, self.x_unit = 1.0, ""

    def begin(self, title: str, x_label: str, y_label: str, unit: float = 1.0) -> None:
        """An empty scan; `unit`: SI value of one of x_label's units. Error bars are 68 % intervals."""
        found = UNIT.search(x_label)
        self.unit, self.x_unit = unit, found[1] if found else ""
        for name, text in (("title", title), ("x_label", x_label), ("y_label", y_label), ("result", "")):
            self._set(SCAN + name, text)
        for name in LISTS:
            self._set(SCAN + name, [], self.x_unit if name in ("x", "fit_x") else "")

    def point(self, x: float, y: float, low: float, high: float) -> None:
        """One point more, with its 68 % interval."""
        for name, value in zip(LISTS, (x / self.unit, y, low, high), strict=False):
            self.experiment.append_to_dataset("diqkd." + SCAN + name, float(value))

    def fit(self, fit: Fit, x: Sequence[float]) -> None:
        """The fitted curve over the range of the scan, and the fit as numbers."""
        self.curve(x, fit.curve)
        self.numbers([fit])

    def numbers(self, fits: Sequence[Fit]) -> None:
        """Parameters with errors and goodness of fits of one model."""
        units = [fits[0].units.get(name, "") for name in fits[0].parameters]
        goodness = [(fit.chi_square, fit.degrees, fit.p_value) for fit in fits]
        self._fitted(fits[0].what, [fit.parameters for fit in fits], units, goodness)

    def _fitted(
        self,
        what: str,
        parameters: Sequence[dict[str, tuple[float, float]]],
        units: Sequence[str],
        goodness: Sequence[tuple[float, int, float]],
    ) -> None:
        names = list(parameters[0])
        numbers = np.array([[of_one[name] for name in names] for of_one in parameters], float)
        for name, value in (
            ("what", what),
            ("names", ", ".join(names)),
            ("units", ", ".join(units)),
            ("values", numbers[..., 0]),
            ("errors", numbers[..., 1]),
            ("chi_square", np.array([each[0] for each in goodness])),
            ("degrees", np.array([each[1] for each in goodness])),
            ("p_value", np.array([each[2] for each in goodness])),
        ):
            self._set(FIT + name, value)

    def threshold(self, found: Threshold, dark: np.ndarray, bright: np.ndarray) -> None:
        """Both histograms with the threshold found, and the fit as numbers."""
        self.histograms(dark, bright, found.value)
        parameters = {
            "crossing": (found.crossing, found.standard_error),
            "mean_dark": (found.mean_dark, found.mean_errors[0]),
            "mean_bright": (found.mean_bright, found.mean_errors[1]),
            "wrong_dark": (found.wrong_dark, _binomial_error(found.wrong_dark, dark)),
            "wrong_bright": (found.wrong_bright, _binomial_error(found.wrong_bright, bright)),
        }
        self._fitted("readout threshold", [parameters], ["counts"] * 3 + [""] * 2, [found.goodness])

    def curve(self, x: Sequence[float], of: Callable[[np.ndarray], np.ndarray]) -> None:
        """Any curve over the range of the scan."""
        at = np.linspace(min(x), max(x), CURVE_POINTS)
        self._set(SCAN + "fit_x", at / self.unit, self.x_unit)
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

    def _set(self, name, value, unit=""):
        self.experiment.publish(name, value, unit)


def _binomial_error(share: float, shots: np.ndarray) -> float:
    from postprocess.estimation.binomial import binomial_error

    return float(binomial_error(share, np.sum(shots)))


def with_error(value: float, error: float, unit: str, scale: float) -> str:
    """A value with its standard error, as many digits as that has: "199.99990 +- 0.00012 MHz"."""
    value, error = value / scale, error / scale
    digits = max(0, 1 - int(np.floor(np.log10(error)))) if error > 0 else 3
    return f"{value:.{digits}f} +- {error:.{digits}f} {unit}".rstrip()
