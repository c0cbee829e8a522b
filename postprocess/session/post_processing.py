"""Post-processing of a session whose rounds are stored in a node's home, whoever starts it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing

from postprocess.errors import AbortReason, DiqkdError, InvalidInput, SessionAborted
from postprocess.keystore import Keystore, open_ledger
from postprocess.link import Link, open_link
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness.choice import declared_source
from postprocess.rounds import RawRounds
from postprocess.rounds.opening import open_own, stored_parameters
from postprocess.session.alice import AliceSession
from postprocess.session.bob import BobSession
from postprocess.session.role import SessionResult
from postprocess.session.transcript import write_transcript
from postprocess.storage.node_home import NodeHome
from postprocess.storage.private_files import lock_folder, write_private

OUTCOME = "outcome.json"
ROLES = {"alice": AliceSession, "bob": BobSession}


def post_process(
    home: NodeHome,
    session_id: str,
    *,
    timeout_s: float,
    progress: Callable[[str], None] | None = None,
    link: Link | None = None,
    decoder: str = "own",
) -> SessionResult:
    """Steps 4 to 12 on the stored rounds of a session, resumed where they stopped; closes the page in the ledger.

    `decoder`: who decodes at Bob's, see postprocess.reconciliation.reference_decoder.

    The public outcome is also written to outcome.json in the session's folder, and the transcript beside it.

    Raises:
        InvalidInput: no such session, its rounds are not complete, another node's or another ledger's; others may read
            the home; another process is at work on the session.
        PeerLost: the peer did not answer; the session stays open, the same call resumes.
    """
    folder, parameters = home.session_folder(session_id), stored_parameters(home, session_id)
    lock = lock_folder(folder)
    try:
        with open_ledger(home) as keystore:
            rounds = _complete_rounds(home, keystore.ledger_id, session_id)
            link = link or open_link(home.folder, home.node, session_id, "session", timeout_s)
            with closing(link):
                session = ROLES[home.node](
                    parameters,
                    rounds,
                    link,
                    keystore,
                    timeout_s=timeout_s,
                    random_bits=lambda count: declared_source(
                        home, f"seed of {session_id}", parameters.insecure_because
                    ).bits(count),
                    progress=progress,
                    decoder=decoder,
                )
                result = session.run()
            write_outcome(home, keystore, parameters, result)
    finally:
        os.close(lock)
    return result


def _complete_rounds(home: NodeHome, ledger_id: str, session_id: str) -> RawRounds:
    store = open_own(home, home.session_folder(session_id), ledger_id, read_only=True)
    with closing(store):
        if not store.complete:
            raise InvalidInput(
                f"session '{session_id}': {store.decided} of {store.parameters.rounds} rounds so far; "
                "run the experiment again on both nodes to measure the rest"
            )
        return store.raw()


def close_session(home: NodeHome, session_id: str, problem: SessionAborted) -> None:
    """Note in the ledger that a session was aborted before post-processing.

    Its pads are spent, unless both nodes have stated that they never used one.
    """
    with open_ledger(home) as keystore:
        keystore.abort(session_id, problem.reason, problem.detail, untouched=problem.untouched)
        write_transcript(keystore.session(session_id), home.node)


def require_key(result: SessionResult, session_id: str) -> None:
    """Raise SessionAborted with the public reason unless the session ended with a key."""
    if not result.accepted:
        raise SessionAborted(result.abort_reason or AbortReason.ABANDONED, result.detail)
    if result.key_id is None:
        raise DiqkdError(f"session '{session_id}': accepted without a key in the ledger; run `diqkd keys verify`")


def write_outcome(home: NodeHome, keystore: Keystore, parameters: SessionParameters, result: SessionResult) -> None:
    """outcome.json and transcript.json of a session that post-processing has brought to its end; both are public."""
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
    write_private(home.session_folder(parameters.session_id) / OUTCOME, json.dumps(outcome, indent=1).encode())
    write_transcript(keystore.session(parameters.session_id), home.node)
