"""Figure S15a: key rate of a Bell state in white noise, against its visibility."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from postprocess.figures import canvas
from postprocess.figures.table import Progress, Settings, Table
from postprocess.security import asymptotic_key_rate, depolarising
from postprocess.security.curves import depolarising_key_rates

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROUNDS = (3e5, 1e6, 1e7, 1e8, 1e10)
_LOWEST = 0.85
_NOTE = (
    "All curves are computed, for a Bell state of visibility V in white noise: S = 2 sqrt(2) V, Q = (1 - V)/2. Largest "
    "ell of Proposition 2 over n at eps_snd = 1e-10, with the best gamma at every point and the paper's syndrome "
    "length (equation 23). Infinite n: eta(omega) - h(Q)."
)


def tables(settings: Settings, progress: Progress) -> dict[str, Table]:
    """Rates over V for each n, float64; a column per n."""
    visibilities = np.linspace(_LOWEST, 1.0, settings.points)
    columns = {"visibility": visibilities}
    for place, rounds in enumerate(ROUNDS):
        rates = []
        for step, visibility in enumerate(visibilities):
            progress((place + step / settings.points) / len(ROUNDS), f"n = {rounds:.0e}")
            rates.append(depolarising_key_rates([visibility], rounds)[0])
        columns[_name(rounds)] = np.array(rates)
    columns[_name(np.inf)] = np.array([asymptotic_key_rate(*depolarising(v)) for v in visibilities])
    progress(1.0, "done")
    return {"": Table(_NOTE, columns)}


def draw(data: dict[str, Table]) -> Figure:
    """The figure from its table."""
    table = data[""]
    figure, (axes,) = canvas.new_figure("Key rate in the depolarising model", "figure S15a", _NOTE)
    for rounds, colour, dashes in zip((*ROUNDS, np.inf), canvas.PALETTE, canvas.DASHES, strict=False):
        rate = table[_name(rounds)]
        name = f"n = {canvas.power_of_ten(rounds)}"
        axes.plot(
            *canvas.down_to_zero(table["visibility"], rate), color=colour, linestyle=dashes, linewidth=1.8, label=name
        )
    axes.set_xlim(_LOWEST, 1.002)
    axes.set_ylim(bottom=0)
    canvas.label(axes, "visibility V", "key rate $\\ell/n$ (bits per round)")
    canvas.legend(axes, loc="upper left")
    top = axes.secondary_xaxis("top", functions=(_error_percent, _visibility))
    top.set_xlabel("error rate Q (%)", fontsize=9)
    top.tick_params(labelsize=8)
    return figure


def _error_percent(visibility):
    return 50 * (1 - visibility)


def _visibility(error_percent):
    return 1 - error_percent / 50


def _name(rounds: float) -> str:
    return f"rate_n{rounds:.3g}_bits_per_round".replace("+", "")
