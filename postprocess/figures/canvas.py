"""One look for all figures: size, colours for every eye, grid, and a caption that says what is what."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = (
    "#000000", "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9",
)  # fmt: skip
"""Okabe and Ito's palette (2008); curves also differ in line style or marker."""
PALETTE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (3, 1)))
_CAPTION_IN = 0.17
_SYMBOLS = {
    "ell": "$\\ell$", "gamma": "γ", "eps_snd": r"$\epsilon_\mathrm{snd}$", "omega": "ω",
    "omega_thr": r"$\omega_\mathrm{thr}$", "eta": "η",
}  # fmt: skip
_CHARACTERS_PER_IN = 17.0


def new_figure(
    title: str,
    source: str,
    caption: str,
    panels: int = 1,
    tall_in: float = 4.6,
    *,
    rows: Sequence[float] = (1.0,),
    wide_in: float | None = None,
    below_title: str | None = None,
) -> tuple[Figure, list[Axes]]:
    """Empty figure with rows of panels, a title that names the source figure, and a caption below.

    Args:
        title: what is shown.
        source: the paper's figure; empty for one that the paper does not have.
        caption: what is computed and what is measured.
        panels: number of axes side by side.
        tall_in: height without the caption, in inches.
        rows: heights of the rows of panels, relative to each other.
        wide_in: width in inches.
        below_title: a line instead of the one on `source`.

    Returns:
        Figure and axes; drawn without a display or a global state.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    width = wide_in or (7.2 if panels == 1 else 5.4 * panels)
    wrapped = textwrap.wrap(caption.replace(" %", "\u00a0%"), round(width * _CHARACTERS_PER_IN))
    lines = [with_symbols(line) for line in wrapped]
    below = 0.12 + _CAPTION_IN * len(lines)
    height = tall_in + below
    layout = ConstrainedLayoutEngine(rect=(0, below / height, 1, 1 - below / height), w_pad=0.08, h_pad=0.06)
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    figure.suptitle(f"{title}\n", fontsize=12, fontweight="bold")
    after = f"after Nadlinger et al., Nature 607, 682 (2022), {source}" if source else "planned with diqkd"
    after = after if below_title is None else below_title
    figure.text(0.5, 1 - 0.40 / height, after, ha="center", va="center", fontsize=8.5, color="#444444")
    figure.text(0.02, 0.06 / height, "\n".join(lines), fontsize=7.5, color="#444444", va="bottom", linespacing=1.25)
    grid = figure.add_gridspec(len(rows), panels, height_ratios=rows)
    axes = [figure.add_subplot(grid[row, column]) for row in range(len(rows)) for column in range(panels)]
    for panel in axes:
        panel.grid(True, which="major", color="#dddddd", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=9)
    return figure, axes


def with_symbols(caption: str) -> str:
    """A caption as it is drawn: names of quantities become the paper's symbols."""
    for word, symbol in _SYMBOLS.items():
        caption = re.sub(rf"\b{word}\b", symbol.replace("\\", r"\\"), caption)
    return re.sub(r"\bsqrt\((\d)\)", "√\\1", caption)


def label(axes: Axes, x: str, y: str) -> None:
    """Axis labels."""
    axes.set_xlabel(x, fontsize=10)
    axes.set_ylabel(y, fontsize=10)


def legend(axes: Axes, **options: Any) -> None:
    """A legend that stays readable over lines."""
    axes.legend(fontsize=8, framealpha=0.92, edgecolor="#cccccc", **options)


def down_to_zero(x: np.ndarray, y: np.ndarray, log: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The points of a rising curve that are above zero, with one put before them where it would leave the axis.

    Args:
        x, y: float64, x ascending; nan and negative y count as zero.
        log: x is drawn on a logarithmic axis.

    Returns:
        x and y to draw: the straight continuation of the first two points, but not beyond the last point without a key.
    """
    above = np.flatnonzero(np.nan_to_num(y) > 0)
    if above.size < 2 or above[0] == 0:
        return x[above], y[above]
    place = np.log(x) if log else x
    first, second = above[:2]
    slope = (y[second] - y[first]) / (place[second] - place[first])
    start = max(place[first] - y[first] / slope, place[first - 1]) if slope > 0 else place[first - 1]
    return np.append(np.exp(start) if log else start, x[above]), np.append(0.0, y[above])


def power_of_ten(value: float) -> str:
    """1e6 as 10^6, 1.5e6 as 1.5 x 10^6, infinity as its sign, for a legend."""
    if value == float("inf"):
        return r"$\infty$"
    mantissa, exponent = f"{value:.1e}".split("e")
    power = rf"10^{{{int(exponent)}}}"
    return f"${power}$" if mantissa == "1.0" else rf"${mantissa.removesuffix('.0')}\times{power}$"
