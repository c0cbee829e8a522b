"""Fits of models to counts: weighted least squares with the model's own variance, which is maximum likelihood.

Fisher scoring: the variance of each point is that of the model of the step before (binomial or Poissonian), so that
points with few counts are not favoured as they would be by errors estimated from the data. The sum of squared pulls
then follows a chi-square distribution if the model is right, and its tail probability is the verdict.

Points come in any order, as a scan in random order measures them: they are sorted before anything looks at them, start
values included. Parameters are fitted in units of their own scales, so that hertz and nanoseconds make no difference.
Derivatives are central differences over a fixed part of that scale. A step in proportion to the value would vanish
where the value may be zero, as the centre of a well-centred scan is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from postprocess.errors import DiqkdError, InvalidInput

Array = NDArray[np.float64]
Model = Callable[..., Array]
Start = dict[str, float] | Callable[[Array, Array], dict[str, float]]

MOST_STEPS = 20
CONVERGED = 1e-4  # of the standard errors
LEAST_POINTS = 2
MIN_P_VALUE = 1e-5
STEP = 1e-5  # of a parameter's scale; error of the difference 1e-10 of it


class FitFailed(DiqkdError):
    """Data that give no calibration; the message says what is wrong with them."""


@dataclass(frozen=True)
class Fit:
    """What a fit found.

    Attributes:
        what: name of the value, for the operator.
        value, standard_error: in SI units.
        parameters: every parameter's value and standard error, by name.
        chi_square, degrees: sum of squared pulls, and its expectation.
        p_value: probability of at least this chi_square if the model is right.
        curve: the fitted model, for plots: x -> expectation per repetition.
        units: of the parameters, by name; those not named are pure numbers.
    """

    what: str
    value: float
    standard_error: float
    parameters: dict[str, tuple[float, float]]
    chi_square: float
    degrees: int
    p_value: float
    curve: Callable[[Array], Array]
    units: dict[str, str] = field(default_factory=dict)

    @property
    def goodness(self) -> dict[str, float]:
        """See goodness_of."""
        return goodness_of((self.chi_square, self.degrees))


def fit_probability(
    model: Model,
    start: Start,
    x: Array,
    successes: Array,
    shots: Array | int,
    *,
    value: str,
    what: str,
    scales: dict[str, float] | None = None,
) -> Fit:
    """Fit a probability `model(x, *parameters)` to successes out of shots.

    Args:
        start: parameters by name in the model's order, with start values; or what makes them of the points, x
            ascending, and the probabilities there.
        x, successes, shots: of each point, in any order, (n,).
        value: the parameter that is the result.
        what: its name for the operator.
        scales: by name, how far a parameter must move for the model to change; needed where the start value does not
            say, because it may be zero. The others' scale is their start value.

    Raises:
        InvalidInput: shapes differ, too few points, more successes than shots.
        FitFailed: no convergence, an error that is no number, or a model that does not describe the data.
    """
    n = np.broadcast_to(np.asarray(shots, float), np.shape(successes))
    k = np.asarray(successes, float)
    if np.any(k < 0) or np.any(k > n) or np.any(n <= 0):
        raise InvalidInput(f"{what}: successes must be between 0 and the number of shots")

    def sigma(p: Array, n: Array) -> Array:
        smooth = np.clip(p, 0.5 / n, 1 - 0.5 / n)
        return np.sqrt(smooth * (1 - smooth) / n)

    return _fit(model, start, x, k / n, (k + 0.5) / (n + 1), n, sigma, value, what, scales or {})


def fit_counts(
    model: Model,
    start: Start,
    x: Array,
    counts: Array,
    repetitions: Array | float,
    *,
    value: str,
    what: str,
    scales: dict[str, float] | None = None,
) -> Fit:
    """Fit a rate per repetition `model(x, *parameters)` to Poissonian counts; see fit_probability."""
    n = np.broadcast_to(np.asarray(repetitions, float), np.shape(counts))
    k = np.asarray(counts, float)
    if np.any(k < 0) or np.any(n <= 0):
        raise InvalidInput(f"{what}: counts must not be negative, repetitions positive")

    def sigma(rate: Array, n: Array) -> Array:
        return np.sqrt(np.maximum(rate * n, 0.5)) / n

    return _fit(model, start, x, k / n, (k + 0.5) / n, n, sigma, value, what, scales or {})


def _fit(
    model: Model,
    start: Start,
    x: Array,
    y: Array,
    smoothed: Array,
    n: Array,
    sigma: Callable[[Array, Array], Array],
    value: str,
    what: str,
    scales: dict[str, float],
) -> Fit:
    x = np.asarray(x, float)
    if x.shape != y.shape or x.ndim != 1:
        raise InvalidInput(f"{what}: {x.size} scan points with {y.size} results")
    if np.unique(x).size < LEAST_POINTS:
        raise InvalidInput(f"{what}: {np.unique(x).size} different scan points; measure more points")
    order = np.argsort(x, kind="stable")
    x, y, smoothed, n = x[order], y[order], smoothed[order], n[order]
    if not isinstance(start, dict):
        start = start(x, y)
    degrees = x.size - len(start)
    if degrees < 1:
        raise InvalidInput(f"{what}: {x.size} scan points for {len(start)} parameters; measure more points")
    unit = np.array([scales.get(name, abs(first)) or 1.0 for name, first in start.items()])
    found, errors = np.array(list(start.values())) / unit, sigma(smoothed, n)

    def scaled(at: Array, *parameters: float) -> Array:
        return model(at, *(np.array(parameters) * unit))

    try:
        for _ in range(MOST_STEPS):
            before = found
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # what went wrong shows in the result, which is checked
                found, covariance = optimize.curve_fit(
                    scaled, x, y, found, errors, absolute_sigma=True, maxfev=4000, jac=_jacobian(scaled)
                )
            errors = sigma(scaled(x, *found), n)
            if np.all(np.abs(found - before) <= CONVERGED * np.sqrt(np.diag(covariance))):
                break
    except (RuntimeError, ValueError) as problem:
        raise FitFailed(f"{what}: the fit does not converge ({problem}); check the scan's range") from None
    found, deviations = found * unit, np.sqrt(np.diag(covariance)) * unit
    if not (np.all(np.isfinite(found)) and np.all(np.isfinite(deviations))):
        raise FitFailed(f"{what}: the data do not determine it; widen the scan or take more shots")
    chi_square = float((((y - model(x, *found)) / errors) ** 2).sum())
    p_value = float(stats.chi2.sf(chi_square, degrees))
    parameters = {name: (float(a), float(b)) for name, a, b in zip(start, found, deviations, strict=True)}
    if p_value < MIN_P_VALUE:
        raise FitFailed(
            f"{what}: the model does not describe the data (chi-square {chi_square:.0f} for {degrees} degrees of "
            "freedom); look at the plot"
        )
    return Fit(
        what, *parameters[value], parameters, chi_square, degrees, p_value, lambda at: model(np.asarray(at), *found)
    )


def _jacobian(scaled: Model) -> Callable[..., Array]:
    """Derivatives of a model whose parameters are in units of their scales, (x, *parameters) -> (len(x), number)."""

    def jacobian(x: Array, *parameters: float) -> Array:
        at = np.array(parameters)
        steps = STEP * np.eye(len(at))
        return np.stack([(scaled(x, *(at + step)) - scaled(x, *(at - step))) / (2 * STEP) for step in steps], axis=1)

    return jacobian


def goodness_of(*fits: tuple[float, int]) -> dict[str, float]:
    """Goodness of one or several fits together, from their (chi-square, degrees of freedom), as it is kept with a
    calibrated value: reduced_chi_square, degrees, p_value."""
    chi_square, degrees = sum(each[0] for each in fits), sum(each[1] for each in fits)
    p_value = float(stats.chi2.sf(chi_square, degrees))
    return {"reduced_chi_square": chi_square / degrees, "degrees": degrees, "p_value": p_value}


def require(condition: bool, what: str, why: str) -> None:
    """Refuse a result: FitFailed unless `condition`."""
    if not condition:
        raise FitFailed(f"{what}: {why}")


def binomial_interval(successes: int, shots: int, level: float = 0.6827) -> tuple[float, float]:
    """Wilson's interval for a probability."""
    z = float(stats.norm.isf((1 - level) / 2))
    p = successes / shots
    centre, width = p + z * z / (2 * shots), z * np.sqrt(p * (1 - p) / shots + (z / (2 * shots)) ** 2)
    scale = 1 + z * z / shots
    low, high = float((centre - width) / scale), float((centre + width) / scale)
    return low if successes > 0 else 0.0, high if successes < shots else 1.0


def poisson_interval(counts: int, level: float = 0.6827) -> tuple[float, float]:
    """Garwood's exact central interval for the mean of a Poissonian number; its lower end is 0 for no counts."""
    tail = (1 - level) / 2
    low = float(stats.chi2.ppf(tail, 2 * counts)) / 2 if counts else 0.0
    return low, float(stats.chi2.isf(tail, 2 * counts + 2)) / 2


def smallest_step(x: Array) -> float:
    """Least distance between different points, whatever their order."""
    return float(np.diff(np.unique(x)).min())


def first_crossing(x: Array, y: Array, level: float) -> float | None:
    """Where y first passes `level`, interpolated, x ascending; None if it does not."""
    above = np.asarray(y) >= level
    changes = np.flatnonzero(above[1:] != above[:-1])
    if not changes.size:
        return None
    i = int(changes[0])
    return float(x[i] + (level - y[i]) * (x[i + 1] - x[i]) / (y[i + 1] - y[i]))
