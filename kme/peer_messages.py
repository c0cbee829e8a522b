"""What the two KMEs tell each other, and what of it is understood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from contract.nodes import NODES
from postprocess.keystore.served_keys import Share
from postprocess.keystore.slices import Slice
from postprocess.link.codec import byte_string, decode, encode, integer, list_of, text

VERSION = 1
MOST_BYTES = 1 << 40
MOST_SHARES = 100_000
MOST_UNCONFIRMED = 10_000  # in one greeting
MOST_SLICES = 1024
MOST_SAES = 10_000
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


_GREETING = {
    "version": integer(0, 1 << 30), "node": text(16), "kme_id": _name, "k0_id": text(64),
    "active": list_of(_name), "shares": list_of(_is_share, MOST_SHARES), "saes": list_of(_is_sae, MOST_SAES),
    "unconfirmed": list_of(_slice_id, MOST_UNCONFIRMED), "unknown": list_of(_slice_id, MOST_UNCONFIRMED),
}  # fmt: skip
FIELDS: dict[str, Mapping[str, Any]] = {
    "hello": _GREETING,
    "adopt": {"key_id": _name, "size": _bytes, "alice_bytes": _bytes},
    "reserve": {
        "master": _name, "slave": _name, "bytes": integer(1, 1 << 20), "ids": list_of(_slice_id, MOST_SLICES),
        "keys": list_of(_name, MOST_SLICES), "starts": list_of(_bytes, MOST_SLICES),
    },
    "borrow": {"bytes": integer(1, 1 << 20), "keys": list_of(_name, MOST_SHARES)},  # keys that the asking node serves
}  # fmt: skip
ANSWER_FIELDS: dict[str, Mapping[str, Any]] = {
    "hello": _GREETING,
    "adopt": {"alice_bytes": _bytes},
    "reserve": {},
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
    """

    node: str
    kme_id: str
    k0_id: str
    active: tuple[str, ...]
    shares: tuple[Share, ...]
    saes: tuple[tuple[str, ...], ...] = ()
    unconfirmed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
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


def reservation(slices: Iterable[Slice]) -> bytes:
    """Slices of one size for one pair of SAEs, as bytes."""
    each = list(slices)
    first = each[0]
    return encode(
        {
            "master": first.master,
            "slave": first.slave,
            "bytes": first.bytes,
            "ids": [one.slice_id for one in each],
            "keys": [one.key_id for one in each],
            "starts": [one.start for one in each],
        }
    )


def reserved_slices(payload: bytes) -> list[Slice]:
    """The slices of a reservation; NotUnderstood when it is none."""
    fields = decode("reserve", payload, FIELDS["reserve"])
    places = zip(fields["ids"], fields["keys"], fields["starts"], strict=False)
    return [Slice(*place, fields["bytes"], fields["master"], fields["slave"]) for place in places]
