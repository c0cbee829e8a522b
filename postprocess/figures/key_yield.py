"""Key against rounds, by rule, extractor and syndrome, with the fewest rounds that give a key."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from postprocess.figures import canvas
from postprocess.figures.key_rate import RULE_CURVES, SECOND_BASIS, STATUS, link_by
from postprocess.figures.table import Progress, Settings, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCORE, QBER = 2.64, 0.018
SYNDROMES = ("paper", "tight")
MOST_POINTS = 24
_NOTE = (
    "All curves are computed for S = 2.64, Q = 1.8 %, eps_snd = 1e-10, a threshold three standard deviations below and "
    "the best gamma k/256 at every point. Solid: the paper's syndrome; dashed: 1.15 times the entropy or what this "
    "project's codes need (tight). Triangles: fewest rounds with a key. 'Own': of this project, not peer-reviewed."
    + SECOND_BASIS
)


def tables(settings: Settings, progress: Progress) -> dict[str, Table]:
    """Bits of key over n = 5 x 10^4 to 10^8, float64; a column per rule, extractor and syndrome."""
    rounds = np.logspace(np.log10(5e4), 8, min(settings.points, MOST_POINTS)).round().astype(np.int64)
    columns: dict[str, np.ndarray] = {"rounds": rounds}
    fewest: dict[str, np.ndarray] = {}
    cases = [(name, extractor, syndrome) for name, extractor in RULE_CURVES for syndrome in SYNDROMES]
    for place, (name, extractor, syndrome) in enumerate(cases):
        link = link_by(name, extractor, SCORE, QBER, syndrome)
        found = []
        for step, n in enumerate(rounds):
            progress((place + step / len(rounds)) / len(cases), f"rule {name}, {extractor}, {syndrome} syndrome")
            found.append(max(0.0, link.best_gamma(int(n))[1]))
        columns[_column(name, extractor, syndrome)] = np.array(found)
        fewest[_column(name, extractor, syndrome)] = np.array([_fewest_rounds(name, extractor, syndrome)])
    progress(1.0, "done")
    return {"": Table(_NOTE, columns), "fewest_rounds": Table("Computed: fewest rounds with a key.", fewest)}


@cache
def _fewest_rounds(name: str, extractor: str, syndrome: str) -> float:
    """nan where no number of rounds gives a key."""
    return link_by(name, extractor, SCORE, QBER, syndrome).fewest_rounds(1e9) or np.nan


def draw(data: dict[str, Table]) -> Figure:
    """The figure from its tables."""
    table, fewest = data[""], data["fewest_rounds"]
    figure, (axes,) = canvas.new_figure("Key against the number of rounds, by rule", "", _NOTE)
    for (name, extractor), colour in zip(RULE_CURVES, canvas.PALETTE, strict=False):
        for syndrome, style in zip(SYNDROMES, ("-", "--"), strict=True):
            column = _column(name, extractor, syndrome)
            bits = table[column]
            above = bits > 0
            label = f"{name}, {extractor} ({STATUS[name]})" if syndrome == "paper" else None
            axes.plot(table["rounds"][above], bits[above], style, color=colour, linewidth=1.6, label=label)
            first = float(fewest[column][0])
            if np.isfinite(first):
                axes.plot(first, 130.0, "^", color=colour, markersize=7, fillstyle="full" if style == "-" else "none")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(5e4, 1e8)
    axes.set_ylim(1e2, 1e8)
    canvas.label(axes, "rounds n", "key $\\ell$ (bits)")
    canvas.legend(axes, loc="upper left")
    return figure


def _column(name: str, extractor: str, syndrome: str) -> str:
    return f"{name}_{extractor}_{syndrome}_bits"
