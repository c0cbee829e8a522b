"""What the two KMEs tell each other, and what of it is understood."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contract.nodes import NODES
from postprocess.keystore.served_keys import Share
from postprocess.keystore.slices import Slice
from postprocess.link.codec import byte_string, decode, encode, integer, list_of, text

VERSION = 2
MOST_BYTES = 1 << 40
MOST_SHARES = 100_000
MOST_UNCONFIRMED = 10_000  # in one greeting
MOST_SLICES = 1024
MOST_SAES = 10_000
_UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_name, _bytes, _slice_id = text(256), integer(0, MOST_BYTES), text(36)


def _is_share(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 5
        and _name(value[0])
        and all(map(_bytes, value[1:4]))
        and value[4] in NODES
    )


def _is_sae(value: Any) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= MOST_SAES and all(map(_name, value))


def _is_group(value: Any) -> bool:
    """[master, slave, bytes of each, [key_ID, key id, first byte] of each]."""
    return (
        isinstance(value, list)
        and len(value) == 4
        and _name(value[0])
        and _name(value[1])
        and integer(1, 1 << 20)(value[2])
        and list_of(_is_place, MOST_SLICES)(value[3])
        and len(value[3]) > 0
    )


def _is_place(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and bool(_slice_id(value[0]) and _UUID.fullmatch(value[0]))
        and _name(value[1])
        and _bytes(value[2])
    )


def _is_place_of_share(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and _name(value[0]) and all(map(_bytes, value[1:]))


_GREETING = {
    "version": integer(0, 1 << 30), "node": text(16), "kme_id": _name, "k0_id": text(64),
    "active": list_of(_name), "shares": list_of(_is_share, MOST_SHARES), "saes": list_of(_is_sae, MOST_SAES),
    "unconfirmed": list_of(_slice_id, MOST_UNCONFIRMED), "unknown": list_of(_slice_id, MOST_UNCONFIRMED),
    "in_flight": list_of(_slice_id, MOST_UNCONFIRMED), "settled": list_of(_is_place_of_share, MOST_SHARES),
    "finished": list_of(_name, MOST_SHARES),
}  # fmt: skip
FIELDS: dict[str, Mapping[str, Any]] = {
    "hello": _GREETING,
    "adopt": {"key_id": _name, "size": _bytes, "alice_bytes": _bytes},
    "reserve": {"groups": list_of(_is_group, MOST_SLICES)},
    "borrow": {"bytes": integer(1, 1 << 20), "keys": list_of(_name, MOST_SHARES)},  # keys that the asking node serves
}  # fmt: skip
ANSWER_FIELDS: dict[str, Mapping[str, Any]] = {
    "hello": _GREETING,
    "adopt": {"alice_bytes": _bytes},
    "reserve": {"refused": list_of(text(64), MOST_SLICES)},
    "borrow": {"share": _is_share},
}
ENVELOPE = {"number": integer(0, 1 << 60), "refused": text(64), "body": byte_string(1 << 26)}


@dataclass(frozen=True)
class Greeting:
    """What a node says of itself when they meet, and now and then.

    Attributes:
        active: ids of keys that it could serve and does not yet.
        shares: of all keys that it serves. saes: (ID, partners...) of its applications.
        unconfirmed: slices that its peer's master may have been given, or not.
        unknown: in an answer: which of the other's unconfirmed slices no master was given.
        in_flight: in an answer: of which of them that is not decided yet.
        settled: (key id, start, stop), in the other's shares, of the slices that this node has no question about.
        finished: in an answer: which of the other's served keys are closed here.
    """

    node: str
    kme_id: str
    k0_id: str
    active: tuple[str, ...]
    shares: tuple[Share, ...]
    saes: tuple[tuple[str, ...], ...] = ()
    unconfirmed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    in_flight: tuple[str, ...] = ()
    settled: tuple[tuple[str, int, int], ...] = ()
    finished: tuple[str, ...] = ()
    version: int = VERSION

    def encoded(self) -> bytes:
        """As bytes."""
        rows = [[share.key_id, share.start, share.stop, share.position, share.owner] for share in self.shares]
        return encode({**vars(self), "shares": rows})

    @classmethod
    def decoded(cls, payload: bytes) -> Greeting:
        """NotUnderstood when it is none."""
        fields = decode("hello", payload, _GREETING)
        fields["shares"] = tuple(Share(*row) for row in fields["shares"])
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})  # type: ignore[arg-type]


def reservation(groups: Iterable[Sequence[Slice]]) -> bytes:
    """Requests as bytes; the slices of each are of one size, for one pair of SAEs."""
    rows = []
    for slices in groups:
        places = [[each.slice_id, each.key_id, each.start] for each in slices]
        rows.append([slices[0].master, slices[0].slave, slices[0].bytes, places])
    return encode({"groups": rows})


def reserved_groups(payload: bytes) -> list[list[Slice]]:
    """The requests in a reservation; NotUnderstood when it is none."""
    rows = decode("reserve", payload, FIELDS["reserve"])["groups"]
    return [
        [Slice(slice_id, key_id, start, size, master, slave) for slice_id, key_id, start in places]
        for master, slave, size, places in rows
    ]
