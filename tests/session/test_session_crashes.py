"""Kill a node at every durable write and every message: the session resumes, and no pad ever hides two messages."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_faults import Crash, CrashPoints, PadWitness, install
from session_nodes import TwoNodes, draw_rounds, rehearsal

from postprocess.errors import AbortReason, InvalidInput, PeerLost
from postprocess.keystore import LedgerConflict, Pad

ROUNDS = 5000


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Parameters and rounds shared by all cases; the ledgers are fresh for each."""
    parameters = rehearsal(rounds=ROUNDS, ell=400)
    return parameters, draw_rounds(parameters)


@pytest.fixture
def points(monkeypatch):
    return install(monkeypatch)


@pytest.fixture
def witness(monkeypatch):
    return PadWitness(monkeypatch)


def fresh(folder, template):
    parameters, rounds = template
    return TwoNodes(folder, parameters, rounds, timeout_s=20.0, probe_s=0.02).provision(sessions=1)


def both(*hooks):
    def tamper(sender, kind, payload):
        for hook in hooks:
            payload = hook(sender, kind, payload)
        return payload

    return tamper


def run_with_crash(two, points, witness, extra=lambda sender, kind, payload: payload, **deadly):
    points.arm(**deadly)
    results = two.run(tamper=both(points.tamper, witness.see, extra))
    assert all(not isinstance(result, Exception) or isinstance(result, PeerLost) for result in results.values()), (
        results
    )
    return results


def assert_equal_keys(two, results):
    assert all(not isinstance(result, BaseException) and result.accepted for result in results.values()), results
    assert two.keystores["alice"].key_records.same_key(two.keystores["bob"].key_records, "s1")
    for keystore in two.keystores.values():
        assert keystore.balance().consumed == 256 and keystore.balance().generated == 400


def places_of(folder, template, points, witness):
    """What each node passes in a run without a crash."""
    two = fresh(folder, template)
    assert_equal_keys(two, run_with_crash(two, points, witness))
    two.close()
    return points.passed


def test_a_crash_anywhere_resumes_to_equal_keys(folder, template, points, witness):
    places = places_of(folder / "whole", template, points, witness)
    for node, kinds in (("alice", {"revelation"}), ("bob", {"G_B", "F"})):
        stored = [f"keep sent {kind}" if kind != "F" else "decide F" for kind in kinds]
        expected = {f"{when} {write}" for when in ("before", "after") for write in stored}
        expected |= {f"send {kind}" for kind in (*kinds, "status")} | {"before accept", "after accept"}
        assert expected <= {what for what, _ in places[node]}, "the crash points no longer reach the code"
    cases = [(node, place) for node, passed in places.items() for place in passed]
    for number, (node, place) in enumerate(cases):
        two = fresh(folder / str(number), template)
        witness.tagged.clear(), witness.sent.clear()
        first = run_with_crash(two, points, witness, **{node: place})
        assert isinstance(first[node], Crash) or place[1] > 0, "only repetitions may depend on the clock"
        assert_equal_keys(two, run_with_crash(two, points, witness))
        witness.check()
        assert set(witness.tagged) == {("K0/000000", pad) for pad in ("D_EC", "D_A", "D_B", "D_F")}
        two.close()


def forge_once():
    """Change the first G_B that passes; later copies pass as they are."""
    forged = []

    def hook(sender, kind, payload):
        if kind != "G_B" or forged:
            return payload
        forged.append(payload)
        return bytes([payload[0] ^ 1]) + payload[1:]

    return hook


def test_a_forged_g_b_and_a_crash_of_alice_never_make_two_messages_under_d_a(folder, template, points, witness):
    places = places_of(folder / "whole", template, points, witness)["alice"]
    outcomes = set()
    for number, place in enumerate(places[places.index(("before keep received G_B", 0)) :]):
        two = fresh(folder / str(number), template)
        witness.tagged.clear(), witness.sent.clear()
        forge = forge_once()
        run_with_crash(two, points, witness, forge, alice=place)
        results = run_with_crash(two, points, witness, forge)
        assert results["alice"].accepted == results["bob"].accepted
        outcomes.add(results["alice"].abort_reason)
        assert len(witness.tagged.get(("K0/000000", "D_A"), ())) <= 1
        assert len(witness.sent.get(("alice", "revelation"), ())) <= 1
        witness.check()
        two.close()
    assert outcomes == {None, AbortReason.AUTHENTICATION}, (
        "a forgery that was never stored is forgotten, one that was aborts"
    )


def test_an_old_copy_of_a_ledger_is_found_out_before_it_tags_anything(folder, template, points, witness):
    two = fresh(folder, template)
    two.open().keystores["alice"].reserve("s1", two.parameters)
    two.close()
    ledger = folder / "alice" / "keystore.sqlite"
    generation = ledger.with_name("keystore.sqlite.generation")
    old, old_generation = ledger.read_bytes(), generation.read_bytes()
    run_with_crash(two, points, witness, alice=("before keep received F", 0))
    two.close()
    ledger.write_bytes(old)
    with pytest.raises(InvalidInput, match="an old copy, whose pads may be spent already"):
        two.open()
    generation.write_bytes(old_generation)  # and so the whole home is old: then the peer tells
    witness.tagged.clear()
    points.arm()
    results = two.run(tamper=points.tamper)
    assert isinstance(results["alice"], LedgerConflict) and "old copy" in str(results["alice"])
    assert not witness.tagged
    two.close()


def test_the_witness_sees_a_pad_used_twice(folder, template, monkeypatch):
    witness = PadWitness(monkeypatch)
    two = fresh(folder, template).open()
    page = two.keystores["alice"].reserve("s1", two.parameters)
    page.tag(Pad.ALICE, b"first")
    assert page.tag(Pad.ALICE, b"first") == page.tag(Pad.ALICE, b"first")
    with pytest.raises(LedgerConflict, match="spent on another message"):
        page.tag(Pad.ALICE, b"second")
    witness.check()
    witness.tagged[("K0/000000", "D_A")].add(b"second")
    with pytest.raises(AssertionError):
        witness.check()
    two.close()


@settings(max_examples=15)
@given(
    deaths=st.lists(st.tuples(st.none() | st.integers(0, 60), st.none() | st.integers(0, 60)), min_size=1, max_size=4),
    losses=st.sets(st.integers(0, 40), max_size=8),
)
def test_crashes_of_both_and_lost_messages_in_any_order(folder, template, deaths, losses):
    with pytest.MonkeyPatch.context() as monkeypatch:
        points, witness = install(monkeypatch), PadWitness(monkeypatch)
        two = fresh(Path(tempfile.mkdtemp(dir=folder)), template)
        count = []

        def lose(sender, kind, payload):
            count.append(kind)
            return None if len(count) - 1 in losses else payload

        for alice, bob in deaths:
            run_with_crash(two, points, witness, lose, alice=alice, bob=bob)
        assert_equal_keys(two, run_with_crash(two, points, witness))
        witness.check()
        two.close()


@pytest.mark.parametrize("kind", ["bell", "abandoned"])
def test_a_crash_anywhere_in_an_abort_ends_in_the_same_abort(folder, points, witness, kind):
    changes = {"omega_thr": 0.853} if kind == "bell" else {}
    parameters = rehearsal(rounds=ROUNDS, ell=400, **changes)
    template = parameters, draw_rounds(parameters)
    reason = AbortReason.ACTIVATION if kind == "bell" else AbortReason.ABANDONED

    def prepare(folder):
        two = fresh(folder, template)
        if kind == "abandoned":
            points.arm()
            two.open().keystores["bob"].reserve("s1", parameters)
            two.keystores["bob"].abandon("s1")
        return two

    def end(two):
        results = run_with_crash(two, points, witness)
        assert {result.abort_reason for result in results.values()} == {reason}
        for keystore in two.keystores.values():
            assert all(record.state == "discarded" for record in keystore.keys())  # noqa: SIM118
            assert keystore.balance().generated == 0 and keystore.balance().consumed == 256
        two.close()

    end(prepare(folder / "whole"))
    for node, passed in points.passed.items():
        for number, place in enumerate(passed[::2]):
            two = prepare(folder / f"{node}-{number}")
            witness.tagged.clear(), witness.sent.clear()
            run_with_crash(two, points, witness, **{node: place})
            end(two)
            witness.check()


def test_points_kill_and_stay_dead():
    points = CrashPoints()
    points.arm(alice=1)
    points.place("alice", "one")
    points.place("bob", "one")
    for _ in range(2):
        with pytest.raises(Crash):
            points.place("alice", "two")
