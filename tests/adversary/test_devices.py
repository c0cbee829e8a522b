"""Devices made by an adversary who knows every bit of the key rounds, and that they fail."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from postprocess.errors import AbortReason, InvalidInput, SessionAborted
from postprocess.rounds import RawRounds
from postprocess.rounds.zeroed import ZeroedRanges
from postprocess.session import read_private_record
from tests.session.session_nodes import TwoNodes, assert_no_key, draw_rounds, rehearsal


def settings_of(parameters, seed=4):
    """X (0 in key rounds), Y, T of an honest pair of nodes."""
    random, n = np.random.default_rng(seed), parameters.rounds
    test = (random.random(n) < float(parameters.gamma)).astype(np.uint8)
    x = random.integers(0, 2, n, dtype=np.uint8) & test
    y = np.where(test, random.integers(0, 2, n), 2).astype(np.uint8)
    return x, y, test


def best_local(x, y, test, random):
    """Fixed answers: three of four settings are won, key rounds agree perfectly."""
    return np.zeros_like(x), np.zeros_like(x)


PAIRS = [(0, 0), (0, 1), (1, 0), (1, 1)]
LOSES_ONE = {
    lost: (f, g)
    for f, g in itertools.product(itertools.product((0, 1), repeat=2), repeat=2)
    for lost in PAIRS
    if [pair for pair in PAIRS if f[pair[0]] ^ g[pair[1]] != pair[0] & pair[1]] == [lost]
}


def with_memory(x, y, test, random):
    """After each round both devices are told all that happened; they then lose only the pair that came least often."""
    a, b, counts = np.zeros_like(x), np.zeros_like(x), dict.fromkeys(PAIRS, 0)
    for i in range(len(x)):
        f, g = LOSES_ONE[min(PAIRS, key=counts.__getitem__)]
        a[i] = f[x[i]]
        b[i] = g[y[i]] if test[i] else a[i]
        if test[i]:
            counts[x[i], y[i]] += 1
    return a, b


def well_behaved_in_key_rounds(x, y, test, random):
    """An honest pair wherever the key comes from, local answers in tests."""
    a = random.integers(0, 2, len(x), dtype=np.uint8)
    a[test == 1] = 0
    return a, a.copy()


STRATEGIES = {"best local": best_local, "memory": with_memory, "only key rounds": well_behaved_in_key_rounds}


def play(folder, parameters, strategy, zeroed=None):
    x, y, test = settings_of(parameters)
    a, b = STRATEGIES[strategy](x, y, test, np.random.default_rng(5))
    lost = ZeroedRanges()
    if zeroed is not None:
        where = np.flatnonzero(zeroed(x, y, test, a, b))
        b = b.copy()
        b[where] = 0
        lost = ZeroedRanges.of_rounds(where)
    rounds = {"alice": RawRounds(x, test, a), "bob": RawRounds(y, test.copy(), b, lost)}
    two = TwoNodes(folder, parameters, rounds).provision()
    results = two.run()
    return two, results, read_private_record(folder / "bob", "s1")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_classical_devices_give_no_key(tmp_path, strategy):
    two, results, record = play(tmp_path, rehearsal(), strategy)
    assert {result.abort_reason for result in results.values()} == {AbortReason.ACTIVATION}
    assert record["verdict"] in ("Bell threshold", "reconciliation failed")
    if record["verdict"] == "Bell threshold":
        assert record["score"] < 2.1
    assert_no_key(two)
    two.close()


@pytest.mark.parametrize("strategy", ["best local", "memory"])
def test_a_device_that_crashes_where_it_would_lose_gives_no_key(tmp_path, strategy):
    """It wins every round that it records; the others count as lost."""

    def losing(x, y, test, a, b):
        return (test == 1) & ((a ^ b) != (x & np.minimum(y, 1)))

    two, results, record = play(tmp_path, rehearsal(allowance=100), strategy, zeroed=losing)
    assert {result.abort_reason for result in results.values()} == {AbortReason.ACTIVATION}
    assert record["verdict"] in ("Bell threshold", "reconciliation failed")
    assert_no_key(two)
    two.close()


def test_a_peer_of_another_version_is_refused_by_one_line():
    """It says hello with fields that this version does not know, or without those that it needs."""
    from postprocess.acquisition.node_dialogue import ENVELOPE, HELLO, NodeDialogue
    from postprocess.link import codec, memory_pair

    parameters = rehearsal()
    mine, theirs = memory_pair()
    old = {"node": "bob", "digest": parameters.digest(), "parameters": parameters.to_json()}
    for hello in (old, old | {"k0_id": "", "begun": False, "colour": "red"}, {"version": 7}):
        content = {"from": "them", "to": "", "meeting": 0, "content": codec.encode(hello)}
        assert set(content) == set(ENVELOPE)
        theirs.send(HELLO, codec.encode(content))
        with pytest.raises((InvalidInput, SessionAborted)) as refusal:
            NodeDialogue(mine, "alice", parameters).greet(2.0)
        assert "\n" not in str(refusal.value) and "same version" in str(refusal.value)


def test_delayed_heralds_win_while_there_is_no_barrier(tmp_path):
    """Not a test of strength but of honesty: what docs/security.md assumes away.

    An adversary who delivers Bob's heralds first tells Alice's open device T, y and b of the same round. The devices
    then imitate any statistics, know every bit, and the session ends with a key.
    """
    parameters = rehearsal()
    two = TwoNodes(tmp_path, parameters, draw_rounds(parameters, seed=3)).provision()
    known_to_the_adversary = two.rounds["alice"].outcomes.copy()
    results = two.run()
    assert results["alice"].accepted and results["bob"].accepted
    np.testing.assert_array_equal(known_to_the_adversary, two.rounds["alice"].outcomes)
    two.close()
    from pathlib import Path

    assumptions = (Path(__file__).parents[2] / "docs" / "security.md").read_text().split("## Choosing a rule")[0]
    assert "heralds" in assumptions, "the assumption stands in the first list"


@pytest.mark.parametrize("attacked", [1, 40])
def test_delayed_heralds_need_the_bits_of_the_barrier(tmp_path, attacked):
    """Bob's crate, whose herald came first, waits for a pulse that Alice's has not sent: the adversary guesses it.

    Every wrong guess ends the session; `attacked` rounds go unnoticed with probability 2 to the minus that.
    """
    parameters = rehearsal(barrier=True, allowance=100)
    rounds = draw_rounds(parameters, seed=3)
    guessed = rounds["alice"].barrier.copy()
    where = np.random.default_rng(6).choice(parameters.rounds, attacked, replace=False)
    guessed[where] = np.random.default_rng(7).integers(0, 2, attacked) if attacked > 1 else 1 - guessed[where]
    assert (guessed[where] != rounds["alice"].barrier[where]).any()
    two = TwoNodes(tmp_path, parameters, rounds | {"bob": replace(rounds["bob"], barrier=guessed)}).provision()
    results = two.run()
    assert {result.abort_reason for result in results.values()} == {AbortReason.AUTHENTICATION}
    assert_no_key(two)
    two.close()


def test_delayed_heralds_without_a_pulse_are_zeroed_rounds(tmp_path):
    """An adversary who sends Bob no pulse at all gains the rounds of the allowance, which the key length has paid."""
    parameters = rehearsal(barrier=True, allowance=100)
    rounds = draw_rounds(parameters, seed=3)
    where = np.arange(3000, 3101)
    bits, outcomes = rounds["bob"].barrier.copy(), rounds["bob"].outcomes.copy()
    bits[where] = outcomes[where] = 0
    bob = replace(rounds["bob"], barrier=bits, outcomes=outcomes, zeroed=ZeroedRanges.of_rounds(where))
    two = TwoNodes(tmp_path, parameters, rounds | {"bob": bob}).provision()
    results = two.run()
    assert {result.abort_reason for result in results.values()} == {AbortReason.ZEROED_ROUNDS}
    assert_no_key(two)
    two.close()
