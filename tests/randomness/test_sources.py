"""Random sources: what is handed out is never handed out again."""

import hashlib
import os
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.randomness import FileSource, SeededSource, SystemSource, record_of_use


def make_file(folder, data):
    path = folder / "quantis.bin"
    path.write_bytes(data)
    return path


def test_bits_are_octets_most_significant_first(tmp_path):
    source = FileSource(make_file(tmp_path, bytes([0b10110000, 0b11111111])))
    assert source.bits(5).tolist() == [1, 0, 1, 1, 0]
    assert source.random_bytes(1) == b"\xff", "the rest of the first byte is thrown away"


def test_system_source_gives_fresh_bits_of_the_right_kind():
    source = SystemSource()
    bits = source.bits(4001)
    assert bits.dtype == np.uint8 and bits.shape == (4001,) and set(bits.tolist()) == {0, 1}
    assert abs(int(bits.sum()) - 2000) < 400
    assert not source.insecure and source.random_bytes(16) != source.random_bytes(16)


def test_file_goes_on_where_another_process_stopped(tmp_path):
    data = os.urandom(100)
    path = make_file(tmp_path, data)
    assert FileSource(path).random_bytes(30) == data[:30]
    again = FileSource(path)
    assert again.random_bytes(70) == data[30:] and again.left == 0
    with pytest.raises(InvalidInput, match="0 bytes are left and 1 are needed"):
        again.random_bytes(1)


def test_use_is_on_disk_before_an_octet_is_read(tmp_path, monkeypatch):
    path = make_file(tmp_path, bytes(range(100)))
    write = record_of_use.write_private

    class Crash(Exception):
        pass

    def crash_after_writing(target, content):
        write(target, content)
        raise Crash

    monkeypatch.setattr(record_of_use, "write_private", crash_after_writing)
    with pytest.raises(Crash):
        FileSource(path).random_bytes(10)
    monkeypatch.undo()
    assert FileSource(path).random_bytes(1) == bytes([10])


def test_record_of_use_is_private_and_checked(tmp_path):
    path = make_file(tmp_path, bytes(100))
    source = FileSource(path)
    source.random_bytes(60)
    assert source.record.stat().st_mode & 0o777 == 0o600
    path.write_bytes(bytes(50))
    with pytest.raises(InvalidInput, match="take a fresh file"):
        FileSource(path)
    source.record.write_text("{")
    with pytest.raises(InvalidInput, match="damaged"):
        FileSource(path)
    with pytest.raises(InvalidInput, match="no such file"):
        FileSource(tmp_path / "missing")


def test_threads_never_share_an_octet(tmp_path):
    path = make_file(tmp_path, np.arange(4000, dtype="<u2").tobytes())
    pieces, sources = [], [FileSource(path) for _ in range(8)]

    def draw(source):
        for _ in range(5):
            pieces.append(source.random_bytes(200))

    workers = [threading.Thread(target=draw, args=(source,)) for source in sources]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    numbers = np.frombuffer(b"".join(pieces), "<u2")
    assert len(numbers) == 4000 and len(set(numbers.tolist())) == 4000


def test_seeded_stream_is_the_documented_one():
    expected = hashlib.shake_256(b"diqkd random stream/5/0/alice settings").digest(65536)
    expected += hashlib.shake_256(b"diqkd random stream/5/1/alice settings").digest(65536)
    assert SeededSource(5, "alice settings").random_bytes(70000) == expected[:70000]
    assert SeededSource(5, "alice settings").insecure and "5" in SeededSource(5, "x").description


@given(st.lists(st.integers(0, 70000), max_size=6), st.integers())
def test_seeded_stream_does_not_depend_on_the_cuts(sizes, seed):
    source = SeededSource(seed, "cuts")
    assert b"".join(source.random_bytes(size) for size in sizes) == SeededSource(seed, "cuts").random_bytes(sum(sizes))


def test_labels_and_seeds_separate_streams():
    # "1" + "2/..." must not meet "12" + "/...": the label comes last and the numbers are delimited.
    streams = {SeededSource(seed, label).random_bytes(32) for seed in (1, 12, -1) for label in ("a", "b", "2/a", "")}
    assert len(streams) == 12
