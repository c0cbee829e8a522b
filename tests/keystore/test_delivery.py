"""A key leaves once and whole, whatever is killed on the way; then it is erased with all it was made from."""

import os
from contextlib import contextmanager
from stat import S_ISREG

import numpy as np
import pytest
from ledger_cases import accept, key_of, small

from postprocess.errors import InvalidInput
from postprocess.keystore import Keystore
from postprocess.keystore import delivery as delivery_module
from postprocess.keystore.database import Database
from postprocess.keystore.delivery import deliver, erase_leftover, forget_key, interrupted
from postprocess.keystore.served_keys import RefusedSlice

ALLOWED = {"allow_emulated": True, "allow_insecure": True}
KEY = np.packbits(key_of(small())[256:]).tobytes()


class Killed(BaseException):
    """The process is gone."""


def kill_points(patch, at):
    """Every durable step of a delivery may be the last; `at` None only counts. Returns the steps passed."""
    passed = []

    def step(name):
        passed.append(name)
        if at is not None and len(passed) > at:
            raise Killed(name)

    def around(owner, name):
        original = getattr(owner, name)

        def wrapped(*args, **options):
            step(f"before {name}")
            result = original(*args, **options)
            step(f"after {name}")
            return result

        patch.setattr(owner, name, wrapped)

    for name in ("_make_part", "_fill_part", "_give_name", "sync_folder", "overwrite_file"):
        around(delivery_module, name)
    transaction = Database.transaction

    @contextmanager
    def watched(database, what):
        step(f"before {what}")
        with transaction(database, what) as write:
            yield write
            step(f"inside {what}")
        step(f"after {what}")

    patch.setattr(Database, "transaction", watched)
    return passed


def count_steps(keystore, folder):
    with pytest.MonkeyPatch.context() as patch:
        passed = kill_points(patch, None)
        deliver(keystore, "s1", folder / "key", **ALLOWED)
    return passed


def test_killed_anywhere_the_key_is_delivered_once_and_whole(keystore, tmp_path):
    """Case H2."""
    accept(keystore, small())
    content, generation = keystore.path.read_bytes(), keystore.path.with_name("keystore.sqlite.generation").read_bytes()
    steps = count_steps(keystore, tmp_path)
    assert len(steps) >= 10
    keystore.close()
    for at in range(len(steps)):
        folder = tmp_path / str(at)
        folder.mkdir()
        keystore.path.write_bytes(content)
        keystore.path.with_name("keystore.sqlite.generation").write_bytes(generation)
        with Keystore.open(keystore.path) as ledger, pytest.MonkeyPatch.context() as patch:
            kill_points(patch, at)
            with pytest.raises(Killed):
                deliver(ledger, "s1", folder / "key", **ALLOWED)
        with Keystore.open(keystore.path) as ledger:
            assert ledger.check() == [], steps[at]
            state = ledger.key("s1").state
            if (folder / "key").exists():
                assert (folder / "key").read_bytes() == KEY, "whole or not at all"
            record, copies = ledger.key("s1"), [path for path in folder.iterdir() if path.read_bytes() == KEY]
            assert not copies or record.destination == str(folder / "key"), "whoever asks is told where a copy lies"
            assert bool(interrupted(ledger)) == (record.destination is not None and state != "delivered"), steps[at]
            if state == "delivering":
                with pytest.raises(InvalidInput, match="was interrupted; finish that one"):
                    deliver(ledger, "s1", folder / "elsewhere", **ALLOWED)
            if state != "delivered":
                deliver(ledger, "s1", folder / "key", **ALLOWED)
            with pytest.raises(InvalidInput, match="delivered already"):
                deliver(ledger, "s1", folder / "again", **ALLOWED)
            assert ledger.check() == []
        assert [path.name for path in folder.iterdir()] == ["key"], steps[at]
        assert (folder / "key").read_bytes() == KEY


def test_a_key_that_was_taken_in_the_middle_is_not_handed_out_twice(keystore, tmp_path):
    accept(keystore, small())

    def killed(*_):
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery_module, "_give_name", killed)
        with pytest.raises(Killed):
            deliver(keystore, "s1", tmp_path / "key", **ALLOWED)
    (tmp_path / ".key.s1.part").rename(tmp_path / "taken")
    with pytest.raises(InvalidInput, match="somebody has it, it is not handed out twice"):
        deliver(keystore, "s1", tmp_path / "key", **ALLOWED)
    assert not (tmp_path / "key").exists()


def test_a_delivered_key_is_erased_from_the_ledger(keystore, tmp_path):
    """Case L9."""
    accept(keystore, small())
    erased = []
    deliver(keystore, "s1", tmp_path / "key", **ALLOWED, erase_strings=lambda: erased.append(keystore.key("s1").state))
    assert erased == ["delivering"], "the strings go first, so that nothing is forgotten"
    assert (tmp_path / "key").read_bytes() == KEY
    assert KEY not in keystore.path.read_bytes()
    assert keystore.balance().delivered == 244
    with pytest.raises(InvalidInput, match="erased"):
        keystore.key_records.bits("s1")


def test_a_folder_that_takes_nothing_costs_no_key(keystore, tmp_path, monkeypatch):
    accept(keystore, small())
    with pytest.raises(InvalidInput, match="no file can be made there"):
        deliver(keystore, "s1", tmp_path / "missing" / "key", **ALLOWED)
    (tmp_path / "key").write_bytes(b"mine")
    with pytest.raises(InvalidInput, match="exists; choose a new file"):
        deliver(keystore, "s1", tmp_path / "key", **ALLOWED)
    assert (tmp_path / "key").read_bytes() == b"mine"

    sync = os.fsync

    def full(descriptor):
        if S_ISREG(os.fstat(descriptor).st_mode) and os.fstat(descriptor).st_size and not made:
            made.append(descriptor)
            raise OSError(28, "No space left on device")
        sync(descriptor)

    made: list[int] = []

    monkeypatch.setattr("postprocess.keystore.delivery.os.fsync", full)
    with pytest.raises(InvalidInput, match=r"cannot take the key \(No space left on device\); it is still"):
        deliver(keystore, "s1", tmp_path / "other", **ALLOWED)
    assert made and [path.name for path in tmp_path.iterdir() if path.is_file()] == ["key"]
    assert (keystore.key("s1").state, keystore.key("s1").destination) == ("active", None)


def test_two_erased_keys_are_compared_by_their_digests(keystore, tmp_path, monkeypatch):
    accept(keystore, small())
    deliver(keystore, "s1", tmp_path / "key", **ALLOWED)
    assert not keystore.key_records.same_key(keystore.key_records, "s1"), "244 bits keep no digest"
    monkeypatch.setattr("postprocess.keystore.key_records.DIGEST_KEPT_FROM_BITS", 200)
    accept(keystore, small("s2"), seed=4)
    deliver(keystore, "s2", tmp_path / "long", **ALLOWED)
    assert keystore.key_records.same_key(keystore.key_records, "s2")


def test_a_record_names_the_rule_and_its_proof(keystore):
    accept(keystore, small())
    accept(keystore, small("s2", rule="renyi", allowance=5))
    first, second = keystore.keys()
    assert (first.rule, first.label) == ("proposition-2", "published bound (Nadlinger 2022, Proposition 2)")
    assert (second.rule, second.label) == ("renyi", "own proof, not peer-reviewed")


def steps_before_the_name(keystore, tmp_path):
    """Every kill after which the key is still free."""
    content, generation = keystore.path.read_bytes(), keystore.path.with_name("keystore.sqlite.generation").read_bytes()
    steps = count_steps(keystore, tmp_path)
    keystore.close()
    for at in range(len(steps)):
        folder = tmp_path / str(at)
        folder.mkdir()
        keystore.path.write_bytes(content)
        keystore.path.with_name("keystore.sqlite.generation").write_bytes(generation)
        with Keystore.open(keystore.path) as ledger:
            with pytest.MonkeyPatch.context() as patch:
                kill_points(patch, at)
                with pytest.raises(Killed):
                    deliver(ledger, "s1", folder / "key", **ALLOWED)
            if ledger.key("s1").state == "active":
                yield ledger, folder


def serve(ledger):
    with ledger.transaction("serve") as write:
        ledger.served_keys.serve(write, "s1", 10)


def offer(ledger):
    with ledger.transaction("offer") as write:
        ledger.served_keys.offer(write, "s1")


@pytest.mark.parametrize("elsewhere", ["file", "offer", "serve", "revoke", "forget"])
def test_what_a_kill_has_left_is_gone_before_the_key_goes_elsewhere(keystore, tmp_path, elsewhere):
    accept(keystore, small())
    with_copy = 0
    for ledger, folder in steps_before_the_name(keystore, tmp_path):
        copies = [path for path in folder.iterdir() if KEY in path.read_bytes()]
        with_copy += bool(copies)
        noted = ledger.key("s1").destination is not None
        assert noted or not copies
        if elsewhere in ("offer", "serve"):
            take = offer if elsewhere == "offer" else serve
            if noted:
                assert all(key.key_id != "s1" for key in ledger.served_keys.keys())  # noqa: SIM118
                with pytest.raises(RefusedSlice, match="on its way to a file"):
                    take(ledger)
                erase_leftover(ledger, "s1")
            take(ledger)
        elif elsewhere == "revoke":
            if noted:
                with pytest.raises(InvalidInput, match="in use"):
                    ledger.abandon("s1")
                erase_leftover(ledger, "s1")
            ledger.abandon("s1")
        elif elsewhere == "forget":
            forget_key(ledger, "s1")
            assert ledger.key("s1").state == "forgotten"
        else:
            (folder / "other").mkdir()
            deliver(ledger, "s1", folder / "other" / "key", **ALLOWED)
            assert (folder / "other" / "key").read_bytes() == KEY
        assert not [path for path in folder.iterdir() if path.is_file() and path.read_bytes().strip(b"\0")]
        assert ledger.check() == interrupted(ledger) == []
    assert with_copy >= 2


def test_killed_while_it_erases_what_was_left_nothing_is_forgotten(keystore, tmp_path):
    """Until the copy is overwritten the ledger says where it lies."""
    accept(keystore, small())

    steps, at = None, 0
    while steps is None or at < len(steps):
        folder = tmp_path / f"round {at}"
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            passed = kill_points(patch, None)
            patch.setattr(
                keystore.key_records, "begin_delivery", lambda *_: (_ for _ in ()).throw(Killed("begin")), raising=True
            )
            with pytest.raises(Killed):
                deliver(keystore, "s1", folder / "key", **ALLOWED)
        assert [path for path in folder.iterdir() if path.read_bytes() == KEY] and passed
        with pytest.MonkeyPatch.context() as patch:
            passed = kill_points(patch, at)
            try:
                erase_leftover(keystore, "s1")
                steps = passed
            except Killed:
                pass
        noted = keystore.key("s1").destination is not None
        assert noted or not [path for path in folder.iterdir() if path.read_bytes().strip(b"\0")]
        if noted:
            erase_leftover(keystore, "s1")
        assert interrupted(keystore) == []
        at += 1
    assert len(steps) >= 5


def left_copy(keystore, folder):
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keystore.key_records, "begin_delivery", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            deliver(keystore, "s1", folder / "key", **ALLOWED)
    return folder / ".key.s1.part"


def test_a_copy_that_is_not_where_it_was_left_is_not_taken_for_erased(keystore, tmp_path):
    """On a medium that is away, or in somebody's hands."""
    accept(keystore, small())
    part = left_copy(keystore, tmp_path / "medium")
    part.parent.rename(tmp_path / "away")
    for refused in (
        lambda: deliver(keystore, "s1", tmp_path / "key", **ALLOWED),
        lambda: forget_key(keystore, "s1"),
        lambda: erase_leftover(keystore, "s1"),
    ):
        with pytest.raises(InvalidInput, match=r"has left a copy in .*\.part, which is not there; bring its medium"):
            refused()
    assert "has left a copy in" in interrupted(keystore)[0]
    (tmp_path / "away").rename(part.parent)
    deliver(keystore, "s1", tmp_path / "key", **ALLOWED)
    assert not part.exists() and (tmp_path / "key").read_bytes() == KEY


def test_forgetting_an_unfinished_delivery_erases_its_copy(keystore, tmp_path):
    accept(keystore, small())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery_module, "_give_name", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            deliver(keystore, "s1", tmp_path / "key", **ALLOWED)
    assert "was interrupted; run that command again" in interrupted(keystore)[0]
    forget_key(keystore, "s1")
    assert keystore.key("s1").state == "forgotten" and keystore.check() == []
    assert not list(tmp_path.glob(".key*")) and not (tmp_path / "key").exists()


def test_forgetting_that_was_killed_leaves_no_zeros_for_a_key(keystore, tmp_path):
    """The copy is overwritten before the ledger forgets the key: the same delivery, run again, still gives the key."""
    accept(keystore, small())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery_module, "_give_name", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            deliver(keystore, "s1", tmp_path / "key", **ALLOWED)
        patch.setattr(keystore.key_records, "forget", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            forget_key(keystore, "s1")
    (part,) = tmp_path.glob(".key*")
    assert not part.read_bytes().strip(b"\0")
    deliver(keystore, "s1", tmp_path / "key", **ALLOWED)
    assert (tmp_path / "key").read_bytes() == KEY and keystore.key("s1").state == "delivered"


def test_two_deliveries_do_not_meet(keystore, tmp_path, monkeypatch):
    accept(keystore, small())
    fill = delivery_module._fill_part

    def meanwhile(part, content):
        for refused in (
            lambda: deliver(keystore, "s1", tmp_path / "other", **ALLOWED),
            lambda: forget_key(keystore, "s1"),
            lambda: erase_leftover(keystore, "s1"),
        ):
            with pytest.raises(InvalidInput, match="another process delivers a key"):
                refused()
        fill(part, content)

    monkeypatch.setattr(delivery_module, "_fill_part", meanwhile)
    deliver(keystore, "s1", tmp_path / "key", **ALLOWED)
    assert (tmp_path / "key").read_bytes() == KEY and not (tmp_path / "other").exists()
