"""Figure S15b: fewest rounds with a positive key, over the expected score and error rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from postprocess.figures import canvas
from postprocess.figures.table import Progress, Settings, Table
from postprocess.security.curves import tolerated_qbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROUNDS = (3e5, 5e5, 1e6, 3e6, 1e7, 1e8, 1e10, math.inf)
_SCORES = (2.2, 2 * math.sqrt(2))
_HIGHEST = 8.0
_CLEARANCE = 0.7  # per cent of Q between a label's place and the dashed line
_NOTE = (
    "Computed: on each line the fewest rounds with ell > 0 (Proposition 2, eps_snd = 1e-10, best gamma, syndrome "
    "length of equation 23) equal the number written; below it fewer suffice. Infinite n: eta(omega) = h(Q), no key "
    "above. Dashed: Bell state in white noise. Marks: published links of the session (S = 2.64, Q = 1.8 %) and of the "
    "characterisation (S = 2.677, Q = 1.44 %)."
)


def tables(settings: Settings, progress: Progress) -> dict[str, Table]:
    """Largest Q with a key, for each S and n, float64; a column per n, nan where there is none."""
    scores = np.linspace(*_SCORES, settings.points)
    columns = {"score": scores}
    for place, rounds in enumerate(ROUNDS):
        qbers = []
        for step, score in enumerate(scores):
            progress((place + step / settings.points) / len(ROUNDS), f"n = {rounds:.0e}")
            qbers.append(tolerated_qbers([score], rounds)[0])
        columns[_name(rounds)] = np.array(qbers)
    progress(1.0, "done")
    return {"": Table(_NOTE, columns)}


def draw(data: dict[str, Table]) -> Figure:
    """The figure from its table."""
    from matplotlib import colormaps

    table = data[""]
    figure, (axes,) = canvas.new_figure("Fewest rounds with a positive key", "figure S15b", _NOTE)
    scores = table["score"]
    shades = colormaps["cividis_r"](np.linspace(0.0, 0.85, len(ROUNDS)))
    fine = np.linspace(*_SCORES, 2000)
    below = np.zeros_like(fine)
    for rounds, shade in zip(ROUNDS, shades, strict=True):
        top = _interpolated(fine, *canvas.down_to_zero(scores, 100 * table[_name(rounds)]))
        above = np.maximum(below, top)
        axes.fill_between(fine, below, above, color=shade, alpha=0.55, linewidth=0)
        axes.plot(fine, np.where(top > 0, top, np.nan), color=canvas.BLACK, linewidth=1.0)
        below = above
    _write_numbers(axes, table)
    axes.plot(scores, _white_noise(scores), "--", color=canvas.VERMILION, linewidth=1.6,
              label="Bell state in white noise")  # fmt: skip
    axes.plot(2.64, 1.8, "o", color=canvas.BLACK, markerfacecolor="white", markersize=7, label="paper's session")
    axes.plot(2.677, 1.44, "D", color=canvas.BLACK, markerfacecolor="white", markersize=6, label="characterisation")
    axes.set_xlim(*_SCORES)
    axes.set_ylim(0, _HIGHEST)
    canvas.label(axes, "expected CHSH score S", "expected error rate Q (%)")
    axes.text(2.225, 4.6, "no key", fontsize=10, fontstyle="italic")
    canvas.legend(axes, loc="upper left")
    return figure


def _white_noise(score):
    """Q in per cent of a Bell state in white noise."""
    return 50 * (1 - score / (2 * math.sqrt(2)))


def _interpolated(fine: np.ndarray, scores: np.ndarray, line: np.ndarray) -> np.ndarray:
    return np.interp(fine, scores, line, left=0.0) if scores.size else np.zeros_like(fine)


def _write_numbers(axes: Axes, table: Table) -> None:
    """Each line's n on the line, clear of the dashed one; the two leftmost nearly touch and have theirs outside."""
    for place, rounds in enumerate(ROUNDS):
        line = 100 * table[_name(rounds)]
        known = np.isfinite(line)
        if not known.any():
            continue
        low, high = line[known][0], min(line[known][-1], _HIGHEST)
        shares = (0.6,) if math.isinf(rounds) else ((0.5, 0.8)[place % 2], 0.65, 0.35)
        places = [(low + (high - low) * share, share) for share in shares]
        scores = [float(np.interp(height, line[known], table["score"][known])) for height, _ in places]
        clear = [abs(height - _white_noise(score)) > _CLEARANCE
                 for (height, _), score in zip(places, scores, strict=True)]  # fmt: skip
        chosen = clear.index(True) if True in clear else len(clear) - 1
        height, score = places[chosen][0], scores[chosen]
        side = {math.inf: "right", 1e10: "left"}.get(rounds, "right" if score > 2.75 else "center")
        box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
        shift = {"right": -5 if True in clear else -16, "left": 4, "center": 0}[side]
        words = r"$n\to\infty$" if math.isinf(rounds) else canvas.power_of_ten(rounds)
        axes.annotate(words, (score, height), xytext=(shift, 0), textcoords="offset points",
                      ha=side, va="center", fontsize=8.5, bbox=box)  # fmt: skip


def _name(rounds: float) -> str:
    return f"tolerated_Q_n{rounds:.3g}".replace("+", "")
