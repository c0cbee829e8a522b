"""Fits of calibrations: known answers from the physics and from published tables, a slow reference, honest errors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_shape import transfer
from scipy import optimize
from scipy.linalg import expm
from scipy.stats import binom, poisson

from postprocess.calibration.curve_fit import FitFailed, binomial_interval, fit_probability, poisson_interval
from postprocess.calibration.decay import decay
from postprocess.calibration.link_light import isolation, photon_arrival, suppression
from postprocess.calibration.rabi import rabi_flops, rabi_line
from postprocess.calibration.ramsey import ramsey
from postprocess.calibration.threshold import poissonian_threshold
from postprocess.errors import InvalidInput

SHOTS = 200
seeds = st.integers(0, 2**32 - 1)
repeat = settings(max_examples=25, derandomize=True)


def draw(seed, probabilities, shots=SHOTS):
    return np.random.default_rng(seed).binomial(shots, np.clip(probabilities, 0, 1))


def near(fit, truth, sigmas=5.0):
    return abs(fit.value - truth) < sigmas * fit.standard_error


# Known answers


@pytest.mark.parametrize(
    ("successes", "shots", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_as_published(successes, shots, low, high):
    """Newcombe, Statistics in Medicine 17, 857 (1998), table I, method 3."""
    assert binomial_interval(successes, shots, 0.95) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("counts", "low", "high"), [(0, 0.0, 3.689), (1, 0.025, 5.572), (10, 4.795, 18.390)])
def test_poisson_intervals_as_published(counts, low, high):
    """Garwood, Biometrika 28, 437 (1936), as tabulated ever since."""
    assert poisson_interval(counts, 0.95) == pytest.approx((low, high), abs=1e-3)


@given(st.floats(-3e5, 3e5), st.floats(1e4, 2e5), st.floats(0, 3e-5))
def test_transfer_is_that_of_the_schroedinger_equation(detuning, rabi, duration):
    hamiltonian = np.pi * np.array([[detuning, rabi], [rabi, -detuning]])
    evolution = expm(-1j * hamiltonian * duration)
    assert transfer(detuning, rabi, duration) == pytest.approx(abs(evolution[1, 0]) ** 2, abs=1e-9)


# Each fit finds what was put in


@repeat
@given(seeds, st.floats(-80e3, 80e3), st.floats(0.8, 1.2), st.floats(0.85, 1.0))
def test_line(seed, offset, power, contrast):
    duration = 5e-6
    x = 200e6 + np.linspace(-200e3, 200e3, 41)
    p = 0.01 + (contrast - 0.02) * transfer(x - 200e6 - offset, power * 0.5 / duration, duration)
    fit = rabi_line(x, draw(seed, p), SHOTS, duration)
    assert near(fit, 200e6 + offset) and fit.standard_error < 2e3


@repeat
@given(seeds, st.floats(3e-6, 9e-6), st.floats(0.8, 1.0))
def test_flops(seed, pi_time, contrast):
    x = np.linspace(0, 20e-6, 41)
    fit = rabi_flops(x, draw(seed, contrast * np.sin(np.pi * x / 2 / pi_time) ** 2), SHOTS)
    assert near(fit, pi_time) and fit.standard_error < 0.02 * pi_time


@repeat
@given(seeds, st.floats(-700, 700), st.floats(3e-3, 10e-3), st.floats(0.85, 1.0))
def test_ramsey_finds_the_offset_with_its_sign(seed, offset, coherence, contrast):
    x = 10e-6 + np.linspace(0, 8e-3, 81)
    fringe = np.cos(2 * np.pi * (1e3 - offset) * x + 0.2)
    fit = ramsey(x, draw(seed, 0.5 + contrast / 2 * np.exp(-((x / coherence) ** 2)) * fringe), SHOTS, 1e3)
    assert near(fit, offset) and fit.standard_error < 20
    found, error = fit.parameters["coherence_s"]
    assert abs(found - coherence) < 5 * error


@repeat
@given(seeds, st.floats(2e-6, 9e-6))
def test_decay(seed, time_constant):
    x = np.linspace(0, 30e-6, 31)
    fit = decay(x, draw(seed, 1 - np.exp(-x / time_constant)), SHOTS)
    assert near(fit, time_constant) and fit.standard_error < 0.1 * time_constant


@repeat
@given(seeds, st.floats(10, 20), st.floats(5, 9))
def test_photon_arrival(seed, arrival, lifetime):
    x = np.arange(8.0, 60.0, 2.0)
    rate = 0.005 * (np.exp(-np.maximum(x - arrival, 0) / lifetime) - np.exp(-(120 - arrival) / lifetime))
    clicks = np.random.default_rng(seed).poisson(1e5 * rate)
    fit = photon_arrival(x * 1e-9, clicks, np.full(len(x), 100_000), 120e-9)
    assert near(fit, arrival * 1e-9)
    found, error = fit.parameters["lifetime"]
    assert abs(found - lifetime * 1e-9) < 5 * error


@repeat
@given(seeds, st.floats(3, 6), st.floats(20e-6, 40e-6))
def test_isolation(seed, waists, time_constant):
    """Truth by fine integration over each window; the delay to 1 % by solving for it."""
    window, delays = 20e-6, np.arange(0, 41e-6, 2e-6)
    within = np.linspace(0, window, 500)
    moved = waists * (1 - np.exp(-(delays[:, None] + within) / time_constant))
    rates = 0.02 * np.maximum(np.exp(-2 * moved**2), 5e-5).mean(1)
    attempts = np.full(len(delays), 40_000)
    fit = isolation(delays, np.random.default_rng(seed).poisson(attempts * rates), attempts, window, 5e-5)
    cut = optimize.brentq(lambda t: 2 * (waists * (1 - math.exp(-t / time_constant))) ** 2 - math.log(100), 0, 1e-3)
    assert near(fit, cut)


def test_suppression_is_limited_from_above_even_without_a_click():
    """Three events at 95 %: the rule of three."""
    coupling, limit = suppression(0, 10**6, 0.02)
    assert coupling == 0 and limit == pytest.approx(-math.log(0.05) / 10**6 / 0.02)


@given(st.integers(0, 50), st.floats(0.5, 0.99))
def test_the_upper_limit_is_where_so_few_clicks_are_that_improbable(clicks, level):
    limit = suppression(clicks, 1000, 1.0, level)[1] * 1000
    assert poisson.cdf(clicks, limit) == pytest.approx(1 - level, rel=1e-6)


@repeat
@given(seeds, st.floats(0.05, 2.0), st.floats(15, 60), st.floats(0, 0.03), st.floats(0, 0.01))
def test_threshold_is_the_best_one_whatever_the_preparation(seed, dark, bright, wrong_dark, wrong_bright):
    """Against every threshold tried in turn with the means that were found; those against the true ones."""
    rng = np.random.default_rng(seed)

    def histogram(mean, other, wrong):
        return np.bincount(np.where(rng.random(4000) < wrong, rng.poisson(other, 4000), rng.poisson(mean, 4000)))

    found = poissonian_threshold(histogram(dark, bright, wrong_dark), histogram(bright, dark, wrong_bright))
    tried = [poisson.sf(k, found.mean_dark) + poisson.cdf(k, found.mean_bright) for k in range(60)]
    assert found.value == int(np.argmin(tried)) and found.error == pytest.approx(min(tried) / 2)
    crossing = (bright - dark) / math.log(bright / dark)
    assert abs(found.crossing - crossing) < 5 * found.standard_error
    assert abs(found.mean_dark - dark) < 0.15 and abs(found.mean_bright - bright) < 0.6


# Errors are honest, and the estimate is that of maximum likelihood


def test_pulls_are_normal():
    x, pi_time = np.linspace(0, 20e-6, 41), 6e-6
    p = np.sin(np.pi * x / 2 / pi_time) ** 2
    fits = [rabi_flops(x, draw(seed, p), SHOTS) for seed in range(200)]
    pulls = np.array([(fit.value - pi_time) / fit.standard_error for fit in fits])
    assert abs(pulls.mean()) < 0.25 and 0.8 < pulls.std() < 1.2
    assert np.mean([fit.p_value for fit in fits]) > 0.3


@repeat
@given(seeds, st.floats(4e-6, 9e-6))
def test_against_the_likelihood_itself(seed, pi_time):
    x = np.linspace(0.3e-6, 20e-6, 30)
    k = draw(seed, 0.06 + 0.85 * np.sin(np.pi * x / 2 / pi_time) ** 2)
    fit = rabi_flops(x, k, SHOTS)

    def unlikelihood(parameters):
        p = parameters[2] + parameters[1] * np.sin(np.pi * x / 2 / (parameters[0] * 1e-6)) ** 2
        return -binom.logpmf(k, SHOTS, np.clip(p, 1e-9, 1 - 1e-9)).sum()

    start = [pi_time * 1e6, 0.85, 0.06]
    slow = optimize.minimize(unlikelihood, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-6})
    assert abs(fit.value - slow.x[0] * 1e-6) < 0.1 * fit.standard_error


# What is no calibration


@pytest.mark.parametrize("level", [0.0, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_data_without_the_effect_give_no_value(level, seed):
    x = np.linspace(0, 1, 41)
    flat = draw(seed, np.full(41, level))
    with pytest.raises(FitFailed):
        rabi_line(200e6 + 4e5 * x, flat, SHOTS, 5e-6)
    with pytest.raises(FitFailed):
        rabi_flops(20e-6 * x, flat, SHOTS)
    with pytest.raises(FitFailed):
        ramsey(1e-5 + 8e-3 * x, flat, SHOTS, 1e3)
    with pytest.raises(FitFailed):
        decay(30e-6 * x, flat, SHOTS)


def test_another_shape_is_refused_with_its_chi_square():
    x = np.linspace(0, 20e-6, 41)
    square = np.where(np.sin(2 * np.pi * x / 10e-6) > 0, 0.95, 0.05)
    with pytest.raises(FitFailed, match="does not describe the data"):
        rabi_flops(x, draw(1, square), SHOTS)


def test_a_line_outside_of_the_scan_is_not_extrapolated_to():
    x = 200e6 + np.linspace(-60e3, 60e3, 31)
    p = transfer(x - 200.13e6, 0.1e6, 5e-6)
    with pytest.raises(FitFailed):
        rabi_line(x, draw(3, p), SHOTS, 5e-6)


def test_dark_apds_give_no_gate():
    x = np.arange(8, 60, 2) * 1e-9
    with pytest.raises(FitFailed):
        photon_arrival(x, np.zeros(len(x), int), np.full(len(x), 1000), 120e-9)


def test_alike_preparations_give_no_threshold():
    rng = np.random.default_rng(2)
    same = np.bincount(rng.poisson(30, 1000))
    with pytest.raises(FitFailed):
        poissonian_threshold(same, same)
    unpumped = np.bincount(np.where(rng.random(1000) < 0.5, rng.poisson(30, 1000), rng.poisson(0.1, 1000)))
    with pytest.raises(FitFailed, match="calibrate the mapping pulse"):
        poissonian_threshold(unpumped, same)
    with pytest.raises(InvalidInput, match="at least 10 shots"):
        poissonian_threshold(np.zeros(3, int), same)


def test_impossible_counts_are_refused():
    model = lambda x, p: np.full(np.shape(x), p)  # noqa: E731
    with pytest.raises(InvalidInput, match="between 0 and the number of shots"):
        fit_probability(model, {"p": 0.5}, [1, 2, 3], [1, 2, 9], 5, value="p", what="test")
    with pytest.raises(InvalidInput, match="measure more points"):
        fit_probability(model, {"p": 0.5}, [1], [1], 5, value="p", what="test")
    with pytest.raises(InvalidInput, match="3 scan points with 2 results"):
        fit_probability(model, {"p": 0.5}, [1, 2, 3], [1, 2], 5, value="p", what="test")
