"""Sessions over an in-memory link: equal keys, named aborts, agreement of both ledgers, nothing private in public."""

import json
import logging
import time

import numpy as np
import pytest
from session_nodes import TwoNodes, assert_no_key, draw_rounds, rehearsal

from postprocess.errors import AbortReason, InvalidInput, NodesDisagree, PeerLost
from postprocess.keystore import Keystore
from postprocess.privacy import TrevisanExtractor
from postprocess.session import AliceSession, BobSession, read_private_record
from tests.handed_out import hand_out


def test_both_nodes_end_with_the_extractor_s_key(nodes):
    results = nodes.run()
    assert results["alice"].accepted and results["bob"].accepted
    assert results["alice"].key_id == results["bob"].key_id == "s1" and results["bob"].ell == 1000
    assert results["alice"].insecure_because == ("a test",)
    page = nodes.keystores["alice"].session("s1")
    extractor = TrevisanExtractor(20_000, 1000, nodes.parameters.eps_pa / 1000)
    expected = extractor.extract(nodes.rounds["alice"].outcomes, page.trevisan_seed(extractor.seed_bits))
    for keystore in nodes.keystores.values():
        assert np.array_equal(hand_out(keystore, "s1"), expected[256:])


def test_result_is_the_same_when_the_command_is_given_again(nodes):
    first, second = nodes.run(), nodes.run()
    assert second["alice"].accepted and second["bob"].accepted and second["bob"].peer_informed
    assert first["alice"].key_id == second["alice"].key_id
    nodes.timeout_s = 0.3
    alone = nodes.run(only=("alice",))
    assert alone["alice"].accepted and not alone["alice"].peer_informed


def test_next_session_takes_its_pads_from_the_key(folder):
    parameters = rehearsal()
    two = TwoNodes(folder, parameters, draw_rounds(parameters)).provision(sessions=1)
    two.run()
    two.parameters = rehearsal("s2")
    results = two.run()
    assert results["alice"].accepted and results["bob"].accepted
    for keystore in two.keystores.values():
        assert [record.pads for record in keystore.sessions()] == ["K0/000000", "key/s1"]
        assert keystore.balance().consumed == 512 and keystore.balance().generated == 2000
    two.close()


def test_ledgers_out_of_step_settle_on_common_pads(nodes):
    nodes.open()
    for node, lost in (("alice", "only-alice"), ("bob", "only-bob-1"), ("bob", "only-bob-2")):
        nodes.keystores[node].reserve(lost, rehearsal(lost))
        nodes.keystores[node].abandon(lost)
    results = nodes.run()
    assert results["alice"].accepted and results["bob"].accepted
    assert {keystore.session("s1").pad_label for keystore in nodes.keystores.values()} == {"K0/000002"}


def test_no_pads_in_common_is_a_named_abort(nodes):
    nodes.open()
    for node, count in (("alice", 2), ("bob", 0)):
        for number in range(count):
            nodes.keystores[node].reserve(f"lost-{number}", rehearsal(f"lost-{number}"))
    nodes.keystores["bob"].reserve("s1", nodes.parameters)
    for number in range(2):
        nodes.keystores["bob"].reserve(f"lost-{number}", rehearsal(f"lost-{number}"))
    results = nodes.run()
    assert {result.abort_reason for result in results.values()} == {AbortReason.PARAMETER_MISMATCH}
    assert "no pads in common" in results["alice"].detail


ABORTS = {
    AbortReason.RECONCILIATION_FAILED: {"visibility": 0.5},
    AbortReason.BELL_THRESHOLD: {},
}


@pytest.mark.parametrize("reason", ABORTS)
def test_private_reasons_stay_with_bob(folder, reason, caplog):
    caplog.set_level(logging.DEBUG)
    parameters = rehearsal(omega_thr=0.853) if reason is AbortReason.BELL_THRESHOLD else rehearsal()
    two = TwoNodes(folder, parameters, draw_rounds(parameters, **ABORTS[reason])).provision()
    seen = []
    results = two.run(tamper=lambda sender, kind, payload: seen.append(kind) or payload)
    for result in results.values():
        assert not result.accepted and result.key_id is None and result.ell == 0
        assert result.abort_reason is AbortReason.ACTIVATION
        assert reason.value not in repr(result)
    assert set(seen) == {"status", "revelation", "G_B", "F"}, "as in a session that succeeds"
    assert set(results["bob"].seconds) <= {"round types", "decision", "key confirmation", "closing"}
    record = folder / "bob" / "sessions" / "s1" / "private.json"
    assert read_private_record(folder / "bob", "s1")["verdict"] == reason.value
    assert record.stat().st_mode & 0o777 == 0o600 and record.parent.stat().st_mode & 0o777 == 0o700
    assert not (folder / "alice" / "sessions").exists()
    assert_no_key(two)
    assert reason.value not in caplog.text
    two.close()


@pytest.mark.parametrize("visibility", [1.0, 0.5])
def test_when_bob_answers_need_not_tell_what_he_found(nodes, visibility):
    nodes.rounds = draw_rounds(nodes.parameters, visibility=visibility)
    nodes.run()
    seen = {}
    nodes.parameters = rehearsal("s2", min_response_s=1.5)
    results = nodes.run(tamper=lambda sender, kind, payload: seen.setdefault(kind, time.monotonic()) and payload)
    assert results["bob"].accepted is (visibility == 1.0)
    assert seen["F"] - seen["revelation"] >= 1.5 and results["bob"].seconds["decision"] >= 1.5


def test_private_record_holds_what_was_measured(nodes, folder):
    nodes.run()
    record = read_private_record(folder / "bob", "s1")
    assert record["verdict"] == "sound" and record["decoder_converged"]
    assert record["score"] == pytest.approx(2.68, abs=0.15) and record["qber"] == pytest.approx(0.0144, abs=0.006)
    assert json.dumps(record)
    with pytest.raises(InvalidInput, match="only Bob has a private record"):
        read_private_record(folder / "alice", "s1")


def test_parameters_that_differ_are_named_on_both_nodes(nodes):
    nodes.open()
    other = rehearsal(code_seed=7, block_rounds=500)
    nodes.keystores["bob"].reserve("s1", other)
    original, session = nodes.parameters, nodes.session
    nodes.session = lambda node, link: _with(nodes, other if node == "bob" else original, session, node, link)
    results = nodes.run()
    for result in results.values():
        assert result.abort_reason is AbortReason.PARAMETER_MISMATCH
        assert result.detail == "code_seed, block_rounds"
    assert_no_key(nodes)


def _with(nodes, parameters, session, node, link):
    nodes.parameters = parameters
    return session(node, link)


def test_lost_peer_leaves_the_session_open(nodes):
    nodes.timeout_s = 0.3
    results = nodes.run(only=("alice",))
    assert isinstance(results["alice"], PeerLost) and "session s1" in str(results["alice"])
    assert "bob's greeting within 0 s" in str(results["alice"]) or "bob" in str(results["alice"])
    assert nodes.keystores["alice"].session("s1").outcome is None
    nodes.timeout_s = 30
    assert all(result.accepted for result in nodes.run().values())


def test_every_message_may_be_lost_once(nodes):
    lost = set()

    def lose_first(sender, kind, payload):
        if (sender, kind) in lost:
            return payload
        lost.add((sender, kind))
        return None

    results = nodes.run(tamper=lose_first)
    assert results["alice"].accepted and results["bob"].accepted and len(lost) == 5


def test_a_lost_decision_keeps_bob_pending_until_both_meet_again(nodes):
    nodes.timeout_s = 0.5
    results = nodes.run(tamper=lambda sender, kind, payload: None if kind == "F" else payload)
    assert all(isinstance(result, PeerLost) for result in results.values())
    assert nodes.keystores["bob"].key("s1").state == "pending"
    with pytest.raises(InvalidInput, match="pending"):
        hand_out(nodes.keystores["bob"], "s1")
    nodes.timeout_s = 30
    assert all(result.accepted for result in nodes.run().values())
    assert nodes.keystores["alice"].key_records.same_key(nodes.keystores["bob"].key_records, "s1")


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_abandoned_by_one_operator_discarded_by_both(nodes, who):
    nodes.timeout_s = 0.5
    nodes.run(tamper=lambda sender, kind, payload: None if kind == "F" else payload)
    nodes.keystores[who].abandon("s1")
    nodes.timeout_s = 5
    results = nodes.run()
    if who == "alice":  # no untagged message takes back Bob's F = 1 (case M1)
        assert isinstance(results["bob"], NodesDisagree) and "abandon` on both" in str(results["bob"])
        nodes.keystores["bob"].abandon("s1")
        results = nodes.run()
    assert {result.abort_reason for result in results.values()} == {AbortReason.ABANDONED}
    assert_no_key(nodes)


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_abandoning_in_the_middle_of_a_decision_leaves_no_pending_key(nodes, who, monkeypatch):
    """Case M3: an operator gives up from another process while this one amplifies."""
    role = {"alice": AliceSession, "bob": BobSession}[who]
    amplify = role.amplify

    def given_up(self, *arguments):
        with Keystore.open(nodes.folder / who / "keystore.sqlite") as operator:
            operator.abandon("s1")
        return amplify(self, *arguments)

    monkeypatch.setattr(role, "amplify", given_up)
    results = nodes.run()
    assert results[who].abort_reason is AbortReason.ABANDONED
    assert all(record.state != "pending" for record in nodes.keystores[who].key_records.records())
    monkeypatch.setattr(role, "amplify", amplify)
    results = nodes.run()
    assert not any(getattr(result, "accepted", False) for result in results.values())
    for ledger in nodes.keystores.values():  # Bob's F = 1 may have left: then his session is open, and his key pending
        assert ledger.check() == []
        for record in ledger.key_records.records():
            assert record.state == ("discarded" if ledger.session("s1").outcome else "pending")


def lose_alices_outcome(sender, kind, payload):
    return None if sender == "alice" and kind == "status" and b"accepted" in payload else payload


def test_bob_abandons_what_alice_has_accepted(nodes):
    nodes.timeout_s = 1.0
    results = nodes.run(tamper=lose_alices_outcome)
    assert results["alice"].accepted and not results["alice"].peer_informed and isinstance(results["bob"], PeerLost)
    nodes.keystores["bob"].abandon("s1")
    results = nodes.run()
    assert isinstance(results["alice"], NodesDisagree) and "abandon` here too" in str(results["alice"])
    assert results["bob"].abort_reason is AbortReason.ABANDONED
    nodes.keystores["alice"].abandon("s1")
    results = nodes.run()
    assert {result.abort_reason for result in results.values()} == {AbortReason.ABANDONED}
    assert_no_key(nodes)


def test_a_key_in_use_cannot_be_taken_back_silently(nodes):
    nodes.timeout_s = 1.0
    nodes.run(tamper=lose_alices_outcome)
    hand_out(nodes.keystores["alice"], "s1")
    nodes.keystores["bob"].abandon("s1")
    results = nodes.run()
    assert isinstance(results["alice"], NodesDisagree)
    assert results["bob"].abort_reason is AbortReason.ABANDONED
    with pytest.raises(InvalidInput, match="in use; it cannot be taken back"):
        nodes.keystores["alice"].abandon("s1")


def test_the_wrong_ledger_or_strings_are_refused(nodes, folder):
    nodes.open()
    with pytest.raises(InvalidInput, match="the ledger of bob"):
        AliceSession(nodes.parameters, nodes.rounds["alice"], None, nodes.keystores["bob"], timeout_s=1)
    short = draw_rounds(rehearsal(rounds=10_000))["alice"]
    with pytest.raises(InvalidInput, match="must hold 20000 rounds"):
        AliceSession(nodes.parameters, short, None, nodes.keystores["alice"], timeout_s=1)
    with pytest.raises(InvalidInput, match="no key ledger here"):
        Keystore.open(folder / "nowhere.sqlite")


@pytest.mark.parametrize("visibility", [1.0, 0.5])
def test_a_session_with_the_reference_decoder(folder, visibility, monkeypatch):
    """Case 28: the same key as with this project's own, or the same private reason."""
    monkeypatch.setattr("postprocess.reconciliation.reference_decoder.ITERATIONS", 30)
    parameters = rehearsal(rounds=2000, syndrome_bits=1700, omega_thr=0.76)
    two = TwoNodes(folder, parameters, draw_rounds(parameters, visibility=visibility)).provision()
    two.options = {"decoder": "pyldpc"}
    results = two.run()
    assert {result.accepted for result in results.values()} == {visibility == 1.0}
    if visibility == 0.5:
        verdict = read_private_record(folder / "bob", "s1")["verdict"]
        assert verdict == AbortReason.RECONCILIATION_FAILED.value
    two.close()
