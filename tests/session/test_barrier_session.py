"""A session with a barrier: G_B covers Alice's bits, and the list of rounds in which Bob has none."""

import json
from dataclasses import replace

import numpy as np
import pytest

from postprocess.authentication import encode
from postprocess.errors import AbortReason, InvalidInput
from postprocess.plans.session_parameters import SessionParameters
from postprocess.rounds.zeroed import ZeroedRanges
from postprocess.session.tag_inputs import TagInputs
from tests.session.session_nodes import TwoNodes, assert_no_key, draw_rounds, rehearsal

AUTHENTICATION, ZEROED = AbortReason.AUTHENTICATION, AbortReason.ZEROED_ROUNDS


def lacking(rounds, where, node="bob"):
    """The rounds with some zeroed at one node; Bob then has no bit there."""
    strings = rounds[node]
    outcomes, bits = strings.outcomes.copy(), strings.barrier.copy()
    outcomes[where] = 0
    if node == "bob":
        bits[where] = 0
    zeroed = ZeroedRanges.of_rounds(where)
    return rounds | {node: replace(strings, outcomes=outcomes, barrier=bits, zeroed=zeroed)}


def play(folder, rounds=None, tamper=None, **changes):
    parameters = rehearsal(barrier=True, **changes)
    two = TwoNodes(folder, parameters, rounds(draw_rounds(parameters)) if rounds else draw_rounds(parameters))
    results = two.provision().run(tamper)
    return two, {node: result.abort_reason for node, result in results.items()}


def test_a_session_with_a_barrier_makes_a_key(tmp_path):
    two, reasons = play(tmp_path, lambda rounds: lacking(rounds, [5, 6, 900]), allowance=100)
    assert reasons == {"alice": None, "bob": None}
    two.close()


def flipped(rounds):
    bits = rounds["bob"].barrier.copy()
    bits[17] ^= 1
    return rounds | {"bob": replace(rounds["bob"], barrier=bits)}


def test_one_wrong_bit_ends_the_session(tmp_path):
    two, reasons = play(tmp_path, flipped, allowance=100)
    assert set(reasons.values()) == {AUTHENTICATION}
    assert_no_key(two)
    two.close()


@pytest.mark.parametrize("change", [lambda p: ZeroedRanges(((17, 18),)).to_bytes(768) + p[-8:], lambda p: p[1:]])
def test_the_list_of_rounds_without_a_bit_is_authentic(tmp_path, change):
    """Whoever hides a wrong bit by adding its round to the list changes what G_B covers."""

    def tamper(sender, kind, payload):
        return change(payload) if kind == "G_B" else payload

    two, reasons = play(tmp_path, flipped, tamper, allowance=100)
    assert set(reasons.values()) == {AUTHENTICATION}
    two.close()


def test_both_nodes_zeroed_rounds_stay_within_the_allowance_together(tmp_path):
    def of_both(second):
        return lambda rounds: lacking(lacking(rounds, range(60)), range(second, second + 60), "alice")

    for name, second, reason in (("same", 0, None), ("other", 500, ZEROED)):
        two, reasons = play(tmp_path / name, of_both(second), allowance=100)
        assert set(reasons.values()) == {reason}
        two.close()


def test_without_an_allowance_the_list_is_empty():
    """Meetings abort by name before a node needs one."""
    parameters = rehearsal(barrier=True)
    bob = lacking(draw_rounds(parameters), [3])["bob"]
    with pytest.raises(InvalidInput, match="1 ranges do not fit 0 bits"):
        TagInputs(parameters).round_types(bob.test, bytes(32), bob.barrier, bob.zeroed)


def test_tag_inputs_without_a_barrier_are_as_before_there_was_one():
    parameters, reusable = rehearsal(), bytes(range(32))
    test = draw_rounds(parameters)["bob"].test
    words = TagInputs(parameters).round_types(test, reusable)
    assert words == encode("s1", "bob", "G_B", parameters.digest(), test, reusable)
    assert "barrier" not in json.loads(parameters.to_json())
    assert SessionParameters.from_json(parameters.to_json()) == parameters
    with pytest.raises(InvalidInput, match="left out"):
        SessionParameters.from_json(json.dumps(json.loads(parameters.to_json()) | {"barrier": False}))


def test_with_a_barrier_the_announcement_has_two_bits_a_round():
    parameters, reusable = rehearsal(barrier=True, allowance=100), bytes(range(32))
    bob = draw_rounds(parameters)["bob"]
    without = ZeroedRanges(((4, 6),))
    announced = np.stack((0 * bob.test, bob.test), axis=1).reshape(-1)
    seen = bob.barrier.copy()
    seen[4:6] = 0
    expected = encode("s1", "bob", "G_B", parameters.digest(), announced, reusable, seen, without.to_bytes(768))
    assert TagInputs(parameters).round_types(bob.test, reusable, bob.barrier, without) == expected


@pytest.mark.parametrize("barrier", [False, True])
def test_strings_have_the_bits_of_a_barrier_exactly_where_the_session_has_one(tmp_path, barrier):
    """Bits that are missing on both nodes alike would leave nothing for G_B to compare."""
    parameters = rehearsal(barrier=barrier)
    rounds = draw_rounds(rehearsal(barrier=not barrier))
    two = TwoNodes(tmp_path, parameters, rounds).provision()
    refusals = two.run().values()
    assert [type(refusal) for refusal in refusals] == [InvalidInput, InvalidInput], refusals
    assert all("where the session has a barrier" in str(refusal) for refusal in refusals)
    two.close()
