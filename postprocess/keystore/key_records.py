"""The keys of a ledger: what is said about them, and how one leaves, once.

A key is delivered in three durable steps, so that a crash between them loses nothing and hands nothing out twice:
`intend_delivery` says where a copy may lie from now on, `begin_delivery` that the key goes there and nowhere else, for
ever; `finish_delivery` erases the bits.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.keystore.database import Database
from postprocess.keystore.digests import require_intact

MADE = ("active", "offered", "serving", "delivering", "delivered", "forgotten")
DIGEST_KEPT_FROM_BITS = 256  # of an erased key; shorter ones could be searched for


@dataclass(frozen=True)
class KeyRecord:
    """What the ledger says about a key; never the key.

    Attributes:
        key_id: the session that made it.
        bits: ell. deliverable: without the bits set aside as pads of a later session.
        state: pending (the peer is not sure yet), active, delivering (to `destination`, not finished), delivered,
            forgotten or discarded; offered or serving: the key delivery servers', see served_keys.
        destination: where it has gone or goes. Of an active key: a delivery there was interrupted (or goes on now), and
            may have left a copy.
        rule, label: the rule of key length, and the status of its proof.
    """

    key_id: str
    bits: int
    deliverable: int
    state: str
    apparatus: str
    insecure_because: tuple[str, ...]
    rule: str
    label: str
    destination: str | None


class KeyRecords:
    """The keys in one ledger's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def records(self) -> list[KeyRecord]:
        """All keys, oldest first."""
        query = (
            "SELECT keys.id, bits, deliverable, state, apparatus, insecure_because, parameters, destination "
            "FROM keys JOIN sessions USING (id) ORDER BY keys.rowid"
        )
        return [_record(*row) for row in self._database.rows(query)]

    def record(self, key_id: str) -> KeyRecord:
        """One key's record; InvalidInput when there is none."""
        for record in self.records():
            if record.key_id == key_id:
                return record
        raise InvalidInput(f"key '{key_id}': not in {self._database.path}; `diqkd keys show` lists them")

    def require_deliverable(
        self, key_id: str, destination: str, *, allow_emulated: bool = False, allow_insecure: bool = False
    ) -> KeyRecord:
        """The record of a key that may go to this destination now, or whose delivery there has not been finished.

        Raises:
            InvalidInput: not active, delivered already, on its way elsewhere, or emulated or insecure and not asked for
                by name.
        """
        record = self.record(key_id)
        if record.state == "delivering" and record.destination != destination:
            raise InvalidInput(
                f"key '{key_id}': its delivery to {record.destination} was interrupted; finish that one, it goes "
                "nowhere else"
            )
        if record.state not in ("active", "delivering"):
            raise InvalidInput(f"key '{key_id}': {_WHY_NOT[record.state]}")
        if record.apparatus != "kasli" and not allow_emulated:
            raise InvalidInput(
                f"key '{key_id}': made on the {record.apparatus} apparatus, it protects nothing; not handed out"
            )
        if record.insecure_because and not allow_insecure:
            raise InvalidInput(f"key '{key_id}': insecure ({'; '.join(record.insecure_because)}); not handed out")
        return record

    def bits(self, key_id: str) -> np.ndarray:
        """The key without the bits set aside as pads, uint8 (deliverable,); LedgerDamaged when a bit has changed."""
        found = self._database.row("SELECT data, deliverable, digest FROM keys WHERE id = ?", key_id)
        if found is None or found[0] is None:
            raise InvalidInput(f"key '{key_id}': erased")
        data = require_intact(f"key {key_id}", found[0], found[2])
        return np.unpackbits(np.frombuffer(data, np.uint8), count=found[1], bitorder="big")

    def intend_delivery(self, key_id: str, destination: str) -> None:
        """From here on a copy may lie beside this destination; until it is erased the key goes nowhere else."""
        query = "UPDATE keys SET destination = ? WHERE id = ? AND state = 'active' AND destination IS NULL"
        with self._database.transaction("intend delivery") as write:
            if not write(query, destination, key_id):
                raise InvalidInput(f"key '{key_id}': {self._why_not(key_id)}")

    def withdraw_delivery(self, key_id: str) -> None:
        """The copy is erased: the key is as it was."""
        with self._database.transaction("withdraw delivery") as write:
            write("UPDATE keys SET destination = NULL WHERE id = ? AND state = 'active'", key_id)

    def begin_delivery(self, key_id: str, destination: str) -> None:
        """The key goes to this destination, which it was intended for, and to no other, whatever happens from here."""
        query = "UPDATE keys SET state = 'delivering' WHERE id = ? AND state = 'active' AND destination = ?"
        with self._database.transaction("begin delivery") as write:
            if not write(query, key_id, destination):
                raise InvalidInput(f"key '{key_id}': {self._why_not(key_id)}")

    def _why_not(self, key_id: str) -> str:
        record = self.record(key_id)
        return _WHY_NOT["delivering" if record.state == "active" else record.state]

    def finish_delivery(self, key_id: str) -> None:
        """The destination has the key; it is erased here."""
        with self._database.transaction("finish delivery") as write:
            write("UPDATE keys SET state = 'delivered' WHERE id = ? AND state = 'delivering'", key_id)
            _erase(write, key_id)

    def forget(self, key_id: str) -> None:
        """Erase a key that nobody wants, and of which no copy lies elsewhere; a session's pads stay."""
        query = (
            "UPDATE keys SET state = 'forgotten', destination = NULL WHERE id = ? AND state IN ('active', 'delivering')"
        )
        with self._database.transaction("forget") as write:
            write(query, key_id)
            _erase(write, key_id)

    def same_key(self, other: KeyRecords, key_id: str) -> bool:
        """Whether two ledgers on this machine have made the same key; shows no bit.

        A key that is erased is compared by its digest, one that is too short to keep a digest is taken as different.
        """
        if any(records.record(key_id).state not in MADE for records in (self, other)):
            return False
        mine, theirs = self._compared(key_id), other._compared(key_id)
        return mine is not None and theirs is not None and hmac.compare_digest(mine, theirs)

    def _compared(self, key_id: str) -> bytes | None:
        found = self._database.row("SELECT data, digest FROM keys WHERE id = ?", key_id)
        if found is None or found[1] is None:
            return None
        if found[0] is not None:
            require_intact(f"key {key_id}", found[0], found[1])
        return found[1]


def _erase(write, key_id: str) -> None:
    write("UPDATE keys SET data = NULL WHERE id = ? AND state IN ('delivered', 'forgotten')", key_id)
    short = "data IS NULL AND deliverable < ?"
    write(f"UPDATE keys SET digest = NULL WHERE id = ? AND {short}", key_id, DIGEST_KEPT_FROM_BITS)


def _record(
    key_id: str,
    bits: int,
    deliverable: int,
    state: str,
    apparatus: str,
    reasons: str,
    parameters: str,
    destination: str | None,
) -> KeyRecord:
    from postprocess.security.rules import label_of, rule_named

    session = json.loads(parameters)
    rule, label = session["rule"], label_of(rule_named(session["rule"]), session["allowance"])
    why = tuple(json.loads(reasons))
    return KeyRecord(key_id, bits, deliverable, state, apparatus, why, rule, label, destination)


_WHY_NOT = {
    "pending": "pending, the peer is not sure of it yet; run the session on both nodes again",
    "offered": "offered to the peer's key delivery server, which has not answered; run `diqkd kme serve` on both nodes",
    "serving": "the key delivery server hands it out, in slices; it goes to no file",
    "delivering": "another process is delivering it",
    "delivered": "delivered already; a key is handed out once",
    "forgotten": "erased by `diqkd keys forget`",
    "discarded": "discarded, its session was aborted; there is no key",
}
