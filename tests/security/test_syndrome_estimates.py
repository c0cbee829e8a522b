"""Estimates of the syndrome length: the paper's figures, and the formulas evaluated another way."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erfcinv

from postprocess.errors import InvalidInput
from postprocess.reconciliation.syndrome_length import conditional_entropy
from postprocess.security import syndrome_estimates as estimates

FIGURE_S13 = (13 / 256, 2.6507, 0.0239)
PAPER = (13 / 256, 2.64, 0.018)


def h(p):
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def test_asymptotic_overhead_of_the_paper():
    assert conditional_entropy(*PAPER)[0] == pytest.approx(0.1569, abs=5e-5)


def test_overhead_quoted_for_five_million_rounds():
    assert estimates.ideal_syndrome_length(5e6, *FIGURE_S13) / 5e6 == pytest.approx(0.189, abs=5e-4)


@given(st.floats(10, 1e9), st.floats(1e-6, 0.5), st.floats(1e-9, 0.4))
def test_single_channel_by_the_printed_formula(n, error, failure):
    quantile = math.sqrt(2) * erfcinv(2 * failure)
    expected = n * h(error) + math.sqrt(n * error * (1 - error)) * math.log2((1 - error) / error) * quantile
    expected -= math.log2(n) / 2
    assert estimates.bsc_syndrome_length(n, error, failure) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("failure", [1e-1, 1e-3, 1e-6])
@pytest.mark.parametrize("n", [1e5, 1.5e6, 1e8])
def test_older_bounds_take_the_best_division_of_the_error(n, failure):
    part = failure * (1 - np.logspace(-12, -0.01, 20_000))
    afrv = 4 * math.log2(2 * math.sqrt(2) + 1) * np.sqrt(2 * n * np.log2(8 / part**2))
    afrv += np.log2(8 / part**2 + 2 / (2 - part)) - np.log2(failure - part)
    tsbsrsl = 2 * math.log2(5) * np.sqrt(n * np.log2(2 / part**2)) - 2 * np.log2(failure - part) + 4
    limit = n * conditional_entropy(*PAPER)[0]
    assert estimates.afrv_syndrome_length(n, *PAPER, failure) == pytest.approx(limit + afrv.min(), abs=1e-2)
    assert estimates.tsbsrsl_syndrome_length(n, *PAPER, failure) == pytest.approx(limit + tsbsrsl.min(), abs=1e-2)


@pytest.mark.parametrize("n", [1e5, 1.5e6, 1e8])
def test_order_of_the_lines_in_figure_s14(n):
    ideal, tsbsrsl, afrv = (
        function(n, *FIGURE_S13, 0.1)
        for function in (
            estimates.ideal_syndrome_length,
            estimates.tsbsrsl_syndrome_length,
            estimates.afrv_syndrome_length,
        )
    )
    assert n * conditional_entropy(*FIGURE_S13)[0] < ideal < tsbsrsl < afrv


def test_a_noiseless_channel_needs_nothing():
    assert estimates.bsc_syndrome_length(1e6, 0.0, 1e-3) == 0


@pytest.mark.parametrize("failure", [0.0, 1.0, math.nan])
def test_impossible_failure_probabilities(failure):
    for function in (estimates.ideal_syndrome_length, estimates.afrv_syndrome_length):
        with pytest.raises(InvalidInput, match="failure"):
            function(1e6, *PAPER, failure)


def test_impossible_channel():
    with pytest.raises(InvalidInput, match="channel error"):
        estimates.bsc_syndrome_length(1e6, 0.6, 1e-3)
