"""The one encoding of what the two nodes tell each other: msgpack maps with named, typed fields.

A message is decoded against the fields it must have, so whatever arrives is either what was meant or one clear error;
lengths and nesting are bounded before anything is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgpack

from postprocess.errors import InvalidInput

MOST_ITEMS = 1_000_000
MOST_TEXT = 1 << 20

Check = Callable[[Any], bool]


class NotUnderstood(InvalidInput):
    """A message of the peer that no node of this version sends."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"peer: sent a '{kind}' that is not understood; both nodes must run the same version of diqkd")
        self.kind = kind


def text(longest: int = 256) -> Check:
    """A str of at most `longest` printable characters: what is shown or logged holds no control sequence of a peer."""
    return lambda value: isinstance(value, str) and len(value) <= longest and value.isprintable()


def byte_string(longest: int) -> Check:
    """Bytes, at most `longest` of them."""
    return lambda value: isinstance(value, bytes) and len(value) <= longest


def integer(least: int, most: int) -> Check:
    """An int (no bool) from `least` to `most`."""
    return lambda value: type(value) is int and least <= value <= most


def flag(value: Any) -> bool:
    """A bool."""
    return isinstance(value, bool)


def optional(check: Check) -> Check:
    """None, or what `check` allows."""
    return lambda value: value is None or check(value)


def list_of(check: Check, longest: int = MOST_ITEMS) -> Check:
    """A list of at most `longest` values that `check` allows."""
    return lambda value: isinstance(value, list) and len(value) <= longest and all(map(check, value))


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as bytes: a msgpack map; str, bytes, int, bool, None, lists and tuples of these."""
    return msgpack.packb(dict(message))


def decode(kind: str, payload: bytes, fields: Mapping[str, Check]) -> dict[str, Any]:
    """The message in `payload`, which must have exactly these fields, each as its check allows.

    Raises:
        NotUnderstood: it is no such message.
    """
    try:
        message = msgpack.unpackb(
            payload,
            strict_map_key=True,
            max_map_len=len(fields),
            max_array_len=MOST_ITEMS,
            max_str_len=MOST_TEXT,
            max_ext_len=0,
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        raise NotUnderstood(kind) from None
    if not isinstance(message, dict) or message.keys() != fields.keys():
        raise NotUnderstood(kind)
    if not all(check(message[name]) for name, check in fields.items()):
        raise NotUnderstood(kind)
    return message
