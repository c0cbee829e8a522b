"""Slices of served keys in one ledger: which bytes, under which key_ID, from which master SAE to which slave SAE.

At the slave's node a slice waits, reserved, until that slave asks for it; then its row is gone. At the master's node
its row says that a master has been given it, until the slave's node knows that too. What is over only counts, so that
a ledger stays small. Bits are gone from a ledger before they leave it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from postprocess.errors import DiqkdError
from postprocess.keystore.database import Database, Execute
from postprocess.keystore.digests import digest_of, require_intact
from postprocess.keystore.served_keys import RefusedSlice, ServedKeys

AT_ONCE = 500  # values in one statement
MINUTE_S = 60.0
T = TypeVar("T")


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

    # At the master's node

    def deliver(self, write: Execute, slices: Sequence[Slice], owner: str, now: float) -> list[bytes]:
        """At the master's node: cut, stored and erased; the bits, for the master alone, once the peer has them too.

        Raises:
            RefusedSlice: see ServedKeys.cut; slices of a share come in the order of their places.
        """
        found = self._cut(write, slices, owner, in_order=False)
        self._insert(write, slices, "master", "delivered", now, [None] * len(slices))
        self._count(write, slices, "master", "delivered")
        self._count_takings(write, slices, now)
        return found

    def recall(self, write: Execute, slices: Sequence[Slice], now: float) -> None:
        """At the master's node: the peer has not acknowledged these; nobody gets them."""
        for some in _parts([each.slice_id for each in slices]):
            write(f"DELETE FROM slices WHERE side = 'master' AND id IN ({_marks(some)})", *some)
        self._count(write, slices, "master", "delivered", -1)
        self._count(write, slices, "master", "void")
        self._count_takings(write, slices, now, -1)

    def unknown(self, slice_ids: Sequence[str]) -> list[str]:
        """Which of these this ledger has never handed out to a master."""
        known: set[str] = set()
        for some in _parts(slice_ids):
            query = f"SELECT id FROM slices WHERE side = 'master' AND id IN ({_marks(some)})"
            known |= {slice_id for (slice_id,) in self._database.rows(query, *some)}
        return [slice_id for slice_id in slice_ids if slice_id not in known]

    def has_settled(self, settled: Iterable[tuple[str, int, int]], finished: Iterable[str]) -> bool:
        """Whether `prune` would find anything."""
        query = "SELECT 1 FROM slices WHERE side = 'master' AND key = ? AND start >= ? AND start < ? LIMIT 1"
        closed = "SELECT 1 FROM slices WHERE side = 'master' AND key = ? LIMIT 1"
        return any(self._database.row(query, *place) for place in settled) or any(
            self._database.row(closed, key_id) for key_id in finished
        )

    def prune(self, write: Execute, settled: Iterable[tuple[str, int, int]], finished: Iterable[str]) -> None:
        """At the master's node: the slave's asks no more about these slices; they only count from here on.

        Args:
            settled: the peer's `settled`. finished: keys that the peer has closed.
        """
        for place in settled:
            write("DELETE FROM slices WHERE side = 'master' AND key = ? AND start >= ? AND start < ?", *place)
        for key_id in finished:
            write("DELETE FROM slices WHERE side = 'master' AND key = ?", key_id)

    def bits_taken(self, master: str, since: float) -> int:
        """Bits that a master SAE has been given here since a time, or in the minute of it."""
        query = "SELECT sum(bits) FROM takings WHERE master = ? AND minute >= ?"
        found = self._database.row(query, master, int(since // MINUTE_S))
        return (found and found[0]) or 0

    # At the slave's node

    def reserve(self, write: Execute, slices: Sequence[Slice], owner: str, now: float) -> list[None]:
        """At the slave's node: cut and kept for that slave.

        Raises:
            RefusedSlice: see ServedKeys.cut; or a key_ID that is in use.
        """
        found = self._cut(write, slices, owner, in_order=True)
        self._insert(write, slices, "slave", "reserved", now, found)
        return [None] * len(slices)

    def claim(
        self, write: Execute, slice_ids: Sequence[str], master: str, slave: str, served: Iterable[str]
    ) -> list[tuple[str, bytes]]:
        """At the slave's node: (key id, bits) of each, for that slave, once; all of the slices or none.

        Args:
            served: ids of the keys that may be handed out now.

        Raises:
            NotServed: unknown, handed out, void, another SAE's, or of a key that may not be handed out.
        """
        found, allowed, taken = [], set(served), []
        rows: dict[str, tuple] = {}
        for some in _parts(slice_ids):
            query = "SELECT id, key, start, bytes, master, slave, side, data, digest FROM slices WHERE id IN "
            rows |= {row[0]: row for row in self._database.rows(f"{query}({_marks(some)})", *some)}
        for slice_id in slice_ids:
            row = rows.get(slice_id)
            if row is None or row[4:7] != (master, slave, "slave"):
                raise NotServed(f"key_ID {slice_id}: none of master {master} for slave {slave}, or not any more")
            if row[1] not in allowed:
                raise NotServed(f"key_ID {slice_id}: of a key that may only be served when it is allowed by name")
            found.append((row[1], require_intact(f"slice {slice_id}", row[7], row[8])))
            taken.append(Slice(*row[:6]))
        self._close(write, taken, "delivered")
        return found

    def void(self, write: Execute, slice_ids: Sequence[str]) -> int:
        """Erase slices that no master has; returns how many there were."""
        return self._close_where(write, slice_ids, "void")

    def confirm(self, write: Execute, slice_ids: Iterable[str]) -> None:
        """A master has these; the slave will ask for them."""
        for some in _parts(list(slice_ids)):
            query = f"UPDATE slices SET state = 'confirmed' WHERE state = 'reserved' AND id IN ({_marks(some)})"
            write(query, *some)

    def expire(self, write: Execute, before: float) -> int:
        """Erase slices that have waited since before this time; returns how many."""
        query = "SELECT id FROM slices WHERE side = 'slave' AND stored < ?"
        return self._close_where(write, [slice_id for (slice_id,) in self._database.rows(query, before)], "void")

    def waiting_since(self, before: float) -> int:
        """How many waiting slices were stored before this time."""
        found = self._database.row("SELECT count(*) FROM slices WHERE side = 'slave' AND stored < ?", before)
        return found[0] if found else 0

    def unconfirmed(self) -> list[str]:
        """Ids of the slices of which it is not known here whether a master has them."""
        return [slice_id for (slice_id,) in self._database.rows("SELECT id FROM slices WHERE state = 'reserved'")]

    def settled(self, owner: str) -> list[tuple[str, int, int]]:
        """(key id, start, stop): in each share of `owner`, where this ledger will ask for no slice any more."""
        query = (
            "SELECT key, start, COALESCE((SELECT min(slices.start) FROM slices WHERE slices.key = shares.key "
            "AND state = 'reserved' AND slices.start >= shares.start AND slices.start < stop), position) "
            "FROM shares WHERE owner = ?"
        )
        return [row for row in self._database.rows(query, owner) if row[1] < row[2]]

    # Both

    def in_groups(
        self, write: Execute, store: Callable[[Sequence[Slice]], list[T]], groups: Sequence[Sequence[Slice]]
    ) -> list[list[T] | RefusedSlice]:
        """Each group stored as a whole or refused; all of them at once where nothing is refused."""
        try:
            flat = iter(_alone(write, store, [each for group in groups for each in group]))
            return [[next(flat) for _ in group] for group in groups]
        except RefusedSlice:
            outcomes: list[list[T] | RefusedSlice] = []
            for group in groups:
                try:
                    outcomes.append(_alone(write, store, group))
                except RefusedSlice as problem:
                    outcomes.append(problem)
            return outcomes

    def accounts(self) -> list[Account]:
        """Keys and bits by SAEs and state."""
        query = (
            "SELECT * FROM accounts WHERE keys != 0 UNION ALL SELECT master, slave, side, 'reserved', count(*), "
            "8 * sum(bytes) FROM slices WHERE side = 'slave' GROUP BY master, slave, side "
            "ORDER BY master, slave, side, state"
        )
        return [Account(*row) for row in self._database.rows(query)]

    def forget_takings(self, write: Execute, before: float) -> None:
        """Quotas look back no further."""
        write("DELETE FROM takings WHERE minute < ?", int(before // MINUTE_S))

    def _cut(self, write: Execute, slices: Sequence[Slice], owner: str, *, in_order: bool) -> list[bytes]:
        """The bits of each; neighbours are cut at once."""
        found: list[bytes] = []
        for run in _runs(slices):
            data = self._served_keys.cut(write, run[0].key_id, run[0].start, run[-1].stop, owner, in_order=in_order)
            found += [data[each.start - run[0].start : each.stop - run[0].start] for each in run]
        return found

    def _insert(
        self,
        write: Execute,
        slices: Sequence[Slice],
        side: str,
        state: str,
        now: float,
        data: Sequence[bytes | None],
    ) -> None:
        rows = []
        for each, bits in zip(slices, data, strict=True):
            digest = None if bits is None else digest_of(f"slice {each.slice_id}", bits)
            place = (each.slice_id, each.key_id, each.start, each.bytes, each.master, each.slave)
            rows.append((*place, side, state, now, bits, digest))
        try:
            for first in range(0, len(rows), AT_ONCE // 11):
                some = rows[first : first + AT_ONCE // 11]
                places = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"] * len(some))
                write(f"INSERT INTO slices VALUES {places}", *(value for row in some for value in row))
        except sqlite3.IntegrityError:
            raise RefusedSlice("a key_ID or a place was used before") from None

    def _close_where(self, write: Execute, slice_ids: Sequence[str], state: str) -> int:
        found: list[Slice] = []
        for some in _parts(slice_ids):
            query = "SELECT id, key, start, bytes, master, slave FROM slices WHERE side = 'slave' AND id IN "
            found += [Slice(*row) for row in self._database.rows(f"{query}({_marks(some)})", *some)]
        self._close(write, found, state)
        return len(found)

    def _close(self, write: Execute, slices: Sequence[Slice], state: str) -> None:
        """Rows that wait for their slave are over."""
        for some in _parts([each.slice_id for each in slices]):
            write(f"DELETE FROM slices WHERE side = 'slave' AND id IN ({_marks(some)})", *some)
        self._count(write, slices, "slave", state)

    def _count(self, write: Execute, slices: Iterable[Slice], side: str, state: str, sign: int = 1) -> None:
        sums: dict[tuple[str, str], list[int]] = {}
        for each in slices:
            numbers = sums.setdefault((each.master, each.slave), [0, 0])
            numbers[0] += sign
            numbers[1] += 8 * sign * each.bytes
        for pair, numbers in sums.items():
            query = (
                "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
                "SET keys = keys + excluded.keys, bits = bits + excluded.bits"
            )
            write(query, *pair, side, state, *numbers)

    def _count_takings(self, write: Execute, slices: Iterable[Slice], now: float, sign: int = 1) -> None:
        sums: dict[str, int] = {}
        for each in slices:
            sums[each.master] = sums.get(each.master, 0) + 8 * sign * each.bytes
        for master, bits in sums.items():
            query = "INSERT INTO takings VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bits = bits + excluded.bits"
            write(query, master, int(now // MINUTE_S), bits)


def _alone(write: Execute, store: Callable[[Sequence[Slice]], list[T]], slices: Sequence[Slice]) -> list[T]:
    """All or nothing of these, inside the caller's transaction."""
    write("SAVEPOINT slices")
    try:
        return store(slices)
    except RefusedSlice:
        write("ROLLBACK TO slices")
        raise
    finally:
        write("RELEASE slices")


def _runs(slices: Iterable[Slice]) -> Iterator[list[Slice]]:
    """Neighbours that follow one another without a gap."""
    run: list[Slice] = []
    for each in slices:
        if run and (each.key_id, each.start) != (run[-1].key_id, run[-1].stop):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(values), AT_ONCE):
        yield values[first : first + AT_ONCE]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
