"""Table S4 of a characterisation, P(A, B | X, Y), and S and Q per herald pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from contract.round_settings import KEY_SETTING
from postprocess.characterisation.block_counts import SHAPES, wilson_band
from postprocess.characterisation.link import SETTINGS, settings_of
from postprocess.drawing.drawn import PATTERN_NAMES, Drawing, counts_of, share_errors
from postprocess.drawing.results_file import Results
from postprocess.figures import canvas
from postprocess.figures.table import Table
from postprocess.shaping.characterisation_view import ROOM_FOR_LEGEND
from postprocess.shaping.worded_numbers import spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RUN = "diqkd.characterisation"
_S4 = (
    "Shares of the rounds with these settings, Alice's outcome A first, and multinomial standard errors. For X = Y = 1 "
    "a round is won where A and B differ, else where they agree."
)
_PATTERNS = "Bars: 95 %, of S from the errors of the correlators, of Q by Wilson. Dashed: all patterns together."
SIGMAS_95 = 1.96


def table_s4(results: Results, window: int | None) -> Drawing | None:
    """P(A, B | X, Y) of the protocol's settings with multinomial errors."""
    counts = _counts(results)
    if counts is None:
        return None
    settings = np.array(settings_of(counts))
    found = np.array([counts[:, x, y].sum(axis=0) for x, y in settings])
    shares, errors = share_errors(found, (1, 2))
    row, a, b = (each.ravel() for each in np.indices(found.shape))
    table = {
        "x": settings[row, 0],
        "y": settings[row, 1],
        "a": a,
        "b": b,
        "rounds": found.ravel().astype(np.int64),
        "probability": shares.ravel(),
        "standard_error": errors.ravel(),
    }
    return Drawing("table_S4", {"": Table(_S4, table)}, lambda: _draw_s4(results, settings, found, shares, errors))


def _counts(results: Results) -> np.ndarray | None:
    """Rounds by pattern, X, Y, A, B with one key basis or two."""
    counts = (counts_of(results.values, f"{RUN}.counts", 4, *shape) for shape in SHAPES)
    return next((found for found in counts if found is not None), None)


def _draw_s4(
    results: Results, settings: np.ndarray, counts: np.ndarray, shares: np.ndarray, errors: np.ndarray
) -> Figure:
    figure, panels = canvas.new_figure(
        "Outcomes of every setting, P(A, B | X, Y)", "", _S4, panels=len(settings), tall_in=3.1,
        wide_in=2.3 * len(settings), below_title=results.below_title,
    )  # fmt: skip
    for axes, (x, y), share, error, count in zip(panels, settings, shares, errors, counts, strict=True):
        axes.grid(False)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=0.6)
        for a in (0, 1):
            for b in (0, 1):
                words = f"{share[a, b]:.4f}\n± {error[a, b]:.4f}" if np.isfinite(share[a, b]) else "none"
                dark = share[a, b] > 0.36
                axes.text(b, a, words, ha="center", va="center", fontsize=9, color="white" if dark else "black")
        axes.set_xticks((0, 1), ("B = 0", "B = 1"))
        axes.set_yticks((0, 1), ("A = 0", "A = 1"))
        axes.tick_params(length=0)
        axes.set_title(f"X = {x}, Y = {y}\n{spaced(int(count.sum()))} rounds", fontsize=9.5)
    return figure


def patterns(results: Results, window: int | None) -> Drawing | None:
    """S and Q of each herald pattern, from the counts."""
    counts = _counts(results)
    if counts is None:
        return None
    every = np.concatenate((counts, counts.sum(axis=0, keepdims=True)))
    score, score_error = scores_of(every)
    table = {
        "pattern": np.array([*PATTERN_NAMES, "all"]),
        "score": score,
        "score_standard_error": score_error,
        **_rates_of(every, 0, "qber"),
        **(_rates_of(every, 1, "qber2") if len(settings_of(counts)) == len(SETTINGS) else {}),
        "rounds": every.sum(axis=(1, 2, 3, 4)).astype(np.int64),
    }
    return Drawing("patterns", {"": Table(_PATTERNS, table)}, lambda: _draw_patterns(results, table))


def _rates_of(counts: np.ndarray, basis: int, name: str) -> dict[str, np.ndarray]:
    """Columns of Q_r with its 95 % interval for counts (k, X, Y, A, B)."""
    of_basis = counts[:, basis, KEY_SETTING + basis]
    number = of_basis.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = (of_basis[:, 0, 1] + of_basis[:, 1, 0]) / number
    low, high = wilson_band(rate, number)
    return {name: rate, f"{name}_low_95": low, f"{name}_high_95": high}


def scores_of(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """S and its standard error of counts (k, X, Y, A, B); NaN where a setting is missing."""
    rounds, same = counts.sum(axis=(3, 4)), counts[..., 0, 0] + counts[..., 1, 1]
    differing, errors = share_errors(np.stack((rounds - same, same), axis=-1), -1)
    correlators = 1 - 2 * differing[..., 0]
    signs = np.array(((1, 1), (1, -1)))
    score = (signs * correlators[:, :, :KEY_SETTING]).sum(axis=(1, 2))
    spread = 2 * np.sqrt((errors[:, :, :KEY_SETTING, 0] ** 2).sum(axis=(1, 2)))
    return score, spread


def _draw_patterns(results: Results, table: dict[str, np.ndarray]) -> Figure:
    figure, (left, right) = canvas.new_figure(
        "S and Q of each herald pattern", "", _PATTERNS, panels=2, tall_in=3.4, wide_in=8.0,
        below_title=results.below_title,
    )  # fmt: skip
    _points(left, table["score"], (SIGMAS_95 * table["score_standard_error"],) * 2, canvas.BLUE)
    two = "qber2" in table
    for name, words, colour in (("qber", "Q_0", canvas.VERMILION), ("qber2", "Q_1", canvas.GREEN)):
        if name in table:
            rate, low, high = (100 * table[name + end] for end in ("", "_low_95", "_high_95"))
            _points(right, rate, (rate - low, high - rate), colour, f"${words}$" if two else None)
    right.set_ylim(0, None)
    if two:
        right.set_ylim(0, ROOM_FOR_LEGEND * right.get_ylim()[1])
        right.legend(loc="upper left", ncols=2)
    canvas.label(left, "herald pattern (APD 3 2 1 0)", "CHSH score S")
    canvas.label(right, "herald pattern (APD 3 2 1 0)", "error rates Q (%)" if two else "error rate Q (%)")
    return figure


def _points(
    axes: Axes, y: np.ndarray, bars: tuple[np.ndarray, np.ndarray], colour: str, words: str | None = None
) -> None:
    places = np.arange(len(PATTERN_NAMES))
    part = slice(0, len(places))
    axes.errorbar(places, y[part], [each[part] for each in bars], fmt="o", color=colour, capsize=3, label=words)
    axes.axhline(y[-1], color=canvas.BLACK if words is None else colour, linewidth=0.9, linestyle="--")
    axes.set_xticks(places, PATTERN_NAMES)
    axes.set_xlim(-0.5, len(places) - 0.5)
