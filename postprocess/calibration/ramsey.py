"""Ramsey fringes over the wait between two pi/2 pulses: offset of the frequency, and coherence time.

The second pulse's phase advances with the wait as if the laser were off by a chosen frequency f; the fringes then beat
at f + offset, and the sign of the offset shows. Slow noise of field and laser makes the decay Gaussian,
exp(-(t/T)^2) (Nadlinger 2022, table S3).
"""

from __future__ import annotations

import numpy as np

from postprocess.calibration.curve_fit import Array, Fit, fit_probability, require, smallest_step

WHAT = "Ramsey frequency offset"
MIN_CONTRAST = 0.3


def ramsey(waits: Array, successes: Array, shots: int, chosen_hz: float) -> Fit:
    """Offset of the line from the frequency that was driven, Hz (line - driven); parameter coherence_s: 1/e time.

    Args:
        waits: between the pulses, s, (n,).
        successes: shots that found the ion where two pulses of equal phase bring it, (n,).
        chosen_hz: advance of the second pulse's phase per second, in turns.

    Raises:
        FitFailed: no fringes, or a beat that the scan's steps cannot resolve.
    """
    x = np.asarray(waits, float)

    def model(t: Array, beat: float, coherence_s: float, contrast: float, phase: float, centre: float) -> Array:
        return centre + contrast / 2 * np.exp(-((t / coherence_s) ** 2)) * np.cos(2 * np.pi * beat * t + phase)

    scales = {"beat": 1 / float(np.ptp(x)) if x.size else 1.0, "phase": 1.0}
    fit = fit_probability(model, ramsey_start, x, successes, shots, value="beat", what=WHAT, scales=scales)
    contrast, error = fit.parameters["contrast"]
    beat, coherence = fit.value, fit.parameters["coherence_s"][0]
    require(
        contrast > MIN_CONTRAST and contrast > 5 * error,
        WHAT,
        f"contrast {contrast:.2f} +- {error:.2f}, not {MIN_CONTRAST}; calibrate frequency and pi time first",
    )
    require(coherence > 0, WHAT, "no decay fits; scan to longer waits")
    require(
        0 < beat < 0.5 / smallest_step(x),
        WHAT,
        f"a beat of {beat:.0f} Hz is beyond what the steps of the scan resolve; take smaller steps",
    )
    offset = (chosen_hz - beat, fit.standard_error)
    parameters = fit.parameters | {"offset": offset}
    units = {"beat": "Hz", "coherence_s": "s", "phase": "rad", "offset": "Hz"}
    return Fit(WHAT, *offset, parameters, fit.chi_square, fit.degrees, fit.p_value, fit.curve, units)


def ramsey_start(waits: Array, probabilities: Array) -> dict[str, float]:
    """The best of a grid of beats and coherence times, with amplitude, phase and centre solved for."""
    span, step = float(np.ptp(waits)), smallest_step(waits)
    ones = np.ones_like(waits)
    best = (np.inf, 1.0 / span, span, 0.5, 0.0, 0.5)
    for coherence in span * np.geomspace(0.15, 4.0, 8):
        envelope = np.exp(-((waits / coherence) ** 2))
        for beat in np.arange(0.25 / span, 0.5 / step, 0.2 / span):
            angle = 2 * np.pi * beat * waits
            columns = np.stack([envelope * np.cos(angle), envelope * np.sin(angle), ones], 1)
            solution, *_ = np.linalg.lstsq(columns, probabilities, rcond=None)
            misfit = float(((columns @ solution - probabilities) ** 2).sum())
            if misfit < best[0]:
                size, phase = 2 * np.hypot(*solution[:2]), np.arctan2(-solution[1], solution[0])
                best = (misfit, float(beat), float(coherence), float(size), float(phase), float(solution[2]))
    return dict(zip(("beat", "coherence_s", "contrast", "phase", "centre"), best[1:], strict=True))
