"""One pool of random bytes has one counter, under whatever name it is drawn from (case H5)."""

import json
import os
import shutil
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.randomness import FileSource, SeededSource, record_of_use

DATA = SeededSource(3, "pool").random_bytes(4000)


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pools" / "quantis.bin"
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


def symbolic_link(pool, other):
    other.symlink_to(pool)


def link_by_folder(pool, other):
    other.parent.rmdir()
    other.parent.symlink_to(pool.parent)
    assert other.with_name(pool.name).exists()
    other.symlink_to(pool.name)


def hard_link(pool, other):
    other.hardlink_to(pool)


def copy(pool, other):
    shutil.copy(pool, other)


def move(pool, other):
    pool.rename(other)


NAMES = (symbolic_link, link_by_folder, hard_link, copy)


@pytest.mark.parametrize("make", NAMES, ids=lambda make: make.__name__)
def test_two_names_share_one_counter(pool, tmp_path, make):
    other = tmp_path / "elsewhere" / "other.bin"
    other.parent.mkdir()
    make(pool, other)
    drawn = b"".join(FileSource(path).random_bytes(100) for path in (pool, other, other, pool, other))
    assert drawn == DATA[:500]
    assert FileSource(pool).left == FileSource(other).left == 3500


@pytest.mark.parametrize("make", (move, *NAMES), ids=lambda make: make.__name__)
def test_a_name_made_later_goes_on_where_the_first_stopped(pool, tmp_path, make):
    assert FileSource(pool).random_bytes(1000) == DATA[:1000]
    other = tmp_path / "elsewhere" / "other.bin"
    other.parent.mkdir()
    make(pool, other)
    assert FileSource(other).random_bytes(10) == DATA[1000:1010]


def test_names_share_a_counter_while_the_file_grows(tmp_path):
    """A pool of a few bytes is known by its inode, later also by its beginning."""
    pool, other = tmp_path / "pool", tmp_path / "other"
    pool.write_bytes(DATA[:20])
    assert FileSource(pool).random_bytes(10) == DATA[:10]
    other.hardlink_to(pool)
    with pool.open("ab") as file:
        file.write(DATA[20:200])
    assert FileSource(other).random_bytes(100) == DATA[10:110]
    assert FileSource(pool).random_bytes(1) == DATA[110:111]


def test_an_inode_used_again_is_another_pool(pool):
    """The user's folder remembers the inode, but not of these bytes."""
    FileSource(pool).random_bytes(1000)
    fresh = SeededSource(4, "pool").random_bytes(500)
    FileSource(pool).record.unlink()
    with pool.open("r+b") as file:
        file.truncate()
        file.write(fresh)
    assert FileSource(pool).random_bytes(100) == fresh[:100]


@pytest.mark.parametrize("lost", ["beside", "folder"])
def test_the_highest_counter_holds(pool, lost):
    source = FileSource(pool)
    source.random_bytes(700)
    if lost == "beside":
        source.record.unlink()
    else:
        shutil.rmtree(record_of_use.use_folder())
    assert FileSource(pool).random_bytes(1) == DATA[700:701]


def test_a_record_of_an_earlier_version_is_honoured(pool, tmp_path):
    """Beside the file, and beside a link to it."""
    pool.with_name("quantis.bin.used").write_text('{"octets_used": 300}')
    assert FileSource(pool).random_bytes(1) == DATA[300:301]
    (tmp_path / "link").symlink_to(pool)
    (tmp_path / "link.used").write_text('{"octets_used": 900}')
    assert FileSource(tmp_path / "link").random_bytes(1) == DATA[900:901]


@pytest.mark.parametrize("deadly", range(4))
def test_a_crash_between_two_records_loses_bytes_and_repeats_none(pool, monkeypatch, deadly):
    write, written = record_of_use.write_private, []

    class Crash(Exception):
        pass

    def crash(target, content):
        if len(written) == deadly:
            raise Crash
        written.append(target)
        write(target, content)

    monkeypatch.setattr(record_of_use, "write_private", crash)
    try:
        drawn = len(FileSource(pool).random_bytes(10))
    except Crash:
        drawn = 0
    monkeypatch.undo()
    assert (drawn == 10) is (deadly == 3), "all three counters before the first byte"
    assert FileSource(pool).random_bytes(1) == (DATA[:1] if deadly == 0 else DATA[10:11])


def test_threads_with_different_names_never_share_a_byte(pool, tmp_path):
    pool.write_bytes(np.arange(4000, dtype="<u2").tobytes())
    (tmp_path / "hard").hardlink_to(pool)
    (tmp_path / "soft").symlink_to(pool)
    shutil.copy(pool, tmp_path / "copy")
    pieces, names = [], [pool, tmp_path / "hard", tmp_path / "soft", tmp_path / "copy"] * 2

    def draw(source):
        for _ in range(5):
            pieces.append(source.random_bytes(200))

    workers = [threading.Thread(target=draw, args=(FileSource(name),)) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    numbers = np.frombuffer(b"".join(pieces), "<u2")
    assert sorted(numbers.tolist()) == list(range(4000))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), max_size=12))
def test_draws_from_all_names_are_the_file_in_order(tmp_path_factory, draws):
    folder = tmp_path_factory.mktemp("names")
    # hypothesis runs all examples within one test, and these pools must not be one
    data = os.urandom(32) + DATA[:1000]
    names = [folder / name for name in ("pool", "hard", "soft", "copy")]
    names[0].write_bytes(data)
    names[1].hardlink_to(names[0])
    names[2].symlink_to(names[1])
    shutil.copy(names[0], names[3])
    assert (
        b"".join(FileSource(names[name]).random_bytes(count) for name, count in draws)
        == (data[: sum(count for _, count in draws)])
    )


def test_the_users_folder_is_private_and_tells_no_byte(pool):
    FileSource(pool).random_bytes(100)
    folder = record_of_use.use_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name.split("-")[0] for path in folder.iterdir()} == {"inode", "head", "lock"}
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert DATA[:4].hex() not in path.read_text()


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"octets_used": -1}', '{"octets_used": 1e999}', '{"octets_used": "7"}']
)
def test_a_damaged_record_is_one_line(pool, content):
    FileSource(pool).random_bytes(100)
    for place in (*record_of_use.use_folder().glob("[hi]*-*"), FileSource(pool).record):
        kept = place.read_text()
        place.write_text(content)
        with pytest.raises(InvalidInput, match="damaged; take a fresh file"):
            FileSource(pool)
        place.write_text(kept)
    assert json.loads(kept)["octets_used"] == 100


def test_no_place_for_the_record_is_one_line(pool, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(pool))
    with pytest.raises(DiqkdError, match=r"its record of use writable|cannot be written"):
        FileSource(pool).random_bytes(1)
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert FileSource(pool).random_bytes(1) == DATA[:1]
    assert list((tmp_path / "me" / ".local" / "state" / "diqkd" / "random_use").iterdir())
