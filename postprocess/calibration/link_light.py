"""Light that reaches the heralding station from one ion: isolation of the link against time (Nadlinger 2022, figure S5
left), and arrival of the photons against the APDs' gates."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy import stats

from postprocess.calibration.curve_fit import Array, Fit, fit_counts, require, smallest_step

ISOLATION, GATE = "delay to a coupling of 1 %", "photon arrival"
PLACES = 8
CUT = 0.01
STRAIGHT, MOST_BEND = 1e-6, 30.0  # bends that make no difference, and all there is
WAISTS_AT_CUT = math.sqrt(-math.log(CUT) / 2)


def isolation(delays: Array, clicks: Array, attempts: Array, window: float, floor: float = 0.0) -> Fit:
    """Delay after the step at which the coupling has fallen to 1 %, s, from clicks in short windows begun after it.

    The ion moves as x(t) = X (1 - exp(-t/T)) out of a focus of waist w, so that the coupling falls as
    exp(-2 (x/w)^2), not below `floor`. Parameters: `bend`, the delay over the time constant T of the electrodes'
    low-pass, which the scan shows less well (near 0 the ion moves at one speed, and T is anything), and `rate`, clicks
    per attempt in the focus.

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

    longest = float(x.max()) if x.size else 1.0

    def model(t: Array, log_cut: float, bend: float, rate: float) -> Array:
        coupling = _coupling(np.asarray(t)[:, None] + within, longest * np.exp(log_cut), bend)
        return rate * np.maximum(coupling, floor).mean(1)

    def start(at: Array, rates: Array) -> dict[str, float]:
        first = isolation_start(at + window / 2, rates)
        return {"log_cut": math.log(first["cut"] / longest), "bend": first["bend"], "rate": first["rate"]}

    scales = {"log_cut": 1.0, "bend": 1.0}  # a delay is positive: its logarithm has nowhere else to go
    fit = fit_counts(model, start, x, clicks, attempts, value="log_cut", what=ISOLATION, scales=scales)
    found = longest * math.exp(fit.value)
    cut = (found, found * fit.standard_error)
    require(found < longest and fit.standard_error < 1 / 3, ISOLATION, "not within the scan")
    parameters = {"cut": cut, "bend": fit.parameters["bend"], "rate": fit.parameters["rate"]}
    return replace(fit, value=found, standard_error=cut[1], parameters=parameters, units={"cut": "s"})


def _coupling(t: Array, cut: float, bend: float) -> Array:
    """Coupling that has fallen to 1 % at `cut`."""
    at, bend = t / cut, float(np.clip(bend, -MOST_BEND, MOST_BEND))
    moved = WAISTS_AT_CUT * (at if abs(bend) < STRAIGHT else np.expm1(-bend * at) / np.expm1(-bend))
    return np.exp(-2 * np.minimum(moved, 20.0) ** 2)


def isolation_start(delays: Array, rates: Array) -> dict[str, float]:
    """The best of a grid of delays and bends, on the square roots of the rates."""
    top = max(float(rates.max()), 1e-9)
    best = (np.inf, float(delays.max()) / 2, 1.0)
    for cut in float(delays.max()) * np.geomspace(0.05, 2.0, 40):
        for bend in np.geomspace(0.05, 5.0, 30):
            misfit = float(((np.sqrt(_coupling(delays, cut, bend)) - np.sqrt(rates / top)) ** 2).sum())
            if misfit < best[0]:
                best = (misfit, float(cut), float(bend))
    return {"cut": best[1], "bend": best[2], "rate": top}


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

    scales = {"arrival": float(np.ptp(x)) if x.size else 1.0}
    fit = fit_counts(model, arrival_start, x, clicks, attempts, value="arrival", what=GATE, scales=scales)
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
    lifetime = max(after[1] - after[0], smallest_step(starts))
    return {"arrival": max(after[0] - 0.1 * lifetime, float(starts.min())), "lifetime": lifetime, "rate": top}
