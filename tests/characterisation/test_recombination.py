"""Strings of a characterisation come together whatever the order of blocks, losses and restarts; a key's never do."""

import threading

import numpy as np
import pytest
from joint_cases import measure, plan, stores

from postprocess.characterisation.recombination import Recombination
from postprocess.errors import DiqkdError, InvalidInput, PeerLost
from postprocess.link import memory_pair
from postprocess.plans.measurement_plan import BASES


def both_finish(ends, links, timeout_s=60.0):
    """Both nodes' `finish`, each in a thread; what each raised, or None."""
    raised = [None, None]

    def run(k):
        try:
            ends[k].finish(links[k], timeout_s)
        except Exception as problem:
            raised[k] = problem
        links[k].close()

    threads = [threading.Thread(target=run, args=(k,)) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return raised


def assert_joined(joint, alice, bob):
    kept = joint.numbers
    mine, theirs = alice.raw(), bob.raw()
    for got, expected in ((joint.x, mine.settings), (joint.a, mine.outcomes), (joint.y, theirs.settings)):
        assert np.array_equal(got, expected[kept])
    assert np.array_equal(joint.b, theirs.outcomes[kept])
    assert np.array_equal(joint.patterns, alice.patterns(0, 10**9)[kept])


def test_a_key_sessions_strings_never_leave(tmp_path):
    from postprocess.plans.presets import paper
    from postprocess.randomness import SeededSource
    from postprocess.rounds import RoundStore

    store = RoundStore.create(tmp_path / "s", paper("s", "emulated"), "alice", SeededSource(1, "a"))
    with pytest.raises(DiqkdError, match="never leave"):
        Recombination(store)
    store.close()


@pytest.mark.parametrize("changes", [{}, {"scheme": BASES, "bases": (("X", "Y", "-X", "-Y"), ("X", "Y"))}])
def test_streaming_then_finish(tmp_path, changes):
    """Nodes report at different times; rounds with a fault on either side are left out and counted."""
    alice, bob = stores(tmp_path, plan(**changes))
    links = memory_pair()
    ends = [Recombination(alice), Recombination(bob)]
    measure(alice, bob, 0, flags=(1, 0))
    ends[0].update(links[0])
    assert ends[0].known == 0
    ends[1].update(links[1])
    assert ends[1].known == 400 and len(ends[1].rounds()) == 399
    measure(alice, bob, 1, flags=(0, 2))
    ends[1].update(links[1])
    ends[0].update(links[0])
    assert ends[0].known == 800
    measure(alice, bob, 2)
    assert both_finish(ends, links) == [None, None]
    for end in ends:
        joint = end.rounds()
        assert (len(joint), joint.lost, end.known) == (998, 2, 1000)
        assert_joined(joint, alice, bob)


def test_a_node_that_was_started_again_hears_everything(tmp_path):
    alice, bob = stores(tmp_path, plan())
    links = memory_pair()
    ends = [Recombination(alice), Recombination(bob)]
    for block in range(2):
        measure(alice, bob, block)
        for end, link in zip(ends, links, strict=True):
            end.update(link)
    ends[0] = Recombination(alice)  # killed: what it had heard is gone
    measure(alice, bob, 2)
    assert both_finish(ends, links) == [None, None]
    assert_joined(ends[0].rounds(), alice, bob)
    assert_joined(ends[1].rounds(), alice, bob)


def test_a_message_that_was_lost_is_sent_again(tmp_path, monkeypatch):
    from postprocess.characterisation import recombination

    monkeypatch.setattr(recombination, "REPEAT_S", 0.05)
    lost = []

    def tamper(sender, kind, payload):
        if sender == "bob" and len(lost) < 2:
            lost.append(kind)
            return None
        return payload

    alice, bob = stores(tmp_path, plan())
    links = memory_pair(tamper)
    ends = [Recombination(alice), Recombination(bob)]
    for block in range(3):
        measure(alice, bob, block)
        ends[1].update(links[1])
    assert both_finish(ends, links) == [None, None]
    assert len(lost) == 2
    assert_joined(ends[0].rounds(), alice, bob)


def test_a_silent_peer_is_named(tmp_path):
    alice, bob = stores(tmp_path, plan())
    link, _ = memory_pair()
    measure(alice, bob, 0)
    with pytest.raises(PeerLost, match="strings did not come"):
        Recombination(alice).finish(link, 0.05)


@pytest.mark.parametrize("payload", [b"", b"{}\n", b'{"digest": "00", "first": 0, "count": 8, "have": 0}\n\0\0\0\0'])
def test_what_is_no_message_is_refused_in_one_line(tmp_path, payload):
    alice, bob = stores(tmp_path, plan())
    mine, theirs = memory_pair()
    theirs.send("strings", payload)
    with pytest.raises(InvalidInput, match=r"not understood|another characterisation"):
        Recombination(alice).update(mine)
    assert bob.decided == 0
