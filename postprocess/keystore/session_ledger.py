"""One session's page in the ledger: its pads, its messages, its verdict, its key, its outcome.

The rules of a session that survives crashes stand here and nowhere else: a pad is spent, for one message, before its
tag exists; a message is stored before it is sent and never stored in two versions; a received message is stored
before it is acted upon.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from postprocess.errors import AbortReason, InvalidInput, SessionAborted
from postprocess.keystore.database import NO_OLD_COPY, Database, Execute, LedgerConflict
from postprocess.keystore.digests import digest_of, require_intact
from postprocess.keystore.initial_secret import SESSION_PAD_BITS, Pad, split_pads
from postprocess.keystore.pad_sets import hold, in_order, pad_name, refill_label, set_aside
from postprocess.plans.session_parameters import SessionParameters

ACCEPTED = "accepted"
SOUND = "sound"


@dataclass(frozen=True)
class MessageRecord:
    """A message as anybody on the line has seen it: "sent" or "received", kind, UTC, length in bytes, SHA-256 (hex)."""

    direction: str
    kind: str
    stored: str
    bytes: int
    sha256: str


class SessionLedger:
    """The ledger of one reserved session; made by `Keystore.reserve`.

    Attributes:
        parameters: as reserved.
        folder: the node's folder for this session's files.
    """

    def __init__(self, database: Database, parameters: SessionParameters, folder: Path) -> None:
        self._database, self.parameters, self.folder = database, parameters, folder
        self._id = parameters.session_id

    @property
    def k0_id(self) -> str:
        """Random public name of this ledger's K0."""
        return self._database.fact("k0_id") or ""

    # Reusable secrets

    @property
    def vhash_key(self) -> bytes:
        """S_VHASH, 160 bytes."""
        return self._reusable("vhash key")[1]

    def trevisan_seed(self, bits: int) -> np.ndarray:
        """The first `bits` bits of S_Trev, uint8."""
        _, data = self._reusable("trevisan seed")
        return np.unpackbits(np.frombuffer(data, np.uint8), count=bits, bitorder="big")

    @property
    def reusable_digest(self) -> bytes:
        """SHA-256 over the reusable secrets as they are read now, 32 bytes; private, never sent."""
        parts = [self._reusable(name) for name in ("trevisan seed", "vhash key")]
        content = b"".join(bits.to_bytes(8, "big") + data for bits, data in parts)
        return hashlib.sha256(b"diqkd reusable secrets" + content).digest()

    def _reusable(self, name: str) -> tuple[int, bytes]:
        found = self._database.row("SELECT bits, data, digest FROM reusable WHERE name = ?", name)
        assert found is not None, "reserve() refuses a ledger without K0"
        return found[0], require_intact(name, found[1], found[2])

    # Pads and tags

    @property
    def pad_label(self) -> str:
        """Name of the set of pads this session holds; the same on both nodes, or the tags do not match."""
        return self._column("pads")

    def usable_pads(self) -> list[str]:
        """Names of the sets this session could use: all free ones and its own, or only its own once a pad is spent."""
        held = self.pad_label
        states = self._database.rows("SELECT state FROM pads WHERE label = ?", held)
        if any(state != "reserved" for (state,) in states):
            return [held]
        free = self._database.rows(
            "SELECT label FROM pads GROUP BY label HAVING min(state) = max(state) AND state = 'available'"
        )
        return in_order([held, *(label for (label,) in free)])

    def hold_pads(self, label: str) -> None:
        """Give back the untouched set this session holds and hold the named one, so that both nodes use the same."""
        with self._database.transaction("hold pads") as write:
            if label == self.pad_label:
                return
            if label not in self.usable_pads():
                raise LedgerConflict(
                    f"session {self._id}: the pads '{label}' are not free; abandon the session on both nodes"
                )
            write("UPDATE pads SET state = 'available', session = NULL WHERE session = ?", self._id)
            hold(write, label, self._id)
            write("UPDATE sessions SET pads = ? WHERE id = ?", label, self._id)

    def tag(self, pad: Pad, message: bytes) -> bytes:
        """A tag to send, 8 bytes: spends the pad, for this message alone, before anything is computed.

        Raises:
            LedgerConflict: the pad has been spent on another message, or the session is closed.
        """
        from postprocess import authentication

        digest = hashlib.sha256(message).digest()
        with self._database.transaction(f"spend {pad}") as write:
            self._require_not_aborted()
            write(
                "UPDATE pads SET state = 'spent', message_sha256 = ? "
                "WHERE session = ? AND name = ? AND state = 'reserved'",
                digest,
                self._id,
                pad,
            )
            if self._pad(pad)[0] != digest:
                raise LedgerConflict(f"session {self._id}: pad {pad} is spent on another message; abandon the session")
            secret = self._secret(pad)
        return authentication.tag(self.vhash_key, message, secret)

    def _require_not_aborted(self) -> None:
        """An operator may abandon the session from another process, at any time."""
        if self.outcome not in (None, ACCEPTED):
            raise SessionAborted(AbortReason(self.outcome), self.detail)

    def is_spent_on(self, pad: Pad, message: bytes) -> bool:
        """Whether the pad has been spent on a tag of ours for this message."""
        return self._pad(pad)[0] == hashlib.sha256(message).digest()

    def verify(self, pad: Pad, message: bytes, tag: bytes) -> bool:
        """Whether a received tag belongs to this message; spends the pad first."""
        from postprocess import authentication

        with self._database.transaction(f"spend {pad}") as write:
            self._require_not_aborted()
            write("UPDATE pads SET state = 'spent' WHERE session = ? AND name = ?", self._id, pad)
            secret = self._secret(pad)
        return authentication.is_tag_of(tag, self.vhash_key, message, secret)

    def _secret(self, pad: Pad) -> bytes:
        _, data, digest = self._pad(pad)
        if data is None:
            raise LedgerConflict(f"session {self._id}: pad {pad} is erased; the session is closed, or its message made")
        return require_intact(pad_name(self.pad_label, pad), data, digest)

    def _pad(self, pad: Pad) -> tuple[bytes | None, bytes | None, bytes | None]:
        """Digest of the message it was spent on, the pad, its local digest."""
        found = self._database.row(
            "SELECT message_sha256, data, digest FROM pads WHERE session = ? AND name = ?", self._id, pad
        )
        if found is None:
            raise LedgerConflict(f"session {self._id}: its pad {pad} is not in the ledger; {NO_OLD_COPY}")
        return found[0], found[1], found[2]

    def _erase_pads(self, write: Execute, pads: Iterable[Pad]) -> None:
        for pad in pads:
            write("UPDATE pads SET data = NULL, digest = NULL WHERE session = ? AND name = ?", self._id, pad)

    # Messages

    def sent(self, kind: str) -> bytes | None:
        """The stored bytes of a message of ours, or None."""
        return self._message("sent", kind)

    def received(self, kind: str) -> bytes | None:
        """The stored bytes of the peer's message, or None."""
        return self._message("received", kind)

    def keep_sent(self, kind: str, payload: bytes, done_with: Iterable[Pad] = ()) -> None:
        """Store a message of ours before it is sent, and overwrite the pads that are of no further use.

        LedgerConflict when another version is stored already.
        """
        self._keep("sent", kind, payload, done_with)
        if self.sent(kind) != payload:
            raise LedgerConflict(
                f"session {self._id}: another version of message {kind} is stored; abandon the session"
            )

    def keep_received(self, kind: str, payload: bytes) -> None:
        """Store the peer's message before acting upon it; only the first version counts."""
        self._keep("received", kind, payload)

    def own(self, name: str) -> bytes | None:
        """The stored bytes of something that this node has drawn for the session, or None."""
        return self._message("own", name)

    def keep_own(self, name: str, data: bytes) -> None:
        """Store something drawn for the session, before it is used; only the first version counts."""
        self._keep("own", name, data)

    def outbox(self) -> dict[str, bytes]:
        """All stored messages of ours, in the order in which they were made."""
        return self._messages("sent")

    def inbox(self) -> list[str]:
        """Kinds of the peer's messages stored here."""
        return list(self._messages("received"))

    def _keep(self, direction: str, kind: str, payload: bytes, done_with: Iterable[Pad] = ()) -> None:
        with self._database.transaction(f"keep {direction} {kind}") as write:
            self._insert(write, direction, kind, payload)
            self._erase_pads(write, done_with)

    def _insert(self, write: Execute, direction: str, kind: str, payload: bytes) -> None:
        digest = hashlib.sha256(payload).digest()
        row = (self._id, direction, kind, self._database.clock.stamp(), digest, len(payload), payload)
        write("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", *row)

    def _message(self, direction: str, kind: str) -> bytes | None:
        query = "SELECT payload, sha256 FROM messages WHERE session = ? AND direction = ? AND kind = ?"
        found = self._database.row(query, self._id, direction, kind)
        if found is None:
            return None
        payload, digest = found
        if payload is None or hashlib.sha256(payload).digest() != digest:
            what = "is erased" if payload is None else "has changed since it was stored (a bad disk?)"
            raise LedgerConflict(f"session {self._id}: its message {kind} {what}; abandon the session on both nodes")
        return payload

    def _messages(self, direction: str) -> dict[str, bytes]:
        query = "SELECT kind, payload FROM messages WHERE session = ? AND direction = ? ORDER BY rowid"
        return {
            kind: payload for kind, payload in self._database.rows(query, self._id, direction) if payload is not None
        }

    def transcript(self) -> list[MessageRecord]:
        """Every message of the session, sent and received, in the order in which it was stored; no content."""
        query = (
            "SELECT direction, kind, stored, bytes, sha256 FROM messages WHERE session = ? AND direction != 'own' "
            "ORDER BY rowid"
        )
        rows = self._database.rows(query, self._id)
        return [MessageRecord(way, kind, stored, size, sha.hex()) for way, kind, stored, size, sha in rows]

    def erase_messages(self) -> None:
        """Overwrite the content of every message of a closed session; sizes, times and digests stay."""
        with self._database.transaction("erase messages") as write:
            write("UPDATE messages SET payload = NULL WHERE session = ?", self._id)

    # Verdict, key, outcome

    @property
    def insecure_because(self) -> tuple[str, ...]:
        """Why the session's key must not be trusted: reasons of its parameters and of the ledger."""
        reasons = json.loads(self._database.fact("insecure_because") or "[]")
        return tuple(dict.fromkeys([*self.parameters.insecure_because, *reasons]))

    @property
    def verdict(self) -> str | None:
        """Private: SOUND or why this node will not accept; None while undecided."""
        return self._column("verdict")

    @property
    def outcome(self) -> str | None:
        """Public: ACCEPTED or the value of an AbortReason; None while the session is open."""
        return self._column("outcome")

    @property
    def detail(self) -> str:
        """Public explanation of the outcome, may be empty."""
        return self._column("detail") or ""

    def conclude(self, verdict: str, key: np.ndarray | None = None) -> None:
        """Store this node's verdict and, with SOUND, its key as pending; the first verdict stands."""
        with self._database.transaction("conclude") as write:
            self._conclude(write, verdict, key)

    def decide(self, kind: str, payload: bytes, verdict: str, key: np.ndarray | None) -> None:
        """Store this node's message, its verdict and, with SOUND, its pending key: all together or nothing."""
        with self._database.transaction(f"decide {kind}") as write:
            self._conclude(write, verdict, key)
            self._insert(write, "sent", kind, payload)
            self._erase_pads(write, Pad)

    def _conclude(self, write: Execute, verdict: str, key: np.ndarray | None) -> None:
        if (verdict == SOUND) != (key is not None):
            raise InvalidInput("a sound session has a key, any other has none")
        self._require_not_aborted()
        changed = write("UPDATE sessions SET verdict = ? WHERE id = ? AND verdict IS NULL", verdict, self._id)
        if changed and key is not None:
            refill = SESSION_PAD_BITS if len(key) > SESSION_PAD_BITS else 0
            data = np.packbits(key, bitorder="big").tobytes()
            reasons = json.dumps(self.insecure_because)
            digest = digest_of(f"key {self._id}", data)
            values = (self._id, len(key), len(key) - refill, data, self.parameters.apparatus, reasons, digest)
            write("INSERT INTO keys VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, NULL)", *values)

    def accept(self) -> None:
        """Activate the pending key, erase the session's pads, and set the key's first 256 bits aside as fresh pads.

        Both nodes do the same with the same bits, so the next session finds its pads in step.
        """
        with self._database.transaction("accept") as write:
            if not self._close(write, ACCEPTED, ""):
                return
            found = self._database.row(
                "SELECT bits, deliverable, data, digest FROM keys WHERE id = ? AND state = 'pending'", self._id
            )
            if found is None:
                raise LedgerConflict(f"session {self._id}: no pending key to activate; abandon the session")
            bits, deliverable, data, digest = found
            require_intact(f"key {self._id}", data, digest)
            if bits != deliverable:
                set_aside(write, refill_label(self._id), split_pads(data[: SESSION_PAD_BITS // 8]))
                data = data[SESSION_PAD_BITS // 8 :]
            digest = digest_of(f"key {self._id}", data)
            write("UPDATE keys SET state = 'active', data = ?, digest = ? WHERE id = ?", data, digest, self._id)

    def abort(self, reason: AbortReason, detail: str = "", *, untouched: bool = False) -> None:
        """Close without a key: the pending key and the pads are erased. A closed session stays as it is.

        Args:
            untouched: both nodes have stated that no tag under any of the pads was made or checked; then, and only if
                this ledger says so too, the pads are free again.
        """
        with self._database.transaction("abort") as write:
            if untouched and self.outcome is None:
                self._give_back(write)
            if self._close(write, reason.value, detail):
                write("UPDATE keys SET state = 'discarded', data = NULL, digest = NULL WHERE id = ?", self._id)

    def _give_back(self, write: Execute) -> None:
        states = self._database.rows("SELECT state FROM pads WHERE session = ?", self._id)
        if states == [("reserved",)] * len(Pad):
            write("UPDATE pads SET state = 'available', session = NULL WHERE session = ?", self._id)
            write("UPDATE sessions SET pads = '' WHERE id = ?", self._id)

    def revoke(self) -> bool:
        """Take back an accepted session that the peer has abandoned; False when its key or pads are in use already."""
        label = refill_label(self._id)
        with self._database.transaction("revoke") as write:
            touched = self._database.row("SELECT 1 FROM pads WHERE label = ? AND state != 'available'", label)
            if touched or not write(
                "UPDATE keys SET state = 'discarded', data = NULL, digest = NULL "
                "WHERE id = ? AND state = 'active' AND destination IS NULL",
                self._id,
            ):
                return False
            write("DELETE FROM pads WHERE label = ?", label)
            write("UPDATE sessions SET outcome = ? WHERE id = ?", AbortReason.ABANDONED.value, self._id)
            return True

    def _close(self, write: Execute, outcome: str, detail: str) -> bool:
        write("UPDATE pads SET state = 'spent', data = NULL, digest = NULL WHERE session = ?", self._id)
        return bool(
            write(
                "UPDATE sessions SET outcome = ?, detail = ?, closed = ? WHERE id = ? AND outcome IS NULL",
                outcome,
                detail,
                self._database.clock.stamp(),
                self._id,
            )
        )

    def _column(self, name: str):
        found = self._database.row(f"SELECT {name} FROM sessions WHERE id = ?", self._id)
        return None if found is None else found[0]
