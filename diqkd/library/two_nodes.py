"""Post-processing of two strings of one's own: both nodes in one process, on a link in memory."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from postprocess.errors import InvalidInput, PeerLost
from postprocess.keystore import Keystore, draw_k0
from postprocess.link import memory_pair
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import SystemSource
from postprocess.rounds import RawRounds
from postprocess.session import AliceSession, BobSession, SessionResult

ROLES = {"alice": AliceSession, "bob": BobSession}
ONE_PROCESS = "both nodes ran in one process"
PATIENCE_S = 600.0


@dataclass(frozen=True)
class PairResult:
    """How a session in one process ended.

    Attributes:
        alice, bob: what each node may say of it: `accepted`, `abort_reason`, `ell`, `seconds` per step.
        alice_key, bob_key: each node's key, uint8 (ell - 256,) of 0/1, None after an abort; they are equal. 256 of the
            ell bits stay in the ledger: they replace the pads that the session has used.
    """

    alice: SessionResult
    bob: SessionResult
    alice_key: NDArray[np.uint8] | None = field(repr=False)
    bob_key: NDArray[np.uint8] | None = field(repr=False)


def post_process(parameters: SessionParameters, alice: RawRounds, bob: RawRounds) -> PairResult:
    """Steps 4 to 12 of the protocol on two strings: error correction, Bell check, tags, privacy amplification.

    Each node has a ledger with a fresh K0 in a temporary folder. A key made so is marked insecure, because one process
    saw both nodes' secrets: this is for data of one's own, studies and tests. Sessions use `diqkd session`.

    Args:
        parameters: from `plan`; their `priors` are the decoder's.
        alice: X, T and A of all rounds, uint8 (n,) each. bob: Y, T and B.

    Raises:
        InvalidInput: strings of another length than the plan's. An abort is no error but in the results.
    """
    for name, strings in (("alice", alice), ("bob", bob)):
        if len(strings) != parameters.rounds:
            raise InvalidInput(f"{name}: {len(strings)} rounds, the plan has {parameters.rounds}")
    parameters = replace(
        parameters,
        insecure_because=(*parameters.insecure_because, ONE_PROCESS),
        min_response_s=0.0 if parameters.apparatus == "emulated" else parameters.min_response_s,
    )
    with tempfile.TemporaryDirectory(prefix="diqkd-pair-") as folder:
        keystores = _keystores(Path(folder), parameters)
        try:
            results = _run(parameters, {"alice": alice, "bob": bob}, keystores)
            keys = {node: _key(keystores[node], result) for node, result in results.items()}
        finally:
            for keystore in keystores.values():
                keystore.close()
    return PairResult(results["alice"], results["bob"], keys["alice"], keys["bob"])


def _keystores(folder: Path, parameters: SessionParameters) -> dict[str, Keystore]:
    k0 = draw_k0(SystemSource(), parameters)
    keystores = {node: Keystore.create(folder / node / "keystore.sqlite", node) for node in ROLES}
    for keystore in keystores.values():
        keystore.provision(k0, parameters)
    return keystores


def _run(
    parameters: SessionParameters, rounds: dict[str, RawRounds], keystores: dict[str, Keystore]
) -> dict[str, SessionResult]:
    """Both roles, each in a thread; the first error of either is raised."""
    links = dict(zip(ROLES, memory_pair(), strict=True))
    ended: dict[str, SessionResult | BaseException] = {}

    def run(node: str) -> None:
        try:
            session = ROLES[node](
                parameters,
                rounds[node],
                links[node],
                keystores[node],
                timeout_s=PATIENCE_S,
                random_bits=SystemSource().bits,
            )
            ended[node] = session.run()
        except BaseException as problem:
            ended[node] = problem
        finally:
            links[node].close()

    threads = [threading.Thread(target=run, args=(node,)) for node in ROLES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    problems = [end for end in ended.values() if isinstance(end, BaseException)]
    if problems:
        raise min(problems, key=lambda problem: isinstance(problem, PeerLost))  # its peer lost it because of the other
    return {node: end for node, end in ended.items() if isinstance(end, SessionResult)}


def _key(keystore: Keystore, result: SessionResult) -> NDArray[np.uint8] | None:
    return None if result.key_id is None else keystore.key_records.bits(result.key_id)
