"""Herald rate block by block, and the balance of the four herald patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from postprocess.drawing.drawn import PATTERN_NAMES, Drawing
from postprocess.drawing.results_file import Results
from postprocess.figures import canvas
from postprocess.figures.table import Table
from postprocess.shaping.dataset_values import tally
from postprocess.shaping.heralds_view import COUNTS, SMOOTHING_BLOCKS, HeraldsView, heralds_view

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NOTE = "Heralds per second of machine time in each block; shares of the patterns with binomial standard errors."


def heralds(results: Results, window: int | None) -> Drawing | None:
    """Herald rate per block with its moving mean, and the shares of the herald patterns."""
    view = heralds_view(results.values)
    if view is None:
        return None
    tables = {
        "rate": Table(_NOTE, {"block": view.blocks.astype(np.int64), "rate_hz": view.rates, "mean_hz": view.smooth})
    }
    counts = tally(results.values, COUNTS)
    if len(view.shares) and counts is not None:
        balance = {
            "pattern": np.array(PATTERN_NAMES),
            "heralds": counts.astype(np.int64),
            "percent": view.shares,
            "standard_error_percent": view.errors,
        }
        tables["patterns"] = Table(_NOTE, balance)
    return Drawing("heralds", tables, lambda: _draw(results, view))


def _draw(results: Results, view: HeraldsView) -> Figure:
    figure, (left, right) = canvas.new_figure(
        view.title, "", _NOTE, panels=2, tall_in=3.6, wide_in=9.0, below_title=results.below_title
    )
    left.plot(view.blocks, view.rates, "o", color=canvas.BLUE, markersize=3, alpha=0.7, label="each block")
    left.plot(view.blocks, view.smooth, color=canvas.VERMILION, linewidth=1.4,
              label=f"mean of the latest {SMOOTHING_BLOCKS}")  # fmt: skip
    left.set_ylim(0, view.top)
    left.set_xlim(0, len(view.blocks) + 1)
    canvas.label(left, "block", "heralds per second")
    canvas.legend(left, loc="lower right")
    right.axhline(100 / len(PATTERN_NAMES), color=canvas.BLACK, linewidth=0.9, linestyle="--", zorder=3)
    if len(view.shares):
        right.bar(PATTERN_NAMES, view.shares, yerr=view.errors, width=0.6, color=canvas.SKY, capsize=3)
        for place, words in enumerate(view.counts):
            right.annotate(words, (place, 0), (0, 5), textcoords="offset points", ha="center", fontsize=8)
    canvas.label(right, "herald pattern (APD 3 2 1 0)", "share (%)")
    return figure
