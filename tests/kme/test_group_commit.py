"""The ledger while a KME serves: a write-ahead log that soon holds nothing of what was erased; no old copy is taken."""

import asyncio
import shutil

import numpy as np
import pytest
from kme_pair import fill

from kme import group_commit
from kme.group_commit import GroupCommit
from postprocess.errors import InvalidInput
from postprocess.keystore import Keystore
from postprocess.keystore.delivery import deliver
from postprocess.keystore.slices import Slice

ELL = {"s1": 256 + 2 * 64 * 16}
TRIES = 6000


@pytest.fixture
def home(tmp_path):
    return fill(tmp_path / "homes", ELL) / "alice"


def run(home, scenario):
    async def whole():
        ledger = GroupCommit(Keystore.open(home / "keystore.sqlite"))
        try:
            return await scenario(ledger)
        finally:
            await ledger.close()

    return asyncio.run(whole())


async def serve(ledger):
    await ledger.write(lambda write: ledger.keystore.served_keys.serve(write, "s1", 128))


async def given(ledger, start):
    one = Slice(f"id{start}", "s1", start, 8, "m", "s")
    (data,) = await ledger.write(lambda write: ledger.keystore.slices.deliver(write, [one], "alice", 0.0))
    return data


async def settled(home):
    log = home / "keystore.sqlite-wal"
    for _ in range(TRIES):
        if not log.stat().st_size:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the log is never emptied")


def test_what_was_handed_out_is_soon_in_no_file_of_the_home(home):
    async def scenario(ledger):
        await serve(ledger)
        data = await given(ledger, 0)
        await settled(home)
        assert not [path for path in home.rglob("*") if path.is_file() and data in path.read_bytes()]
        assert ledger.keystore._database.row("PRAGMA journal_mode") == ("wal",)
        assert ledger.keystore._database.row("PRAGMA synchronous") == (2,)
        assert all(path.stat().st_mode & 0o077 == 0 for path in home.glob("keystore.sqlite*"))

    run(home, scenario)
    assert not any((home / f"keystore.sqlite-{name}").exists() for name in ("wal", "shm"))
    with Keystore.open(home / "keystore.sqlite") as keystore:
        assert keystore._database.row("PRAGMA journal_mode") == ("truncate",)


def test_the_log_of_a_killed_server_is_taken_in(home, monkeypatch):
    monkeypatch.setattr(group_commit, "IDLE_S", 1000.0)
    copy = home.with_name("killed")

    async def scenario(ledger):
        await serve(ledger)
        data = await given(ledger, 0)
        assert (home / "keystore.sqlite-wal").stat().st_size
        shutil.copytree(home, copy)
        return data

    data = run(home, scenario)
    with Keystore.open(copy / "keystore.sqlite") as keystore:
        assert keystore.slices.unknown(["id0", "other"]) == ["other"] and keystore.check() == []
        assert keystore._database.row("PRAGMA journal_mode") == ("truncate",)
    assert not [path for path in copy.rglob("*") if path.is_file() and data in path.read_bytes()]


def test_a_copy_from_before_is_refused_once_there_is_nothing_to_do(home):
    copy = home.with_name("copy")

    async def scenario(ledger):
        await serve(ledger)
        await settled(home)
        shutil.copytree(home, copy)
        for start in range(0, 80, 8):
            await given(ledger, start)
        await settled(home)
        shutil.copy(home / "keystore.sqlite.generation", copy)
        with pytest.raises(InvalidInput, match="an old copy"):
            Keystore.open(copy / "keystore.sqlite")

    run(home, scenario)


def test_commits_of_a_second_are_counted_together(home, monkeypatch):
    monkeypatch.setattr(group_commit, "IDLE_S", 1000.0)
    monkeypatch.setattr(group_commit, "SETTLE_S", 1000.0)

    async def scenario(ledger):
        await serve(ledger)
        before = ledger.keystore._database.fact("generation")
        for start in range(0, 80, 8):
            await given(ledger, start)
        assert ledger.keystore._database.fact("generation") == before
        return int(before)

    before = run(home, scenario)
    with Keystore.open(home / "keystore.sqlite") as keystore:
        assert int(keystore._database.fact("generation")) == before + 1


def test_other_programs_read_and_write_meanwhile(home):
    async def scenario(ledger):
        await serve(ledger)
        with Keystore.open(home / "keystore.sqlite") as other:
            assert other.key("s1").state == "serving"
            with other.transaction("other") as write:
                write("INSERT INTO facts VALUES ('other', '1')")
            await given(ledger, 0)
            assert other.slices.unknown(["id0"]) == []
        assert await ledger.read(lambda: ledger.keystore._database.fact("other")) == "1"
        assert ledger.keystore._database.row("PRAGMA journal_mode") == ("wal",)

    run(home, scenario)


def test_what_another_program_delivers_is_gone_though_the_server_has_nothing_to_do(tmp_path):
    home = fill(tmp_path / "homes", ELL | {"s2": 256 + 2 * 64 * 16}) / "alice"

    async def scenario(ledger):
        await serve(ledger)
        await settled(home)
        with Keystore.open(home / "keystore.sqlite") as other:
            data = np.packbits(other.key_records.bits("s2")).tobytes()
            assert [path for path in home.rglob("*") if path.is_file() and data in path.read_bytes()]
            deliver(other, "s2", tmp_path / "key", allow_emulated=True, allow_insecure=True)
        assert (tmp_path / "key").read_bytes() == data
        assert not [path for path in home.rglob("*") if path.is_file() and data in path.read_bytes()]

    run(home, scenario)


def test_one_refused_reservation_takes_no_other_with_it(home):
    async def scenario(ledger):
        await serve(ledger)
        slices = ledger.keystore.slices
        groups = [
            [Slice(f"{start}", "s1", start, 8, "m", "s") for start in starts] for starts in ((0, 8), (8, 16), (24,))
        ]

        def deliver(write):
            return slices.in_groups(write, lambda some: slices.deliver(write, some, "alice", 0.0), groups)

        first, second, third = await ledger.write(deliver)
        assert len(first) == 2 and isinstance(second, Exception) and len(third) == 1
        assert await ledger.read(lambda: slices.unknown(["0", "8", "16", "24"])) == ["16"]
        assert ledger.keystore.check() == []

    run(home, scenario)
