"""Exponential approach: how fast 1033 nm light brings the ion back from D5/2 (Nadlinger 2022, figure S5 right)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from postprocess.calibration.curve_fit import Array, Fit, first_crossing, fit_probability, require

WHAT = "deshelving time constant"
MIN_CONTRAST = 0.3


def decay(durations: Array, successes: Array, shots: int) -> Fit:
    """1/e time of 1 - exp(-t/T), s.

    Args:
        durations: of the light, s, (n,); from 0 to several time constants.
        successes: shots that found the ion back in S1/2, (n,).

    Raises:
        FitFailed: no approach in the scan.
    """
    x = np.asarray(durations, float)

    def model(t: Array, time_constant: float, contrast: float, background: float) -> Array:
        return background + contrast * (1 - np.exp(-t / time_constant))

    scales = {"background": 1.0}
    fit = fit_probability(model, decay_start, x, successes, shots, value="time_constant", what=WHAT, scales=scales)
    contrast, error = fit.parameters["contrast"]
    require(
        contrast > MIN_CONTRAST and contrast > 5 * error,
        WHAT,
        f"contrast {contrast:.2f} +- {error:.2f}, not {MIN_CONTRAST}; is there an ion in D5/2, is there light?",
    )
    require(
        0 < fit.value < float(x.max()) / 1.5 and fit.standard_error < fit.value / 3,
        WHAT,
        "longer than the scan shows; scan to longer pulses",
    )
    return replace(fit, units={"time_constant": "s"})


def decay_start(durations: Array, probabilities: Array) -> dict[str, float]:
    """Where the data have gone 63 % of the way."""
    low, high = float(probabilities.min()), float(probabilities.max())
    time = first_crossing(durations, probabilities, low + (high - low) * (1 - np.exp(-1)))
    return {"time_constant": time or float(durations.max()) / 3, "contrast": max(high - low, 0.05), "background": low}
