"""Readout histograms of ions prepared dark and bright, and what the threshold gets wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from postprocess.shaping.apparatus_marks import apparatus_names, data_marks
from postprocess.shaping.dataset_values import Values, tally, whole
from postprocess.shaping.worded_numbers import spaced

RUN = "diqkd.calibration"
DARK, BRIGHT, THRESHOLD = (f"{RUN}.histogram.{name}" for name in ("dark", "bright", "threshold"))
DATASETS = (DARK, BRIGHT, THRESHOLD, *apparatus_names(RUN))
FLOOR = 0.5
"""Where the logarithmic axis begins: bins without a shot stand there."""


@dataclass(frozen=True)
class HistogramView:
    """What is drawn.

    Attributes:
        title: what the threshold gets wrong.
        edges: float64, shape (n + 1,): bin k reaches from k - 1/2 to k + 1/2 counts.
        dark, bright: float64, shape (n,): shots per bin, at least FLOOR.
        threshold: more counts than this are bright; None while unknown.
        warnings: see shaping.apparatus_marks.
    """

    title: str
    edges: np.ndarray
    dark: np.ndarray
    bright: np.ndarray
    threshold: int | None
    warnings: list[str]


def histogram_view(values: Values) -> HistogramView | None:
    """What to show, None before the first shots."""
    dark, bright = tally(values, DARK), tally(values, BRIGHT)
    if dark is None or bright is None or not dark.sum() + bright.sum() > 0:
        return None
    length = _used(dark, bright)
    dark, bright = _padded(dark, length), _padded(bright, length)
    threshold = whole(values, THRESHOLD)
    return HistogramView(
        title=_title(dark, bright, threshold),
        edges=np.arange(length + 1) - 0.5,
        dark=np.maximum(dark, FLOOR),
        bright=np.maximum(bright, FLOOR),
        threshold=threshold,
        warnings=data_marks(values, RUN),
    )


def _used(dark: np.ndarray, bright: np.ndarray) -> int:
    """Bins up to the last that has a shot."""
    return 1 + max(int(np.flatnonzero(each)[-1]) if each.any() else 0 for each in (dark, bright))


def _padded(shots: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([shots[:length], np.zeros(max(length - len(shots), 0))])


def wrong_shots(dark: np.ndarray, bright: np.ndarray, threshold: int) -> tuple[int, int]:
    """Dark shots read as bright (more counts than the threshold) and bright ones read as dark.

    Args:
        dark, bright: shape (n,): number of shots with k counts.
    """
    above = np.arange(len(dark)) > threshold
    return int(dark[above].sum()), int(bright[~above].sum())


def _title(dark: np.ndarray, bright: np.ndarray, threshold: int | None) -> str:
    if threshold is None:
        return "Readout, no threshold yet"
    dark_wrong, bright_wrong = wrong_shots(dark, bright, threshold)
    return (
        f"Bright above {threshold} counts. Dark read as bright: {_of(dark_wrong, dark)}; "
        f"bright read as dark: {_of(bright_wrong, bright)}"
    )


def _of(wrong: int, shots: np.ndarray) -> str:
    total = int(shots.sum())
    return f"{spaced(wrong)} of {spaced(total)} ({100 * wrong / total:.2g} %)" if total else "not measured"
