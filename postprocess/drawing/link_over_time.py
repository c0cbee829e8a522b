"""Figure 3: moving averages of S and Q of a characterisation, and when its heralds came."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from postprocess.characterisation.block_counts import SHAPES, averages_of_blocks
from postprocess.drawing.drawn import Drawing, array_of, counts_of
from postprocess.drawing.results_file import Results
from postprocess.figures import canvas
from postprocess.figures.table import Table
from postprocess.rounds.pause_log import PauseCause, PauseSpan, pause_spans
from postprocess.shaping.characterisation_view import (
    CLASSICAL,
    CURVES,
    QUANTUM,
    SECOND,
    CharacterisationView,
    Curve,
    characterisation_view,
)
from postprocess.shaping.characterisation_view import RUN as CHARACTERISATION
from postprocess.shaping.dataset_values import columns, text, whole
from postprocess.shaping.worded_numbers import duration, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROUNDS = "diqkd.rounds"
WINDOW_ROUNDS = 100_000  # of the paper's figure 3
TIMES = ((86_400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


def score_and_qber(results: Results, window: int | None) -> Drawing | None:
    """Moving S and Q with 95 % bands over `window` rounds (None: `window_of`), where both nodes' strings are public."""
    values = dict(results.values)
    stored = (counts_of(values, f"{CHARACTERISATION}.block_counts", None, *shape) for shape in SHAPES)
    counts, block = next((found for found in stored if found is not None), None), _block_rounds(values)
    if counts is not None and block:
        window = window or window_of(values, len(counts) * block)
        averages = asdict(averages_of_blocks(counts, block, window))
        known = {name: column for name, column in averages.items() if name in CURVES or np.isfinite(column).any()}
        values |= {f"{CHARACTERISATION}.{name}": column for name, column in known.items()}
        values[f"{CHARACTERISATION}.window_rounds"] = min(max(window // block, 1), len(counts)) * block
    view = characterisation_view(values)
    if view is None:
        return None
    width = whole(values, f"{CHARACTERISATION}.window_rounds") or 0
    note = (
        f"Each point stands for the {spaced(width)} rounds before it{_shared(view.rounds, width)}. "
        "Bands: 95 %, from the numbers of rounds in each window. Measured in a run that was declared a "
        "characterisation beforehand."
    )
    curves = [view.qber] if view.qber2 is None else [view.qber, view.qber2]
    scaled = [0.01 * each for curve in curves for each in (curve.mean, curve.low, curve.high)]
    lines = (view.rounds, view.score.mean, view.score.low, view.score.high, *scaled)
    table = Table(note, dict(zip((*CURVES, *SECOND), lines, strict=False)))
    return Drawing("figure_3", {"": table}, lambda: _draw(results, view, note))


def _shared(rounds: np.ndarray, width: int) -> str:
    """How much of their windows neighbouring points have in common, in words."""
    step = float(np.median(np.diff(rounds))) if len(rounds) > 1 else math.inf
    if step >= width:
        return ""
    return f"; neighbouring points share {'most' if step < width / 2 else 'some'} of them"


def window_of(values: Mapping[str, Any], rounds: int) -> int:
    """The experiment's own window (100 000 rounds unless told otherwise), or a tenth of a run that is too short for a
    curve with that."""
    own = whole(values, f"{CHARACTERISATION}.window_rounds")
    return own if own is not None and 0 < own <= rounds // 2 else min(WINDOW_ROUNDS, rounds // 10)


def _draw(results: Results, view: CharacterisationView, note: str) -> Figure:
    figure, (upper, lower) = canvas.new_figure(
        view.title, "", note, tall_in=6.0, rows=(3, 2), below_title=results.below_title
    )
    _band(upper, view.rounds, view.score, canvas.BLUE)
    if view.qber2 is None:
        _band(lower, view.rounds, view.qber, canvas.VERMILION)
    else:
        _band(lower, view.rounds, view.qber, canvas.VERMILION, "$Q_0$")
        _band(lower, view.rounds, view.qber2, canvas.GREEN, "$Q_1$, second key basis")
        lower.legend(loc="upper left", ncols=2)
    for bound, words in ((CLASSICAL, "local hidden variables, S = 2"), (QUANTUM, "quantum bound, $S = 2\\sqrt{2}$")):
        upper.axhline(bound, color=canvas.BLACK, linewidth=0.9, linestyle="--")
        upper.annotate(words, (0.01, bound), (0, 3), xycoords=upper.get_yaxis_transform(), textcoords="offset points",
                       fontsize=8)  # fmt: skip
    canvas.label(upper, "", "CHSH score S")
    canvas.label(lower, "rounds", "error rate Q (%)" if view.qber2 is None else "error rates Q (%)")
    for axes in (upper, lower):
        axes.set_xlim(0, float(view.rounds[-1]) * 1.02)
        axes.xaxis.set_major_formatter(lambda value, _: spaced(round(value)))
    return figure


def _band(axes: Axes, rounds: np.ndarray, curve: Curve, colour: str, words: str | None = None) -> None:
    if len(rounds) == 1:
        below, above = curve.mean - curve.low, curve.high - curve.mean
        axes.errorbar(rounds, curve.mean, [below, above], fmt="o", color=colour, capsize=3)
    axes.fill_between(rounds, curve.low, curve.high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(rounds, curve.mean, color=colour, linewidth=1.4, label=words)
    axes.set_ylim(*curve.axis)


def herald_timeline(results: Results, window: int | None) -> Drawing | None:
    """Rounds against time: a step to the right is a pause."""
    found = columns(results.values, f"{ROUNDS}.timeline_rounds", f"{ROUNDS}.timeline_s")
    note = "Machine time since the first herald; where the line goes level, no herald came: a pause or a recovery."
    if found is None or len(found[0]) < 2:
        found, note = _from_rates(results.values), "Added up from the herald rate of each block, without the pauses."
    if found is None:
        return None
    rounds, seconds = found
    tables = {"": Table(note, {"rounds": rounds.astype(np.int64), "seconds": seconds})}
    spans = pause_spans(rounds.astype(np.int64), seconds, _causes(results.values))
    if spans:
        tables["pauses"] = Table(
            "Pauses that both nodes agreed on, and what for; start and duration in seconds of machine time.",
            {
                "after_round": np.array([span.after_round for span in spans]),
                "start": np.array([span.start_s for span in spans]),
                "duration": np.array([span.seconds for span in spans]),
                "cause": np.array([span.what for span in spans]),
            },
        )
    return Drawing("timeline", tables, lambda: _draw_timeline(results, rounds, seconds, spans, note))


def _causes(values: Mapping[str, Any]) -> list[PauseCause]:
    rounds, causes = array_of(values, f"{ROUNDS}.pause_rounds", None), text(values, f"{ROUNDS}.pause_causes")
    lines = (causes or "").splitlines()
    if rounds is None or len(rounds) != len(lines):
        return []
    return [PauseCause(int(after), line) for after, line in zip(rounds, lines, strict=True)]


def _mark_pauses(axes: Axes, spans: list[PauseSpan], unit: float) -> None:
    """A band per pause in the colour of its cause, with how many and how long in the legend; the longest first."""
    downtime: dict[str, list[float]] = {}
    for span in spans:
        downtime.setdefault(span.what, []).append(span.seconds)
    order = sorted(downtime, key=lambda what: -sum(downtime[what]))
    for number, what in enumerate(order):
        colour = canvas.PALETTE[1 + min(number, len(canvas.PALETTE) - 2)]
        told = f"{what}: {len(downtime[what])}, {duration(sum(downtime[what]))}"
        for span in (each for each in spans if each.what == what):
            axes.axvspan(span.start_s / unit, span.end_s / unit, color=colour, alpha=0.35, linewidth=1, label=told)
            told = "_"
    if order:
        canvas.legend(axes, loc="upper left", title="pauses", title_fontsize=8)


def _from_rates(values: Mapping[str, Any]) -> list[np.ndarray] | None:
    rates, block = array_of(values, f"{ROUNDS}.herald_rate_hz", None), _block_rounds(values)
    known = rates[np.isfinite(rates) & (rates > 0)] if rates is not None else np.empty(0)
    if not block or not len(known):
        return None
    done = whole(values, f"{ROUNDS}.done") or block * len(known)
    known = known[-math.ceil(done / block) :]
    return [np.minimum(block * np.arange(len(known) + 1.0), done), np.concatenate(([0.0], np.cumsum(block / known)))]


def _block_rounds(values: Mapping[str, Any]) -> int | None:
    try:
        found = json.loads(text(values, f"{ROUNDS}.plan") or "{}").get("block_rounds")
    except (ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, int) and found > 0 else None


def _draw_timeline(
    results: Results, rounds: np.ndarray, seconds: np.ndarray, spans: list[PauseSpan], note: str
) -> Figure:
    unit, name = next((each for each in TIMES if seconds[-1] >= 2 * each[0]), TIMES[-1])
    title = f"{spaced(int(rounds[-1]))} heralds in {seconds[-1] / unit:.3g} {name}"
    figure, (axes,) = canvas.new_figure(title, "", note, tall_in=3.4, below_title=results.below_title)
    axes.plot(seconds / unit, rounds, color=canvas.BLUE, linewidth=1.6)
    _mark_pauses(axes, spans, unit)
    axes.set_ylim(0, None)
    axes.set_xlim(0, None)
    axes.yaxis.set_major_formatter(lambda value, _: spaced(round(value)))
    canvas.label(axes, f"time ({name})", "rounds")
    return figure
