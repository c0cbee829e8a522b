"""Small charts as inline SVG: a line and bars, in the size of the page, with nothing from outside."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from postprocess.shaping.worded_numbers import spaced

WIDE, TALL = 480, 200
LEFT, RIGHT, TOP, BOTTOM = 92, 12, 10, 40
MOST_POINTS = 1500
BLUE, RED, GREY = "#0072B2", "#D55E00", "#dddddd"


def line_chart(
    x: NDArray, y: NDArray, x_label: str, y_label: str, *, points: bool = False, smooth: NDArray | None = None
) -> str:
    """y over x from zero on, as a line, or as points with a smooth line; float64 (n,), n at least 1."""
    right, top = float(np.max(x)) or 1.0, float(np.max(y)) * 1.05 or 1.0
    chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).astype(int))
    places = list(zip(_across(x[chosen], right), _up(y[chosen], top), strict=True))
    marks = (
        "".join(f'<circle cx="{h:.1f}" cy="{v:.1f}" r="1.6" fill="{BLUE}" fill-opacity="0.6"/>' for h, v in places)
        if points
        else _path(places, BLUE)
    )
    if smooth is not None:
        marks += _path(zip(_across(x[chosen], right), _up(smooth[chosen], top), strict=True), RED)
    return _framed(marks, right, top, x_label, y_label, f"{y_label} against {x_label}")


def bar_chart(names: Sequence[str], heights: NDArray, errors: NDArray, level: float, y_label: str) -> str:
    """Bars with error bars, and a dashed line at `level`."""
    top = 1.1 * max(float(np.max(heights + errors)), level)
    step = (WIDE - LEFT - RIGHT) / len(names)
    drawn = []
    for place, (name, height, error) in enumerate(zip(names, heights, errors, strict=True)):
        middle = LEFT + (place + 0.5) * step
        upper, lower = _up(np.array([height + error, height - error]), top)
        at = float(_up(np.array([height]), top)[0])
        drawn.append(
            f'<rect x="{middle - 0.3 * step:.1f}" y="{at:.1f}" width="{0.6 * step:.1f}" '
            f'height="{TALL - BOTTOM - at:.1f}" fill="{BLUE}"/>'
            f'<path d="M{middle:.1f} {upper:.1f}V{lower:.1f}" stroke="#000" stroke-width="1.5"/>'
            f'<text x="{middle:.1f}" y="{TALL - BOTTOM + 15}" text-anchor="middle">{escape(name)}</text>'
        )
    even = float(_up(np.array([level]), top)[0])
    drawn.append(f'<path d="M{LEFT} {even:.1f}H{WIDE - RIGHT}" stroke="#000" stroke-dasharray="5 3"/>')
    return _framed("".join(drawn), None, top, "herald pattern (APD 3 2 1 0)", y_label, f"{y_label} of each pattern")


def _across(x: NDArray, right: float) -> NDArray:
    return LEFT + (WIDE - LEFT - RIGHT) * x / right


def _up(y: NDArray, top: float) -> NDArray:
    return TALL - BOTTOM - (TALL - BOTTOM - TOP) * np.asarray(y) / top


def _path(places: Iterable[tuple[float, float]], colour: str) -> str:
    known = [f"{h:.1f} {v:.1f}" for h, v in places if math.isfinite(v)]
    return f'<path d="M{" L".join(known)}" fill="none" stroke="{colour}" stroke-width="1.8"/>' if known else ""


def _framed(marks: str, right: float | None, top: float, x_label: str, y_label: str, title: str) -> str:
    grid = []
    for tick in _ticks(top):
        at = float(_up(np.array([tick]), top)[0])
        grid.append(f'<path d="M{LEFT} {at:.1f}H{WIDE - RIGHT}" stroke="{GREY}"/>')
        grid.append(f'<text x="{LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
    for tick in _ticks(right) if right is not None else ():
        at = float(_across(np.array([tick]), right or 1.0)[0])
        grid.append(f'<path d="M{at:.1f} {TOP}V{TALL - BOTTOM}" stroke="{GREY}"/>')
        grid.append(f'<text x="{at:.1f}" y="{TALL - BOTTOM + 15}" text-anchor="middle">{_number(tick)}</text>')
    middle = (TALL - BOTTOM + TOP) / 2
    return (
        f'<svg viewBox="0 0 {WIDE} {TALL}" role="img" aria-label="{escape(title)}">{"".join(grid)}{marks}'
        f'<path d="M{LEFT} {TOP}V{TALL - BOTTOM}H{WIDE - RIGHT}" fill="none" stroke="#000"/>'
        f'<text x="{(LEFT + WIDE - RIGHT) / 2}" y="{TALL - 6}" text-anchor="middle">{escape(x_label)}</text>'
        f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text></svg>'
    )


def _ticks(end: float) -> list[float]:
    """Round numbers from 0 to `end`, four to nine of them."""
    power = 10.0 ** math.floor(math.log10(end / 4))
    step = next(factor * power for factor in (1, 2, 5, 10) if end / (factor * power) <= 8)
    return [step * place for place in range(math.floor(end / step + 1e-9) + 1)]


def _number(tick: float) -> str:
    return spaced(round(tick)) if tick >= 1000 else f"{tick:g}"
