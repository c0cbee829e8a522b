"""A changed bit, an old copy, a lost ledger, a locked or broken file: found, named in one line, nothing spent."""

import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from ledger_cases import accept, key_of, small, source

from postprocess.errors import AbortReason, DiqkdError, InvalidInput
from postprocess.keystore import SOUND, Keystore, LedgerConflict, Pad, draw_k0, generation, open_ledger
from postprocess.keystore.database import Database
from postprocess.keystore.digests import LedgerDamaged
from postprocess.storage.node_home import NodeHome
from postprocess.storage.ownership import mark_rounds, require_owner

FLIPPED = {
    "trevisan seed": ("reusable", "data", "name = 'trevisan seed'"),
    "vhash key": ("reusable", "data", "name = 'vhash key'"),
    "pad K0/000001 D_B": ("pads", "data", "label = 'K0/000001' AND name = 'D_B'"),
    "key s1": ("keys", "data", "id = 's1'"),
    "message G_B": ("messages", "payload", "kind = 'G_B'"),
}


def flip_bit(keystore, what):
    """Change one bit behind the ledger's back, as a bad sector does."""
    table, column, where = FLIPPED.get(what, ("keys", "data", "TRUE"))
    with sqlite3.connect(keystore.path) as connection:
        found = connection.execute(f"SELECT rowid, {column} FROM {table} WHERE {where}").fetchall()
        assert found
        for row, data in found:
            changed = data[:-1] + bytes([data[-1] ^ 1])
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (changed, row))
    connection.close()


@pytest.mark.parametrize("what", FLIPPED)
def test_a_changed_secret_is_found_at_opening_and_by_verify(keystore, what):
    """Case C4: a flipped bit in the ledger's file."""
    accept(keystore, small()).keep_received("G_B", b"\1\2\3")
    keystore.require_intact()
    flip_bit(keystore, what)
    assert any(what in line for line in keystore.check())
    with pytest.raises(LedgerDamaged, match=f"{what}.* changed since it was stored"):
        open_ledger(NodeHome("alice", keystore.path.parents[1]))


@pytest.mark.parametrize("what", list(FLIPPED)[:3])
def test_a_changed_secret_is_found_at_its_use(keystore, what):
    """Though the ledger was open before the bit flipped."""
    keystore.reserve("s1", small())
    page = keystore.reserve("s2", small("s2"))
    flip_bit(keystore, what)
    uses = {
        "trevisan seed": lambda: page.trevisan_seed(100),
        "vhash key": lambda: page.tag(Pad.ALICE, b"m"),
        "pad K0/000001 D_B": lambda: page.verify(Pad.BOB, b"m", bytes(8)),
    }
    with pytest.raises(LedgerDamaged, match=what):
        uses[what]()


def test_a_changed_key_is_never_delivered_nor_made_active(keystore):
    accept(keystore, small())
    pending = keystore.reserve("s2", small("s2"))
    pending.conclude(SOUND, key_of(small("s2"), 5))
    flip_bit(keystore, "every key")
    with pytest.raises(LedgerDamaged, match="key s1 has changed"):
        keystore.key_records.bits("s1")
    with pytest.raises(LedgerDamaged, match="key s2 has changed"):
        pending.accept()
    assert keystore.key("s2").state == "pending" and pending.outcome is None


def test_an_old_copy_of_the_ledger_is_refused(keystore, tmp_path):
    """Case M8: restored from before a session, its four pads would cover a second message."""
    shutil.copy(keystore.path, tmp_path / "backup")
    page = keystore.reserve("s1", small())
    page.tag(Pad.ALICE, b"m")
    shutil.copy(keystore.path, tmp_path / "newest")
    keystore.close()
    shutil.copy(tmp_path / "backup", keystore.path)
    with pytest.raises(InvalidInput, match=r"keystore\.sqlite: an old copy, whose pads may be spent already"):
        Keystore.open(keystore.path)
    shutil.copy(tmp_path / "newest", keystore.path)
    Keystore.open(keystore.path).close()
    keystore.path.with_name("keystore.sqlite.generation").unlink()
    with pytest.raises(InvalidInput, match=r"without keystore\.sqlite\.generation beside it"):
        Keystore.open(keystore.path)
    keystore.path.with_name("keystore.sqlite.generation").write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match=r"\.generation: damaged"):
        Keystore.open(keystore.path)


def test_a_crash_between_the_ledger_and_its_generation_is_no_old_copy(keystore, monkeypatch):
    """The file beside the ledger may lag, never lead."""

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("postprocess.keystore.generation.os.pwrite", killed)
        with pytest.raises(KeyboardInterrupt):
            keystore.reserve("s1", small())
    with Keystore.open(keystore.path) as again:
        assert [record.session_id for record in again.sessions()] == ["s1"]
        again.reserve("s2", small("s2"))
    Keystore.open(keystore.path).close()


def test_what_a_crash_left_unnoted_is_noted_before_it_is_sent(keystore, tmp_path, monkeypatch):
    """A stored message goes out again without another write; an older copy of the ledger is then an old one."""

    def killed(*_):
        raise KeyboardInterrupt

    page = keystore.reserve("s1", small())
    shutil.copy(keystore.path, tmp_path / "backup")
    with monkeypatch.context() as patch:
        patch.setattr("postprocess.keystore.generation.os.pwrite", killed)
        with pytest.raises(KeyboardInterrupt):
            page.keep_sent("F", b"stored")
    keystore.close()
    with Keystore.open(keystore.path) as again:
        assert again.session("s1").outbox() == {"F": b"stored"}  # and leaves
    shutil.copy(tmp_path / "backup", keystore.path)
    with pytest.raises(InvalidInput, match="an old copy"):
        Keystore.open(keystore.path)


def test_a_ledger_made_anew_in_an_old_home_is_refused(keystore):
    """Case C5: one raw string must not make two keys."""
    home = NodeHome("alice", keystore.path.parents[1])
    folder = home.session_folder("s1")
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    keystore.reserve("s1", small())
    mark_rounds(folder, keystore.ledger_id)
    require_owner(folder, keystore.ledger_id)
    open_ledger(home).close()
    keystore.close()
    keystore.path.unlink()
    with pytest.raises(InvalidInput, match="a ledger was here and is lost"):
        Keystore.create(keystore.path, "alice")
    keystore.path.with_name("keystore.sqlite.generation").unlink()
    with Keystore.create(keystore.path, "alice") as anew:
        anew.provision(draw_k0(source(), small()), small())
        with pytest.raises(InvalidInput, match="these rounds belong to another ledger"):
            require_owner(folder, anew.ledger_id)
    with pytest.raises(InvalidInput, match="does not know the session 's1', whose rounds are beside it"):
        open_ledger(home)


def test_rounds_that_no_ledger_has_claimed_make_no_key(tmp_path):
    with pytest.raises(InvalidInput, match="do not say to which ledger they belong"):
        require_owner(tmp_path, "some ledger")


@pytest.mark.parametrize("part", ["keystore.sqlite", "sessions", "link", "."])
def test_a_home_that_others_may_read_is_refused(keystore, part):
    """Case L4: also when a session runs in it, not only by `keys verify`."""
    home = NodeHome("alice", keystore.path.parents[1])
    for name in ("sessions", "link"):
        (home.folder / name).mkdir(mode=0o700)
    open_ledger(home).close()
    (home.folder / part).chmod(0o755)
    with pytest.raises(InvalidInput, match="others may read it"):
        open_ledger(home)


def test_pads_that_nobody_touched_go_back(keystore):
    """Case M5: parameters that differ before round one cost no pads, if both nodes say that no tag was made."""
    keystore.reserve("s1", small())
    keystore.abort("s1", AbortReason.PARAMETER_MISMATCH, "block_rounds", untouched=True)
    assert keystore.balance().consumed == 0 and keystore.check() == []
    assert keystore.reserve("s2", small("s2")).pad_label == "K0/000000"


def test_pads_under_which_this_node_has_tagged_stay_spent(keystore):
    """Whatever the peer says."""
    page = keystore.reserve("s1", small())
    page.tag(Pad.ALICE, b"m")
    keystore.abort("s1", AbortReason.PARAMETER_MISMATCH, "", untouched=True)
    assert keystore.balance().consumed == 256 and keystore.check() == []
    assert keystore.reserve("s2", small("s2")).pad_label == "K0/000001"


def test_pads_do_not_change_hands_while_another_process_tags(keystore):
    """Case M2: what is checked and what is done are one transaction."""
    page = keystore.reserve("s1", small())
    with Keystore.open(keystore.path) as other:
        other.session("s1").tag(Pad.ALICE, b"m")
        with pytest.raises(LedgerConflict, match="are not free"):
            page.hold_pads("K0/000001")
    assert page.pad_label == "K0/000000" and keystore.check() == []
    inside = []
    transaction = Database.transaction

    def watched(database, what):
        inside.append(what)
        return transaction(database, what)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "transaction", watched)
        patch.setattr(type(page), "usable_pads", lambda self: pytest.fail("outside") if not inside else [])
        with pytest.raises(LedgerConflict):
            page.hold_pads("K0/000001")


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100, b"SQLite format 3\0" + bytes(4000)])
def test_a_broken_file_is_one_line(tmp_path, content):
    """Case M9."""
    path = tmp_path / "keystore.sqlite"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InvalidInput) as caught:
        Keystore.open(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_pages_lost_in_the_middle_are_one_line(keystore):
    path = keystore.path
    keystore.close()
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[4096 * page : 4096 * page + 2048] = bytes(2048)
    path.write_bytes(content)
    with pytest.raises(DiqkdError) as caught, Keystore.open(path) as broken:
        broken.sessions(), broken.keys(), broken.balance(), broken.check(), broken.reserve("s1", small())
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_locked_file_is_said_to_be_locked(keystore, monkeypatch):
    """A backup program is no reason to provision a new home."""
    monkeypatch.setattr("postprocess.keystore.database.PATIENCE_S", 0.05)
    other = sqlite3.connect(keystore.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DiqkdError, match="another program holds it"):
        Keystore.open(keystore.path).sessions()
    other.execute("ROLLBACK")
    other.close()
    Keystore.open(keystore.path).close()


@pytest.mark.parametrize("noted_before", [0, 4])
def test_a_generation_never_goes_back(tmp_path, monkeypatch, noted_before):
    """Another process comes with a later one while this one writes, a new file or over what is there."""
    noted = generation.Generation(tmp_path / "keystore.sqlite")
    noted.keep(noted_before)  # 0 writes nothing
    assert noted.path.exists() == (noted_before > 0)
    later = threading.Thread(target=noted.keep, args=(6,))

    def slowly(write):
        def slow(*arguments):
            if arguments[1].startswith(b"5 "):
                later.start()
                later.join(0.2)
            write(*arguments)

        return slow

    monkeypatch.setattr(generation, "write_private", slowly(generation.write_private))
    monkeypatch.setattr(generation.Generation, "_overwrite", slowly(generation.Generation._overwrite))
    noted.keep(5)
    later.join(60)
    assert noted.read() == 6


def test_two_processes_write_in_turn(keystore):
    """Transactions of two connections never lose an update of the generation."""

    def write(session):
        with Keystore.open(keystore.path) as ledger:
            page = ledger.session(session)
            for number in range(20):
                page.keep_own(f"{number}", b"x")

    for session in ("s1", "s2"):
        keystore.reserve(session, small(session))
    with ThreadPoolExecutor() as threads:
        list(threads.map(write, ("s1", "s2")))
    assert keystore.check() == []
    noted = int(keystore.path.with_name("keystore.sqlite.generation").read_text())
    assert noted == int(keystore._database.fact("generation"))


def test_a_pad_is_overwritten_once_its_message_is_stored(keystore):
    page = keystore.reserve("s1", small())
    pad = page._secret(Pad.ALICE)
    tag = page.tag(Pad.ALICE, b"m")
    page.keep_sent("revelation", tag, done_with=(Pad.ALICE,))
    assert pad not in keystore.path.read_bytes()
    with pytest.raises(LedgerConflict, match="is erased"):
        page.tag(Pad.ALICE, b"m")
    assert page.sent("revelation") == tag and page.is_spent_on(Pad.ALICE, b"m")


def test_a_ledger_of_the_version_before_is_led_to_this_one(tmp_path):
    """Nothing in it is lost, and an older program refuses it afterwards."""
    import sqlite3

    from ledger_cases import accept, small, source

    from postprocess.keystore import draw_k0
    from postprocess.keystore.schema import SCHEMA_VERSION

    path = tmp_path / "alice" / "keystore.sqlite"
    with Keystore.create(path, "alice") as keystore:
        keystore.provision(draw_k0(source(), small(), 2), small())
        accept(keystore, small("s1"))
        before, key = keystore.keys(), keystore.key_records.bits("s1")
    with sqlite3.connect(path) as old:
        for table in ("shares", "pieces", "slices", "accounts", "takings"):
            old.execute(f"DROP TABLE {table}")
        (columns,) = old.execute("SELECT sql FROM sqlite_master WHERE name = 'keys'").fetchone()
        old.execute("ALTER TABLE keys RENAME TO now")
        old.execute(columns.replace("'offered', 'serving', ", ""))
        old.execute("INSERT INTO keys SELECT * FROM now")
        old.execute("DROP TABLE now")
        old.execute("UPDATE facts SET value = '3' WHERE name = 'schema'")
    old.close()
    for _ in range(2):
        with Keystore.open(path) as keystore:
            assert keystore.check() == [] and keystore.keys() == before
            assert (keystore.key_records.bits("s1") == key).all()
            assert keystore._database.fact("schema") == SCHEMA_VERSION == "5"
            assert keystore.served_keys.shares() == []


def test_slices_of_the_version_before_are_still_waiting_or_counted(tmp_path):

    from ledger_cases import accept, small, source

    from postprocess.keystore import draw_k0
    from postprocess.keystore.digests import digest_of

    path, columns = tmp_path / "alice" / "keystore.sqlite", "id, key, start, bytes, master, slave, side, state, stored"
    with Keystore.create(path, "alice") as keystore:
        keystore.provision(draw_k0(source(), small(), 2), small())
        accept(keystore, small("s1"))
        with keystore.transaction("serve") as write:
            keystore.served_keys.serve(write, "s1", 15)
            write("UPDATE shares SET position = stop")
            for table in ("slices", "accounts", "takings"):
                write(f"DROP TABLE {table}")
            write(
                f"CREATE TABLE slices ({columns.replace('id,', 'id PRIMARY KEY,')}, data, digest, UNIQUE (key, start))"
            )
            for number, (side, state) in enumerate(
                [("master", "delivered"), ("master", "void"), ("slave", "reserved"), ("slave", "delivered")]
            ):
                data = b"waiting!" if state == "reserved" else None
                digest = data and digest_of(f"slice {number}", data)
                row = (str(number), "s1", 8 * number - number // 2, 7, "m", "s", side, state, 600.0, data, digest)
                write("INSERT INTO slices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)
            write("UPDATE facts SET value = '4' WHERE name = 'schema'")
    with Keystore.open(path) as keystore:
        assert keystore.check() == []
        assert keystore.slices.unknown(["0", "1"]) == ["1"] and keystore.slices.unconfirmed() == ["2"]
        assert {(each.side, each.state, each.keys, each.bits) for each in keystore.slices.accounts()} == {
            ("master", "delivered", 1, 56), ("master", "void", 1, 56), ("slave", "reserved", 1, 56),
            ("slave", "delivered", 1, 56),
        }  # fmt: skip
        assert keystore.slices.bits_taken("m", 600.0) == 112
        with keystore.transaction("claim") as write:
            assert keystore.slices.claim(write, ["2"], "m", "s", ["s1"]) == [("s1", b"waiting!")]
