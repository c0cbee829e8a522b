"""The messages' encoding: what was meant comes back, anything else is one clear error, whatever it is.

Case L1: nonsense from the authenticated peer.
"""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.link import channel, codec

FIELDS = {
    "who": codec.text(16),
    "tag": codec.byte_string(8),
    "round": codec.integer(0, 1000),
    "asks": codec.flag,
    "detail": codec.optional(codec.text()),
    "spans": codec.list_of(codec.list_of(codec.integer(0, 1000), 2), 16),
}
MESSAGE = {"who": "alice", "tag": b"\0" * 8, "round": 5, "asks": True, "detail": None, "spans": [[1, 2], [3, 4]]}


def test_a_message_comes_back():
    assert codec.decode("status", codec.encode(MESSAGE), FIELDS) == MESSAGE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("who", "a" * 17),
        ("who", b"alice"),
        ("who", "\x1b[2J"),
        ("detail", "two\nlines"),
        ("detail", "x" * 257),
        ("tag", b"\0" * 9),
        ("tag", "text"),
        ("round", 1001),
        ("round", -1),
        ("round", True),
        ("round", 1.0),
        ("round", float("inf")),
        ("asks", 1),
        ("detail", 7),
        ("spans", [[1, 2, 3]]),
        ("spans", [1]),
        ("spans", [[0, 0]] * 17),
    ],
)
def test_a_field_out_of_range_is_refused(name, value):
    with pytest.raises(codec.NotUnderstood, match="'status' that is not understood; both nodes must run the same"):
        codec.decode("status", msgpack.packb({**MESSAGE, name: value}), FIELDS)


@pytest.mark.parametrize("changed", [{"more": 1}, {"who": None}])
def test_missing_and_unknown_fields_are_refused(changed):
    message = {name: value for name, value in {**MESSAGE, **changed}.items() if value is not None or name == "detail"}
    with pytest.raises(codec.NotUnderstood):
        codec.decode("status", msgpack.packb(message), FIELDS)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(payload):
    with pytest.raises(codec.NotUnderstood):
        codec.decode("status", payload, FIELDS)


@pytest.mark.parametrize(
    "payload", [b"\x91" * 5000, b"\x81\xa1a" * 5000, b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff"]
)
def test_nested_and_giant_ones_too(payload):
    with pytest.raises(codec.NotUnderstood):
        codec.decode("status", payload, FIELDS)


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none())))
def test_arbitrary_maps_are_refused(message):
    try:
        payload = msgpack.packb(message)
    except OverflowError:
        return
    with pytest.raises(codec.NotUnderstood):
        codec.decode("status", payload, FIELDS)


def test_messages_that_nobody_asks_for_are_not_stored_without_limit(monkeypatch):
    monkeypatch.setattr(channel, "MOST_WAITING_BYTES", 1000)
    waiting = channel.WaitingMessages()
    for number in range(50):
        waiting.keep(f"unknown {number}", bytes(100))
    waiting.keep("status", b"wanted")
    assert waiting.take(("status",)) == ("status", b"wanted")
    assert waiting.take(("unknown 0",)) is None and waiting.take(("unknown 49",)) is not None
    waiting.keep("giant", bytes(2000))
    assert waiting.take(("giant",)) is None
