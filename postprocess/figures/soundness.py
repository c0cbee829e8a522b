"""Figure S16: what the soundness error costs, and the best share of test rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from postprocess.figures import canvas
from postprocess.figures.table import Progress, Settings, Table
from postprocess.security.curves import FIGURE_4_LINKS, PAPER_GAMMA, key_rates_by_error, optimal_gammas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROUNDS = (1.5e6, 5e6, 5e7)
LINK = (2.64, 0.018)
_NOTE_A = (
    "a, computed: largest ell of Proposition 2 over n for S = 2.64, Q = 1.8 %, gamma = 13/256; circle: the paper's "
    "session, eps_snd = 1e-10."
)
_NOTE_B = (
    "b, computed: gamma with the longest key at eps_snd = 1e-10, drawn where there is a key; circle: 13/256, the "
    "paper's choice."
)


def tables(settings: Settings, progress: Progress) -> dict[str, Table]:
    """Panel a: rate over eps_snd from 1e-17 to 1e-2, per n. Panel b: best gamma over n, per link. float64."""
    errors = np.logspace(-17, -2, settings.points)
    by_error = {"eps_snd": errors}
    for rounds in ROUNDS:
        progress(0.0, f"n = {rounds:.1e}")
        by_error[_rate(rounds)] = key_rates_by_error(errors, round(rounds), *LINK, PAPER_GAMMA)
    numbers = np.logspace(5.5, 10, settings.points).round()
    by_rounds = {"rounds": numbers.astype(np.int64)}
    for place, link in enumerate(FIGURE_4_LINKS):
        gammas = []
        for step, number in enumerate(numbers):
            progress((place + step / settings.points) / len(FIGURE_4_LINKS), f"S = {link[0]}, Q = {link[1]}")
            gammas.append(optimal_gammas([number], *link)[0])
        by_rounds[_gamma(*link)] = np.array(gammas)
    progress(1.0, "done")
    return {"a": Table(_NOTE_A, by_error), "b": Table(_NOTE_B, by_rounds)}


def draw(data: dict[str, Table]) -> Figure:
    """Both panels from their tables."""
    title = "Soundness error and share of test rounds"
    figure, (left, right) = canvas.new_figure(title, "figure S16", f"{_NOTE_A} {_NOTE_B}", panels=2)
    for rounds, colour, dashes in zip(ROUNDS, canvas.PALETTE, canvas.DASHES, strict=False):
        rate = data["a"][_rate(rounds)]
        name = f"n = {canvas.power_of_ten(rounds)}"
        left.plot(
            *canvas.down_to_zero(data["a"]["eps_snd"], rate, log=True),
            color=colour,
            linestyle=dashes,
            linewidth=1.8,
            label=name,
        )
    left.plot(1e-10, 95_884 / 1_500_000, "o", color=canvas.BLACK, fillstyle="none", markersize=7, markeredgewidth=1.6,
              label="paper's session")  # fmt: skip
    left.set_xscale("log")
    left.set_ylim(bottom=0)
    left.set_title("a", loc="left", fontweight="bold")
    canvas.label(left, "soundness error $\\varepsilon_\\mathrm{snd}$", "key rate $\\ell/n$ (bits per round)")
    canvas.legend(left, loc="best")
    for link, colour, dashes in zip(FIGURE_4_LINKS, canvas.PALETTE, canvas.DASHES, strict=False):
        name = f"S = {link[0]:.2f}, Q = {100 * link[1]:.1f} %"
        right.plot(data["b"]["rounds"], 100 * data["b"][_gamma(*link)], color=colour, linestyle=dashes, linewidth=1.8,
                   label=name)  # fmt: skip
    right.plot(1.5e6, 100 * float(PAPER_GAMMA), "o", color=canvas.BLACK, fillstyle="none", markersize=7,
               markeredgewidth=1.6, label="paper's session")  # fmt: skip
    right.set_xscale("log")
    right.set_ylim(bottom=0)
    right.set_title("b", loc="left", fontweight="bold")
    canvas.label(right, "rounds n", "best share of test rounds $\\gamma$ (%)")
    canvas.legend(right, loc="upper right")
    return figure


def _rate(rounds: float) -> str:
    return f"rate_n{rounds:.3g}_bits_per_round".replace("+", "")


def _gamma(score: float, qber: float) -> str:
    return f"gamma_S{score}_Q{qber}"
