"""Whatever is changed on the line or in T ends in its named abort, with both ledgers in agreement and no key."""

import sqlite3

import msgpack
import numpy as np
import pytest
from session_nodes import ROLES, TwoNodes, assert_no_key, draw_rounds, rehearsal, run_pair_in_threads

from postprocess.errors import AbortReason, NodesDisagree, PeerLost
from postprocess.keystore import Keystore, LedgerConflict
from postprocess.link import memory_pair
from postprocess.rounds import RawRounds
from postprocess.session import read_private_record

AUTHENTICATION, ACTIVATION = AbortReason.AUTHENTICATION, AbortReason.ACTIVATION


def flip_first(payload):
    return bytes([payload[0] ^ 0x80]) + payload[1:]


def flip_last(payload):
    return payload[:-1] + bytes([payload[-1] ^ 1])


CHANGES = {
    "first bit": flip_first,
    "last bit": flip_last,
    "cut": lambda payload: payload[:-1],
    "longer": lambda payload: payload + b"\0",
    "empty": lambda payload: b"",
    "zeros": lambda payload: bytes(len(payload)),
    "ones": lambda payload: b"\xff" * len(payload),
}

# Public reasons at Alice and Bob, and the verdicts that Bob may keep to himself.
ENDS = {
    "revelation": (ACTIVATION, ACTIVATION, "authentication"),
    "G_B": (AUTHENTICATION, AUTHENTICATION, None),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ENDS)
def test_a_changed_message_ends_in_its_named_abort(nodes, folder, kind, change):
    changed = []

    def tamper(sender, what, payload):
        if what != kind:
            return payload
        changed.append(payload != CHANGES[change](payload))
        return CHANGES[change](payload)

    results = nodes.run(tamper=tamper)
    assert changed and all(changed)
    alice, bob, verdict = ENDS[kind]
    assert (results["alice"].abort_reason, results["bob"].abort_reason) == (alice, bob)
    if verdict is not None:
        assert read_private_record(folder / "bob", "s1")["verdict"] == verdict
    assert_no_key(nodes)


@pytest.mark.parametrize("field", ["x", "m", "tag_ec", "zeroed", "c", "tag"])
def test_every_field_of_alices_message_is_under_g_a(folder, field):
    parameters = rehearsal(allowance=5)
    two = TwoNodes(folder, parameters, draw_rounds(parameters)).provision()

    def tamper(sender, kind, payload):
        if kind != "revelation":
            return payload
        message = msgpack.unpackb(payload)
        message[field] = flip_last(message[field])
        return msgpack.packb(message)

    results = two.run(tamper=tamper)
    assert {result.abort_reason for result in results.values()} == {ACTIVATION}
    assert read_private_record(folder / "bob", "s1")["verdict"] == "authentication"
    assert_no_key(two)
    two.close()


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_decision_is_an_error_on_both_nodes(nodes, change):
    """Case M1: Alice does not believe it, and Bob's key, which F = 1 has granted, is not taken back by itself."""
    results = nodes.run(tamper=lambda _, kind, payload: CHANGES[change](payload) if kind == "F" else payload)
    assert results["alice"].abort_reason is ACTIVATION
    assert isinstance(results["bob"], NodesDisagree) and "alice says 'activation'" in str(results["bob"])
    assert nodes.keystores["bob"].key("s1").state == "pending"
    nodes.keystores["bob"].abandon("s1")
    assert_no_key(nodes)


def test_a_forged_status_after_f_takes_nothing_back(nodes):
    """Case M1: one changed, untagged status of Alice after Bob's F = 1."""

    def tamper(sender, kind, payload):
        if kind == "status" and sender == "alice" and b"accepted" in payload:
            status = msgpack.unpackb(payload)
            return msgpack.packb(status | {"outcome": "abandoned by operator"})
        return payload

    results = nodes.run(tamper=tamper)
    assert results["alice"].accepted and isinstance(results["bob"], NodesDisagree)
    assert nodes.keystores["bob"].key("s1").state == "pending"
    results = nodes.run()
    assert results["alice"].accepted and results["bob"].accepted


@pytest.mark.parametrize("field", ["parameters", "k0_id"])
def test_a_status_of_other_parameters_after_f_takes_nothing_back(nodes, field):
    """Case M1, its brother: neither does a status that could not have begun the session."""

    def tamper(sender, kind, payload):
        if kind == "status" and sender == "alice" and b"accepted" in payload:
            return msgpack.packb(msgpack.unpackb(payload) | {field: "other"})
        return payload

    nodes.timeout_s = 2.0
    results = nodes.run(tamper=tamper)
    assert results["alice"].accepted
    assert nodes.keystores["bob"].key("s1").state == "pending"
    results = nodes.run()
    assert results["alice"].accepted and results["bob"].accepted


def run_with(nodes, sender, *messages):
    """The session, after somebody has put these in as if `sender` had sent them."""
    nodes.open()
    links = dict(zip(ROLES, memory_pair(), strict=True))
    for kind, payload in messages:
        links[sender].send(kind, payload)
    return run_pair_in_threads({node: nodes.session(node, links[node]).run for node in ROLES}, links)


@pytest.mark.parametrize(("sender", "kind"), [("bob", "F"), ("alice", "revelation")])
def test_a_message_that_cannot_be_due_yet_is_not_stored(nodes, sender, kind):
    """An F before Alice has revealed anything, a revelation before Bob has closed his rounds."""
    results = run_with(nodes, sender, (kind, b"\1" + bytes(8)))
    assert results["alice"].accepted and results["bob"].accepted


def test_a_decision_that_bob_never_sent_names_both_ways_it_can_have_come(nodes):
    """Somebody else has the link's keys, or Bob's home is an old copy: he cannot tell, and sends nothing more."""
    page = nodes.open().keystores["alice"].reserve("s1", nodes.parameters)
    page.keep_received("F", b"\1" + bytes(8))
    results = run_with(nodes, "bob")
    assert isinstance(results["bob"], LedgerConflict)
    assert "alice holds F that this ledger never sent: somebody else has the link's keys, or" in str(results["bob"])
    assert nodes.keystores["bob"].keys() == []


@pytest.mark.parametrize("outcome", [reason.value for reason in AbortReason])
def test_a_forged_abort_ends_the_session_on_both_nodes(nodes, outcome):
    """Case M7: Bob believed a status and has closed; Alice must not wait for an F that never comes."""

    def tamper(sender, kind, payload):
        if kind == "status" and sender == "alice":
            return msgpack.packb(msgpack.unpackb(payload) | {"outcome": outcome})
        return payload

    nodes.timeout_s = 2.0
    assert not nodes.run(tamper=tamper)["bob"].accepted
    results = nodes.run()
    assert not isinstance(results["alice"], PeerLost), results
    assert results["alice"].abort_reason is results["bob"].abort_reason
    assert_no_key(nodes)


def test_f_turned_from_abort_to_accept_is_not_believed(folder):
    parameters = rehearsal(omega_thr=0.853)
    two = TwoNodes(folder, parameters, draw_rounds(parameters)).provision()
    results = two.run(tamper=lambda _, kind, payload: b"\1" + payload[1:] if kind == "F" else payload)
    assert results["alice"].abort_reason is ACTIVATION and results["bob"].abort_reason is ACTIVATION
    assert_no_key(two)
    two.close()


@pytest.mark.parametrize("which", [0, -1])
def test_a_changed_round_type_ends_in_authentication(nodes, which):
    rounds = nodes.rounds["alice"]
    position = np.flatnonzero(rounds.test)[which]
    test = rounds.test.copy()
    test[position] ^= 1
    nodes.rounds["alice"] = RawRounds(rounds.settings & test, test, rounds.outcomes)
    results = nodes.run()
    assert results["alice"].abort_reason is AUTHENTICATION and results["bob"].abort_reason is AUTHENTICATION
    assert_no_key(nodes)


def test_garbage_instead_of_a_status_only_costs_time(nodes):
    count = {"alice": 0, "bob": 0}

    def tamper(sender, kind, payload):
        if kind != "status":
            return payload
        count[sender] += 1
        return (b"", b"\xc1", b"\x80", payload[:-1])[count[sender] - 1] if count[sender] <= 4 else payload

    results = nodes.run(tamper=tamper)
    assert results["alice"].accepted and results["bob"].accepted


def test_messages_of_another_session_are_worth_nothing(folder):
    parameters = rehearsal()
    two = TwoNodes(folder, parameters, draw_rounds(parameters)).provision()
    old = {}
    tagged = ("revelation", "G_B", "F")
    two.run(tamper=lambda sender, kind, payload: old.setdefault(kind, payload) if kind in tagged else payload)
    two.parameters = rehearsal("s2")
    results = two.run(tamper=lambda sender, kind, payload: old.get(kind, payload))
    assert set(old) == set(tagged)
    assert not results["alice"].accepted and not results["bob"].accepted
    two.close()


@pytest.mark.parametrize("same_id", [False, True])
def test_two_nodes_with_different_k0_end_in_a_named_abort(folder, same_id):
    """Different draws are found by their ids; secrets that differ under one id, whatever became of them, by G_B."""
    parameters = rehearsal()
    two = TwoNodes(folder, parameters, draw_rounds(parameters)).provision()
    (folder / "bob" / "keystore.sqlite").unlink()
    other = TwoNodes(folder / "other", parameters, two.rounds)
    other.k0_seed = 8
    other.provision()
    for name in ("keystore.sqlite", "keystore.sqlite.generation"):
        (folder / "other" / "bob" / name).rename(folder / "bob" / name)
    if same_id:
        with Keystore.open(folder / "alice" / "keystore.sqlite") as alice:
            k0_id = alice.k0_id
        with sqlite3.connect(folder / "bob" / "keystore.sqlite") as connection:
            connection.execute("UPDATE facts SET value = ? WHERE name = 'k0_id'", (k0_id,))
        connection.close()
    results = two.run()
    assert {result.abort_reason for result in results.values()} == {
        AUTHENTICATION if same_id else AbortReason.PARAMETER_MISMATCH
    }
    assert_no_key(two)
    two.close()
