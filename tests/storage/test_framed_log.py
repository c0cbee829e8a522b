"""Frames survive any torn tail, and damage that no crash explains is named."""

import os
import stat
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.errors import DiqkdError, InvalidInput
from postprocess.storage.framed_log import OVERHEAD, FramedLog, frame

LONGEST = 40
contents = st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=LONGEST)), max_size=6)


def filled(path, entries):
    FramedLog.create(path)
    log = FramedLog(path, longest_payload=LONGEST)
    for kind, payload in entries:
        log.append(kind, payload)
    log.close()


def test_layout_of_a_frame():
    head = b"dqkd\x07\0\0\0\x02\0\0\0"
    assert frame(7, b"ab") == head + zlib.crc32(head + b"ab").to_bytes(4, "little") + b"ab"


@given(entries=contents)
def test_what_was_appended_comes_back(tmp_path, entries):
    filled(tmp_path / "log", entries)
    log = FramedLog(tmp_path / "log", longest_payload=LONGEST)
    assert list(log.frames()) == entries
    assert not log.torn
    log.close()


@given(
    entries=contents.filter(bool),
    lost=st.integers(1, OVERHEAD + LONGEST),
    zeros=st.booleans(),
    short=st.binary(max_size=3),
)
def test_torn_tail_is_cut(tmp_path, entries, lost, zeros, short):
    """Lose part of the last frame (or have it zeroed, as after a power cut): the others are there, and it goes on."""
    path = tmp_path / "log"
    filled(path, entries)
    size, last = path.stat().st_size, OVERHEAD + len(entries[-1][1])
    lost = min(lost, last)
    content = path.read_bytes()
    path.write_bytes(content[: size - lost] + (bytes(lost) if zeros else b""))
    log = FramedLog(path, longest_payload=LONGEST)
    intact = entries if content == path.read_bytes() else entries[:-1]
    assert list(log.frames()) == intact
    assert log.torn == (path.stat().st_size > sum(OVERHEAD + len(payload) for _, payload in intact))
    log.append(9, short)
    assert list(log.frames()) == [*intact, (9, short)]
    assert path.stat().st_size == sum(OVERHEAD + len(payload) for _, payload in [*intact, (9, short)])
    log.close()


@given(position=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(tmp_path, position, bit):
    """A frame with a flipped bit is never returned; far from the end that is an error, not a torn tail."""
    path, entries = tmp_path / "log", [(kind, bytes([kind]) * 30) for kind in range(1, 6)]
    filled(path, entries)
    content = bytearray(path.read_bytes())
    position %= len(content)
    content[position] ^= 1 << bit
    path.write_bytes(content)
    damaged = position // (OVERHEAD + 30)
    if len(content) - damaged * (OVERHEAD + 30) > OVERHEAD + LONGEST:
        with pytest.raises(InvalidInput, match=f"damaged at byte {damaged * (OVERHEAD + 30)}"):
            FramedLog(path, longest_payload=LONGEST)
    else:
        log = FramedLog(path, longest_payload=LONGEST)
        assert list(log.frames()) == entries[:damaged]
        assert log.torn
        log.close()


def test_read_only_leaves_a_torn_tail_alone(tmp_path):
    path = tmp_path / "log"
    filled(path, [(1, b"a")])
    path.write_bytes(path.read_bytes() + b"dqk")
    log = FramedLog(path, longest_payload=LONGEST, read_only=True)
    assert list(log.frames()) == [(1, b"a")]
    with pytest.raises(ValueError, match="read-only"):
        log.append(1, b"")
    log.close()
    assert path.read_bytes().endswith(b"dqk")


def test_after_a_failed_write_nothing_more_is_appended(tmp_path, monkeypatch):
    """What the disk holds after a failed sync is unknown, so only a new start may go on."""
    path = tmp_path / "log"
    filled(path, [(1, b"a")])
    log = FramedLog(path, longest_payload=LONGEST)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(DiqkdError, match=r"cannot be written \(No space left on device\); make room and start again"):
        log.append(2, b"b")
    monkeypatch.undo()
    with pytest.raises(DiqkdError, match="an earlier write failed"):
        log.append(3, b"c")
    log.close()


def test_private_and_named_when_missing(tmp_path):
    old = os.umask(0)
    try:
        FramedLog.create(tmp_path / "log")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
    with pytest.raises(InvalidInput, match="cannot be opened"):
        FramedLog(tmp_path / "none", longest_payload=1)
