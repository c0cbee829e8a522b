"""Readout threshold from the photon counts of dark and bright preparations: two Poissonians, mixed where preparing
failed.

Counts k <= threshold mean dark. With means d < b the likelihood ratio of a count passes 1 at
k* = (b - d) / ln(b / d), and the best threshold is the largest integer not above it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from postprocess.calibration.curve_fit import require
from postprocess.errors import InvalidInput

WHAT = "readout threshold"
MAX_PREPARATION_ERROR = 0.1
STEPS = 200
LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class Threshold:
    """Attributes: `value`, the largest count that means dark; `crossing` and its standard error; `mean_dark` and
    `mean_bright` counts; `error`, mean probability of a wrong verdict by the two distributions; preparation errors;
    `mean_errors` of dark and bright; `goodness`, Pearson's chi-square of the histograms, its degrees of freedom and the
    probability of at least that if both are mixtures of two Poissonians."""

    value: int
    crossing: float
    standard_error: float
    mean_dark: float
    mean_bright: float
    error: float
    wrong_dark: float
    wrong_bright: float
    mean_errors: tuple[float, float]
    goodness: tuple[float, int, float]


def poissonian_threshold(dark: NDArray[np.int64], bright: NDArray[np.int64]) -> Threshold:
    """Best threshold.

    Args:
        dark, bright: shots with k counts, k = 0, 1, ..., of ions prepared in D5/2 and in S1/2.

    Raises:
        InvalidInput: no shots.
        FitFailed: the two preparations do not differ clearly, or fail too often.
    """
    size = max(len(dark), len(bright))
    shots = np.zeros((2, size))
    shots[0, : len(dark)], shots[1, : len(bright)] = dark, bright
    if (shots < 0).any() or (shots.sum(1) < 10).any():
        raise InvalidInput(f"{WHAT}: at least 10 shots of each preparation are needed")
    means, wrong, weights = _mixture(shots)
    low, high = means
    require(
        high > low + 3 * math.sqrt(high), WHAT, f"dark {low:.1f} and bright {high:.1f} counts overlap; check the beams"
    )
    require(
        max(wrong) < MAX_PREPARATION_ERROR,
        WHAT,
        f"{100 * wrong[0]:.0f} % of dark and {100 * wrong[1]:.0f} % of bright preparations fail; calibrate the mapping "
        "pulse first",
    )
    ratio = math.log(high / low)
    crossing = (high - low) / ratio
    slopes = (-1 / ratio + (high - low) / (low * ratio**2), 1 / ratio - (high - low) / (high * ratio**2))
    errors = [math.sqrt(max(mean, 0.5 / weight) / weight) for mean, weight in zip(means, weights, strict=True)]
    value = math.floor(crossing)
    error = (stats.poisson.sf(value, low) + stats.poisson.cdf(value, high)) / 2
    deviation = math.hypot(slopes[0] * errors[0], slopes[1] * errors[1])
    goodness = _goodness(shots, means, wrong)
    return Threshold(value, crossing, deviation, low, high, float(error), *wrong, (errors[0], errors[1]), goodness)


def _goodness(
    shots: NDArray[np.float64], means: tuple[float, float], wrong: tuple[float, float]
) -> tuple[float, int, float]:
    """(chi-square, degrees, tail probability) over bins joined until at least LEAST_EXPECTED shots are expected."""
    k = np.arange(shots.shape[1])
    dark, bright = (np.append(stats.poisson.pmf(k, mean), stats.poisson.sf(k[-1], mean)) for mean in means)
    chi_square, bins = 0.0, 0
    for row, share in zip(shots, ((1 - wrong[0], wrong[0]), (wrong[1], 1 - wrong[1])), strict=True):
        expected = row.sum() * (share[0] * dark + share[1] * bright)
        steps = np.floor(np.cumsum(expected) / LEAST_EXPECTED).astype(int)
        joined = np.minimum(np.append(0, steps[:-1]), max(steps[-1] - 1, 0))
        found, wanted = (np.bincount(joined, weights=each) for each in (np.append(row, 0.0), expected))
        there = wanted > 0
        chi_square += float(((found - wanted)[there] ** 2 / wanted[there]).sum())
        bins += int(there.sum())
    degrees = max(bins - 2 - 4, 1)  # two totals; two means and two preparation errors
    return chi_square, degrees, float(stats.chi2.sf(chi_square, degrees))


def _mixture(shots: NDArray[np.float64]) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    """Means, preparation errors and effective numbers of shots, by expectation and maximisation."""
    k = np.arange(shots.shape[1])
    totals = shots.sum(1)
    low, high = (float((k * row).sum() / row.sum()) for row in shots)
    wrong_dark = wrong_bright = 0.01
    if high <= low:
        return (max(low, 1e-9), max(high, 1e-9)), (0.5, 0.5), (totals[0], totals[1])
    for _ in range(STEPS):
        low, high = max(low, 0.5 / totals[0]), max(high, 0.5 / totals[1])
        log_ratio = high - low - k * math.log(high / low)  # dark over bright
        odds = np.exp(np.clip(log_ratio, -500, 500))
        is_dark = np.stack(
            [
                1 / (1 + wrong_dark / max(1 - wrong_dark, 1e-12) / odds),
                1 / (1 + (1 - wrong_bright) / max(wrong_bright, 1e-12) / odds),
            ]
        )
        as_dark, as_bright = shots * is_dark, shots * (1 - is_dark)
        low = float((k * as_dark).sum() / max(as_dark.sum(), 1e-12))
        high = float((k * as_bright).sum() / max(as_bright.sum(), 1e-12))
        wrong_dark, wrong_bright = float(as_bright[0].sum() / totals[0]), float(as_dark[1].sum() / totals[1])
    low, high = max(low, 0.5 / totals[0]), max(high, 0.5 / totals[1])
    return (low, high), (wrong_dark, wrong_bright), (float(as_dark.sum()), float(as_bright.sum()))
