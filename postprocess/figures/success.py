"""Figure S13: how often reconciliation succeeds, against the syndrome length."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from postprocess.figures import canvas
from postprocess.figures.table import Progress, Settings, Table
from postprocess.figures.trial_samples import GAMMA, QBER, SCORE, Trials, fitted_length, open_trials
from postprocess.reconciliation.syndrome_length import conditional_entropy, paper_syndrome_length
from postprocess.security import syndrome_estimates as estimates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROUNDS = 500_000
FAMILIES = {"sc-ldpc": "spatially coupled code (measured)", "regular": "regular code (measured)"}
_HIGHEST, _STEP, _LOWEST = 1.450, 0.025, 1.0  # overheads in units of the asymptotic limit


def _of_link(estimate: Callable[..., float]) -> Callable[[float, float], float]:
    return lambda n, failure: estimate(n, GAMMA, SCORE, QBER, failure)


_LIMITS = {
    "ideal": (_of_link(estimates.ideal_syndrome_length), "best codes of finite length, eq. 19"),
    "tsbsrsl": (_of_link(estimates.tsbsrsl_syndrome_length), "bound of Tan et al., eq. 22"),
    "afrv": (_of_link(estimates.afrv_syndrome_length), "bound of Arnon-Friedman et al., eq. 21"),
    "fitted": (fitted_length, "fitted rule of the coupled code"),
}
_NOTE = (
    "S = {score}, Q = {qber} %, gamma = 13/256, n = {n}. Points measured here: {samples} reconciliations each with "
    "fresh simulated noise (no apparatus), bars are 95 % Clopper-Pearson intervals. Lines computed: success "
    "probability for which each estimate, or this code's own fitted rule, allows the given syndrome; vertical lines "
    "the asymptotic limit (eq. 17) and the paper's rule (eq. 23)."
)


def tables(settings: Settings, progress: Progress) -> dict[str, Table]:
    """Panel measured: a row per family and syndrome length, from long to short until nothing succeeds. Panel computed:
    overhead m/n at which each estimate allows a failure probability."""
    n = settings.rounds or ROUNDS
    limit = n * conditional_entropy(GAMMA, SCORE, QBER)[0]
    factors = np.arange(_HIGHEST, _LOWEST, -_STEP)
    rows: list[tuple] = []
    with open_trials(settings) as trials:
        for place, family in enumerate(FAMILIES):

            def report(step: int, name: str, place: int = place) -> None:
                progress((place + step / len(factors)) / len(FAMILIES), name)

            rows += _descend(trials, n, [round(limit * factor) for factor in factors], family, settings.samples, report)
    progress(1.0, "done")
    names = ("family", "syndrome_bits", "overhead", "samples", "successes", "success", "success_low", "success_high")
    note = _NOTE.format(score=SCORE, qber=100 * QBER, n=n, samples=settings.samples)
    measured = Table(note, dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True)))
    failures = 1 / (1 + np.exp(np.linspace(-12, 12, settings.points)))
    lines = {name: np.array([estimate(n, eps) / n for eps in failures])
             for name, (estimate, _) in _LIMITS.items()}  # fmt: skip
    named = {f"overhead_{name}": line for name, line in lines.items()}
    return {"measured": measured, "computed": Table(note, {"success": 1 - failures, **named})}


def draw(data: dict[str, Table]) -> Figure:
    """The figure from its tables."""
    measured, computed = data["measured"], data["computed"]
    figure, (axes,) = canvas.new_figure("Success of reconciliation", "figure S13", measured.note, tall_in=5.4)
    looks = zip(FAMILIES.items(), (canvas.BLUE, canvas.VERMILION), ("o", "s"), strict=True)
    for (family, name), colour, marker in looks:
        chosen = measured["family"] == family
        success = measured["success"][chosen]
        bars = np.maximum(0, [success - measured["success_low"][chosen], measured["success_high"][chosen] - success])
        axes.errorbar(measured["overhead"][chosen], success, bars, color=colour, marker=marker, markersize=5,
                      linewidth=1.2, capsize=2, label=name, zorder=4)  # fmt: skip
    for (name, (_, words)), colour, dashes in zip(
        _LIMITS.items(), (canvas.BLACK, canvas.GREEN, canvas.PURPLE, canvas.SKY), ("-", "--", "-.", ":"), strict=True
    ):
        if not np.isfinite(computed[f"overhead_{name}"]).any():
            continue  # a rule outside the rounds it was checked for
        axes.plot(computed[f"overhead_{name}"], computed["success"], color=colour, linestyle=dashes, linewidth=1.5,
                  label=words)  # fmt: skip
    _vertical_lines(axes, round(measured["syndrome_bits"][0] / measured["overhead"][0]))
    axes.set_ylim(-0.03, 1.03)
    canvas.label(axes, "syndrome bits per round $\\eta = m/n$", "share of reconciliations that succeed")
    canvas.legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncol=2)
    return figure


def _descend(trials: Trials, n: int, lengths: list[int], family: str, samples: int, report) -> list[tuple]:
    """Rows for ever shorter syndromes, until two in a row never succeed."""
    rows: list[tuple] = []
    for step, length in enumerate(lengths):
        report(step, f"{family}, m = {length}")
        counts = trials.counts(n, length, samples, family)
        low, high = counts.interval()
        good = counts.samples - counts.failures
        rows.append((family, length, length / n, counts.samples, good, good / counts.samples, 1 - high, 1 - low))
        if len(rows) > 1 and rows[-1][4] == rows[-2][4] == 0:
            break
    return rows


def _vertical_lines(axes: Axes, n: int) -> None:
    for overhead, words, dashes in (
        (conditional_entropy(GAMMA, SCORE, QBER)[0], "limit of many rounds, eq. 17", ":"),
        (paper_syndrome_length(n, GAMMA, SCORE, QBER) / n, "paper's rule, eq. 23", (0, (5, 2))),
    ):
        axes.axvline(overhead, color="#666666", linestyle=dashes, linewidth=1.3, label=words)
