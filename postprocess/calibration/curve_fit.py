"""Fits of models to counts: weighted least squares with the model's own variance, which is maximum likelihood.

Fisher scoring: the variance of each point is that of the model of the step before (binomial or Poissonian), so that
points with few counts are not favoured as they would be by errors estimated from the data. The sum of squared pulls
then follows a chi-square distribution if the model is right, and its tail probability is the verdict.

Derivatives are central differences over a fixed part of each parameter's own scale. A step in proportion to the value
would vanish where the value may be zero, as the centre of a well-centred scan is.
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

STEPS = 6
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


def fit_probability(
    model: Model,
    start: dict[str, float],
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
        start: parameters by name in the model's order, with start values.
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

    def sigma(p: Array) -> Array:
        smooth = np.clip(p, 0.5 / n, 1 - 0.5 / n)
        return np.sqrt(smooth * (1 - smooth) / n)

    return _fit(model, start, x, k / n, (k + 0.5) / (n + 1), sigma, value, what, scales or {})


def fit_counts(
    model: Model,
    start: dict[str, float],
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

    def sigma(rate: Array) -> Array:
        return np.sqrt(np.maximum(rate * n, 0.5)) / n

    return _fit(model, start, x, k / n, (k + 0.5) / n, sigma, value, what, scales or {})


def _fit(
    model: Model,
    start: dict[str, float],
    x: Array,
    y: Array,
    smoothed: Array,
    sigma: Callable[[Array], Array],
    value: str,
    what: str,
    scales: dict[str, float],
) -> Fit:
    x = np.asarray(x, float)
    if x.shape != y.shape or x.ndim != 1:
        raise InvalidInput(f"{what}: {x.size} scan points with {y.size} results")
    degrees = x.size - len(start)
    if degrees < 1:
        raise InvalidInput(f"{what}: {x.size} scan points for {len(start)} parameters; measure more points")
    found, errors = np.array(list(start.values())), sigma(smoothed)
    jacobian = _jacobian(model, STEP * np.array([scales.get(name, abs(first)) for name, first in start.items()]))
    try:
        for _ in range(STEPS):
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # what went wrong shows in the result, which is checked
                found, covariance = optimize.curve_fit(
                    model, x, y, found, errors, absolute_sigma=True, maxfev=4000, jac=jacobian
                )
            errors = sigma(model(x, *found))
    except (RuntimeError, ValueError) as problem:
        raise FitFailed(f"{what}: the fit does not converge ({problem}); check the scan's range") from None
    deviations = np.sqrt(np.diag(covariance))
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


def _jacobian(model: Model, steps: Array) -> Callable[..., Array]:
    """The model's derivatives by its parameters, (x, *parameters) -> (len(x), number of parameters)."""

    def jacobian(x: Array, *parameters: float) -> Array:
        at = np.array(parameters)
        columns = [(model(x, *(at + step)) - model(x, *(at - step))) / (2 * step.sum()) for step in np.diag(steps)]
        return np.stack(columns, axis=1)

    return jacobian


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


def first_crossing(x: Array, y: Array, level: float) -> float | None:
    """Where y first passes `level`, interpolated; None if it does not."""
    above = np.asarray(y) >= level
    changes = np.flatnonzero(above[1:] != above[:-1])
    if not changes.size:
        return None
    i = int(changes[0])
    return float(x[i] + (level - y[i]) * (x[i + 1] - x[i]) / (y[i + 1] - y[i]))
