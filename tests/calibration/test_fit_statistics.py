"""Many good scans per fit: none is refused, and the errors are honest (case M16)."""

import math

import numpy as np
import pytest
from line_shape import transfer

from postprocess.calibration.decay import decay
from postprocess.calibration.link_light import isolation, photon_arrival
from postprocess.calibration.rabi import rabi_flops, rabi_line
from postprocess.calibration.ramsey import ramsey

SHOTS = 200


def line(random):
    """In the centre of its scan: the first guess is 0 Hz up to rounding."""
    x, duration = np.linspace(-150e3, 150e3, 41), 5e-6
    successes = random.binomial(SHOTS, 0.01 + 0.97 * transfer(x, 0.5 / duration, duration))
    return rabi_line(200e6 + x, successes, SHOTS, duration), 200e6


def line_of_few_shots(random):
    x, duration = np.linspace(-150e3, 150e3, 41), 5e-6
    successes = random.binomial(50, 0.01 + 0.97 * transfer(x, 0.5 / duration, duration))
    return rabi_line(200e6 + x, successes, 50, duration), 200e6


def flops(random):
    x, pi_time = np.linspace(0, 20e-6, 41), 6e-6
    return rabi_flops(x, random.binomial(SHOTS, np.sin(np.pi * x / 2 / pi_time) ** 2), SHOTS), pi_time


def fringes(random):
    """Without offset, and with phase 0."""
    x = 10e-6 + np.linspace(0, 8e-3, 81)
    fringe = np.exp(-((x / 6e-3) ** 2)) * np.cos(2 * np.pi * 1e3 * x)
    return ramsey(x, random.binomial(SHOTS, 0.5 + 0.47 * fringe), SHOTS, 1e3), 0.0


def deshelving(random):
    x, time_constant = np.linspace(0, 30e-6, 31), 5e-6
    return decay(x, random.binomial(SHOTS, 1 - np.exp(-x / time_constant)), SHOTS), time_constant


def photons(random):
    x, arrival, lifetime, stop = np.arange(0.0, 60.0, 2.0), 14.0, 7.0, 120.0
    rate = 0.005 * (np.exp(-np.maximum(x - arrival, 0) / lifetime) - np.exp(-(stop - arrival) / lifetime))
    attempts = np.full(len(x), 100_000)
    return photon_arrival(1e-9 * x, random.poisson(attempts * rate), attempts, 1e-9 * stop), 1e-9 * arrival


def shuttle(random):
    window, delays, waists, time_constant = 20e-6, np.arange(0, 41e-6, 2e-6), 4.0, 30e-6
    moved = waists * (1 - np.exp(-(delays[:, None] + np.linspace(0, window, 500)) / time_constant))
    rates = 0.02 * np.maximum(np.exp(-2 * moved**2), 5e-5).mean(1)
    attempts = np.full(len(delays), 40_000)
    cut = -time_constant * math.log(1 - math.sqrt(math.log(100) / 2) / waists)
    return isolation(delays, random.poisson(attempts * rates), attempts, window, 5e-5), cut


SCANS = [(line, 1000), (line_of_few_shots, 300), (deshelving, 1000), (photons, 1000)]
SCANS += [(flops, 100), (fringes, 60), (shuttle, 100)]
LONG = [pytest.param(scan, 1000, marks=pytest.mark.slow) for scan in (flops, fringes, shuttle)]


@pytest.mark.parametrize(("scan", "scans"), SCANS + LONG)
def test_good_scans_are_never_refused_and_pulls_are_normal(scan, scans):
    found = [scan(np.random.default_rng([seed, 1])) for seed in range(scans)]
    pulls = np.array([(fit.value - truth) / fit.standard_error for fit, truth in found])
    assert abs(pulls.mean()) < 5 / scans**0.5 and abs(pulls.std() - 1) < 4 / scans**0.5
    assert np.abs(pulls).max() < 5


# Fit -> (power of a time that its value is, {place of an argument: power of a time that it is}).
UNITS = {
    rabi_line: (-1, {0: -1, 3: 1}),
    rabi_flops: (1, {0: 1}),
    ramsey: (-1, {0: 1, 3: -1}),
    decay: (1, {0: 1}),
    isolation: (1, {0: 1, 3: 1}),
    photon_arrival: (1, {0: 1, 3: 1}),
}


def fitted(fit, arguments, order, unit):
    """Value and error of a fit whose points come in another order, with times in `unit` seconds."""
    power, places = UNITS[fit]
    points = len(arguments[0])
    moved = [np.asarray(each)[order] if np.shape(each) == (points,) else each for each in arguments]
    for place, of_time in places.items():
        moved[place] = moved[place] * unit**-of_time
    found = fit(*moved)
    return found.value * unit**power, found.standard_error * unit**power


@pytest.mark.parametrize("scan", [line, line_of_few_shots, flops, fringes, deshelving, photons, shuttle])
def test_neither_order_nor_units_matter(scan, monkeypatch):
    """Case M16: points in random order, and times in any unit, give the same value and error."""
    calls = []
    for fit in UNITS:
        monkeypatch.setitem(globals(), fit.__name__, lambda *given, fit=fit: calls.append((fit, given)) or fit(*given))
    first, _ = scan(np.random.default_rng([3, 1]))
    ((fit, arguments),) = calls
    ascending = np.arange(len(arguments[0]))
    shuffled = np.random.default_rng(7).permutation(ascending)
    for order, unit in ((shuffled, 1.0), (ascending[::-1], 1.0), (ascending, 1e-6), (ascending, 1e-9), (shuffled, 1e3)):
        value, error = fitted(fit, arguments, order, unit)
        assert abs(value - first.value) < 1e-3 * first.standard_error
        assert error == pytest.approx(first.standard_error, rel=1e-3)


@pytest.mark.parametrize("start", [0.0, 1e-300, -1e-10])
def test_a_start_value_of_nothing_has_a_derivative(start):
    """The first guess is where rounding put it; the fit does not depend on that."""
    from postprocess.calibration.curve_fit import fit_probability

    x = np.linspace(-1e5, 1e5, 41)
    successes = np.round(200 * np.exp(-((x / 3e4) ** 2)))
    model = lambda at, centre: np.exp(-(((at - centre) / 3e4) ** 2))  # noqa: E731
    fit = fit_probability(
        model, {"centre": start}, x, successes, 200, value="centre", what="line", scales={"centre": 1e4}
    )
    assert abs(fit.value) < 1 and 100 < fit.standard_error < 1000
