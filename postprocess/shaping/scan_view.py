"""A calibration scan: points with error bars, a fit once there is one, and its result in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from postprocess.shaping.apparatus_marks import apparatus_names, data_marks
from postprocess.shaping.dataset_values import Values, columns, text

RUN = "diqkd.calibration"
SCAN = f"{RUN}.scan"
WORDS, POINTS, FIT = ("title", "x_label", "y_label", "result"), ("x", "y", "y_low", "y_high"), ("fit_x", "fit_y")
DATASETS = (*(f"{SCAN}.{name}" for name in (*WORDS, *POINTS, *FIT)), *apparatus_names(RUN))


@dataclass(frozen=True)
class ScanView:
    """What is drawn: words, points with the lengths of their error bars, fitted curve; float64 arrays.

    Attributes:
        x, y, below, above: shape (n,).
        fit_x, fit_y: shape (m,), empty until fitted.
        result: one line, empty until fitted.
        warnings: see shaping.apparatus_marks.
    """

    title: str
    x_label: str
    y_label: str
    x: np.ndarray
    y: np.ndarray
    below: np.ndarray
    above: np.ndarray
    fit_x: np.ndarray
    fit_y: np.ndarray
    result: str
    warnings: list[str]


def scan_view(values: Values) -> ScanView | None:
    """What to show, None before the first point."""
    points = columns(values, *(f"{SCAN}.{name}" for name in POINTS))
    if points is None:
        return None
    known = np.isfinite(points[0]) & np.isfinite(points[1])
    if not known.any():
        return None
    x, y, low, high = (each[known] for each in points)
    fit_x, fit_y = columns(values, *(f"{SCAN}.{name}" for name in FIT)) or (np.empty(0), np.empty(0))
    words = {name: text(values, f"{SCAN}.{name}") or "" for name in WORDS}
    return ScanView(
        **words,
        x=x,
        y=y,
        below=np.nan_to_num(np.maximum(y - low, 0.0)),
        above=np.nan_to_num(np.maximum(high - y, 0.0)),
        fit_x=fit_x,
        fit_y=fit_y,
        warnings=data_marks(values, RUN),
    )
