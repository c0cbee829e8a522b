"""Public transcript of a session: what anybody on the line has seen of it, and how many bits of A that disclosed.

transcript.json in the session's folder; the ledger's page has the same messages, so the file can be made again.
"""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postprocess.errors import InvalidInput
from postprocess.keystore import SessionLedger
from postprocess.keystore.initial_secret import PAD_BITS
from postprocess.security.rules.rule import DISCLOSED_BITS
from postprocess.session.revelation import REVELATION, Revelation
from postprocess.session.tag_inputs import TAG_BYTES
from postprocess.storage.bounded_files import read_object
from postprocess.storage.private_files import write_private
from postprocess.support.revision import source_revision

if TYPE_CHECKING:
    from postprocess.plans.session_parameters import SessionParameters

TRANSCRIPT = "transcript.json"


def disclosed_in(kind: str, parameters: SessionParameters) -> dict[str, int]:
    """Bits of each part of a message that a proof must subtract; X, T and the public seed cost nothing."""
    parts = {
        "G_B": {"G_B": PAD_BITS} | ({"Z_B": parameters.zeroed_list_bits} if parameters.barrier else {}),
        REVELATION: {
            "M": parameters.syndrome_bits,
            "G_EC": PAD_BITS,
            "Z_A": parameters.zeroed_list_bits,
            "C": 1,
            "G_A": PAD_BITS,
        },
        "F": {"F": 1, "G_F": PAD_BITS},
    }
    return parts.get(kind, {})


def subtracted_bits(parameters: SessionParameters) -> int:
    """What every rule subtracts at least: M, four tags, C and F, and what an allowance for zeroed rounds costs."""
    return parameters.syndrome_bits + DISCLOSED_BITS + (parameters.problem.zeroing_bits if parameters.allowance else 0)


def message_bytes(kind: str, parameters: SessionParameters) -> int | None:
    """Length of a message, which the parameters fix; None for a kind that no session has."""
    if kind == REVELATION:
        lengths = (
            -(-parameters.rounds // 8),
            -(-parameters.syndrome_bits // 8),
            TAG_BYTES,
            parameters.zeroed_list_bits // 8,
            1,
            -(-parameters.public_seed_bits // 8),
        )
        return len(Revelation(*map(bytes, lengths)).to_payload(bytes(TAG_BYTES)))
    listed = parameters.zeroed_list_bits // 8 if parameters.barrier else 0
    return {"G_B": listed + TAG_BYTES, "F": 1 + TAG_BYTES}.get(kind)


def messages_of(page: SessionLedger) -> list[dict[str, Any]]:
    """Every message as the transcript has it, with the running count of disclosed bits."""
    running, rows = 0, []
    for record in page.transcript():
        parts = disclosed_in(record.kind, page.parameters)
        running += sum(parts.values())
        rows.append({**vars(record), "disclosed": parts, "running_bits": running})
    return rows


def transcript_of(page: SessionLedger, node: str) -> dict[str, Any]:
    """The transcript but for the versions; nothing in it is private."""
    rows = messages_of(page)
    return {
        "session_id": page.parameters.session_id,
        "node": node,
        "parameters_sha256": page.parameters.digest().hex(),
        "k0_id": page.k0_id,
        "outcome": page.outcome,
        "detail": page.detail,
        "messages": rows,
        "disclosed_bits": rows[-1]["running_bits"] if rows else 0,
        "subtracted_bits": subtracted_bits(page.parameters),
    }


def write_transcript(page: SessionLedger, node: str) -> None:
    """Write the transcript durably beside the session's rounds, where there are any; a resumed session writes it anew.

    Versions that took part before stay in the list.
    """
    if not page.folder.is_dir():
        return
    path, here = page.folder / TRANSCRIPT, versions()
    try:
        stored = read_object(path, "").get("versions")
    except InvalidInput:  # none yet, or a damaged one, which this replaces
        stored = None
    earlier = [each for each in stored if each != here] if isinstance(stored, list) else []
    content = {**transcript_of(page, node), "versions": [*earlier, here]}
    write_private(path, json.dumps(content, indent=1).encode())


def read_transcript(folder: Path) -> dict[str, Any]:
    """The transcript in a session's folder; InvalidInput when there is none or it is damaged."""
    return read_object(folder / TRANSCRIPT, "run `diqkd session` again on both nodes, it is made anew")


def versions() -> dict[str, str]:
    """What runs here: diqkd and its revision, numpy, Python."""
    from numpy import __version__ as numpy_version

    try:
        installed = metadata.version("diqkd")
    except metadata.PackageNotFoundError:
        installed = "not installed"
    return {
        "diqkd": installed,
        "revision": source_revision(),
        "numpy": numpy_version,
        "python": platform.python_version(),
    }
