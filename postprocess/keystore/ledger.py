"""A node's ledger of secret bits: K0, pads, sessions, keys. One file per node, the same moves on both.

What is never done: a pad spent on two messages, a key handed out twice, a key of an emulated or insecure session
handed out unasked, bits of a real ledger mixed with those of a rehearsal.
"""

from __future__ import annotations

import json
import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contract.nodes import NODES
from postprocess.errors import AbortReason, InvalidInput
from postprocess.keystore.balance import Balance
from postprocess.keystore.consistency import contradictions, damages
from postprocess.keystore.database import Database, Execute
from postprocess.keystore.digests import LedgerDamaged, digest_of
from postprocess.keystore.initial_secret import PAD_BITS, VHASH_BITS, Pad, seed_bits, take_apart
from postprocess.keystore.key_records import MADE, KeyRecord, KeyRecords
from postprocess.keystore.pad_sets import hold, in_order, set_aside
from postprocess.keystore.served_keys import SERVER, ServedKeys
from postprocess.keystore.session_ledger import ACCEPTED, SessionLedger
from postprocess.keystore.slices import Slices
from postprocess.plans.session_parameters import SessionParameters
from postprocess.storage.core_dumps import forbid_core_dumps
from postprocess.storage.node_home import NodeHome
from postprocess.storage.ownership import require_known_sessions
from postprocess.support.clock import SYSTEM_CLOCK, Clock

_TABLE_ROWS = {"error_correction": (Pad.EC,), "authentication": (Pad.ALICE, Pad.BOB), "activation": (Pad.ACTIVATION,)}


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
        path: the SQLite file, 0600. node: "alice" or "bob". key_records: its keys. served_keys, slices: those
            that leave through the key delivery server. clock: of its sessions.
    """

    def __init__(self, database: Database) -> None:
        self._database, self.path, self.clock = database, database.path, database.clock
        self.node = database.fact("node") or ""
        self.key_records, self.served_keys = KeyRecords(database), ServedKeys(database)
        self.slices = Slices(database, self.served_keys)

    @classmethod
    def create(cls, path: Path | str, node: str) -> Keystore:
        """A new, empty ledger; InvalidInput where there is one already."""
        if node not in NODES:
            raise InvalidInput(f"node = {node}: must be 'alice' or 'bob'")
        facts = {"node": node, "created": SYSTEM_CLOCK.stamp(), "ledger_id": secrets.token_hex(16)}
        return cls(Database.create(Path(path), facts))

    @classmethod
    def open(cls, path: Path | str, clock: Clock = SYSTEM_CLOCK) -> Keystore:
        """An existing ledger; InvalidInput where there is none."""
        return cls(Database.open(Path(path), clock))

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    def transaction(self, what: str, *, counted: bool = True) -> AbstractContextManager[Execute]:
        """All or nothing, durable on exit: for `served_keys` and `slices`; see Database.transaction."""
        return self._database.transaction(what, counted=counted)

    def use_write_ahead_log(self, wanted: bool) -> None:
        """For a program that commits many times a second; see Database."""
        self._database.use_write_ahead_log(wanted)

    def empty_write_ahead_log(self) -> bool:
        """See Database."""
        return self._database.empty_write_ahead_log()

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
    def ledger_id(self) -> str:
        """Random public name of this ledger; rounds say whose they are by it."""
        return self._database.fact("ledger_id") or ""

    @property
    def k0_id(self) -> str:
        """Random public name of the draw of K0, hexadecimal; empty before provisioning."""
        return self._database.fact("k0_id") or ""

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
            k0: content of a K0 file, as `draw_k0` gives it, the same on both nodes.
            parameters: those for which K0 was drawn.
            insecure_because: reasons beyond those of the parameters, such as a seeded source.

        Raises:
            InvalidInput: K0 does not fit, or the ledger has one already.
        """
        secret = take_apart(k0, parameters)
        reasons = list(dict.fromkeys([*parameters.insecure_because, *insecure_because]))
        facts = {
            "k0_bits": str(secret.bits),
            "k0_id": secret.k0_id.hex(),
            "apparatus": parameters.apparatus,
            "insecure_because": json.dumps(reasons),
        }
        with self._database.transaction("provision") as write:
            if self.provisioned:
                raise InvalidInput(f"{self.path}: provisioned already; a second K0 needs a home of its own")
            for name, value in facts.items():
                write("INSERT INTO facts VALUES (?, ?)", name, value)
            seed = np.packbits(secret.seed, bitorder="big").tobytes()
            for name, bits, data in (
                ("trevisan seed", len(secret.seed), seed),
                ("vhash key", VHASH_BITS, secret.vhash_key),
            ):
                write("INSERT INTO reusable VALUES (?, ?, ?, ?)", name, bits, data, digest_of(name, data))
            for number, pads in enumerate(secret.pads):
                set_aside(write, f"K0/{number:06d}", pads)

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
                values = (session_id, parameters.to_json(), label, self.clock.stamp())
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

    def abort(self, session_id: str, reason: AbortReason, detail: str = "", *, untouched: bool = False) -> None:
        """Close a session without a key; pads and pending key are erased. `detail` is public. A closed session stays
        as it is.

        Args:
            untouched: both nodes have stated that no tag under any of the pads was made or checked; then they are free.
        """
        self.session(session_id).abort(reason, detail, untouched=untouched)

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

    def free_pad_sets(self) -> list[str]:
        """Names of the free sets of pads in the order of their use; each serves one session."""
        query = "SELECT label FROM pads GROUP BY label HAVING min(state) = max(state) AND state = 'available'"
        return in_order([label for (label,) in self._database.rows(query)])

    def _next_pads(self) -> str:
        free = self.free_pad_sets()
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
        return self.key_records.records()

    def key(self, key_id: str) -> KeyRecord:
        """One key's record; InvalidInput when there is none."""
        return self.key_records.record(key_id)

    # Accounts

    def check(self) -> list[str]:
        """What in this ledger contradicts itself, one line each; empty for a sound one."""
        return contradictions(self._database) + damages(self._database)

    def require_intact(self) -> None:
        """LedgerDamaged when a secret in this ledger is not the one that was stored."""
        for line in damages(self._database):
            raise LedgerDamaged(f"{self.path}: {line}")

    def balance(self) -> Balance:
        """Table I for this ledger."""
        if not self.provisioned:
            raise InvalidInput(f"{self.path}: no K0 in this ledger; run `diqkd keys provision` on both nodes")
        used = dict(self._database.rows("SELECT name, count(*) FROM pads WHERE state != 'available' GROUP BY name"))
        lengths = dict(self._database.rows("SELECT name, bits FROM reusable"))
        gained = [record for record in self.keys() if record.state in MADE]
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
            delivered=sum(record.deliverable for record in gained if _went_to_a_file(record))
            + sum(account.bits for account in self.slices.accounts() if account.state == "delivered"),
            apparatus=self.apparatus or "",
            insecure_because=tuple(reasons),
        )


def _went_to_a_file(record: KeyRecord) -> bool:
    return record.state.startswith("deliver") and record.destination != SERVER


def open_ledger(home: NodeHome, *, checked: bool = True) -> Keystore:
    """The ledger of a node, opened; a context manager.

    Args:
        checked: that nobody else may read the home, every secret against its digest, and that the ledger knows the
            sessions beside it; without, whoever only looks can look at a damaged one too.

    Raises:
        InvalidInput: no ledger, one that cannot be read, an old copy; with `checked`, also a damaged one.
    """
    forbid_core_dumps()
    if checked:
        home.require_private()
    keystore = Keystore.open(home.ledger)
    if checked:
        try:
            keystore.require_intact()
            known = {record.session_id for record in keystore.sessions()}
            require_known_sessions(home.folder / "sessions", known, home.ledger)
        except BaseException:
            keystore.close()
            raise
    return keystore
