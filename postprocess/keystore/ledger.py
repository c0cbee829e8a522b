"""A node's ledger of secret bits: K0, pads, sessions, keys. One file per node, the same moves on both.

What is never done: a pad spent on two messages, a key handed out twice, a key of an emulated or insecure session
handed out unasked, bits of a real ledger mixed with those of a rehearsal.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contract.nodes import NODES
from postprocess.errors import AbortReason, InvalidInput
from postprocess.keystore.balance import Balance
from postprocess.keystore.consistency import contradictions
from postprocess.keystore.database import Database
from postprocess.keystore.initial_secret import PAD_BITS, VHASH_BITS, Pad, seed_bits, take_apart
from postprocess.keystore.session_ledger import ACCEPTED, SessionLedger, hold, in_order, now
from postprocess.plans.session_parameters import SessionParameters
from postprocess.storage.node_home import NodeHome

_TABLE_ROWS = {"error_correction": (Pad.EC,), "authentication": (Pad.ALICE, Pad.BOB), "activation": (Pad.ACTIVATION,)}


@dataclass(frozen=True)
class KeyRecord:
    """What the ledger says about a key; never the key.

    Attributes:
        key_id: the session that made it.
        bits: ell. deliverable: without the bits set aside as pads of a later session.
        state: pending (the peer is not sure yet), active, delivered or discarded.
    """

    key_id: str
    bits: int
    deliverable: int
    state: str
    apparatus: str
    insecure_because: tuple[str, ...]


@dataclass(frozen=True)
class SessionRecord:
    """What the ledger says about a session: `outcome` is None while it is open, else 'accepted' or a named abort."""

    session_id: str
    outcome: str | None
    detail: str
    pads: str
    opened: str
    closed: str | None


class Keystore:
    """One node's ledger; `create` a new one or `open` an existing one. Usable as a context manager.

    Attributes:
        path: the SQLite file, 0600. node: "alice" or "bob".
    """

    def __init__(self, database: Database) -> None:
        self._database, self.path = database, database.path
        self.node = database.fact("node") or ""

    @classmethod
    def create(cls, path: Path | str, node: str) -> Keystore:
        """A new, empty ledger; InvalidInput where there is one already."""
        if node not in NODES:
            raise InvalidInput(f"node = {node}: must be 'alice' or 'bob'")
        return cls(Database.create(Path(path), {"node": node, "created": now()}))

    @classmethod
    def open(cls, path: Path | str) -> Keystore:
        """An existing ledger; InvalidInput where there is none."""
        return cls(Database.open(Path(path)))

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    def __enter__(self) -> Keystore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Provisioning

    @property
    def provisioned(self) -> bool:
        """Whether K0 is in the ledger."""
        return self._database.fact("k0_bits") is not None

    @property
    def apparatus(self) -> str | None:
        """The apparatus this ledger serves, fixed by provisioning."""
        return self._database.fact("apparatus")

    @property
    def insecure_because(self) -> tuple[str, ...]:
        """Why no key of this ledger must be trusted; empty for a sound one."""
        return tuple(json.loads(self._database.fact("insecure_because") or "[]"))

    def provision(self, k0: bytes, parameters: SessionParameters, insecure_because: tuple[str, ...] = ()) -> None:
        """Take K0 in, once, in one transaction; the ledger then belongs to the apparatus of the parameters.

        Args:
            k0: packed as `draw_k0` gives it, the same on both nodes.
            parameters: those for which K0 was drawn.
            insecure_because: reasons beyond those of the parameters, such as a seeded source.

        Raises:
            InvalidInput: K0 does not fit, or the ledger has one already.
        """
        secret = take_apart(k0, parameters)
        reasons = list(dict.fromkeys([*parameters.insecure_because, *insecure_because]))
        facts = {
            "k0_bits": str(secret.bits),
            "apparatus": parameters.apparatus,
            "insecure_because": json.dumps(reasons),
        }
        with self._database.transaction("provision") as write:
            if self.provisioned:
                raise InvalidInput(f"{self.path}: provisioned already; a second K0 needs a home of its own")
            for name, value in facts.items():
                write("INSERT INTO facts VALUES (?, ?)", name, value)
            seed = np.packbits(secret.seed, bitorder="big").tobytes()
            write("INSERT INTO reusable VALUES ('trevisan seed', ?, ?)", len(secret.seed), seed)
            write("INSERT INTO reusable VALUES ('vhash key', ?, ?)", VHASH_BITS, secret.vhash_key)
            for number, pads in enumerate(secret.pads):
                for name, pad in pads.items():
                    write("INSERT INTO pads VALUES (?, ?, 'available', NULL, NULL, ?)", f"K0/{number:06d}", name, pad)

    # Sessions

    def reserve(self, session_id: str, parameters: SessionParameters) -> SessionLedger:
        """Reserve a session's pads in one transaction; the same session and parameters again give the same reservation.

        The pads count as consumed from here on, whatever becomes of the session.

        Raises:
            InvalidInput: no K0, no pads left, another apparatus, a rehearsal on a ledger for real keys, a seed that
                is too short, or the session is reserved with other parameters (the fields are named).
        """
        if session_id != parameters.session_id:
            raise InvalidInput(f"session '{session_id}': its parameters are those of '{parameters.session_id}'")
        self._require_fitting(parameters)
        with self._database.transaction("reserve") as write:
            found = self._database.row("SELECT parameters FROM sessions WHERE id = ?", session_id)
            if found is None:
                label = self._next_pads()
                hold(write, label, session_id)
                values = (session_id, parameters.to_json(), label, now())
                write("INSERT INTO sessions (id, parameters, pads, opened) VALUES (?, ?, ?, ?)", *values)
            else:
                changed = SessionParameters.from_json(found[0]).differences(parameters)
                if changed:
                    raise InvalidInput(
                        f"session '{session_id}': reserved with other parameters ({', '.join(changed)}); "
                        "use the same ones, or a new session id"
                    )
        return self._page(parameters)

    def session(self, session_id: str) -> SessionLedger:
        """The page of a reserved session; InvalidInput when there is none."""
        found = self._database.row("SELECT parameters FROM sessions WHERE id = ?", session_id)
        if found is None:
            raise InvalidInput(
                f"session '{session_id}': not in {self.path}; check the session id, the home and the node"
            )
        return self._page(SessionParameters.from_json(found[0]))

    def sessions(self) -> list[SessionRecord]:
        """All sessions, oldest first."""
        query = "SELECT id, outcome, COALESCE(detail, ''), pads, opened, closed FROM sessions ORDER BY rowid"
        return [SessionRecord(*row) for row in self._database.rows(query)]

    def abort(self, session_id: str, reason: AbortReason, detail: str = "") -> None:
        """Close a session without a key; pads and pending key are erased. `detail` is public. A closed session stays
        as it is.
        """
        self.session(session_id).abort(reason, detail)

    def abandon(self, session_id: str) -> None:
        """The operator gives a session up; a peer that has not decided yet discards too when it hears of it.

        A session that is accepted already is taken back only while neither its key nor its pads have been used.

        Raises:
            InvalidInput: its key or its pads are in use.
        """
        page = self.session(session_id)
        page.abort(AbortReason.ABANDONED)
        if page.outcome == ACCEPTED and not page.revoke():
            raise InvalidInput(
                f"session '{session_id}': accepted already, and its key or its pads are in use; it cannot be taken back"
            )

    def _page(self, parameters: SessionParameters) -> SessionLedger:
        return SessionLedger(self._database, parameters, self.path.parent / "sessions" / parameters.session_id)

    def _next_pads(self) -> str:
        query = "SELECT label FROM pads GROUP BY label HAVING min(state) = max(state) AND state = 'available'"
        free = in_order([label for (label,) in self._database.rows(query)])
        if not free:
            raise InvalidInput(
                f"{self.path}: no pads left; a session that ends with a key leaves fresh ones: finish "
                "the open sessions, or provision a new home with K0 for more sessions"
            )
        return free[0]

    def _require_fitting(self, parameters: SessionParameters) -> None:
        if not self.provisioned:
            raise InvalidInput(f"{self.path}: no K0 in this ledger; run `diqkd keys provision` on both nodes")
        if parameters.apparatus != self.apparatus:
            raise InvalidInput(
                f"{self.path}: serves the apparatus '{self.apparatus}', the session is on '{parameters.apparatus}'; "
                "give the home of that apparatus"
            )
        if parameters.insecure and not self.insecure_because:
            raise InvalidInput(
                f"{self.path}: for real keys, a rehearsal would expose its seed ({parameters.insecure_because[0]}); "
                "provision another home for rehearsals"
            )
        needed = seed_bits(parameters)
        found = self._database.row("SELECT bits FROM reusable WHERE name = 'trevisan seed'")
        if found is None or needed > found[0]:
            raise InvalidInput(
                f"{self.path}: the extractor needs a seed of {needed} bits, K0 has {found[0] if found else 0}; "
                "provision a new home for these parameters"
            )

    # Keys

    def keys(self) -> list[KeyRecord]:
        """All keys, oldest first."""
        query = "SELECT id, bits, deliverable, state, apparatus, insecure_because FROM keys ORDER BY rowid"
        return [
            KeyRecord(key_id, bits, deliverable, state, apparatus, tuple(json.loads(reasons)))
            for key_id, bits, deliverable, state, apparatus, reasons in self._database.rows(query)
        ]

    def key(self, key_id: str) -> KeyRecord:
        """One key's record; InvalidInput when there is none."""
        for record in self.keys():
            if record.key_id == key_id:
                return record
        raise InvalidInput(f"key '{key_id}': not in {self.path}; `diqkd keys show` lists them")

    def deliver(self, key_id: str, *, allow_emulated: bool = False, allow_insecure: bool = False) -> np.ndarray:
        """Hand a key out to an application, once; it is marked as delivered, durably, before the bits are returned.

        Returns:
            uint8 (deliverable,): the key without the bits set aside as pads of a later session.

        Raises:
            InvalidInput: not active, delivered already, or emulated or insecure and not asked for by name.
        """
        record = self.key(key_id)
        if record.state != "active":
            raise InvalidInput(f"key '{key_id}': {_WHY_NOT[record.state]}")
        if record.apparatus != "kasli" and not allow_emulated:
            raise InvalidInput(
                f"key '{key_id}': made on the {record.apparatus} apparatus, it protects nothing; not handed out"
            )
        if record.insecure_because and not allow_insecure:
            raise InvalidInput(f"key '{key_id}': insecure ({'; '.join(record.insecure_because)}); not handed out")
        bits = self._key_bits(key_id)
        with self._database.transaction("deliver") as write:
            if not write("UPDATE keys SET state = 'delivered' WHERE id = ? AND state = 'active'", key_id):
                raise InvalidInput(f"key '{key_id}': {_WHY_NOT['delivered']}")
        return bits

    def same_key(self, other: Keystore, key_id: str) -> bool:
        """Whether two ledgers on this machine hold the same bits of an active or delivered key; shows no bit."""
        usable = ("active", "delivered")
        if self.key(key_id).state not in usable or other.key(key_id).state not in usable:
            return False
        return hmac.compare_digest(self._key_bits(key_id).tobytes(), other._key_bits(key_id).tobytes())

    def _key_bits(self, key_id: str) -> np.ndarray:
        found = self._database.row("SELECT data, deliverable FROM keys WHERE id = ?", key_id)
        assert found is not None
        return np.unpackbits(np.frombuffer(found[0], np.uint8), count=found[1], bitorder="big")

    # Accounts

    def check(self) -> list[str]:
        """What in this ledger contradicts itself, one line each; empty for a sound one."""
        return contradictions(self._database)

    def balance(self) -> Balance:
        """Table I for this ledger."""
        if not self.provisioned:
            raise InvalidInput(f"{self.path}: no K0 in this ledger; run `diqkd keys provision` on both nodes")
        used = dict(self._database.rows("SELECT name, count(*) FROM pads WHERE state != 'available' GROUP BY name"))
        lengths = dict(self._database.rows("SELECT name, bits FROM reusable"))
        gained = [record for record in self.keys() if record.state in ("active", "delivered")]
        reasons = dict.fromkeys(
            [*self.insecure_because, *(why for record in gained for why in record.insecure_because)]
        )
        consumed = {row: PAD_BITS * sum(used.get(pad, 0) for pad in pads) for row, pads in _TABLE_ROWS.items()}
        return Balance(
            initial=int(self._database.fact("k0_bits") or 0),
            **consumed,
            vhash_key=lengths["vhash key"],
            trevisan_seed=lengths["trevisan seed"],
            generated=sum(record.bits for record in gained),
            delivered=sum(record.deliverable for record in gained if record.state == "delivered"),
            apparatus=self.apparatus or "",
            insecure_because=tuple(reasons),
        )


_WHY_NOT = {
    "pending": "pending, the peer is not sure of it yet; run the session on both nodes again",
    "delivered": "delivered already; a key is handed out once",
    "discarded": "discarded, its session was aborted; there is no key",
}


def open_ledger(home: NodeHome) -> Keystore:
    """The ledger of a node, opened; a context manager."""
    return Keystore.open(home.ledger)
