"""Keys that leave in slices, by the key delivery servers of both nodes; each share of a key is cut by one node alone.

offered: this node has offered the key to the peer's server and to nothing else. serving: both have agreed. Its bits
then lie in pieces, and what is cut out is erased there in the same transaction. A share's `position` only rises, so
that no byte is cut twice; both ledgers note it, and the peer refuses what its own does not allow. All numbers here are
bytes of the key, counted from its first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from contract.nodes import NODES
from postprocess.errors import DiqkdError, InvalidInput
from postprocess.keystore.database import Database, Execute
from postprocess.keystore.digests import digest_of, require_intact
from postprocess.keystore.key_records import DIGEST_KEPT_FROM_BITS

PIECE_BYTES = 512
LEAST_SLICE_BYTES = 8
SERVER = "key delivery server"  # destination of a key that has left in slices


class RefusedSlice(DiqkdError):
    """A range of a key that must not be cut, or not by this node; nothing was changed."""


@dataclass(frozen=True)
class Share:
    """Bytes start..stop of a key, cut by `owner` ("alice" or "bob") from `position` on."""

    key_id: str
    start: int
    stop: int
    position: int
    owner: str


@dataclass(frozen=True)
class ServableKey:
    """A key as the servers see it; state active, offered or serving. `size` is how much of it can be cut."""

    key_id: str
    size: int
    state: str
    apparatus: str
    insecure_because: tuple[str, ...]

    def is_allowed(self, *, emulated: bool, insecure: bool) -> bool:
        """Whether it may be handed out with these permissions."""
        return (self.apparatus == "kasli" or emulated) and (not self.insecure_because or insecure)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said of it wherever it goes; empty for a sound key."""
        made = () if self.apparatus == "kasli" else (f"{self.apparatus} apparatus: protects nothing",)
        return (*made, *(f"insecure: {reason}" for reason in self.insecure_because))


def servable_bytes(deliverable_bits: int) -> int:
    """How much of a key can be cut: two halves of whole bytes."""
    return 2 * (deliverable_bits // 16)


class ServedKeys:
    """The served keys of one ledger. Methods that take `write` belong into a transaction of the caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keys(self) -> list[ServableKey]:
        """All keys that are, or could be, served; oldest first."""
        query = (
            "SELECT id, deliverable, state, apparatus, insecure_because FROM keys "
            "WHERE state IN ('offered', 'serving') OR (state = 'active' AND destination IS NULL) ORDER BY rowid"
        )
        return [
            ServableKey(key_id, servable_bytes(bits), state, apparatus, tuple(json.loads(reasons)))
            for key_id, bits, state, apparatus, reasons in self._database.rows(query)
        ]

    def shares(self, key_id: str | None = None) -> list[Share]:
        """Shares of all served keys, or of one, oldest key first."""
        query = (
            "SELECT key, start, stop, position, owner FROM shares JOIN keys ON keys.id = key "
            "WHERE key = COALESCE(?, key) ORDER BY keys.rowid, start"
        )
        return [Share(*row) for row in self._database.rows(query, key_id)]

    def pool(self) -> dict[str, int]:
        """Bits of served keys that each node's masters can still be given."""
        shares = self.shares()
        return {node: 8 * sum(s.stop - s.position for s in shares if s.owner == node) for node in NODES}

    # A key becomes the servers'

    def offer(self, write: Execute, key_id: str) -> None:
        """From here on the key goes to the servers or nowhere, until the peer has answered; RefusedSlice if it is
        somebody else's."""
        query = "UPDATE keys SET state = 'offered' WHERE id = ? AND state IN ('active', 'offered')"
        if not write(f"{query} AND destination IS NULL", key_id):
            raise RefusedSlice(f"key '{key_id}': {self._state(key_id)}, not for the key delivery server")

    def withdraw(self, write: Execute, key_id: str) -> None:
        """The peer has refused: the key is as it was."""
        write("UPDATE keys SET state = 'active' WHERE id = ? AND state = 'offered'", key_id)

    def serve(self, write: Execute, key_id: str, alice_bytes: int) -> None:
        """Both nodes serve this key, Alice its first `alice_bytes`; one that is served already stays as it is.

        Raises:
            RefusedSlice: not active here, or impossible shares.
        """
        found = self._database.row("SELECT deliverable, data, digest FROM keys WHERE id = ?", key_id)
        state, (deliverable, data, digest) = self._state(key_id), found or (0, None, None)
        size = servable_bytes(deliverable)
        if state == "serving":
            return
        if state not in ("active", "offered"):
            raise RefusedSlice(f"key '{key_id}': {state}, not for the key delivery server")
        if not 0 <= alice_bytes <= size:
            raise RefusedSlice(f"key '{key_id}': {size} bytes, {alice_bytes} cannot be Alice's")
        require_intact(f"key {key_id}", data, digest)
        for start in range(0, size, PIECE_BYTES):
            piece = data[start : min(start + PIECE_BYTES, size)]
            write("INSERT INTO pieces VALUES (?, ?, ?, ?)", key_id, start, piece, _digest(key_id, start, piece))
        for owner, start, stop in zip(NODES, (0, alice_bytes), (alice_bytes, size), strict=True):
            if start < stop:
                write("INSERT INTO shares VALUES (?, ?, ?, ?, ?, ?)", key_id, start, stop, start, owner, start)
        write("UPDATE keys SET state = 'serving', data = NULL WHERE id = ?", key_id)

    def _state(self, key_id: str) -> str:
        found = self._database.row("SELECT state, destination FROM keys WHERE id = ?", key_id)
        if found and found[0] == "active" and found[1] is not None:
            return "on its way to a file"
        return "not in this ledger" if found is None else found[0]

    # Cutting

    def cut(self, write: Execute, key_id: str, start: int, stop: int, owner: str, *, in_order: bool) -> bytes:
        """Take bytes start..stop out of a share of `owner`, for ever; what was left out before them is erased.

        Args:
            in_order: they must lie at or behind the share's position, as the peer's do; else behind what was cut.

        Raises:
            RefusedSlice: not in one share of this owner, or cut before.
        """
        query = "SELECT start, position, erased FROM shares WHERE key = ? AND owner = ? AND start <= ? AND stop >= ?"
        share = self._database.row(query, key_id, owner, start, stop) if start < stop else None
        if share is None:
            raise RefusedSlice(f"key '{key_id}': bytes {start} to {stop} are not {owner}'s")
        first, position, erased = share
        if start < (max(position, erased) if in_order else erased):
            raise RefusedSlice(f"key '{key_id}': bytes {start} to {stop} are cut already")
        taken = self._take(write, key_id, erased, stop)
        values = (stop, stop, key_id, first)
        write("UPDATE shares SET position = max(position, ?), erased = ? WHERE key = ? AND start = ?", *values)
        return taken[start - erased :]

    def is_behind(self, theirs: Iterable[Share], node: str) -> bool:
        """Whether `take_over` or `raise_positions` would change anything."""
        mine = {(share.key_id, share.start): share for share in self.shares()}
        served = {share.key_id for share in mine.values()}
        for other in theirs:
            share = mine.get((other.key_id, other.start))
            unknown = share is None and other.owner == node and other.key_id in served
            if unknown or (share is not None and share.position < other.position):
                return True
        return False

    def raise_positions(self, write: Execute, theirs: Iterable[Share]) -> None:
        """The larger of both nodes' positions counts. What lies before it is erased when the server starts again, for a
        request of this node may still be under way to it."""
        mine = {(share.key_id, share.start): share for share in self.shares()}
        for other in theirs:
            share = mine.get((other.key_id, other.start))
            if share and share.owner == other.owner and share.position < other.position <= share.stop:
                self._raise(write, share, other.position)

    def erase_passed(self, write: Execute) -> None:
        """When a server starts: what lies before a position and in no slice is nobody's, and is erased."""
        query = "SELECT key, start, erased, position FROM shares WHERE erased < position"
        for key_id, start, erased, position in self._database.rows(query):
            self._take(write, key_id, erased, position)
            write("UPDATE shares SET erased = ? WHERE key = ? AND start = ?", position, key_id, start)

    def _raise(self, write: Execute, share: Share, position: int) -> None:
        write(
            "UPDATE shares SET position = max(position, ?) WHERE key = ? AND start = ?",
            position,
            share.key_id,
            share.start,
        )

    def _take(self, write: Execute, key_id: str, start: int, stop: int) -> bytes:
        """Read the bytes and overwrite them with zeros."""
        taken = bytearray()
        query = "SELECT start, data, digest FROM pieces WHERE key = ? AND start > ? AND start < ? ORDER BY start"
        for first, data, digest in self._database.rows(query, key_id, start - PIECE_BYTES, stop):
            require_intact(f"piece {key_id} {first}", data, digest)
            low, high = max(start - first, 0), min(stop - first, len(data))
            taken += data[low:high]
            rest = data[:low] + bytes(high - low) + data[high:]
            values = (rest, _digest(key_id, first, rest), key_id, first)
            write("UPDATE pieces SET data = ?, digest = ? WHERE key = ? AND start = ?", *values)
        if len(taken) != stop - start:
            raise RefusedSlice(f"key '{key_id}': bytes {start} to {stop} are not in this ledger")
        return bytes(taken)

    # Handing a share over

    def give(self, write: Execute, key_id: str, start: int, stop: int, node: str) -> Share:
        """The end of an own share, start..stop, becomes the peer's: durably here first, so that nobody cuts it twice.

        Args:
            node: this node.
        """
        peer = next(name for name in NODES if name != node)
        return self._move(write, Share(key_id, start, stop, start, peer), giver=node)

    def take_over(self, write: Execute, given: Iterable[Share], node: str) -> None:
        """Shares that the peer has given to this node; those known already stay as they are, and keys that this node
        does not serve (yet) are none of its business."""
        known = {(share.key_id, share.start) for share in self.shares()}
        served = {key_id for key_id, _ in known}
        peer = next(name for name in NODES if name != node)
        for share in sorted(given, key=lambda share: -share.start):
            if share.owner == node and share.key_id in served and (share.key_id, share.start) not in known:
                self._move(write, share, giver=peer)

    def _move(self, write: Execute, moved: Share, giver: str) -> Share:
        changed = write(
            "UPDATE shares SET stop = ? WHERE key = ? AND stop = ? AND owner = ? AND start < ? AND position <= ?",
            *(moved.start, moved.key_id, moved.stop, giver, moved.start, moved.start),
        )
        if not changed or not moved.start < moved.stop:
            raise RefusedSlice(f"key '{moved.key_id}': bytes {moved.start} to {moved.stop} cannot change hands")
        row = (moved.key_id, moved.start, moved.stop, moved.start, moved.owner, moved.start)
        write("INSERT INTO shares VALUES (?, ?, ?, ?, ?, ?)", *row)
        return moved

    # Its end

    def used_up(self) -> list[str]:
        """Ids of served keys of which nothing is left to hand out, and nobody asks any more."""
        query = (
            "SELECT id FROM keys WHERE state = 'serving' "
            "AND NOT EXISTS (SELECT 1 FROM shares WHERE key = keys.id AND stop - position >= ?) "
            "AND NOT EXISTS (SELECT 1 FROM slices WHERE key = keys.id)"
        )
        return [key_id for (key_id,) in self._database.rows(query, LEAST_SLICE_BYTES)]

    def finished(self, key_ids: Iterable[str]) -> list[str]:
        """Which of these are closed here."""
        query = "SELECT 1 FROM keys WHERE id = ? AND state = 'delivered' AND destination = ?"
        return [key_id for key_id in key_ids if self._database.row(query, key_id, SERVER)]

    def finish(self, write: Execute) -> None:
        """Close the keys that are used up."""
        for key_id in self.used_up():
            write("DELETE FROM pieces WHERE key = ?", key_id)
            write("DELETE FROM shares WHERE key = ?", key_id)
            write("UPDATE keys SET state = 'delivered', destination = ? WHERE id = ?", SERVER, key_id)
            short = "UPDATE keys SET digest = NULL WHERE id = ? AND deliverable < ?"
            write(short, key_id, DIGEST_KEPT_FROM_BITS)


def first_split(shares: Iterable[Share], key_id: str) -> int | None:
    """How much of a key was Alice's before any share was handed over; None for a key that has no shares among these."""
    found = sorted((share for share in shares if share.key_id == key_id), key=lambda share: share.start)
    if not found:
        return None
    return found[0].stop if found[0].owner == NODES[0] else 0


def _digest(key_id: str, start: int, piece: bytes) -> bytes:
    return digest_of(f"piece {key_id} {start}", piece)


def alice_bytes(size: int, share: float) -> int:
    """Alice's part of a key of `size` bytes; InvalidInput unless 0 <= share <= 1."""
    if not 0 <= share <= 1:
        raise InvalidInput(f"share = {share}: Alice's part of each key, from 0 to 1")
    return int(size * share)
