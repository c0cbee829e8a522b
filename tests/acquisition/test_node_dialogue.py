"""Hello of two incarnations, stale messages, and messages that make no sense."""

import threading

import pytest
from emulated_rounds import Laboratory, PairedLink, paired_links, small_session

from postprocess.acquisition import Acquisition, node_dialogue
from postprocess.acquisition.node_dialogue import NodeDialogue, PeerRestarted
from postprocess.errors import AbortReason, InvalidInput, PeerLost, SessionAborted
from postprocess.link import codec
from postprocess.rounds import RoundStore


def talks(links):
    return NodeDialogue(links["alice"], "alice", small_session()), NodeDialogue(links["bob"], "bob", small_session())


def acquaint(*pair):
    threads = [threading.Thread(target=dialogue.greet, args=(5.0,)) for dialogue in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert all(dialogue.acquainted for dialogue in pair)
    for dialogue in pair:
        dialogue.next_meeting()


def test_messages_arrive_in_their_meeting():
    alice, bob = talks(paired_links())
    acquaint(alice, bob)
    alice.send("status", b"one")
    assert bob.receive("status", 1.0, "") == b"one"


def test_a_silent_peer_is_told_unless_it_has_asked_for_time(monkeypatch):
    monkeypatch.setattr(node_dialogue, "LOOK_FOR_PEER_S", 0.05)
    links, told = paired_links(), []
    alice = NodeDialogue(links["alice"], "alice", small_session())
    bob = NodeDialogue(links["bob"], "bob", small_session(), silent=lambda: told.append("silent"))
    acquaint(alice, bob)
    with pytest.raises(PeerLost, match="did not come to the meeting in time"):
        bob.receive("status", 0.5, "to the meeting", absence_s=60.0)
    assert told == []
    with pytest.raises(PeerLost, match="did not come to the meeting in time"):
        bob.receive("status", 0.5, "to the meeting")
    assert set(told) == {"silent"}


def test_a_hello_that_was_lost_is_said_again(monkeypatch):
    links = paired_links()
    alice, bob = talks(links)
    lost = []
    send = PairedLink.send

    def lossy(link, kind, payload):
        if len(lost) < 3:
            lost.append(kind)
        else:
            send(link, kind, payload)

    monkeypatch.setattr(PairedLink, "send", lossy)
    acquaint(alice, bob)


def test_stale_messages_are_dropped():
    """Those of a dead incarnation, those to one, and those of an earlier meeting."""
    links = paired_links()
    alice, bob = talks(links)
    acquaint(alice, bob)
    alice.send("status", b"old meeting")
    alice.next_meeting()
    bob.next_meeting()
    for name, value in (("from", "dead"), ("to", "dead"), ("meeting", 7)):
        message = {"from": alice._me, "to": bob._me, "meeting": 2, "content": b"stale", name: value}
        links["alice"].send("status", codec.encode(message))
    alice.send("status", b"due")
    assert bob.receive("status", 1.0, "") == b"due"


def test_a_new_incarnation_interrupts():
    links = paired_links()
    alice, bob = talks(links)
    acquaint(alice, bob)
    alice.send("status", b"to the dead")
    bob = NodeDialogue(links["bob"], "bob", small_session())
    greeting = threading.Thread(target=bob.greet, args=(5.0,))
    greeting.start()
    with pytest.raises(PeerRestarted) as news:
        alice.receive("status", 5.0, "")
    alice.greet(5.0, news.value.hello)
    greeting.join(10)
    assert bob.acquainted
    for dialogue in (alice, bob):
        dialogue.next_meeting()
    alice.send("status", b"to the living")
    assert bob.receive("status", 1.0, "") == b"to the living"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        codec.encode({}),
        codec.encode({"from": 1, "to": "", "meeting": 0, "content": b""}),
        codec.encode({"from": "", "to": "", "meeting": "0", "content": b""}),
        b"\x91" * 100_000,
    ],
)
def test_nonsense_is_named(payload):
    links = paired_links()
    alice, bob = talks(links)
    acquaint(alice, bob)
    links["alice"].send("status", payload)
    with pytest.raises(InvalidInput, match="'status' that is not understood; both nodes must run the same version"):
        bob.receive("status", 1.0, "")


def test_wrong_kind_is_named():
    alice, bob = talks(paired_links())
    acquaint(alice, bob)
    alice.send("patterns", b"")
    with pytest.raises(InvalidInput, match="sent 'patterns' where 'status' is due"):
        bob.receive("status", 1.0, "")


def test_waiting_has_an_end_and_a_name():
    links = paired_links()
    alice, bob = talks(links)
    acquaint(alice, bob)
    with pytest.raises(PeerLost, match="alice did not come to tea in time"):
        bob.receive("status", 0.05, "to tea")
    links["alice"].break_off()
    with pytest.raises(PeerLost, match="alice left before it came to tea"):
        bob.receive("status", 5.0, "to tea")


def test_a_peer_that_asked_for_time_and_is_gone_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("postprocess.acquisition.node_dialogue.LOOK_FOR_PEER_S", 0.05)
    links = paired_links()
    alice, bob = talks(links)
    acquaint(alice, bob)
    looked = []
    monkeypatch.setattr(PairedLink, "peer_is_there", lambda link, timeout: looked.append(timeout) or len(looked) < 3)
    with pytest.raises(PeerLost, match="bob is gone since it asked for time"):
        alice.receive("status", 3600.0, "to the barrier", absence_s=7.0)
    assert looked == [7.0, 7.0, 7.0]


def test_a_peer_that_asked_for_time_and_is_there_has_it(monkeypatch):
    monkeypatch.setattr("postprocess.acquisition.node_dialogue.LOOK_FOR_PEER_S", 0.05)
    alice, bob = talks(paired_links())
    acquaint(alice, bob)
    later = threading.Timer(0.4, bob.send, ("status", b"two"))
    later.start()
    assert alice.receive("status", 3600.0, "to the barrier", absence_s=7.0) == b"two"


@pytest.mark.parametrize("who", ["alice", "bob"])
@pytest.mark.parametrize("begun", [False, True])
def test_a_session_that_one_node_has_closed_ends_on_both_before_a_round(tmp_path, who, begun):
    """Case 2: abandoned on one node, submitted again on both."""
    lab, links, ends = Laboratory(tmp_path), paired_links(), {}

    def agree(node):
        store = RoundStore.open(lab.home / node)
        if begun:
            store.burn(0)
        ended = AbortReason.ABANDONED.value if node == who else ""
        acquisition = Acquisition(store, links[node], timeout_s=20.0, ended=ended)
        try:
            acquisition.agree_on_parameters()
            acquisition.next_block()
        except SessionAborted as problem:
            ends[node] = problem
        ends[node].burned = store.burned_blocks
        store.close()

    threads = [threading.Thread(target=agree, args=(node,)) for node in links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for end in ends.values():
        assert end.reason is AbortReason.ABANDONED and f"{who}'s ledger has closed this session" in str(end)
        assert not end.untouched and end.burned == int(begun)
    assert set(ends) == {"alice", "bob"}


def test_a_closed_session_without_a_peer_ends_by_its_own_name(tmp_path, monkeypatch):
    """Case 2."""
    monkeypatch.setattr("postprocess.acquisition.host.TELL_PEER_S", 0.2)
    store = RoundStore.open(Laboratory(tmp_path).home / "alice")
    acquisition = Acquisition(store, paired_links()["alice"], timeout_s=20.0, ended=AbortReason.ZEROED_ROUNDS.value)
    with pytest.raises(SessionAborted, match="alice's ledger has closed this session") as end:
        acquisition.agree_on_parameters()
    assert end.value.reason is AbortReason.ZEROED_ROUNDS
    store.close()
