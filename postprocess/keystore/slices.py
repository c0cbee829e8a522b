"""Slices of served keys: which bits left, as which key_ID, from which master SAE to which slave SAE.

At the master's node a slice is stored when the peer's ledger has it, and handed out in the same transaction; at the
slave's node it waits, reserved, until that slave asks for it. Its bits are gone from a ledger before they leave it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from postprocess.errors import DiqkdError
from postprocess.keystore.database import Database, Execute
from postprocess.keystore.digests import digest_of, require_intact
from postprocess.keystore.served_keys import RefusedSlice, ServedKeys


class NotServed(DiqkdError):
    """A key_ID that this SAE cannot have; the text is for the node's own log."""


@dataclass(frozen=True)
class Slice:
    """Bytes start..start+bytes of a key, for a master and a slave SAE; `slice_id` is the key_ID, a UUID."""

    slice_id: str
    key_id: str
    start: int
    bytes: int
    master: str
    slave: str

    @property
    def stop(self) -> int:
        """First byte behind it."""
        return self.start + self.bytes


@dataclass(frozen=True)
class Account:
    """What went between two SAEs through this node.

    Attributes:
        side: whose KME this node is. state: reserved, delivered or void.
    """

    master: str
    slave: str
    side: str
    state: str
    keys: int
    bits: int


class Slices:
    """The slices of one ledger. Methods that take `write` belong into a transaction of the caller."""

    def __init__(self, database: Database, served_keys: ServedKeys) -> None:
        self._database, self._served_keys = database, served_keys

    def deliver(self, write: Execute, slices: Iterable[Slice], owner: str, now: float) -> list[bytes]:
        """At the master's node, once the peer has them: cut, stored and erased; the bits, for the master alone.

        Raises:
            RefusedSlice: see ServedKeys.cut.
        """
        found = []
        for each in slices:
            found.append(self._served_keys.cut(write, each.key_id, each.start, each.stop, owner, in_order=False))
            self._insert(write, each, "master", "delivered", now)
        return found

    def pass_over(self, write: Execute, slices: Iterable[Slice], owner: str, now: float) -> None:
        """At the master's node: the peer has not acknowledged these in time; nobody gets them."""
        for each in slices:
            self._served_keys.cut(write, each.key_id, each.start, each.stop, owner, in_order=False)
            self._insert(write, each, "master", "void", now)

    def reserve(self, write: Execute, slices: Iterable[Slice], owner: str, now: float) -> None:
        """At the slave's node: cut and kept for that slave.

        Raises:
            RefusedSlice: see ServedKeys.cut; or a key_ID that was used before.
        """
        for each in slices:
            if self._database.row("SELECT 1 FROM slices WHERE id = ?", each.slice_id):
                raise RefusedSlice(f"key_ID {each.slice_id}: used before")
            data = self._served_keys.cut(write, each.key_id, each.start, each.stop, owner, in_order=True)
            self._insert(write, each, "slave", "reserved", now, data)

    def _insert(
        self, write: Execute, each: Slice, side: str, state: str, now: float, data: bytes | None = None
    ) -> None:
        digest = None if data is None else digest_of(f"slice {each.slice_id}", data)
        row = (each.slice_id, each.key_id, each.start, each.bytes, each.master, each.slave)
        write("INSERT INTO slices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *row, side, state, now, data, digest)

    def claim(
        self, write: Execute, slice_ids: Iterable[str], master: str, slave: str, served: Iterable[str]
    ) -> list[tuple[str, bytes]]:
        """At the slave's node: (key id, bits) of each, for that slave, once; all of the slices or none.

        Args:
            served: ids of the keys that may be handed out now.

        Raises:
            NotServed: unknown, another SAE's, handed out, void, or of a key that may not be handed out.
        """
        found, allowed = [], set(served)
        query = "SELECT key, master, slave, side, state, data, digest FROM slices WHERE id = ?"
        for slice_id in slice_ids:
            row = self._database.row(query, slice_id)
            if row is None or row[1:4] != (master, slave, "slave"):
                raise NotServed(f"key_ID {slice_id}: none of master {master} for slave {slave}")
            key_id, *_, state, data, digest = row
            if state != "reserved":
                raise NotServed(f"key_ID {slice_id}: {state} already")
            if key_id not in allowed:
                raise NotServed(f"key_ID {slice_id}: of a key that may only be served when it is allowed by name")
            found.append((key_id, require_intact(f"slice {slice_id}", data, digest)))
            self._close(write, slice_id, "delivered")
        return found

    def void(self, write: Execute, slice_ids: Iterable[str]) -> int:
        """Erase reserved slices that no master has; returns how many there were."""
        return sum(self._close(write, slice_id, "void") for slice_id in slice_ids)

    def waiting_since(self, before: float) -> int:
        """How many reserved slices were stored before this time."""
        found = self._database.row("SELECT count(*) FROM slices WHERE state = 'reserved' AND stored < ?", before)
        return found[0] if found else 0

    def expire(self, write: Execute, before: float) -> int:
        """Erase reserved slices that were stored before this time; returns how many."""
        query = "UPDATE slices SET state = 'void', data = NULL, digest = NULL WHERE state = 'reserved' AND stored < ?"
        return write(query, before)

    def _close(self, write: Execute, slice_id: str, state: str) -> int:
        query = "UPDATE slices SET state = ?, data = NULL, digest = NULL WHERE id = ? AND state = 'reserved'"
        return write(query, state, slice_id)

    def unclaimed(self) -> list[str]:
        """Ids of the slices that wait for their slave."""
        return [slice_id for (slice_id,) in self._database.rows("SELECT id FROM slices WHERE state = 'reserved'")]

    def unknown(self, slice_ids: Iterable[str]) -> list[str]:
        """Which of these this ledger has never handed out to a master."""
        query = "SELECT 1 FROM slices WHERE id = ? AND side = 'master' AND state = 'delivered'"
        return [slice_id for slice_id in slice_ids if self._database.row(query, slice_id) is None]

    def accounts(self) -> list[Account]:
        """Keys and bits by SAEs and state."""
        query = (
            "SELECT master, slave, side, state, count(*), 8 * sum(bytes) FROM slices "
            "GROUP BY master, slave, side, state ORDER BY master, slave, side, state"
        )
        return [Account(*row) for row in self._database.rows(query)]

    def bits_taken(self, master: str, since: float) -> int:
        """Bits that a master SAE has been given here since a time."""
        query = "SELECT 8 * sum(bytes) FROM slices WHERE side = 'master' AND master = ? AND stored >= ?"
        found = self._database.row(query, master, since)
        return (found and found[0]) or 0
