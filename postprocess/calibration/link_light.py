"""Light that reaches the heralding station from one ion: isolation of the link against time (Nadlinger 2022, figure S5
left), and arrival of the photons against the APDs' gates."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy import stats

from postprocess.calibration.curve_fit import Array, Fit, fit_counts, require

ISOLATION, GATE = "delay to a coupling of 1 %", "photon arrival"
PLACES = 8
CUT = 0.01
WAISTS_AT_CUT = math.sqrt(-math.log(CUT) / 2)


def isolation(delays: Array, clicks: Array, attempts: Array, window: float, floor: float = 0.0) -> Fit:
    """Delay after the step at which the coupling has fallen to 1 %, s, from clicks in short windows begun after it.

    The ion moves as x(t) = X (1 - exp(-t/T)) out of a focus of waist w, so that the coupling falls as
    exp(-2 (x/w)^2), not below `floor`. Parameters: `time_constant` = T of the electrodes' low-pass, which the scan
    shows less well, and `rate`, clicks per attempt in the focus.

    Args:
        delays: from the step to the window's beginning, s, (n,); the first is 0.
        clicks, attempts: of all windows at that delay, (n,).
        window: length of a window, s; the model averages over it.
        floor: coupling of the displaced ion by scattered light, measured for itself (`suppression`).

    Raises:
        FitFailed: the clicks do not fall, or not within the scan.
    """
    x = np.asarray(delays, float)
    within = (np.arange(PLACES) + 0.5) / PLACES * window

    def model(t: Array, cut: float, time_constant: float, rate: float) -> Array:
        coupling = _coupling(np.asarray(t)[:, None] + within, cut, time_constant)
        return rate * np.maximum(coupling, floor).mean(1)

    start = isolation_start(x + window / 2, np.asarray(clicks) / np.asarray(attempts))
    fit = fit_counts(model, start, x, clicks, attempts, value="cut", what=ISOLATION)
    require(0 < fit.value < float(x.max()) and fit.standard_error < fit.value / 3, ISOLATION, "not within the scan")
    return replace(fit, units={"cut": "s", "time_constant": "s"})


def _coupling(t: Array, cut: float, time_constant: float) -> Array:
    """Coupling that has fallen to 1 % at `cut`."""
    moved = WAISTS_AT_CUT * np.expm1(-t / abs(time_constant)) / np.expm1(-abs(cut) / abs(time_constant))
    return np.exp(-2 * np.minimum(moved, 20.0) ** 2)


def isolation_start(delays: Array, rates: Array) -> dict[str, float]:
    """The best of a grid of delays and time constants, on the square roots of the rates."""
    top = max(float(rates.max()), 1e-9)
    best = (np.inf, float(delays.max()) / 2, float(delays.max()))
    for cut in float(delays.max()) * np.geomspace(0.05, 2.0, 40):
        for time_constant in float(delays.max()) * np.geomspace(0.1, 5.0, 30):
            misfit = float(((np.sqrt(_coupling(delays, cut, time_constant)) - np.sqrt(rates / top)) ** 2).sum())
            if misfit < best[0]:
                best = (misfit, float(cut), float(time_constant))
    return {"cut": best[1], "time_constant": best[2], "rate": top}


def suppression(clicks: int, attempts: int, rate: float, level: float = 0.95) -> tuple[float, float]:
    """(coupling, its upper limit at `level`) of the displaced ion relative to the focus, whose clicks per attempt are
    `rate`."""
    limit = float(stats.chi2.ppf(level, 2 * clicks + 2)) / 2
    return clicks / attempts / rate, limit / attempts / rate


def photon_arrival(starts: Array, clicks: Array, attempts: Array, stop: float) -> Fit:
    """Earliest arrival of the photons after the reference edge, s, from gates (start, stop) of moving start.

    Photons come as exp(-(t - arrival)/lifetime) from `arrival` on; parameters `lifetime` and `rate`, clicks per attempt
    of an endless gate.

    Args:
        starts: beginnings of the gates, s, (n,), some of them before the photons.
        stop: end of all gates, s.
    """
    x = np.asarray(starts, float)

    def model(t: Array, arrival: float, lifetime: float, rate: float) -> Array:
        late = np.exp(-max(stop - arrival, 0.0) / abs(lifetime))
        return rate * (np.exp(-np.maximum(t - arrival, 0.0) / abs(lifetime)) - late)

    start = arrival_start(x, np.asarray(clicks) / np.asarray(attempts))
    scales = {"arrival": start["lifetime"]}
    fit = fit_counts(model, start, x, clicks, attempts, value="arrival", what=GATE, scales=scales)
    rate, error = fit.parameters["rate"]
    require(rate > 5 * error > 0, GATE, "no photons; is the excitation laser this node's, does the ion fluoresce?")
    require(
        float(x.min()) < fit.value < float(x.max()), GATE, "outside of the scan; begin it before the photons arrive"
    )
    lifetime, error = fit.parameters["lifetime"]
    require(0 < error < lifetime / 2, GATE, "the scan does not show the decay of the excited state; widen it")
    return replace(fit, units={"arrival": "s", "lifetime": "s"})


def arrival_start(starts: Array, rates: Array) -> dict[str, float]:
    """Where the clicks have fallen by 10 and by 63 %."""
    top = float(np.max(rates))
    after = [float(starts[np.argmax(rates < share * top)]) for share in (0.9, np.exp(-1))]
    lifetime = max(after[1] - after[0], float(np.diff(starts).min()))
    return {"arrival": max(after[0] - 0.1 * lifetime, float(starts.min())), "lifetime": lifetime, "rate": top}
