"""Figure 4: key rate against the number of rounds, for three links."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from postprocess.figures import canvas
from postprocess.figures.table import Progress, Settings, Table
from postprocess.security import asymptotic_key_rate
from postprocess.security.curves import FIGURE_4_LINKS, PAPER_GAMMA, key_rates
from postprocess.security.models import expected_second_qber
from postprocess.security.planning import PlannedLink, iid_ceiling
from postprocess.security.rules import rule_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RULE_CURVES = (
    ("proposition-2", "trevisan"),
    ("counting", "trevisan"),
    ("renyi", "trevisan"),
    ("renyi", "toeplitz"),
    ("two-bases", "trevisan"),
    ("two-bases", "toeplitz"),
)
STATUS = {
    "proposition-2": "published",
    "counting": "own counting step",
    "renyi": "own proof",
    "two-bases": "own proof, two key bases",
}
SECOND_BASIS = " With two key bases Q_1 = 4.9 %, what a Bell-diagonal state of this S and Q has at ideal angles."
_RULES = (
    " Right: the same for S = 2.64, Q = 1.8 % by every rule, with the status of its proof ('own': of this project, not "
    "peer-reviewed). I.i.d. ceiling: eta(omega_thr) - m/n, what rounds that all just reach the threshold would give "
    "with one key basis."
) + SECOND_BASIS
_RULES_NOTE = "Computed by rule: S = 2.64, Q = 0.018, gamma = 13/256, eps_snd = 1e-10, the paper's syndrome." + (
    SECOND_BASIS
)
PAPER_RUN = (1_500_000, 95_884)
"""n and ell of the paper's session."""
_NOTE = (
    "All curves are computed: largest ell of Proposition 2 over n, with gamma = 13/256, eps_snd = 1e-10, the paper's "
    "syndrome length (equation 23) and a threshold three standard deviations below the expected score; all free "
    "parameters optimised. Dotted lines: limit of many rounds at this gamma. Circle: the paper's session, 95 884 bits "
    "from 1 500 000 rounds."
)


def tables(settings: Settings, progress: Progress) -> dict[str, Table]:
    """Rates of the three links over n = 10^5 to 10^10, float64; column names carry S and Q."""
    rounds = np.unique(np.append(np.logspace(5, 10, settings.points).round(), PAPER_RUN[0]))
    columns = {"rounds": rounds.astype(np.int64)}
    for place, (score, qber) in enumerate(FIGURE_4_LINKS):
        progress(place / len(FIGURE_4_LINKS), f"S = {score}, Q = {qber}")
        columns[_name(score, qber)] = key_rates(rounds, score, qber)
    return {"": Table(_NOTE, columns), "rules": Table(_RULES_NOTE, _rule_rates(settings, progress))}


def link_by(rule: str, extractor: str, score: float, qber: float, syndrome: str = "paper") -> PlannedLink:
    """A link planned by a rule, with as few key bases as its proof wants."""
    bases = min(rule_named(rule).bases)
    qber2 = expected_second_qber(score, qber) if bases == 2 else None
    return PlannedLink(score, qber, rule_named(rule), extractor, syndrome, bases=bases, qber2=qber2)


def _rule_rates(settings: Settings, progress: Progress) -> dict[str, np.ndarray]:
    """Rates of the middle link by every rule, and the ceiling, over n = 10^5 to 10^10."""
    score, qber = FIGURE_4_LINKS[1]
    rounds = np.logspace(5, 10, settings.points).round().astype(np.int64)
    columns: dict[str, np.ndarray] = {"rounds": rounds}
    gamma = Fraction(PAPER_GAMMA)
    for place, (name, extractor) in enumerate(RULE_CURVES):
        progress(0.5 + 0.5 * place / len(RULE_CURVES), f"rule {name}, {extractor}")
        link = link_by(name, extractor, score, qber)
        columns[f"{name}_{extractor}"] = np.array([max(0.0, link.bits(int(n), gamma)) / n for n in rounds])
    link = link_by("renyi", "toeplitz", score, qber)
    columns["ceiling"] = np.array([max(0.0, iid_ceiling(link.problem(int(n), gamma))) / n for n in rounds])
    progress(1.0, "done")
    return columns


def draw(data: dict[str, Table]) -> Figure:
    """The figure from its table."""
    table = data[""]
    figure, (axes, rules) = canvas.new_figure("Key rate against the number of rounds", "figure 4", _NOTE + _RULES, 2)
    _draw_rules(rules, data["rules"])
    order = zip(FIGURE_4_LINKS, canvas.PALETTE, canvas.DASHES, strict=False)
    for (score, qber), colour, dashes in order:
        rate = table[_name(score, qber)]
        name = f"S = {score:.2f}, Q = {100 * qber:.1f} %"
        axes.plot(
            *canvas.down_to_zero(table["rounds"], rate, log=True),
            color=colour,
            linestyle=dashes,
            linewidth=1.8,
            label=name,
        )
        limit = asymptotic_key_rate(score, qber, PAPER_GAMMA)
        axes.axhline(limit, color=colour, linestyle=":", linewidth=1.0)
    rounds, ell = PAPER_RUN
    axes.plot(rounds, ell / rounds, "o", color=canvas.BLACK, markersize=7, fillstyle="none", markeredgewidth=1.6,
              label="paper's session", zorder=5)  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(1e5, 1e10)
    axes.set_ylim(bottom=0)
    axes.set_title("Proposition 2, three links", fontsize=10)
    canvas.label(axes, "rounds n", "key rate $\\ell/n$ (bits per round)")
    canvas.legend(axes, loc="center right", bbox_to_anchor=(1.0, 0.3))
    return figure


def _draw_rules(axes: Axes, table: Table) -> None:
    for (name, extractor), colour, dashes in zip(RULE_CURVES, canvas.PALETTE, canvas.DASHES, strict=False):
        axes.plot(
            *canvas.down_to_zero(table["rounds"], table[f"{name}_{extractor}"], log=True),
            color=colour,
            linestyle=dashes,
            linewidth=1.8,
            label=f"{name}, {extractor}\n({STATUS[name]})",
        )
    axes.plot(
        table["rounds"], table["ceiling"], color=canvas.BLACK, linestyle=":", linewidth=1.4, label="i.i.d. ceiling"
    )
    axes.set_xscale("log")
    axes.set_xlim(1e5, 1e10)
    axes.set_ylim(bottom=0)
    axes.set_title("rules of key length, S = 2.64, Q = 1.8 %", fontsize=10)
    canvas.label(axes, "rounds n", "key rate $\\ell/n$ (bits per round)")
    canvas.legend(axes, loc="lower right")


def _name(score: float, qber: float) -> str:
    return f"rate_S{score}_Q{qber}_bits_per_round"
