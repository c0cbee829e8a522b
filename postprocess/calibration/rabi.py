"""Rabi line shape (frequency scan) and Rabi flops (duration scan) of a 674 nm pulse on one line.

With Rabi frequency W, detuning d and pulse length t the transferred population is
W^2 / (W^2 + d^2) sin^2(t sqrt(W^2 + d^2) / 2), all angular: as a function of d, the square of a sinc of that root.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from postprocess.calibration.curve_fit import Array, Fit, fit_probability, require, smallest_step

MIN_CONTRAST = 0.3
LINE, FLOPS = "line frequency", "pi time"


def rabi_line(frequencies: Array, successes: Array, shots: int, duration: float) -> Fit:
    """Centre of a line from a frequency scan.

    The parameter `contrast` is the transferred population in the centre, not that of a perfect pi pulse: a scan shows
    height and width of the line, but hardly tells a weak pulse from a low contrast. `power` is the square of Rabi
    frequency times duration, 1/4 for a pi pulse.

    Args:
        frequencies: Hz, (n,).
        successes: shots that found the ion transferred, (n,).
        duration: of the pulse, s; about a pi time.

    Raises:
        FitFailed: no line in the scan, or one that is not a line's shape.
    """
    x = np.asarray(frequencies, float)
    reference = float(x.mean()) if x.size else 0.0

    def model(offset: Array, centre: float, power: float, contrast: float, background: float) -> Array:
        shape = _sinc_of_root(power + ((offset - centre) * duration) ** 2) / _sinc_of_root(power)
        return background + contrast * shape**2

    scales = {"centre": 1 / duration, "background": 1.0}
    fit = fit_probability(model, line_start, x - reference, successes, shots, value="centre", what=LINE, scales=scales)
    _check(fit, LINE)
    require(
        bool((x - reference).min() <= fit.value <= (x - reference).max()),
        LINE,
        f"fitted at {(reference + fit.value) / 1e6:.4f} MHz, outside of the scan; move or widen it",
    )
    centre = (reference + fit.value, fit.standard_error)
    return Fit(
        LINE,
        *centre,
        fit.parameters | {"centre": centre},
        fit.chi_square,
        fit.degrees,
        fit.p_value,
        lambda at: fit.curve(np.asarray(at) - reference),
        {"centre": "Hz"},
    )


def _sinc_of_root(square: Array | float) -> Array:
    """sin(pi g) / (pi g) from g^2, which noise may make negative: smooth there, as a fit needs it."""
    return np.sinc(np.sqrt(np.asarray(square, complex))).real


def line_start(offsets: Array, probabilities: Array) -> dict[str, float]:
    """Centre of gravity of the upper half of the peak, and a pulse that is a pi pulse."""
    background = float(np.quantile(probabilities, 0.2))
    top = float(probabilities.max())
    weight = np.clip(probabilities - (background + top) / 2, 0, None)
    centre = float((weight * offsets).sum() / weight.sum()) if weight.sum() > 0 else float(offsets.mean())
    return {"centre": centre, "power": 0.25, "contrast": max(top - background, 0.05), "background": 0.02}


def rabi_flops(durations: Array, successes: Array, shots: int) -> Fit:
    """Pi time from a scan of the pulse length.

    Args:
        durations: s, (n,); up to two pi times or more.

    Raises:
        FitFailed: no oscillation, or less than one pi time in the scan.
    """
    x = np.asarray(durations, float)

    def model(t: Array, pi_time: float, contrast: float, background: float) -> Array:
        return background + contrast * np.sin(np.pi * t / (2 * pi_time)) ** 2

    scales = {"background": 1.0}
    fit = fit_probability(model, flops_start, x, successes, shots, value="pi_time", what=FLOPS, scales=scales)
    _check(fit, FLOPS)
    require(0 < fit.value <= float(x.max()), FLOPS, "no maximum in the scan; scan to longer pulses")
    return replace(fit, units={"pi_time": "s"})


def flops_start(durations: Array, probabilities: Array) -> dict[str, float]:
    """The best of a grid of pi times, with contrast and background solved for."""
    step = smallest_step(durations)
    grid = np.geomspace(max(2 * step, float(durations.max()) / 40), 2 * float(durations.max()), 400)
    best = (np.inf, float(grid[0]), 0.5, 0.0)
    for pi_time in grid:
        shape = np.sin(np.pi * durations / (2 * pi_time)) ** 2
        columns = np.stack([shape, np.ones_like(shape)], 1)
        solution, *_ = np.linalg.lstsq(columns, probabilities, rcond=None)
        misfit = float(((columns @ solution - probabilities) ** 2).sum())
        if misfit < best[0] and solution[0] > 0:
            best = (misfit, float(pi_time), float(solution[0]), float(solution[1]))
    return {"pi_time": best[1], "contrast": best[2], "background": best[3]}


def _check(fit: Fit, what: str) -> None:
    contrast, error = fit.parameters["contrast"]
    require(
        contrast > MIN_CONTRAST and contrast > 5 * error,
        what,
        f"contrast {contrast:.2f} +- {error:.2f}, at least {MIN_CONTRAST} is needed; wrong line, ion not pumped, or "
        "outside of the scan",
    )
