"""Two node processes: common heralds, correlated outcomes, repeatability, faults."""

import numpy as np
import pytest
from pair_kit import measure, score

LEAKS = ("dark_dark", "dark_bright", "bright_dark", "bright_bright")
NO_ROUNDS = [0] * 5
NO_HERALD, ION_LOST, LASER_UNLOCKED, UNDERFLOW, ROUND_TYPE_FAULT, BARRIER_FAULT = 1, 2, 3, 4, 6, 7


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    return measure(tmp_path_factory.mktemp("healthy"), 6000)


def leaked(pair):
    """(mean photons per round, rounds) of the histogram at the station."""
    rows = [pair.truth["leak_counts"].get(name, NO_ROUNDS) for name in LEAKS]
    rounds = sum(map(sum, rows))
    return sum(k * count for row in rows for k, count in enumerate(row)) / rounds, rounds


def test_both_see_the_same_heralds(healthy):
    assert healthy.statuses == {"alice": 0, "bob": 0}
    assert healthy.codes == {"alice": 0, "bob": 0}
    assert len(healthy.alice.raw) == len(healthy.bob.raw) == 6000
    assert (healthy.alice.pattern == healthy.bob.pattern).all()
    assert (healthy.alice.attempts == healthy.bob.attempts).all()
    assert 1 / healthy.alice.attempts.mean() == pytest.approx(1.6e-4, rel=0.06)


def test_the_round_type_arrives_as_sent(healthy):
    assert (healthy.alice.test == healthy.bob.test).all()
    assert (healthy.bob.test == (healthy.bob.setting != 2)).all()
    assert not healthy.alice.setting[healthy.alice.test == 0].any()
    assert not healthy.alice.flags.any()
    assert not healthy.bob.flags.any()


def test_outcomes_are_entangled(healthy):
    s, q = score(healthy)
    assert s == pytest.approx(2.68, abs=0.15)  # four standard deviations
    assert q == pytest.approx(0.0174, abs=0.011)


def test_readout_separates_bright_from_dark(healthy):
    dark, bright = healthy.bob.counts[healthy.bob.outcome == 0], healthy.bob.counts[healthy.bob.outcome == 1]
    assert dark.max() <= 5 < bright.min()
    assert bright.mean() == pytest.approx(37, abs=2)


def test_leak_at_the_station_is_that_of_table_s5(healthy):
    mean, rounds = leaked(healthy)
    assert rounds == healthy.truth["heralds"] == 6000
    assert mean == pytest.approx(0.029, abs=0.01)


def test_the_same_seed_repeats_bit_for_bit(tmp_path):
    first, again = measure(tmp_path / "1", 300, seed=5), measure(tmp_path / "2", 300, seed=5)
    assert (first.alice.raw == again.alice.raw).all()
    assert (first.bob.raw == again.bob.raw).all()
    other = measure(tmp_path / "3", 300, seed=6)
    assert (first.alice.raw != other.alice.raw).any()


def test_missing_shuttle_shows_at_the_station(tmp_path):
    pair = measure(tmp_path, 150, faults=[{"kind": "shuttle broken", "node": "alice", "round": 0}])
    rows = {name: pair.truth["leak_counts"].get(name, NO_ROUNDS) for name in LEAKS}
    rounds = sum(rows["bright_dark"]) + sum(rows["bright_bright"])
    assert rows["bright_dark"][4] + rows["bright_bright"][4] > 0.95 * rounds  # many photons whenever she is bright
    assert rows["dark_dark"][4] + rows["dark_bright"][4] == 0


def test_phase_error_lowers_the_score(tmp_path):
    pair = measure(tmp_path, 6000, faults=[{"kind": "phase error", "node": "bob", "value": 1.2}])
    s, q = score(pair)
    assert s == pytest.approx(1.83, abs=0.2)
    assert q < 0.03


def test_underflow_ends_the_block_and_the_partner_goes_without_heralds(tmp_path):
    stall = [{"kind": "underflow", "node": "bob", "round": 40}]
    pair = measure(tmp_path, 500, faults=stall, arguments={"windows": 300})
    assert pair.codes["bob"] == UNDERFLOW
    assert len(pair.bob.raw) == 40
    assert list(pair.bob.flags[-2:]) == [0, 1]
    assert pair.codes["alice"] in (NO_HERALD, ROUND_TYPE_FAULT)
    assert len(pair.alice.raw) == 40


def test_lost_ion(tmp_path):
    lost = [{"kind": "ion lost", "node": "alice", "round": 31}]
    pair = measure(tmp_path, 500, faults=lost, arguments={"windows": 300})
    assert pair.codes == {"alice": ION_LOST, "bob": NO_HERALD}
    assert len(pair.alice.raw) == len(pair.bob.raw) == 30


def test_unlocked_laser_is_seen_by_both(tmp_path):
    pair = measure(tmp_path, 500, faults=[{"kind": "laser unlocked", "round": 21}])
    assert pair.codes == {"alice": LASER_UNLOCKED, "bob": LASER_UNLOCKED}
    assert len(pair.alice.raw) == len(pair.bob.raw) == 20


def error_rate(pair, basis):
    here = pair.bob.setting == 2 + basis
    assert (pair.alice.setting[here] == basis).all()
    return (pair.alice.outcome != pair.bob.outcome)[here].mean()


def test_two_key_bases_arrive_as_announced_and_agree_in_both(tmp_path):
    """Q_1 is what the published states predict: 3.5 %, and what decoheres; within five standard deviations."""
    pair = measure(tmp_path, 3000, arguments={"key_bases": 2, "barrier": True})
    assert pair.codes == {"alice": 0, "bob": 0} and not pair.alice.flags.any() and not pair.bob.flags.any()
    assert (pair.alice.test == (pair.bob.setting < 2)).all() and set(pair.bob.setting) == {0, 1, 2, 3}
    assert (pair.alice.test == pair.bob.test).all()
    assert error_rate(pair, 0) == pytest.approx(0.0174, abs=0.025)
    assert error_rate(pair, 1) == pytest.approx(0.036, abs=0.034)
    assert score(pair)[0] == pytest.approx(2.68, abs=0.26)


def test_a_crossed_line_is_another_value(tmp_path):
    """Only G_B can tell."""
    pair = measure(tmp_path, 60, faults=[{"kind": "round type crossed", "round": 12}], arguments={"key_bases": 2})
    assert pair.codes == {"alice": 0, "bob": 0} and not pair.alice.flags.any()
    announced = [np.where(n.test == 1, 1, 2 * (n.setting & 1)) for n in (pair.alice, pair.bob)]
    assert np.flatnonzero(announced[0] != announced[1]).tolist() == [11]


@pytest.mark.parametrize("kind", ("round type lost", "round type doubled", "round type late"))
def test_a_bad_t_line_is_a_fault_not_a_value(tmp_path, kind):
    pair = measure(tmp_path, 100, faults=[{"kind": kind, "round": 12}], arguments={"windows": 300})
    assert pair.codes["alice"] == ROUND_TYPE_FAULT
    assert len(pair.alice.raw) == 12
    assert pair.alice.flags[-1] != 0
    assert pair.bob.flags[11] == 0


def test_barrier_bits_arrive_as_sent(tmp_path):
    pair = measure(tmp_path, 600, arguments={"barrier": True})
    assert pair.codes == {"alice": 0, "bob": 0} and len(pair.bob.raw) == 600
    assert (pair.alice.barrier == pair.bob.barrier).all() and 200 < pair.bob.barrier.sum() < 400
    assert (pair.alice.test == pair.bob.test).all()
    assert (
        set(pair.alice.setting[pair.alice.test == 1]) == {0, 1} and not pair.alice.setting[pair.alice.test == 0].any()
    )
    assert not pair.alice.flags.any() and not pair.bob.flags.any()


@pytest.mark.parametrize("kind", ("barrier lost", "barrier doubled"))
def test_a_bad_barrier_is_a_fault_on_both_sides(tmp_path, kind):
    faults = [{"kind": kind, "round": 12}]
    pair = measure(tmp_path, 100, faults=faults, arguments={"windows": 300, "barrier": True})
    assert pair.codes == {"alice": ROUND_TYPE_FAULT, "bob": BARRIER_FAULT}
    for node, flag in ((pair.alice, 4), (pair.bob, 16)):
        assert node.flags.tolist() == [0] * 11 + [flag]
        assert node.outcome[-1] == 0


def test_late_partner_only_costs_windows(tmp_path):
    pair = measure(tmp_path, 60, faults=[{"kind": "partner late", "node": "alice", "round": 30, "value": 7}])
    without = measure(tmp_path / "without", 60)
    assert pair.codes == {"alice": 0, "bob": 0}
    extra = pair.bob.attempts - without.bob.attempts
    assert extra[29] == 7 * 500
    assert not extra[:29].any()
    assert (pair.alice.attempts == pair.bob.attempts).all()


def test_dead_link(tmp_path):
    pair = measure(tmp_path, 100, faults=[{"kind": "link dead", "round": 15}], arguments={"windows": 300})
    assert pair.codes == {"alice": NO_HERALD, "bob": NO_HERALD}
    assert len(pair.alice.raw) == len(pair.bob.raw) == 14


def test_stuck_apd_gives_fast_heralds_without_entanglement(tmp_path):
    pair = measure(tmp_path, 3000, faults=[{"kind": "stuck apd", "round": 1, "value": 2}])
    assert set(pair.alice.pattern) == {0b0101, 0b1100}
    assert pair.alice.attempts.mean() < 100
    s, q = score(pair)
    assert abs(s) < 0.3
    assert q == pytest.approx(0.5, abs=0.05)
