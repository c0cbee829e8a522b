"""A whole session on the emulated laboratory: two homes set up, both nodes run, the ends compared.

Only here, outside both nodes and on an emulated apparatus, may the private strings of Alice and Bob meet.
"""

from __future__ import annotations

import json
import logging
import shutil
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.nodes import NODES
from postprocess.errors import AbortReason, ExitStatus, InvalidInput
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import CheckedSource, RandomSource, SeededSource, SystemSource
from postprocess.storage.bounded_files import read_object
from postprocess.storage.private_files import private_folder, write_private
from testbed.physics.emulated_link import PUBLISHED, EmulatedLink
from testbed.physics.instability import STABLE, Instability

if TYPE_CHECKING:
    from postprocess.keystore.ledger import SessionRecord
    from postprocess.plans.presets import Choice

DESCRIPTION_FILE, PLACE_FILE = "demonstration.json", "place.json"
PUBLIC = (
    "session_id", "n", "gamma", "ell", "accepted", "apparatus", "insecure", "insecure_because", "balance",
    "ledgers_consistent",
)  # fmt: skip
MEASURED = ("measured_score", "measured_score_error", "measured_qber", "measured_qber_error")
MEASURED_SECOND = ("measured_qber2", "measured_qber2_error")  # where there are two key bases

logger = logging.getLogger(__name__)


@dataclass
class Demonstration:
    """One folder with everything of an emulated session: homes/, laboratory/ and what was asked for.

    Attributes:
        folder: kept by the caller; the same folder with the same parameters again resumes.
        parameters: the session's public parameters, as both nodes will compute them.
        arguments: of the experiment, by name.
        seed: makes every random choice of the run repeat, which marks it insecure.
        faults, link, instability: of the laboratory, see testbed.physics.laboratory.
        sessions: K0 has pads for so many.
        distrust: reasons why no key of the ledgers must be trusted, beyond those of the parameters.
    """

    folder: Path
    parameters: SessionParameters
    arguments: dict[str, Any]
    seed: int | None = None
    faults: tuple[dict[str, Any], ...] = ()
    sessions: int = 1
    distrust: tuple[str, ...] = ()
    link: EmulatedLink = PUBLISHED
    instability: Instability = STABLE
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def homes(self) -> Path:
        """DIQKD_HOME of both nodes; each finds its own folder in it."""
        return self.folder / "homes"

    @property
    def laboratory(self) -> Path:
        """What nature does, shared by both nodes' emulations and by nothing else."""
        return self.folder / "laboratory"

    def set_up(self) -> bool:
        """Provision both nodes and build the laboratory; whether an earlier run is being resumed.

        Raises:
            InvalidInput: the folder holds another session.
        """
        start = time.monotonic()
        described = {"parameters": json.loads(self.parameters.to_json()), "seed": self.seed}
        if self.link != PUBLISHED or self.faults:
            described |= {"link": self.link.as_dict(), "faults": [dict(fault) for fault in self.faults]}
        if self.instability != STABLE:
            described["instability"] = self.instability.as_dict()
        description = json.dumps(described, indent=2)
        path = self.folder / DESCRIPTION_FILE
        if path.exists():
            if path.read_text() != description:
                raise InvalidInput(
                    f"{self.folder}: holds another session; name a new folder, or repeat its command exactly"
                )
            self.connect()  # the addresses of the last start may be taken by now
            return True
        private_folder(self.folder)
        self._provision()
        self.connect()
        self._build_laboratory()
        write_private(path, description.encode())
        self.seconds["set up"] = time.monotonic() - start
        return False

    def _source(self, label: str) -> RandomSource:
        return CheckedSource(SystemSource()) if self.seed is None else SeededSource(self.seed, label)

    def _provision(self) -> None:
        from postprocess.keystore import Keystore, draw_k0

        k0 = draw_k0(self._source("K0"), self.parameters, self.sessions)
        for node in NODES:
            home = private_folder(self.homes / node)
            for name in ("keystore.sqlite", "keystore.sqlite.generation"):  # of a set-up that was interrupted
                (home / name).unlink(missing_ok=True)
            with Keystore.create(home / "keystore.sqlite", node) as keystore:
                keystore.provision(k0, self.parameters, self.distrust)
            kind = {"kind": "system"} if self.seed is None else {"kind": "seeded", "seed": self.seed}
            write_private(home / "random.json", json.dumps(kind).encode())

    def connect(self) -> None:
        """Tell each node its peer's public key, and both where Alice listens: addresses that are free right now.

        The first start of a copy says whose it is.
        """
        from postprocess.link.channel import CHANNELS
        from postprocess.link.keys import make_link_keys, write_peer

        if original := self._note_place():
            logger.warning("%s: a copy of %s, with the same keys and pads; use one of the two", self.folder, original)
        public = {node: make_link_keys(self.homes / node) for node in NODES}
        endpoints = dict(zip(CHANNELS, _free_endpoints(len(CHANNELS)), strict=True))
        for node, peer in (NODES, NODES[::-1]):
            write_peer(self.homes / node, public[peer], endpoints)

    def _note_place(self) -> str:
        """Note where this folder is; returns the folder of which it is a copy that starts for the first time, or ''."""
        path = self.folder / PLACE_FILE
        here = {"folder": str(self.folder.absolute()), "inode": self.folder.stat().st_ino}
        try:
            noted = read_object(path, "")
        except InvalidInput:  # a new folder, or a damaged note, which this replaces
            noted = {}
        if noted == here:
            return ""
        write_private(path, json.dumps(here).encode())
        original = str(noted.get("folder", ""))
        moved = not original or noted.get("inode") == here["inode"] or not Path(original).is_dir()
        return "" if moved or Path(original).stat().st_ino != noted.get("inode") else original

    def _build_laboratory(self) -> None:
        from testbed.physics import laboratory

        shutil.rmtree(self.laboratory, ignore_errors=True)  # of a set-up that was interrupted
        laboratory.create(
            self.laboratory, seed=self.seed, faults=self.faults, link=self.link, instability=self.instability
        )

    def ended(self) -> bool:
        """Whether both ledgers say how the session ended."""
        return all(record is not None and record.outcome is not None for record in self._records())

    def begun(self) -> bool:
        """Whether both ledgers know the session."""
        return all(record is not None for record in self._records())

    def _records(self) -> list[SessionRecord | None]:
        from postprocess.keystore import Keystore

        found = []
        for node in NODES:
            with Keystore.open(self.homes / node / "keystore.sqlite") as keystore:
                known = {record.session_id: record for record in keystore.sessions()}
            found.append(known.get(self.parameters.session_id))
        return found

    def report(self, statuses: dict[str, int]) -> dict[str, Any]:
        """How it ended, with what only an emulated laboratory may show: S, Q, the private reason, equality of the
        keys."""
        from postprocess.keystore import ACCEPTED, Keystore

        session_id = self.parameters.session_id
        with (
            Keystore.open(self.homes / "alice" / "keystore.sqlite") as alice,
            Keystore.open(self.homes / "bob" / "keystore.sqlite") as bob,
        ):
            outcomes = [{record.session_id: record for record in ledger.sessions()} for ledger in (alice, bob)]
            ends = [records[session_id].outcome if session_id in records else None for records in outcomes]
            accepted = ends == [ACCEPTED, ACCEPTED]
            balances = [alice.balance(), bob.balance()]
            keys_equal = accepted and alice.key_records.same_key(bob.key_records, session_id)
        return {
            "session_id": session_id,
            "barrier": self.parameters.barrier,
            "n": self.parameters.rounds,
            "gamma": str(self.parameters.gamma),
            **self._measured(),
            "ell": self.parameters.ell if accepted else 0,
            "accepted": accepted,
            "abort_reason": None if accepted else self._reason(ends, statuses),
            "keys_equal": keys_equal,
            "apparatus": self.parameters.apparatus,
            "insecure": self.parameters.insecure,
            "insecure_because": list(self.parameters.insecure_because),
            "balance": balances[0].as_dict(),
            "ledgers_consistent": balances[0] == balances[1],
            "seconds": {**self.seconds, **self._stage_seconds(), "total": sum(self.seconds.values())},
            "folder": str(self.folder),
        }

    def _measured(self) -> dict[str, float | None]:
        """S and Q, with two key bases of each, over the true strings of both nodes; None while rounds are missing."""
        from postprocess.estimation.score_and_qber import chsh_score, qber
        from postprocess.rounds import RoundStore

        folders = [self.homes / node / "sessions" / self.parameters.session_id for node in NODES]
        if not all(RoundStore.exists(folder) for folder in folders):
            return dict.fromkeys(MEASURED)
        stores = [RoundStore.open(folder, read_only=True) for folder in folders]
        if not all(store.complete for store in stores):
            return dict.fromkeys(MEASURED)
        alice, bob = (store.raw() for store in stores)
        strings = (alice.settings, bob.settings, alice.outcomes, bob.outcomes)
        score, error_rate = chsh_score(*strings), qber(*strings)
        found = (score.value, score.standard_error, error_rate.value, error_rate.standard_error)
        measured: dict[str, float | None] = dict(zip(MEASURED, found, strict=True))
        if self.parameters.bases == 2:
            second = qber(*strings, basis=1)
            measured |= dict(zip(MEASURED_SECOND, (second.value, second.standard_error), strict=True))
        return measured

    def _reason(self, ends: list[str | None], statuses: dict[str, int]) -> str | None:
        """The most telling name of the abort: Bob's private verdict, then what the ledgers say, then a lost peer."""
        from postprocess.session import read_private_record

        try:
            verdict = read_private_record(self.homes / "bob", self.parameters.session_id)["verdict"]
            if verdict in set(AbortReason):
                return verdict
        except InvalidInput:
            pass
        for end in reversed(ends):
            if end in set(AbortReason):
                return end
        lost = ExitStatus.PEER_LOST in statuses.values() or any(status < 0 for status in statuses.values())
        return AbortReason.PEER_LOST.value if lost else None

    def _stage_seconds(self) -> dict[str, float]:
        """Duration of each step of post-processing, the slower node's."""
        slowest: dict[str, float] = {}
        for node in NODES:
            path = self.homes / node / "sessions" / self.parameters.session_id / "outcome.json"
            if path.exists():
                for stage, seconds in json.loads(path.read_text()).get("seconds", {}).items():
                    slowest[stage] = max(seconds, slowest.get(stage, 0.0))
        return slowest


def experiment_arguments(public: SessionParameters, preset: str, choice: Choice) -> dict[str, Any]:
    """Arguments of GenerateKey that give these parameters; the response time is none, as nothing is to be hidden."""
    return {
        "session": public.session_id,
        "preset": preset,
        "rounds": public.rounds,
        "gamma_256": int(256 * public.gamma),
        "score": public.score,
        "qber": public.qber,
        "syndrome": choice.syndrome,
        "rule": choice.rule,
        "extractor": choice.extractor or "usual",
        "allowance": public.allowance,
        "barrier": public.barrier,
        "bases": public.bases,
        "qber2": public.qber2 or 0.0,
        "block_rounds": public.block_rounds,
        "min_response": 0.0,
    }


def public_report(report: dict[str, Any]) -> dict[str, Any]:
    """What of `Demonstration.report` would be public on a real apparatus, too: by name, so that nothing else slips in.

    Bob's reason, measured S and Q, and the times of decoding are not.
    """
    return {name: report[name] for name in PUBLIC}


def _free_endpoints(count: int) -> list[str]:
    """Loopback addresses nobody listens on right now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    endpoints = [f"tcp://127.0.0.1:{listener.getsockname()[1]}" for listener in sockets]
    for listener in sockets:
        listener.close()
    return endpoints
