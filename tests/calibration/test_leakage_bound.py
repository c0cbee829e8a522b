"""Table S5's leak from its counts, and the bound on what a round leaks."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess.calibration.curve_fit import FitFailed
from postprocess.calibration.leakage import (
    Counted,
    efficiency_of,
    leak,
    leaked_bits,
    leaks_of_table,
    of_clicks,
    of_histogram,
)
from postprocess.errors import InvalidInput

REFERENCE = Path(__file__).resolve().parents[1] / "data" / "reference_figures.json"
TABLE = json.loads(REFERENCE.read_text())["table_S5_leak_counts"]
PUBLISHED = {name: TABLE[key] for name, key in (("alice", "p_leak_alice_bright"), ("bob", "p_leak_bob_bright"),
                                                ("either", "p_leak_either"))}  # fmt: skip


def test_the_published_figures_follow_from_the_published_counts():
    """All three to their last digit, if 60 % of the photons click: the supplement states losses of about 25 % and an
    efficiency of about 70 %, whose product, 0.525, gives 0.0007, 0.0050 and 0.0029."""
    found = leaks_of_table(TABLE, 0.60)
    assert {name: round(each.value, 4) for name, each in found.items()} == PUBLISHED
    stated = leaks_of_table(TABLE, efficiency_of(TABLE["coupling_loss"], TABLE["detector_efficiency"]))
    assert {name: round(each.value, 4) for name, each in stated.items()} == {
        "alice": 0.0007,
        "bob": 0.0050,
        "either": 0.0029,
    }
    for name, each in stated.items():
        assert abs(each.value - PUBLISHED[name]) < each.standard_error
        assert PUBLISHED[name] < each.limit < PUBLISHED[name] + 0.004
        assert each.level == 0.975


def test_what_a_round_leaks():
    assert leaked_bits(0.0025) == pytest.approx(0.0252, abs=5e-4)
    assert leaked_bits(0) == 0 and leaked_bits(0.5) == leaked_bits(0.9) == leaked_bits(82.0) == 1
    for bad in (-1e-9, math.nan):
        with pytest.raises(InvalidInput, match="leak probability"):
            leaked_bits(bad)


def test_a_row_of_the_table():
    assert of_histogram([10, 4, 3, 2, 1]) == Counted(4 + 6 + 6 + 4, 20)


def test_an_apd_clicks_once_per_cycle_however_many_photons_come():
    random = np.random.default_rng(3)
    cycles, mean = 200_000, 0.8  # photons per APD and cycle
    clicks = (random.poisson(mean, (4, cycles)) > 0).sum(1)
    found = of_clicks(clicks, cycles, 8000.0, 205_000.0)
    assert found.rate == pytest.approx(4 * mean * 205_000 / 8000, rel=0.01)
    with pytest.raises(InvalidInput, match="clicked in each of 10 cycles"):
        of_clicks([3, 10, 2, 1], 10, 8000.0, 205_000.0)
    with pytest.raises(InvalidInput, match="no cycles were counted"):
        of_clicks([0, 0, 0, 0], 0, 8000.0, 205_000.0)


def test_the_bound_holds_as_often_as_it_says():
    random = np.random.default_rng(8)
    mean, sent, efficiency, readouts = 0.027, 0.002, 0.525, 20_000
    held = 0
    for _ in range(400):
        bright, dark = random.poisson([readouts * (mean + efficiency * sent), readouts * mean])
        held += leak(Counted(bright, readouts), Counted(dark, readouts), efficiency, 0.9).limit > sent
    assert held > 0.9 * 400


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(0.1, 1.0))
def test_a_bound_is_above_the_value_and_rises_with_confidence(bright, dark, efficiency):
    low, high = (leak(Counted(bright, 1e6), Counted(dark, 1e6), efficiency, level) for level in (0.9, 0.99))
    assert 0 <= low.limit <= high.limit <= 1
    assert low.value <= low.limit
    assert low.bits <= high.bits


def test_outcomes_that_were_never_found():
    with pytest.raises(FitFailed, match="no ion was found dark"):
        leak(Counted(3, 10), Counted(0, 0), 0.5)


@pytest.mark.parametrize("bad", [(1.0, 0.7), (-0.1, 0.7), (0.25, 0.0), (0.25, 1.1), (math.nan, 0.7)])
def test_impossible_losses(bad):
    with pytest.raises(InvalidInput, match="coupling loss"):
        efficiency_of(*bad)
