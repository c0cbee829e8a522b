"""Herald rate per block and balance of the four herald patterns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from postprocess.shaping.apparatus_marks import apparatus_names, data_marks
from postprocess.shaping.dataset_values import Values, column, tally, text
from postprocess.shaping.worded_numbers import spaced

RUN = "diqkd.rounds"
SESSION, RATES, COUNTS = f"{RUN}.session", f"{RUN}.herald_rate_hz", f"{RUN}.pattern_counts"
DATASETS = (SESSION, RATES, COUNTS, *apparatus_names(RUN))
PATTERNS = ("0011", "0101", "1010", "1100")
SMOOTHING_BLOCKS = 20


@dataclass(frozen=True)
class HeraldsView:
    """What is drawn.

    Attributes:
        title: session, latest and mean rate.
        blocks: float64, shape (n,): number of each block in this run, from 1.
        rates: float64, shape (n,): heralds per second; NaN where unknown.
        smooth: float64, shape (n,): mean of the latest SMOOTHING_BLOCKS of them.
        top: upper end of the rate axis, the lower is 0.
        shares: float64, shape (4,): percent of all heralds, in the order of PATTERNS; empty while unknown.
        errors: float64, shape (4,): their binomial standard errors.
        counts: the numbers of heralds as words.
        warnings: see shaping.apparatus_marks.
    """

    title: str
    blocks: np.ndarray
    rates: np.ndarray
    smooth: np.ndarray
    top: float
    shares: np.ndarray
    errors: np.ndarray
    counts: tuple[str, ...]
    warnings: list[str]


def heralds_view(values: Values) -> HeraldsView | None:
    """What to show, None before the first block of rounds."""
    rates = column(values, RATES)
    if rates is None or not len(rates):
        return None
    rates = np.where(np.isfinite(rates) & (rates > 0), rates, np.nan)
    counts = tally(values, COUNTS)
    shares, errors = balance(counts)
    return HeraldsView(
        title=_title(text(values, SESSION), rates),
        blocks=np.arange(1.0, len(rates) + 1),
        rates=rates,
        smooth=moving_mean(rates, SMOOTHING_BLOCKS),
        top=rate_axis_top(rates),
        shares=shares,
        errors=errors,
        counts=tuple(spaced(int(count)) for count in counts) if counts is not None and len(shares) else (),
        warnings=data_marks(values, RUN),
    )


def _title(session: str | None, rates: np.ndarray) -> str:
    known = rates[np.isfinite(rates)]
    words = f"latest {known[-1]:.1f}/s, mean {known.mean():.1f}/s" if len(known) else "rate not known yet"
    return f"Session {session}: {words}" if session else words.capitalize()


def moving_mean(rates: np.ndarray, blocks: int) -> np.ndarray:
    """Mean of the latest `blocks` values up to each, fewer at the start; NaN counts as no value."""
    known = np.isfinite(rates)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, rates, 0.0))])
    number = np.concatenate([[0], np.cumsum(known)])
    end = np.arange(1, len(rates) + 1)
    start = np.maximum(end - blocks, 0)
    count = number[end] - number[start]
    return np.where(count > 0, (total[end] - total[start]) / np.maximum(count, 1), np.nan)


def rate_axis_top(rates: np.ndarray) -> float:
    """A fifth above the highest usual rate: one block of a hundred may stick out, a burst must not flatten the rest."""
    known = rates[np.isfinite(rates)]
    return 1.2 * float(np.quantile(known, 0.99)) if len(known) else 1.0


def balance(counts: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Percent of all heralds per pattern and their binomial standard errors; empty while there are none."""
    if counts is None or len(counts) != len(PATTERNS) or not counts.sum():
        return np.empty(0), np.empty(0)
    shares, n = counts / counts.sum(), counts.sum()
    smoothed = np.where((counts == 0) | (counts == n), (counts + 0.5) / (n + 1), shares)  # else an error of 0
    return 100 * shares, 100 * np.sqrt(smoothed * (1 - smoothed) / n)
