"""What is drawn: herald rates, balance, S and Q, histograms, scans."""

import math

import numpy as np
import pytest
from applet_values import broken, characterisation, everything, histogram, scan, second_key_basis, session
from hypothesis import given
from hypothesis import strategies as st

from postprocess.shaping import characterisation_view as bell
from postprocess.shaping import heralds_view as heralds
from postprocess.shaping import histogram_view as readout
from postprocess.shaping import scan_view as scans
from postprocess.shaping import session_view as sessions
from postprocess.shaping.dataset_values import columns

VIEWS = {
    heralds.heralds_view: heralds.DATASETS,
    bell.characterisation_view: bell.DATASETS,
    readout.histogram_view: readout.DATASETS,
    scans.scan_view: scans.DATASETS,
    sessions.key_view: sessions.DATASETS,
}


@pytest.mark.parametrize("view", VIEWS)
def test_without_datasets_there_is_nothing_and_with_them_something(view):
    assert view({}) is None
    assert view(everything()) is not None


@pytest.mark.parametrize("view", VIEWS)
@given(data=st.data())
def test_whatever_the_datasets_hold_it_is_shown_or_not(view, data):
    found = view(data.draw(broken(VIEWS[view])))
    assert found is None or isinstance(found.title, str)


def test_columns_are_cut_while_an_experiment_appends_to_them():
    found = columns({"a": [1, 2, 3], "b": np.array([4, 5])}, "a", "b")
    assert [each.tolist() for each in found] == [[1, 2], [4, 5]]
    assert columns({"a": [1, 2, 3]}, "a", "b") is None
    assert columns({"a": [[1, 2], [3, 4]]}, "a") is None


@given(st.lists(st.floats(0, 1e3) | st.just(math.nan), max_size=30), st.integers(1, 7))
def test_moving_mean_against_the_obvious(rates, blocks):
    found = heralds.moving_mean(np.array(rates, dtype=float), blocks)
    for end, value in enumerate(found, start=1):
        known = [rate for rate in rates[max(0, end - blocks) : end] if not math.isnan(rate)]
        assert math.isclose(value, sum(known) / len(known), abs_tol=1e-9) if known else math.isnan(value)


def test_balance_is_in_percent_with_binomial_errors():
    view = heralds.heralds_view(session())
    assert view.shares.tolist() == pytest.approx([10, 20, 30, 40])
    assert view.errors[3] == pytest.approx(100 * math.sqrt(0.4 * 0.6 / 1000))
    assert view.counts == ("100", "200", "300", "400")
    assert view.title == "Session s2: latest 95.0/s, mean 95.0/s"


def test_unknown_rates_are_gaps_and_a_burst_flattens_nothing():
    view = heralds.heralds_view(session(herald_rate_hz=[0.0] + 300 * [100.0] + [1e5], pattern_counts=None))
    assert math.isnan(view.rates[0])
    assert 100 < view.top < 200
    assert len(view.shares) == 0


def test_a_new_session_begins_with_nothing():
    assert heralds.heralds_view(session(herald_rate_hz=[])) is None


def test_bell_curves_show_both_bounds_and_q_in_percent():
    view = bell.characterisation_view(characterisation())
    assert view.title == "Last 100\u00a0000 rounds: S = 2.600 (2.550 to 2.650), Q = 2.00 %"
    bottom, top = view.score.axis
    assert bottom < 2
    assert top > 2 * math.sqrt(2)
    assert view.qber.mean.tolist() == pytest.approx(5 * [2.0])
    assert view.qber.axis[0] == 0


def test_the_second_key_basis_is_a_curve_of_its_own_on_the_same_axis():
    view = bell.characterisation_view(characterisation() | second_key_basis())
    assert view.title.endswith("Q₀ = 2.00 %, Q₁ = 4.00 %")
    assert view.qber2.mean.tolist() == pytest.approx(5 * [4.0])
    assert view.qber2.axis == view.qber.axis and view.qber.axis[1] > 4.5
    assert bell.characterisation_view(characterisation()).qber2 is None


def test_the_wide_band_of_the_first_rounds_does_not_set_the_axis():
    values = characterisation(50)
    values["diqkd.characterisation.score_low"][0] = -4.0
    assert bell.characterisation_view(values).score.axis[0] > 1.9


shots = st.lists(st.integers(0, 5), min_size=1, max_size=12)


@given(shots, shots, st.integers(0, 15))
def test_wrong_shots_against_counting_them_one_by_one(dark, bright, threshold):
    length = max(len(dark), len(bright))
    padded = [np.array(each + [0] * (length - len(each)), dtype=float) for each in (dark, bright)]
    one_by_one = [[count for count, number in enumerate(each) for _ in range(number)] for each in (dark, bright)]
    expected = (sum(c > threshold for c in one_by_one[0]), sum(not c > threshold for c in one_by_one[1]))
    assert readout.wrong_shots(*padded, threshold) == expected


def test_histogram_bins_stand_on_their_counts_and_empty_ones_on_the_floor():
    view = readout.histogram_view(histogram())
    assert view.edges.tolist() == [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert view.dark.tolist() == [6, 2, 1, 1, readout.FLOOR, readout.FLOOR]
    assert "Dark read as bright: 1 of 10 (10 %); bright read as dark: 0 of 10 (0 %)" in view.title


def test_a_count_at_the_threshold_is_dark():
    """As in node.readout: bright is more than the threshold."""
    at_two = np.array([0.0, 0, 1])
    assert readout.wrong_shots(at_two, at_two, 2) == (0, 1)


def test_scan_has_error_bars_of_two_lengths_and_no_fit_yet():
    view = scans.scan_view(scan())
    assert view.below.tolist() == 4 * [1.0]
    assert view.above.tolist() == 4 * [2.0]
    assert len(view.fit_x) == 0
    assert view.result == ""


@pytest.mark.parametrize(
    "view", [heralds.heralds_view, bell.characterisation_view, readout.histogram_view, scans.scan_view]
)
def test_data_of_an_emulated_apparatus_say_so(view):
    said = ["Emulated apparatus: no real ions"]
    own = {f"diqkd.{run}.apparatus": "emulated" for run in ("rounds", "characterisation", "calibration")}
    assert view(everything() | own).warnings == said
    silent = {name: value for name, value in everything().items() if not name.endswith("apparatus")}
    assert view(silent | {"diqkd.rounds.apparatus": "emulated"}).warnings == said
    assert view(everything()).warnings == []


def test_points_in_random_order_keep_their_bars_and_the_fit():
    """Case M16: a scan is shown as it is measured, in any order; what is drawn of each point is the same."""
    from postprocess.drawing.calibrations import fit_at, pulls_of

    values, order = scan(9), np.random.default_rng(3).permutation(9)
    prefix = "diqkd.calibration.scan."
    curve = {prefix + "fit_x": np.linspace(0, 8, 50), prefix + "fit_y": np.linspace(0, 64, 50)}
    mixed = {f"{prefix}{name}": values[f"{prefix}{name}"][order] for name in ("x", "y", "y_low", "y_high")}
    ascending, shuffled = (scans.scan_view(values | curve | more) for more in ({}, mixed))
    for name in ("x", "y", "below", "above"):
        assert np.array_equal(getattr(shuffled, name), getattr(ascending, name)[order]), name
    fits = [fit_at(view) for view in (ascending, shuffled)]
    assert np.array_equal(fits[1], fits[0][order]) and np.isfinite(fits[0]).all()
    pulls = [pulls_of(view, view.y - fit) for view, fit in zip((ascending, shuffled), fits, strict=True)]
    assert np.array_equal(pulls[1], pulls[0][order])
