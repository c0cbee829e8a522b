"""The store by itself: burn before use, nothing twice, everything durable and private."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest
from test_round_formats import session

from postprocess.errors import InvalidInput
from postprocess.randomness import SeededSource
from postprocess.rounds import RawRounds, RoundStore
from postprocess.rounds.opening import rounds_to_come
from postprocess.rounds.round_records import Flag, RoundRecords
from postprocess.storage.framed_log import OVERHEAD
from tests.stored_records import stored_records

BLOCK = 400


@pytest.fixture(params=["alice", "bob"])
def store(request, tmp_path):
    made = RoundStore.create(tmp_path / "s", session(block_rounds=BLOCK), request.param, SeededSource(1, request.param))
    yield made
    made.close()


def words_for(store, first, count, types, *, outcomes=None, flags=0):
    """RoundRecords as a correct kernel writes them."""
    drawn = store._settings[first : first + count]
    return RoundRecords(
        timestamps_mu=np.arange(first, first + count) * 10_000_000,
        attempts=np.full(count, 6000),
        patterns=np.full(count, 5, np.uint8),
        outcomes=np.ones(count, np.uint8) if outcomes is None else outcomes,
        settings=drawn & types if store.node == "alice" else drawn,
        types=types,
        flags=np.full(count, flags, np.uint8),
        counts=np.full(count, 9, np.int32),
    ).to_words()


def types_for(store, first, count):
    if store.node == "bob":
        return (store._settings[first : first + count] != 2).astype(np.uint8)
    return np.random.default_rng(first).integers(0, 2, count).astype(np.uint8)


def keep_block(store, block, count=None):
    store.burn(block)
    first, end = store.span(block)
    count = end - first if count is None else count
    store.keep(block, first, words_for(store, first, count, types_for(store, first, count)))


def reopened(store):
    store.close()
    return RoundStore.open(store.folder)


def test_whole_session(store):
    home = SimpleNamespace(rounds_folder=lambda *_: store.folder)
    for block in range(3):
        assert store.position() == (block, block * BLOCK)
        assert rounds_to_come(home, store.parameters)
        keep_block(store, block)
        store = reopened(store)
    assert store.complete and not rounds_to_come(home, store.parameters)
    raw = store.raw()
    types = np.concatenate([types_for(store, 0, 400), types_for(store, 400, 400), types_for(store, 800, 200)])
    np.testing.assert_array_equal(raw.test, types)
    np.testing.assert_array_equal(raw.outcomes, np.ones(1000))
    expected = store._settings & types if store.node == "alice" else store._settings
    np.testing.assert_array_equal(raw.settings, expected)
    assert raw.settings.dtype == raw.test.dtype == raw.outcomes.dtype == np.uint8
    firsts, words = zip(*stored_records(store.folder), strict=True)
    assert firsts == (0, 400, 800)
    np.testing.assert_array_equal(
        RoundRecords.from_words(np.concatenate(words)).timestamps_mu, np.arange(1000) * 10_000_000
    )
    store.mark_complete()
    store.mark_closed()
    store = reopened(store)
    assert (store.complete_noted, store.closed) == (True, True)


def test_settings_need_a_burned_block(store):
    with pytest.raises(InvalidInput, match="burn it before"):
        store.settings_of(0)
    with pytest.raises(InvalidInput, match="block 0 of 3 is next"):
        store.burn(1)
    store.burn(0)
    np.testing.assert_array_equal(store.settings_of(0), store._settings[:400])
    np.testing.assert_array_equal(store.settings_of(0, 150), store._settings[150:400])


def test_decided_rounds_are_never_handed_out_again(store):
    keep_block(store, 0, 150)
    with pytest.raises(InvalidInput, match="round 0: decided or given up"):
        store.settings_of(0)
    assert len(store.settings_of(0, 150)) == 250


def test_a_new_process_forfeits_what_was_burned(store):
    keep_block(store, 0, 150)
    store = reopened(store)
    assert (store.decided, store.resumable) == (150, 400)
    for first in (0, 150, 399):
        with pytest.raises(InvalidInput, match="decided or given up"):
            store.settings_of(0, first)
    with pytest.raises(InvalidInput, match="never handed out"):
        store.keep(0, 150, words_for(store, 150, 1, types_for(store, 150, 1)))
    assert store.fill_lost(400) == 250
    assert len(store.zeroed) == 250
    store = reopened(store)
    assert (store.decided, len(store.zeroed)) == (400, 250)
    assert store.untyped == (list(range(150, 400)) if store.node == "alice" else [])
    np.testing.assert_array_equal(store.patterns(0, 400), [5] * 150 + [0] * 250)


def test_lost_rounds_count_zero_and_alice_learns_their_type(store):
    keep_block(store, 0)
    keep_block(store, 1)
    store.fill_lost(1000)
    assert store.burned_blocks == 3, "filled rounds are burned, whatever the reason"
    if store.node == "alice":
        assert not store.complete
        with pytest.raises(InvalidInput, match="1000 of 1000 rounds are stored and 200 lack their type"):
            store.raw()
        with pytest.raises(InvalidInput, match="other rounds"):
            store.learn_types([5], np.ones(1, np.uint8))
        store.learn_types(list(range(800, 1000)), np.tile([1, 0], 100).astype(np.uint8))
        store = reopened(store)
        np.testing.assert_array_equal(store.raw().test[800:], np.tile([1, 0], 100))
    assert store.complete
    assert not store.raw().outcomes[800:].any()
    assert store.raw().outcomes[:800].all()


@pytest.mark.parametrize("flag", [Flag.UNDERFLOW, Flag.OVERFLOW, Flag.ROUND_TYPE])
def test_flagged_rounds_count_zero(store, flag):
    keep_block(store, 0)
    store.burn(1)
    store.keep(1, 400, words_for(store, 400, 1, np.zeros(1, np.uint8), flags=flag))
    assert len(store.zeroed) == 1
    assert store.untyped == ([400] if store.node == "alice" else [])
    store = reopened(store)
    assert len(store.zeroed) == 1
    assert store.untyped == ([400] if store.node == "alice" else [])


def test_fill_lost_stays_in_its_block(store):
    keep_block(store, 0)
    assert store.fill_lost(400) == 0
    with pytest.raises(InvalidInput, match="round 801: beyond block 1"):
        store.fill_lost(801)


def test_records_that_contradict_the_settings_are_refused_and_not_stored(store):
    store.burn(0)
    types = types_for(store, 0, 400)
    good = words_for(store, 0, 400, types)
    for bits, what in ((1 << 5, "setting, type"), (1 << 6, "setting, type"), (1 << 11, "host's to set")):
        bad = good.copy()
        bad[7, 3] ^= bits
        with pytest.raises(InvalidInput, match=f"record of round 7: the .*{what}"):
            store.keep(0, 0, bad)
    bad = good.copy()
    bad[7, 3] &= ~15
    with pytest.raises(InvalidInput, match="record of round 7: no herald pattern"):
        store.keep(0, 0, bad)
    for block, first, words in ((0, 1, good), (1, 400, good), (0, 0, np.vstack((good, good)))):
        with pytest.raises(InvalidInput):
            store.keep(block, first, words)
    assert store.decided == 0
    store.keep(0, 0, good)


def test_types_of_decided_rounds_only(store):
    keep_block(store, 0, 10)
    if store.node == "alice":
        with pytest.raises(InvalidInput, match="only Bob"):
            store.types_of([0])
        return
    np.testing.assert_array_equal(store.types_of([3, 9]), (store._settings[[3, 9]] != 2))
    with pytest.raises(InvalidInput, match="below 10"):
        store.types_of([10])
    assert len(store.types_of([])) == 0


def test_private_files(tmp_path):
    old = os.umask(0)
    try:
        store = RoundStore.create(tmp_path / "home" / "s", session(), "bob", SeededSource(1, "bob"))
        keep_block(store, 0)
    finally:
        os.umask(old)
    for folder in (tmp_path / "home", store.folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.folder.iterdir()}
    assert names == dict.fromkeys(["parameters.json", "settings.bin", "marks.log", "records.log", "lock"], 0o600)
    store.close()


def test_one_process_at_a_time(store):
    with pytest.raises(InvalidInput, match="another process is at work"):
        RoundStore.open(store.folder)
    reader = RoundStore.open(store.folder, read_only=True)
    with pytest.raises(ValueError, match="read-only"):
        reader.burn(0)
    reader.close()


def test_sessions_are_made_once(store):
    with pytest.raises(InvalidInput, match="has settings already; resume it"):
        RoundStore.create(store.folder, store.parameters, store.node, SeededSource(2, "x"))
    with pytest.raises(InvalidInput, match="no stored rounds here"):
        RoundStore.open(store.folder / "none")
    with pytest.raises(InvalidInput, match="must be 'alice' or 'bob'"):
        RoundStore.create(store.folder / "new", store.parameters, "eve", SeededSource(2, "x"))


def test_half_made_session_is_made_anew(tmp_path):
    """A crash before settings.bin stands leaves nothing that counts."""
    first = RoundStore.create(tmp_path / "s", session(), "bob", SeededSource(1, "bob"))
    first.close()
    (tmp_path / "s" / "settings.bin").unlink()
    second = RoundStore.create(tmp_path / "s", session(), "bob", SeededSource(2, "bob"))
    assert not np.array_equal(first._settings, second._settings)
    second.close()


def test_damaged_files_are_named(store):
    store.close()
    for name, match in (("settings.bin", "damaged"), ("parameters.json", "parameters")):
        path = store.folder / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        with pytest.raises(InvalidInput, match=match):
            RoundStore.open(store.folder)
        path.write_bytes(whole)
    RoundStore.open(store.folder).close()


def test_missing_marks_are_noticed(store):
    """RoundRecords of rounds that were never burned, or a gap in the marks, cannot come from this program."""
    keep_block(store, 0)
    keep_block(store, 1)
    store.close()
    marks = store.folder / "marks.log"
    whole = marks.read_bytes()
    marks.write_bytes(whole[OVERHEAD + 8 :])
    with pytest.raises(InvalidInput, match="block 0 is missing"):
        RoundStore.open(store.folder)
    marks.write_bytes(whole[: OVERHEAD + 8])
    with pytest.raises(InvalidInput, match="round 400 is missing or unburned"):
        RoundStore.open(store.folder)


def test_a_doubtful_mark_burns_its_block(store):
    """The last mark is damaged: its settings may have been out, so they are never used."""
    keep_block(store, 0)
    store.burn(1)
    store.close()
    marks = store.folder / "marks.log"
    content = bytearray(marks.read_bytes())
    content[-1] ^= 1
    marks.write_bytes(content)
    store = RoundStore.open(store.folder)
    assert (store.burned_blocks, store.decided, store.resumable) == (2, 400, 800)
    store = reopened(store)
    assert store.burned_blocks == 2


@pytest.mark.parametrize("cut", [1, 17, 500, 6000])
def test_torn_records_are_lost_rounds(store, cut):
    keep_block(store, 0)
    keep_block(store, 1)
    store.close()
    path = store.folder / "records.log"
    path.write_bytes(path.read_bytes()[:-cut])
    store = RoundStore.open(store.folder)
    assert (store.decided, store.resumable) == (400, 800)
    store.fill_lost(800)
    store = reopened(store)
    assert (store.decided, len(store.zeroed)) == (800, 400)


def test_nothing_private_in_texts(store):
    keep_block(store, 0)
    assert "array" not in repr(RawRounds(np.zeros(2, np.uint8), np.zeros(2, np.uint8), np.ones(2, np.uint8)))
    assert "array" not in repr(store)


def test_mark_the_end_only_when_it_is_reached(store):
    with pytest.raises(InvalidInput, match="0 of 1000 decided"):
        store.mark_closed()


def test_kill_nine(tmp_path):
    """A process busy with rounds is killed: what it said was durable is there, and the rest is forfeited."""
    program = textwrap.dedent("""
        import sys, numpy as np
        from pathlib import Path
        from postprocess.rounds import RoundStore
        from postprocess.rounds.round_records import RoundRecords
        store = RoundStore.open(Path(sys.argv[1]))
        store.fill_lost(store.resumable)
        while not store.complete:
            block, first = store.position()
            store.burn(block)
            print("burned", block, flush=True)
            y = store.settings_of(block, first)
            n = len(y)
            one = np.ones(n, np.uint8)
            types = (y != 2).astype(np.uint8)
            records = RoundRecords(np.arange(n), np.ones(n, int), 5 * one, one, y, types, 0 * one, np.zeros(n, int))
            store.keep(block, first, records.to_words())
            print("kept", store.decided, flush=True)
    """)
    parameters = session(rounds=1_000_000, block_rounds=500)
    RoundStore.create(tmp_path / "s", parameters, "bob", SeededSource(1, "bob")).close()
    lost = 0
    for life in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "s")], stdout=subprocess.PIPE, text=True
        )
        lines = [process.stdout.readline() for _ in range(9 + 14 * life)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        process.wait()
        said = [line.split() for line in lines if line.endswith("\n")]
        store = RoundStore.open(tmp_path / "s")
        kept = max(int(number) for word, number in said if word == "kept")
        burned = max(int(number) for word, number in said if word == "burned")
        assert kept <= store.decided <= kept + parameters.block_rounds
        assert burned + 1 <= store.burned_blocks <= burned + 2
        assert store.resumable == 500 * store.burned_blocks
        assert len(store.zeroed) >= lost
        lost = len(store.zeroed) + store.resumable - store.decided
        assert np.array_equal(store._outcomes[: store.decided] == 0, store._flags[: store.decided] != 0)
        store.close()
    assert lost <= 4 * 500


def test_barrier_bits_are_drawn_handed_out_recorded_and_kept(tmp_path):
    """Alice's second bit goes to the kernel above X; Bob's are those of his records, none where a round is zeroed."""
    stores = {
        node: RoundStore.create(tmp_path / node, session(block_rounds=BLOCK, barrier=True), node, SeededSource(1, node))
        for node in ("alice", "bob")
    }
    alice, bob = stores["alice"], stores["bob"]
    for store in stores.values():
        store.burn(0)
    handed = alice.settings_of(0)
    assert set(handed) == {0, 1, 2, 3}
    bits = handed >> 1
    types = types_for(bob, 0, BLOCK)
    words = {node: words_for(store, 0, BLOCK, types) for node, store in stores.items()}
    for recorded in words.values():
        recorded[:, 3] |= bits.astype(np.int32) << 13
    words["bob"][7, 3] |= Flag.BARRIER << 8
    wrong = words["alice"].copy()
    wrong[9, 3] ^= 1 << 13
    with pytest.raises(InvalidInput, match="record of round 9: the setting, type or barrier bit"):
        alice.keep(0, 0, wrong)
    for node, store in stores.items():
        store.keep(0, 0, words[node])
    stores = {node: reopened(store) for node, store in stores.items()}
    sent, seen = (stores[node].portion(0, BLOCK) for node in ("alice", "bob"))
    np.testing.assert_array_equal(sent.barrier, bits)
    np.testing.assert_array_equal(sent.settings, (handed & 1) * types)
    bits[7] = 0
    np.testing.assert_array_equal(seen.barrier, bits)
    assert seen.zeroed.spans == ((7, 8),) and "barrier" not in repr(seen)
    for store in stores.values():
        store.close()
