"""Kill a node at every durable write, send and receive, resume, and check the laws of the rounds."""

import itertools

import msgpack
import pytest
from emulated_rounds import NODES, Fault, KernelLeft, Laboratory, PairedLink, check_laws
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess.rounds import RoundStore


def lab_at(folder, **options):
    options.setdefault("timeout_s", 0.25)
    options.setdefault("no_herald_s", 0.02)
    return Laboratory(folder, **options)


@pytest.mark.parametrize("survivor", [False, True], ids=["both start again", "the peer lives on"])
@pytest.mark.parametrize("node", NODES)
def test_kill_at_every_step(tmp_path, node, survivor):
    """One node dies at step k, for all k; at most the rest of one block is lost, and the end is reached."""
    for step in itertools.count():
        lab = lab_at(tmp_path / str(step))
        trap = lab.run({node: step}, survivor=survivor)[node]
        check_laws(lab)
        for who in NODES:
            assert len(lab.store(who).zeroed) <= lab.parameters.block_rounds, trap.killed_in
            assert lab.store(who).complete
        if not trap.killed_in:
            break
    assert step > 60, "the trap has not seen the whole session"
    for store in map(lab.store, NODES):
        assert len(store.zeroed) == 0


@settings(max_examples=60)
@given(alice=st.integers(0, 75), bob=st.integers(0, 75), survivor=st.booleans())
def test_kill_both(tmp_path_factory, alice, bob, survivor):
    """Both die, each at its own step; resumed from the disk the session comes to its end."""
    lab = lab_at(tmp_path_factory.mktemp("both"))
    lab.run({"alice": alice, "bob": bob}, survivor=survivor)
    check_laws(lab)


@pytest.mark.slow
@pytest.mark.parametrize("alice", range(76))
def test_kill_both_everywhere(tmp_path, alice):
    """All pairs of steps."""
    for bob in range(76):
        lab = lab_at(tmp_path / str(bob))
        lab.run({"alice": alice, "bob": bob})
        check_laws(lab)


@settings(max_examples=40)
@given(
    at=st.integers(0, 999),
    faulty=st.sampled_from(NODES),
    kind=st.sampled_from(["before", "inside", "alone", "died"]),
    killed=st.sampled_from(NODES),
    step=st.integers(0, 100),
    survivor=st.booleans(),
)
def test_kill_around_a_fault(tmp_path_factory, at, faulty, kind, killed, step, survivor):
    """A fault inside a block and a crash, in any order."""
    fault = Fault(at, faulty, KernelLeft.ROUND_TYPE_FAULT, kind)
    lab = lab_at(tmp_path_factory.mktemp("fault"), faults=(fault,))
    lab.run({killed: step}, survivor=survivor)
    check_laws(lab)


def resumable_of(message):
    return msgpack.unpackb(msgpack.unpackb(message)["content"])["resumable"]


def test_types_cross_only_after_bob_can_never_measure_the_rounds(tmp_path, monkeypatch):
    """When T leaves Bob, his disk says that all those rounds are decided."""
    send, checked = PairedLink.send, []

    def watched(link, kind, payload):
        if kind == "round types":
            target = max(resumable_of(status) for status in statuses(link.sent) + statuses(link.peer.sent))
            store = RoundStore.open(tmp_path / "bob", read_only=True)
            assert store.decided == target
            assert store.burned_blocks * lab.parameters.block_rounds >= target
            checked.append(target)
        send(link, kind, payload)

    monkeypatch.setattr(PairedLink, "send", watched)
    faults = (Fault(100, "alice", KernelLeft.UNDERFLOW, "died"), Fault(500, "alice", KernelLeft.OVERFLOW, "inside"))
    lab = lab_at(tmp_path, faults=faults)
    lab.run({"alice": 70})
    check_laws(lab)
    assert len(checked) >= 2


def statuses(sent):
    return [payload for kind, payload in sent if kind == "status"]
