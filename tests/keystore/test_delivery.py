"""A key leaves once and whole, whatever is killed on the way; then it is erased with all it was made from."""

from contextlib import contextmanager

import numpy as np
import pytest
from ledger_cases import accept, key_of, small

from postprocess.errors import InvalidInput
from postprocess.keystore import Keystore
from postprocess.keystore import delivery as delivery_module
from postprocess.keystore.database import Database
from postprocess.keystore.delivery import deliver

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

    for name in ("_write_part", "_give_name", "sync_folder"):
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

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("postprocess.keystore.delivery.os.fsync", full)
    with pytest.raises(InvalidInput, match=r"cannot take the key \(No space left on device\); it is still"):
        deliver(keystore, "s1", tmp_path / "other", **ALLOWED)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["key"]
    assert keystore.key("s1").state == "active"


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


@pytest.mark.parametrize("elsewhere", ["another file", "the key delivery server", "nowhere"])
def test_a_key_that_goes_elsewhere_meanwhile_does_not_lie_here_as_well(keystore, tmp_path, monkeypatch, elsewhere):
    accept(keystore, small())
    begin = keystore.key_records.begin_delivery

    def outrun(key_id, destination):
        assert KEY in [path.read_bytes() for path in tmp_path.rglob(".key.*")]
        if elsewhere == "another file":
            begin(key_id, str(tmp_path / "other"))
        elif elsewhere == "nowhere":
            keystore.key_records.forget(key_id)
        else:
            with keystore.transaction("offer") as write:
                keystore.served_keys.offer(write, key_id)
        begin(key_id, destination)

    monkeypatch.setattr(keystore.key_records, "begin_delivery", outrun)
    with pytest.raises(InvalidInput):
        deliver(keystore, "s1", tmp_path / "key", **ALLOWED)
    assert not list(tmp_path.glob(".key*")) and not (tmp_path / "key").exists()
