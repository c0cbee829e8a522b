"""Adversaries who decide which rounds are lost: a zeroed test round never helps them."""

import numpy as np
import pytest

from postprocess.errors import AbortReason
from postprocess.rounds import RawRounds
from postprocess.rounds.zeroed import ZeroedRanges
from postprocess.session import read_private_record
from tests.session.session_nodes import TwoNodes, assert_no_key, rehearsal


def local_rounds(parameters, seed=4):
    """The best local strategy: a = b = 0 wins three of four settings; every loss has x = y = 1."""
    random, n = np.random.default_rng(seed), parameters.rounds
    test = (random.random(n) < float(parameters.gamma)).astype(np.uint8)
    x = random.integers(0, 2, n, dtype=np.uint8) & test
    y = np.where(test, random.integers(0, 2, n), 2).astype(np.uint8)
    return x, y, test, np.zeros(n, np.uint8)


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_losses_exactly_where_both_settings_are_one(tmp_path, who):
    """Case C2: records lost wherever x = y = 1; a stored 0 would hide the loss, so it counts as lost."""
    parameters = rehearsal(allowance=4000)
    x, y, test, zeros = local_rounds(parameters)
    lost = np.flatnonzero((x == 1) & (y == 1))
    limit = 16 if who == "alice" else len(lost)
    zeroed = ZeroedRanges.of_rounds(lost[:limit])
    b = zeros.copy()
    b[lost[limit:]] = 1  # elsewhere the devices cheat perfectly
    rounds = {
        "alice": RawRounds(x, test, zeros, zeroed if who == "alice" else ZeroedRanges()),
        "bob": RawRounds(y, test.copy(), b if who == "alice" else zeros, zeroed if who == "bob" else ZeroedRanges()),
    }
    two = TwoNodes(tmp_path, parameters, rounds).provision()
    results = two.run()
    record = read_private_record(tmp_path / "bob", "s1")
    if who == "bob":
        assert record["lost_test_rounds"] == len(lost) and record["verdict"] == "Bell threshold"
        assert {result.abort_reason for result in results.values()} == {AbortReason.ACTIVATION}
        assert_no_key(two)
    else:
        assert record["lost_test_rounds"] == limit
    two.close()


def test_a_test_without_one_of_its_settings_is_never_sound(tmp_path):
    """Case C3: a stuck source gives X = 0 for ever; nothing is lost, and nothing is shown."""
    parameters = rehearsal()
    x, y, test, zeros = local_rounds(parameters)
    rounds = {"alice": RawRounds(0 * x, test, zeros), "bob": RawRounds(y, test.copy(), zeros)}
    two = TwoNodes(tmp_path, parameters, rounds).provision()
    results = two.run()
    assert {result.abort_reason for result in results.values()} == {AbortReason.ACTIVATION}
    record = read_private_record(tmp_path / "bob", "s1")
    assert record["verdict"] == "Bell threshold" and record["settings_follow_law"] is False
    assert_no_key(two)
    two.close()
