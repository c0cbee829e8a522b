"""Served keys at the mechanism: whatever is cut, given and lost in whatever order, no byte leaves twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import accept, small, source

from contract.nodes import NODES
from postprocess.keystore import Keystore, draw_k0
from postprocess.keystore.digests import LedgerDamaged
from postprocess.keystore.served_keys import RefusedSlice, Share, alice_bytes, servable_bytes
from postprocess.keystore.slices import Slice

BITS = 256 + 16 * 80  # two halves of 80 bytes
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(("deliver", "reserve", "pass over", "give", "raise", "restart")),
        st.integers(0, 170),
        st.integers(1, 24),
    ),
    max_size=25,
)


class Undone(Exception):
    """Ends an example: the ledger is as before."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "alice" / "keystore.sqlite"
    with Keystore.create(path, "alice") as keystore:
        keystore.provision(draw_k0(source(), small(ell=BITS), 2), small(ell=BITS))
        accept(keystore, small("s1", ell=BITS))
        yield keystore, keystore._database.row("SELECT data FROM keys")[0]


@settings(max_examples=60)
@given(steps=_STEPS)
def test_no_byte_is_cut_twice(ledger, steps):
    keystore, truth = ledger
    cut: set[int] = set()
    try:
        with keystore.transaction("example") as write:
            keystore.served_keys.serve(write, "s1", 80)
            for number, (what, start, size) in enumerate(steps):
                step(keystore, write, what, Slice(f"id{number}", "s1", start, size, "m", "s"), truth, cut)
            raise Undone
    except Undone:
        pass


def step(keystore, write, what, wanted, truth, cut):
    slices, served = keystore.slices, keystore.served_keys
    write("SAVEPOINT step")
    span = set(range(wanted.start, wanted.stop))
    try:
        if what == "deliver":
            assert slices.deliver(write, [wanted], "alice", 0.0) == [truth[wanted.start : wanted.stop]]
            assert not span & cut, "delivered twice"
            cut |= span
        elif what == "reserve":
            slices.reserve(write, [wanted], "bob", 0.0)
            ((_, data),) = slices.claim(write, [wanted.slice_id], "m", "s", ["s1"])
            assert data == truth[wanted.start : wanted.stop] and not span & cut
            cut |= span
        elif what == "pass over":
            slices.deliver(write, [wanted], "alice", 0.0)
            slices.recall(write, [wanted], 0.0)
            assert not span & cut, "delivered twice"
            cut |= span
        elif what == "give":
            served.give(write, "s1", wanted.start, wanted.stop, "alice")
        elif what == "raise":
            shares = [Share("s1", s.start, s.stop, min(wanted.start, s.stop), s.owner) for s in served.shares()]
            served.raise_positions(write, shares)
        else:
            served.erase_passed(write)
            for share in served.shares():
                cut |= set(range(share.start, share.position))
    except RefusedSlice:
        write("ROLLBACK TO step")
    write("RELEASE step")
    assert keystore.check() == []


def test_what_a_restart_has_erased_is_refused_not_given_as_zeros(ledger):
    keystore, _ = ledger
    try:
        with keystore.transaction("example") as write:
            keystore.served_keys.serve(write, "s1", 80)
            slices = [Slice(f"id{start}", "s1", start, 8, "m", "s") for start in (0, 16, 8)]
            keystore.slices.deliver(write, slices[:2], "alice", 0.0)
            keystore.served_keys.erase_passed(write)
            with pytest.raises(RefusedSlice, match="cut already"):
                keystore.slices.deliver(write, slices[2:], "alice", 0.0)
            raise Undone
    except Undone:
        pass


def test_shares_of_a_key():
    assert servable_bytes(95) == 10 and servable_bytes(15) == 0
    assert [alice_bytes(10, share) for share in (0, 0.5, 0.99, 1)] == [0, 5, 9, 10]


def test_a_changed_piece_is_never_handed_out(ledger):
    keystore, _ = ledger
    with pytest.raises(LedgerDamaged, match="piece s1 0"), keystore.transaction("damage") as write:
        keystore.served_keys.serve(write, "s1", 80)
        write("UPDATE pieces SET data = zeroblob(length(data))")
        assert any("piece s1 0: changed" in line for line in keystore.check())
        keystore.slices.deliver(write, [Slice("id", "s1", 0, 8, "m", "s")], NODES[0], 0.0)
