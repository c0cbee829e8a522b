"""Figure S14: syndrome length above the asymptotic limit, against the number of rounds."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from postprocess.figures import canvas
from postprocess.figures.table import FEWEST_ROUNDS, Progress, Settings, Table
from postprocess.figures.trial_samples import GAMMA, QBER, SCORE, Trials, fitted_length, open_trials
from postprocess.reconciliation.syndrome_length import conditional_entropy, paper_syndrome_length, waterfall
from postprocess.reconciliation.trials import TrialCounts
from postprocess.security import syndrome_estimates as estimates

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROUNDS = (FEWEST_ROUNDS, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000)
LARGEST = 1_000_000
SUCCESS = 0.9
_RESOLUTION = 0.005
_NOTE = (
    "S = {score}, Q = {qber} %, gamma = 13/256. Points measured here: shortest syndrome (found by bisection to 0.5 % "
    "of the limit) with which at least 90 % of {samples} reconciliations with fresh simulated noise succeed (no "
    "apparatus); with so many samples, 90 % means {low:.0f} to {high:.0f} % at 95 % confidence, and bars show the "
    "syndromes for which the fitted waterfall has such success. Lines computed, for "
    "10 % failures: equations 19, 21 and 22, the paper's rule (23) and this software's own; limit: equation 17."
)


def tables(settings: Settings, progress: Progress) -> dict[str, Table]:
    """Panel measured: a row per n up to the settings' rounds. Panel computed: gaps (m/n - limit) over n."""
    largest = settings.rounds or LARGEST
    sizes = [n for n in ROUNDS if n <= largest]
    limit = conditional_entropy(GAMMA, SCORE, QBER)[0]
    found = []
    with open_trials(settings) as trials:
        for place, n in enumerate(sizes):

            def report(share: float, name: str, place: int = place) -> None:
                progress((place + share) / len(sizes), name)

            found.append(shortest_syndrome(trials, n, settings.samples, report))
    progress(1.0, "done")
    note = _note(settings.samples)
    numbers = np.array(sizes)
    lengths = np.array(found)
    measured = {
        "rounds": numbers,
        "syndrome_bits": lengths,
        "overhead": lengths / numbers,
        "gap": lengths / numbers - limit,
        **_bars(numbers, lengths, settings.samples),
        "samples": np.full(len(sizes), settings.samples),
    }
    grid = np.logspace(4, 8, settings.points).round()
    failure = 1 - SUCCESS
    lines = {
        "gap_ideal": [estimates.ideal_syndrome_length(n, GAMMA, SCORE, QBER, failure) / n - limit for n in grid],
        "gap_afrv": [estimates.afrv_syndrome_length(n, GAMMA, SCORE, QBER, failure) / n - limit for n in grid],
        "gap_tsbsrsl": [estimates.tsbsrsl_syndrome_length(n, GAMMA, SCORE, QBER, failure) / n - limit for n in grid],
        "gap_fitted": [fitted_length(n, failure) / n - limit for n in grid],
        "gap_paper_rule": [paper_syndrome_length(int(n), GAMMA, SCORE, QBER) / n - limit for n in grid],
    }
    computed = {"rounds": grid.astype(np.int64), **{name: np.array(line) for name, line in lines.items()}}
    return {"measured": Table(note, measured), "computed": Table(note, computed)}


def _bars(numbers: np.ndarray, lengths: np.ndarray, samples: int) -> dict[str, np.ndarray]:
    """95 % band of the gap: what so few samples leave open of the success, and the bisection's resolution."""
    entropy, variance = conditional_entropy(GAMMA, SCORE, QBER)
    spread = np.array([entropy * waterfall(int(n), entropy, variance)[1] for n in numbers])
    failing = TrialCounts(samples=samples, failures=_allowed(samples)).interval()
    few, many = (NormalDist().inv_cdf(min(max(share, 1e-4), 1 - 1e-4)) for share in failing)
    aim = NormalDist().inv_cdf(1 - SUCCESS)
    gap = lengths / numbers - entropy
    below = gap - spread * (aim - few) - _RESOLUTION * entropy
    return {"gap_low": np.maximum(below, 0.0), "gap_high": gap + spread * (many - aim)}


def _note(samples: int) -> str:
    low, high = TrialCounts(samples=samples, failures=_allowed(samples)).interval()
    return _NOTE.format(score=SCORE, qber=100 * QBER, samples=samples, low=100 * (1 - high), high=100 * (1 - low))


def _allowed(samples: int) -> int:
    return int((1 - SUCCESS) * samples + 1e-9)


def shortest_syndrome(trials: Trials, n: int, samples: int, report: Callable[[float, str], None]) -> int:
    """Shortest syndrome that reconciles n bits in 90 % of the samples, by bisection between the limit and twice the
    paper's rule."""
    limit = n * conditional_entropy(GAMMA, SCORE, QBER)[0]
    low, high = round(limit), min(2 * paper_syndrome_length(n, GAMMA, SCORE, QBER), round(0.95 * n))
    steps = max(1, int(np.ceil(np.log2((high - low) / (_RESOLUTION * limit)))))
    for step in range(steps):
        middle = (low + high) // 2
        report(step / steps, f"n = {n}, m = {middle}")
        enough = trials.fails_at_most(n, middle, samples, _allowed(samples))
        low, high = (low, middle) if enough else (middle, high)
    return high


def draw(data: dict[str, Table]) -> Figure:
    """The figure from its tables."""
    measured, computed = data["measured"], data["computed"]
    figure, (axes,) = canvas.new_figure("Syndrome above the asymptotic limit", "figure S14", measured.note)
    lines = (
        ("gap_afrv", "bound of Arnon-Friedman et al., eq. 21", canvas.PURPLE, "-."),
        ("gap_tsbsrsl", "bound of Tan et al., eq. 22", canvas.GREEN, "--"),
        ("gap_paper_rule", "paper's rule, $50/\\sqrt{n}$, eq. 23", canvas.VERMILION, (0, (5, 1, 1, 1))),
        ("gap_fitted", "fitted rule of this decoder", canvas.SKY, ":"),
        ("gap_ideal", "best codes of finite length, eq. 19", canvas.BLACK, "-"),
    )
    for name, words, colour, dashes in lines:
        axes.plot(computed["rounds"], computed[name], color=colour, linestyle=dashes, linewidth=1.6, label=words)
    bars = np.maximum(0, [measured["gap"] - measured["gap_low"], measured["gap_high"] - measured["gap"]])
    axes.errorbar(measured["rounds"], measured["gap"], bars, fmt="o", color=canvas.BLUE, markersize=5, capsize=2,
                  linewidth=1.2, zorder=4, label="this decoder, 90 % success (measured)")  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(1e4, 1e8)
    canvas.label(axes, "rounds n", "gap $m/n - \\eta_\\infty$ (bits per round)")
    canvas.legend(axes, loc="upper right")
    return figure
