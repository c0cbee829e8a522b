"""A node's home on disk, and the steps that every session takes through it, whoever starts them.

    <DIQKD_HOME>/<node>/  keystore.sqlite, link/, calibration.json, random.json,
                          sessions/<session id>/, measurements/<name>/ (characterisations, which make no key)

random.json says where the node's private random bits come from: {"kind": "system"}, {"kind": "file", "path": ...} for a
hardware generator's file, or {"kind": "seeded", "seed": ...}, which makes a session an insecure rehearsal. Without that
file it is the system's generator.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from postprocess.errors import AbortReason, DiqkdError, InvalidInput, SessionAborted
from postprocess.private_files import private_folder, write_private
from postprocess.randomness import FileSource, RandomSource, SeededSource, SystemSource

if TYPE_CHECKING:
    from postprocess.keystore import Keystore
    from postprocess.link import Link
    from postprocess.measurement_plan import RoundsPlan
    from postprocess.parameters import SessionParameters
    from postprocess.rounds import RoundStore
    from postprocess.session import SessionResult

NODES = ("alice", "bob")
SEEDED = "random bits from a fixed seed"


class NodeHome:
    """Everything that belongs to one node.

    Args:
        node: "alice" or "bob".
        homes: the folder that holds a folder per node; None reads DIQKD_HOME.

    Raises:
        InvalidInput: no such node, DIQKD_HOME is not set, or the node has no home there.
    """

    def __init__(self, node: str, homes: Path | str | None = None) -> None:
        homes = homes or os.environ.get("DIQKD_HOME", "")
        if node not in NODES:
            raise InvalidInput(f"node = {node}: must be 'alice' or 'bob'")
        if not homes:
            raise InvalidInput("DIQKD_HOME is not set; give the folder that holds this node's keystore and rounds")
        self.node, self.folder = node, Path(homes).absolute() / node
        if not self.folder.is_dir():
            raise InvalidInput(f"{self.folder}: no home of {node}; run `diqkd keys provision`, or correct DIQKD_HOME")

    @property
    def calibration(self) -> Path:
        """The calibration file; it may be missing."""
        return self.folder / "calibration.json"

    def session_folder(self, session_id: str) -> Path:
        """Private folder of one session; it may be missing."""
        return self.folder / "sessions" / session_id

    def keystore(self) -> Keystore:
        """The node's ledger, opened; a context manager."""
        from postprocess.keystore import Keystore

        return Keystore.open(self.folder / "keystore.sqlite")

    def link(self, session_id: str, channel: str, timeout_s: float) -> Link:
        """The link to the peer; channel "rounds" or "session"."""
        from postprocess.link import open_link

        return open_link(self.folder, self.node, session_id, channel, timeout_s)

    def random_source(self, purpose: str) -> RandomSource:
        """Private random bits for `purpose`, from the source that random.json names.

        Raises:
            InvalidInput: random.json is damaged or names an unknown kind; the hardware generator's file is missing.
        """
        path = self.folder / "random.json"
        try:
            choice = json.loads(path.read_text()) if path.exists() else {"kind": "system"}
            if choice["kind"] == "system":
                return SystemSource()
            if choice["kind"] == "file":
                return FileSource(choice["path"])
            if choice["kind"] == "seeded":
                return SeededSource(int(choice["seed"]), f"{self.node} {purpose}")
        except InvalidInput:
            raise
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise InvalidInput(f"{path}: damaged ({problem}); write it again, or delete it") from problem
        raise InvalidInput(f"{path}: kind '{choice['kind']}' is unknown; write system, file or seeded")

    def insecure_because(self) -> tuple[str, ...]:
        """Reasons of this home that a session's parameters must name: predictable random bits."""
        return (SEEDED,) if self.random_source("").insecure else ()

    def open_rounds(self, parameters: RoundsPlan) -> RoundStore:
        """The session's rounds: those of an interrupted run, or new ones whose settings are drawn here and now.

        Raises:
            InvalidInput: the session was begun with other parameters (they are named), or its files are damaged.
        """
        from postprocess.rounds import RoundStore

        folder = self.folder / parameters.shelf / parameters.session_id
        if not RoundStore.exists(folder):
            private_folder(folder)
            source = self.random_source(f"settings of {parameters.link_name}")
            return RoundStore.create(folder, parameters, self.node, source)
        store = RoundStore.open(folder)
        changed = store.parameters.differences(parameters)
        if changed:
            store.close()
            raise InvalidInput(
                f"session '{parameters.session_id}': begun with other parameters ({', '.join(changed)}); use the same "
                "ones, or a new session id"
            )
        return store

    def parameters_of(self, session_id: str) -> SessionParameters:
        """Public parameters of a session whose rounds are stored here.

        Raises:
            InvalidInput: no such session, or a characterisation, whose strings are no secret.
        """
        from postprocess.measurement_plan import read_plan
        from postprocess.parameters import SessionParameters
        from postprocess.rounds import RoundStore

        folder = self.session_folder(session_id)
        if not RoundStore.exists(folder):
            raise InvalidInput(
                f"{folder}: no such session, no stored rounds here; give the right --home, --node and --session"
            )
        parameters = read_plan((folder / "parameters.json").read_text())
        if not isinstance(parameters, SessionParameters):
            raise InvalidInput(f"{folder}: a characterisation, whose strings are no secret; it makes no key")
        return parameters

    def post_process(
        self,
        session_id: str,
        *,
        timeout_s: float,
        judgement_s: float = 0.0,
        progress: Callable[[str], None] | None = None,
        link: Link | None = None,
    ) -> SessionResult:
        """Steps 4 to 12 on the stored rounds of a session, resumed where they stopped; closes the page in the ledger.

        The public outcome is also written to outcome.json in the session's folder. Bob's judgement takes at least
        `judgement_s`; see postprocess.session.

        Raises:
            InvalidInput: no such session, or its rounds are not complete.
            PeerLost: the peer did not answer; the session stays open, the same call resumes.
        """
        from postprocess.rounds import RoundStore
        from postprocess.session import AliceSession, BobSession

        folder, parameters = self.session_folder(session_id), self.parameters_of(session_id)
        store = RoundStore.open(folder, read_only=True)
        if not store.complete:
            raise InvalidInput(f"session '{session_id}': {store.decided} of {parameters.rounds} rounds so far; "
                               "run the experiment again on both nodes to measure the rest")  # fmt: skip
        rounds = store.raw()
        store.close()
        link = link or self.link(session_id, "session", timeout_s)
        role = AliceSession if self.node == "alice" else BobSession
        try:
            with self.keystore() as keystore:
                session = role(
                    parameters,
                    rounds,
                    link,
                    keystore,
                    timeout_s=timeout_s,
                    judgement_s=judgement_s,
                    progress=progress,
                )
                result = session.run()
        finally:
            link.close()
        self._write_outcome(folder, parameters, result)
        return result

    def close_session(self, session_id: str, problem: SessionAborted) -> None:
        """Note in the ledger that a session was aborted before post-processing; its pads are spent."""
        with self.keystore() as keystore:
            keystore.abort(session_id, problem.reason, problem.detail)

    @staticmethod
    def _write_outcome(folder: Path, parameters: SessionParameters, result: SessionResult) -> None:
        outcome = {
            "session_id": parameters.session_id,
            "apparatus": parameters.apparatus,
            "insecure_because": list(parameters.insecure_because),
            "accepted": result.accepted,
            "abort_reason": result.abort_reason.value if result.abort_reason else None,
            "ell": result.ell,
            "key_id": result.key_id,
            "seconds": result.seconds,
        }
        write_private(folder / "outcome.json", json.dumps(outcome, indent=1).encode())


def session_parameters(
    home: NodeHome,
    apparatus: str,
    session_id: str,
    *,
    preset: str,
    block_rounds: int,
    rounds: int,
    gamma_256: int,
    score: float,
    qber: float,
    eps_snd: float,
    syndrome: str = "paper",
) -> SessionParameters:
    """Public parameters of a session from what an operator chooses; both nodes must come to the same ones.

    Args:
        preset: "paper" takes everything but `block_rounds` from the paper's run, "custom" plans it from the rest.
    """
    from fractions import Fraction

    from postprocess.parameters import paper, planned

    reasons = home.insecure_because()
    if preset == "paper":
        return paper(session_id, apparatus, block_rounds=block_rounds, insecure_because=reasons)
    if preset != "custom":
        raise InvalidInput(f"preset = {preset}: must be 'paper' or 'custom'")
    return planned(
        session_id,
        apparatus,
        rounds,
        Fraction(gamma_256, 256),
        score=score,
        qber=qber,
        eps_snd=eps_snd,
        syndrome=syndrome,
        block_rounds=block_rounds,
        insecure_because=reasons,
    )


def require_key(result: SessionResult, session_id: str) -> None:
    """Raise SessionAborted with the public reason unless the session ended with a key."""
    if not result.accepted:
        raise SessionAborted(result.abort_reason or AbortReason.ABANDONED, result.detail)
    if result.key_id is None:
        raise DiqkdError(f"session '{session_id}': accepted without a key in the ledger; run `diqkd keys verify`")
