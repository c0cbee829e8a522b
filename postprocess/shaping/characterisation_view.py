"""Moving averages of S and Q with their 95 % bands, of a run that was declared a characterisation before it began."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from postprocess.shaping.apparatus_marks import apparatus_names, data_marks
from postprocess.shaping.dataset_values import Values, columns, whole
from postprocess.shaping.worded_numbers import spaced

RUN = "diqkd.characterisation"
CLASSICAL, QUANTUM = 2.0, 2.0 * math.sqrt(2.0)
"""Bounds of the CHSH score: local hidden variables, and quantum mechanics (Tsirelson)."""
CURVES = ("round", "score", "score_low", "score_high", "qber", "qber_low", "qber_high")
DATASETS = (*(f"{RUN}.{name}" for name in CURVES), f"{RUN}.window_rounds", *apparatus_names(RUN))


@dataclass(frozen=True)
class Curve:
    """A moving average with its band, float64 arrays of shape (n,), and the (bottom, top) of its axis."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    axis: tuple[float, float]


@dataclass(frozen=True)
class CharacterisationView:
    """What is drawn.

    Attributes:
        title: width of the window, latest S and Q.
        rounds: float64, shape (n,): last round of each window.
        score: S.
        qber: Q in percent.
        warnings: see shaping.apparatus_marks.
    """

    title: str
    rounds: np.ndarray
    score: Curve
    qber: Curve
    warnings: list[str]


def characterisation_view(values: Values) -> CharacterisationView | None:
    """What to show, None before the first point."""
    found = columns(values, *(f"{RUN}.{name}" for name in CURVES))
    if found is None:
        return None
    known = np.isfinite(found[0])
    if not known.any():
        return None
    rounds, score, score_low, score_high, *errors = (each[known] for each in found)
    qber, qber_low, qber_high = (100 * each for each in errors)
    bottom, top = axis(score, score_low, score_high)
    return CharacterisationView(
        title=_title(whole(values, f"{RUN}.window_rounds"), score[-1], score_low[-1], score_high[-1], qber[-1]),
        rounds=rounds,
        score=Curve(score, score_low, score_high, (min(bottom, CLASSICAL - 0.05), max(top, QUANTUM + 0.2))),
        qber=Curve(qber, qber_low, qber_high, (0.0, max(axis(qber, qber_low, qber_high)[1], 1.0))),
        warnings=data_marks(values, RUN),
    )


def _title(window: int | None, score: float, low: float, high: float, qber: float) -> str:
    width = f"Last {spaced(window)} rounds" if window else "Moving average"
    latest = f"S = {score:.3f} ({low:.3f} to {high:.3f}), Q = {qber:.2f} %"
    return f"{width}: {latest}" if math.isfinite(score) and math.isfinite(qber) else f"{width}, 95 % bands"


def axis(mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """Bottom and top that hold the curve and a usual band: the first few rounds' wide one must not flatten the rest."""
    known = np.isfinite(mean) & np.isfinite(low) & np.isfinite(high)
    if not known.any():
        return math.inf, -math.inf
    margin = 1.5 * float(np.median((high - low)[known]))
    return float(mean[known].min()) - margin, float(mean[known].max()) + margin
