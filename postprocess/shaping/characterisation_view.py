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
SECOND = ("qber2", "qber2_low", "qber2_high")
"""Of the second key basis, where there is one."""
ROOM_FOR_LEGEND = 1.3
DATASETS = (*(f"{RUN}.{name}" for name in (*CURVES, *SECOND)), f"{RUN}.window_rounds", *apparatus_names(RUN))


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
        title: width of the window, latest S and error rates.
        rounds: float64, shape (n,): last round of each window.
        score: S.
        qber: Q in percent.
        qber2: Q_1 of the second key basis in percent, None without one.
        warnings: see shaping.apparatus_marks.
    """

    title: str
    rounds: np.ndarray
    score: Curve
    qber: Curve
    qber2: Curve | None
    warnings: list[str]


def characterisation_view(values: Values) -> CharacterisationView | None:
    """What to show, None before the first point."""
    found = columns(values, *(f"{RUN}.{name}" for name in CURVES))
    if found is None:
        return None
    known = np.isfinite(found[0])
    if not known.any():
        return None
    second = columns(values, f"{RUN}.round", *(f"{RUN}.{name}" for name in SECOND))
    rounds, score, score_low, score_high, *errors = (each[known] for each in found)
    qber, qber2 = _rate(*errors), None
    if second is not None and len(second[0]) == len(known):
        qber2 = _rate(*(each[known] for each in second[1:]))
        highest = ROOM_FOR_LEGEND * max(qber.axis[1], qber2.axis[1])
        qber, qber2 = (Curve(each.mean, each.low, each.high, (0.0, highest)) for each in (qber, qber2))
    bottom, top = axis(score, score_low, score_high)
    return CharacterisationView(
        title=_title(whole(values, f"{RUN}.window_rounds"), score[-1], score_low[-1], score_high[-1], qber, qber2),
        rounds=rounds,
        score=Curve(score, score_low, score_high, (min(bottom, CLASSICAL - 0.05), max(top, QUANTUM + 0.2))),
        qber=qber,
        qber2=qber2,
        warnings=data_marks(values, RUN),
    )


def _rate(mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> Curve:
    """An error rate in percent, of one from 0 to 1."""
    mean, low, high = 100 * mean, 100 * low, 100 * high
    return Curve(mean, low, high, (0.0, max(axis(mean, low, high)[1], 1.0)))


def _title(window: int | None, score: float, low: float, high: float, qber: Curve, qber2: Curve | None) -> str:
    width = f"Last {spaced(window)} rounds" if window else "Moving average"
    rates = {"Q": qber} if qber2 is None else {"Q₀": qber, "Q₁": qber2}
    if not all(math.isfinite(each) for each in (score, *(rate.mean[-1] for rate in rates.values()))):
        return f"{width}, 95 % bands"
    told = ", ".join(f"{name} = {rate.mean[-1]:.2f} %" for name, rate in rates.items())
    return f"{width}: S = {score:.3f} ({low:.3f} to {high:.3f}), {told}"


def axis(mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """Bottom and top that hold the curve and a usual band: the first few rounds' wide one must not flatten the rest."""
    known = np.isfinite(mean) & np.isfinite(low) & np.isfinite(high)
    if not known.any():
        return math.inf, -math.inf
    margin = 1.5 * float(np.median((high - low)[known]))
    return float(mean[known].min()) - margin, float(mean[known].max()) + margin
