"""Barrier, pauses, faults and refusals, without crashes."""

import shutil
import threading

import msgpack
import numpy as np
import pytest
from emulated_rounds import (
    NODES,
    Fault,
    KernelLeft,
    Laboratory,
    Trap,
    check_laws,
    paired_links,
    small_session,
    unpack_settings,
)

from postprocess.acquisition import Acquisition, Next
from postprocess.errors import AbortReason, DiqkdError, InvalidInput, PeerLost, SessionAborted
from postprocess.link import Silence
from postprocess.randomness import SeededSource
from postprocess.rounds import RoundStore
from postprocess.rounds.round_records import RoundRecords


def both(*actions):
    """Run one action per node at the same time; their results or exceptions."""
    results = [None] * len(actions)

    def call(index):
        try:
            results[index] = actions[index]()
        except Exception as problem:
            results[index] = problem

    threads = [threading.Thread(target=call, args=(index,)) for index in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a node hangs"
    return results


@pytest.fixture
def pair(tmp_path):
    """Two acquisitions over an in-memory link, before they have met."""
    return make_pair(tmp_path, small_session(), small_session())


def make_pair(folder, *parameters, timeout_s=60.0):
    links = paired_links()
    stores = [
        RoundStore.create(folder / node, session, node, SeededSource(3, node))
        for node, session in zip(NODES, parameters, strict=True)
    ]
    return [Acquisition(store, links[node], timeout_s=timeout_s) for store, node in zip(stores, NODES, strict=True)]


def records_for(words, node, patterns, bobs):
    count = int(words[2])
    types = (bobs[:count] != 2).astype(np.uint8)
    drawn = unpack_settings(words, count)
    return RoundRecords(
        timestamps_mu=np.arange(count) * 1000,
        attempts=np.ones(count, np.int64),
        patterns=patterns[:count],
        outcomes=np.zeros(count, np.uint8),
        settings=drawn & types if node == "alice" else drawn,
        types=types,
        flags=np.zeros(count, np.uint8),
        counts=np.zeros(count, np.int32),
    ).to_words()


def test_undisturbed_session_loses_nothing(tmp_path):
    lab = Laboratory(tmp_path, no_herald_s=5.0)
    lab.run()
    check_laws(lab)
    for node in NODES:
        assert len(lab.store(node).zeroed) == 0
        assert lab.store(node).closed
        assert lab.following[node] == [Next.FINISHED]
        last = lab.progress[node][-1]
        assert (last.rounds_done, last.blocks_done, last.blocks, last.remaining_s) == (1000, 3, 3, 0.0)
        assert last.herald_rate_hz == pytest.approx(100.0)
        np.testing.assert_array_equal(last.pattern_counts, np.bincount(lab.gateware.patterns[node], minlength=16))
    assert {tuple(lives) for lives in lab.handed["alice"].values()} == {(1,)}


@pytest.mark.parametrize("who", [("alice",), ("bob",), NODES], ids="+".join)
def test_pause_is_taken_by_both_at_the_same_boundary(tmp_path, who):
    lab = Laboratory(tmp_path, no_herald_s=5.0, pauses={node: {400} for node in who})
    lab.run()
    check_laws(lab)
    for node in NODES:
        assert lab.following[node] == [Next.PAUSE, Next.FINISHED]
        assert len(lab.store(node).zeroed) == 0


@pytest.mark.parametrize("faulty", NODES)
@pytest.mark.parametrize("at", [0, 1, 399, 400, 555, 998, 999])
@pytest.mark.parametrize(
    ("code", "kind", "lost"),
    [
        (KernelLeft.ION_LOST, "before", 0),
        (KernelLeft.LASER_UNLOCKED, "before", 0),
        (KernelLeft.UNDERFLOW, "inside", 1),
        (KernelLeft.ROUND_TYPE_FAULT, "inside", 1),
        (KernelLeft.OVERFLOW, "alone", 1),
    ],
)
def test_fault_inside_a_block(tmp_path, faulty, at, code, kind, lost):
    """Both resume at the same round; what one lacks is lost there, and nothing else."""
    lab = Laboratory(tmp_path, faults=(Fault(at, faulty, code, kind),), no_herald_s=5.0)
    lab.run()
    check_laws(lab)
    partner = "bob" if faulty == "alice" else "alice"
    assert len(lab.store(faulty).zeroed) == lost
    assert len(lab.store(partner).zeroed) == 0
    if at < 999 or kind == "before":
        mine = {KernelLeft.ION_LOST: Next.RECOVER_ION, KernelLeft.LASER_UNLOCKED: Next.WAIT_FOR_LASER}
        assert lab.following[faulty][0] is mine.get(code, Next.CONTINUE)
        assert lab.following[partner][0] is (Next.PAUSE if code in mine else Next.CONTINUE)
    assert all(len(lives) <= 2 for lives in lab.handed[faulty].values())


@pytest.mark.parametrize("faulty", NODES)
def test_kernel_that_dies_without_records_costs_the_rest_of_its_block(tmp_path, faulty):
    lab = Laboratory(tmp_path, faults=(Fault(450, faulty, KernelLeft.UNDERFLOW, "died"),), no_herald_s=5.0)
    lab.run()
    check_laws(lab)
    partner = "bob" if faulty == "alice" else "alice"
    assert len(lab.store(faulty).zeroed) == 400
    assert len(lab.store(partner).zeroed) == 400 - 51


def test_a_place_that_fails_again_and_again_goes_to_the_operator(tmp_path):
    faults = tuple(Fault(450, "bob", KernelLeft.LASER_UNLOCKED, "before") for _ in range(3))
    lab = Laboratory(tmp_path, faults=faults, no_herald_s=5.0)
    links = paired_links()
    assert both(*(lambda node=node: lab._life(node, links[node], Trap()) for node in NODES)) == [Next.OPERATOR] * 2
    assert lab.following["bob"] == [Next.WAIT_FOR_LASER, Next.WAIT_FOR_LASER, Next.OPERATOR]
    assert lab.following["alice"][-1] is Next.OPERATOR
    lab.run()
    check_laws(lab)


def test_different_heralds_end_both_with_the_block_named(tmp_path):
    lab = Laboratory(tmp_path, no_herald_s=5.0)
    lab.gateware.patterns["bob"][417] ^= 6
    links = paired_links()
    ends = both(*(lambda node=node: lab._life(node, links[node], Trap()) for node in NODES))
    for end in ends:
        assert isinstance(end, SessionAborted)
        assert end.reason is AbortReason.BLOCK_MISMATCH
        assert "block 1 (rounds 400 to 799)" in str(end)
    again = both(*(lambda node=node, link=link: lab._life(node, link, Trap()) for node, link in paired_links().items()))
    assert [end.reason for end in again] == [AbortReason.BLOCK_MISMATCH] * 2


def test_parameters_that_differ_end_both_with_the_fields_named(tmp_path):
    pair = make_pair(tmp_path, small_session(), small_session(qber=0.02, code_seed=7))
    for end in both(*(acquisition.agree_on_parameters for acquisition in pair)):
        assert isinstance(end, SessionAborted)
        assert end.reason is AbortReason.PARAMETER_MISMATCH
        assert "differ in qber, code_seed;" in str(end)


def test_two_alices_refuse_each_other(tmp_path):
    links = paired_links()
    stores = [RoundStore.create(tmp_path / name, small_session(), "alice", SeededSource(1, name)) for name in NODES]
    pair = [Acquisition(store, links[name], timeout_s=60.0) for store, name in zip(stores, NODES, strict=True)]
    for end in both(*(acquisition.agree_on_parameters for acquisition in pair)):
        assert isinstance(end, SessionAborted)
        assert "both nodes say that they are alice" in str(end)


def test_silent_peer_is_lost_with_a_name_and_the_session_stays(tmp_path):
    pair = make_pair(tmp_path, small_session(), small_session(), timeout_s=0.2)
    with pytest.raises(PeerLost, match="bob did not come to begin in time; start both nodes again"):
        pair[0].agree_on_parameters()


def test_peer_silent_at_the_barrier(tmp_path):
    pair = make_pair(tmp_path, small_session(), small_session(), timeout_s=0.2)
    both(*(acquisition.agree_on_parameters for acquisition in pair))
    with pytest.raises(PeerLost, match=r"bob did not come to the meeting at round 0 \(block 0\)"):
        pair[0].next_block()


def test_records_that_are_not_due_are_refused(pair, tmp_path):
    alice, bob = pair
    for words in both(alice.next_block, bob.next_block):
        assert list(words[:4]) == [1, 0, 400, 0]
        assert len(words) == 4 + 25
    good = np.zeros(1600, np.int32)
    for call in ((2, 0, 1), (1, 1, 1), (1, 0, 401), (1, 0, -1)):
        with pytest.raises(InvalidInput, match="where number 1, rounds 0 to 399 is due"):
            alice.keep_block(*call, good)
    with pytest.raises(InvalidInput, match="has 4 words for 2 rounds"):
        alice.keep_block(1, 0, 2, good[:4])
    with pytest.raises(InvalidInput, match="record of round 0: no herald pattern"):
        alice.keep_block(1, 0, 1, good)
    with pytest.raises(DiqkdError, match="asks for more before it has given its records"):
        alice.next_block()


def test_short_block_goes_on_where_it_ended(pair):
    """Kernels that report fewer rounds and ask again get the rest."""
    alice, bob = pair
    first = dict(zip(NODES, both(alice.next_block, bob.next_block), strict=True))
    bobs = unpack_settings(first["bob"], 400)
    patterns = np.full(400, 5, np.uint8)
    for node, acquisition, count in (("alice", alice, 150), ("bob", bob, 150)):
        acquisition.keep_block(1, 0, count, records_for(first[node], node, patterns, bobs)[:count])
    for words in both(alice.next_block, bob.next_block):
        assert list(words[:3]) == [2, 150, 250]


def test_peer_that_leaves_before_its_last_digest_is_not_missed_by_a_complete_node(tmp_path, monkeypatch):
    """The last meeting is held while the kernel asks for more; a node that has everything leaves it all the same."""
    session = small_session(rounds=1000, block_rounds=1000)
    pair = make_pair(tmp_path, session, session)
    first = dict(zip(NODES, both(*(acquisition.next_block for acquisition in pair)), strict=True))
    bobs = unpack_settings(first["bob"], 1000)
    for node, acquisition in zip(NODES, pair, strict=True):
        acquisition.keep_block(1, 0, 1000, records_for(first[node], node, np.full(1000, 5, np.uint8), bobs))

    def gone(*_):
        raise PeerLost("the peer did not come to the meeting after block 0")

    monkeypatch.setattr("postprocess.acquisition.host.compare_patterns", gone)
    for words in both(*(acquisition.next_block for acquisition in pair)):
        assert list(words[:3]) == [1, 1000, 0]
    for acquisition in pair:
        assert acquisition.kernel_left(KernelLeft.LEFT_BY_HOST) is Next.FINISHED


def complete_store(folder, node, session):
    """A node killed after its last digest had left and before the peer's had come."""
    store = RoundStore.create(folder / node, session, node, SeededSource(3, node))
    store.fill_lost(session.rounds)
    store.learn_types(store.untyped, np.zeros(len(store.untyped), np.uint8))
    store.mark_complete()
    return store


@pytest.mark.parametrize("went_on", [False, True])
def test_a_complete_node_finds_a_peer_that_has_closed_the_rounds(tmp_path, went_on):
    """Case M7: Alice waits in post-processing, Bob begins later; he must not wait for her where she is not."""
    session = small_session(rounds=1000, block_rounds=1000)
    now, looked = [0.0], []
    clock = lambda: now[0]  # noqa: E731

    class Silent:
        def send(self, kind, payload, timeout=None):
            now[0] += 1.0

        def receive(self, kind, timeout):
            now[0] += timeout
            raise Silence("nobody")

        def peer_is_there(self, timeout):
            return False

    def look():
        looked.append(now[0])
        return went_on

    bob = Acquisition(
        complete_store(tmp_path, "bob", session), Silent(), timeout_s=120.0, clock=clock, peer_went_on=look
    )
    bob.agree_on_parameters()
    assert bob.resume() is Next.FINISHED
    assert now[0] < 10 if went_on else 120 <= now[0] < 400
    assert len(looked) == 1 if went_on else len(looked) > 10


def test_hand_out_follows_the_burn(tmp_path):
    """A block is burned when its settings leave, not before and not after."""
    pair = make_pair(tmp_path, small_session(), small_session())
    assert both(*(acquisition.resume for acquisition in pair)) == [Next.CONTINUE] * 2
    marks = tmp_path / "alice" / "marks.log"
    assert marks.stat().st_size == 0
    both(*(acquisition.next_block for acquisition in pair))
    assert marks.stat().st_size == 24


class Bits:
    """A source that gives out a prepared string."""

    insecure, description = True, "a test"

    def __init__(self, bits):
        self.left = bits.astype(np.uint8)

    def bits(self, count):
        part, self.left = self.left[:count], self.left[count:]
        return part


def test_nothing_private_crosses(tmp_path):
    """Two sessions with the same heralds, faults and T but other X, Y and outcomes put the same bytes on the wire."""
    generator = np.random.default_rng(5)
    choice = generator.integers(0, 2, (1000, 8))
    wires = []
    for run in range(2):
        faults = (Fault(100, "alice", KernelLeft.UNDERFLOW, "inside"), Fault(444, "bob", KernelLeft.OVERFLOW, "alone"))
        faults += (Fault(900, "alice", KernelLeft.UNDERFLOW, "died"),)
        lab = Laboratory(tmp_path / str(run), faults=faults, no_herald_s=5.0)
        private = np.random.default_rng(100 + run)
        lab.gateware.outcomes = {node: private.integers(0, 2, 1000).astype(np.uint8) for node in NODES}
        bob_bits = np.concatenate((choice, private.integers(0, 2, (1000, 1))), axis=1).reshape(-1)
        for node, bits in (("alice", private.integers(0, 2, 1000)), ("bob", bob_bits)):
            (tmp_path / str(run) / node / "settings.bin").unlink()
            RoundStore.create(tmp_path / str(run) / node, lab.parameters, node, Bits(bits)).close()
        lab.run()
        check_laws(lab)
        wires.append({node: [strip_names(kind, payload) for kind, payload in lab.links[node].sent] for node in NODES})
        kinds = {kind for kind, _ in lab.links["bob"].sent}
    assert kinds == {"hello", "status", "round types", "patterns"}
    assert wires[0] == wires[1]


def strip_names(kind, payload):
    """The message without the random names of the incarnations."""
    message = msgpack.unpackb(payload)
    del message["from"], message["to"]
    return kind, message


def test_store_restored_from_an_old_copy_is_refused(tmp_path):
    """A node whose disk went back in time cannot silently turn blocks into zeros."""
    lab = Laboratory(tmp_path, no_herald_s=5.0)
    shutil.copytree(tmp_path / "alice", tmp_path / "old")
    lab.run()
    (tmp_path / "bob" / "marks.log").write_bytes((tmp_path / "bob" / "marks.log").read_bytes()[: 3 * 24])
    shutil.rmtree(tmp_path / "alice")
    (tmp_path / "old").rename(tmp_path / "alice")
    links = paired_links()
    for end in both(*(lambda node=node: lab._life(node, links[node], Trap()) for node in NODES)):
        assert isinstance(end, SessionAborted)
        assert "do not belong together" in str(end)
