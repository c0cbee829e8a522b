"""What a report may say of a session, read from one node's home: public facts, whatever the apparatus.

Settings, outcomes, keys, pads, verdict and Bob's private record are not read here, but for one thing: on the emulated
apparatus, where nothing is secret, what Bob has measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from contract.patterns import PATTERNS
from postprocess.errors import InvalidInput
from postprocess.keystore import KeyRecord, open_ledger
from postprocess.keystore.balance import Balance
from postprocess.keystore.ledger import SessionRecord
from postprocess.plans.session_parameters import SessionParameters
from postprocess.rounds import RoundStore
from postprocess.rounds.herald_times import HeraldTimes, herald_times
from postprocess.rounds.pause_log import PauseCause, pause_causes
from postprocess.rounds.round_files import ERASED
from postprocess.session.bob import read_private_record
from postprocess.session.transcript import read_transcript, transcript_of
from postprocess.storage.bounded_files import read_object
from postprocess.storage.node_home import NodeHome

EMULATED = "emulated"
OUTCOME = "outcome.json"


@dataclass(frozen=True)
class StoredHeralds:
    """Of the rounds on disk: how many are decided, zeroed and flagged, pattern counts (order of PATTERNS), times, and
    the causes of their pauses.
    """

    decided: int
    zeroed: int
    flagged: int
    patterns: np.ndarray
    times: HeraldTimes
    causes: tuple[PauseCause, ...] = ()


@dataclass(frozen=True)
class Calibrated:
    """An entry of the calibration file; `measured` None where its date does not read. Its value stays there."""

    name: str
    by: str
    measured: datetime | None


@dataclass(frozen=True)
class SessionFacts:
    """Everything a report draws on.

    Attributes:
        transcript: messages with sizes, times, digests, disclosed bits; versions that took part.
        step_seconds: public durations of the post-processing, empty before its end.
        heralds: None where no rounds are stored, or not any more (`erased`).
        measured: Bob's private record, on the emulated apparatus alone; empty elsewhere.
    """

    node: str
    parameters: SessionParameters
    insecure_because: tuple[str, ...]
    k0_id: str
    session: SessionRecord
    key: KeyRecord | None
    balance: Balance
    transcript: dict[str, Any]
    step_seconds: dict[str, float]
    heralds: StoredHeralds | None
    erased: bool
    calibrations: tuple[Calibrated, ...]
    measured: dict[str, Any]


def read_session_facts(home: NodeHome, session_id: str) -> SessionFacts:
    """The facts of a session that this node's ledger knows.

    Raises:
        InvalidInput: it does not know the session, or what is stored of it is damaged.
    """
    with open_ledger(home, checked=False) as keystore:
        page = keystore.session(session_id)
        parameters, folder = page.parameters, page.folder
        transcript = transcript_of(page, home.node)
        session = next(record for record in keystore.sessions() if record.session_id == session_id)
        keys = [
            key for key in keystore.key_records.records() if key.key_id == session_id and session.outcome is not None
        ]
        nothing_is_secret = parameters.apparatus == keystore.apparatus == EMULATED and session.outcome is not None
        transcript["versions"] = _versions(folder)
        erased = (folder / ERASED).exists()
        return SessionFacts(
            node=home.node,
            parameters=parameters,
            insecure_because=page.insecure_because,
            k0_id=page.k0_id,
            session=session,
            key=keys[0] if keys else None,
            balance=keystore.balance(),
            transcript=transcript,
            step_seconds=_step_seconds(folder),
            heralds=None if erased else _heralds(folder),
            erased=erased,
            calibrations=_calibrations(home),
            measured=_measured(home, session_id) if nothing_is_secret else {},
        )


def _heralds(folder: Path) -> StoredHeralds | None:
    if not RoundStore.exists(folder):
        return None
    store = RoundStore.open(folder, read_only=True)
    store.close()
    found = store.patterns(0, store.decided)
    counts = np.array([np.count_nonzero(found == pattern) for pattern in PATTERNS])
    return StoredHeralds(
        store.decided, len(store.zeroed), store.flagged_rounds, counts, herald_times(folder), _causes(folder)
    )


def _causes(folder: Path) -> tuple[PauseCause, ...]:
    try:
        return pause_causes(folder)
    except InvalidInput:  # words alone; the heralds still show the pauses
        return ()


def _versions(folder: Path) -> list[dict[str, Any]]:
    try:
        found = read_transcript(folder).get("versions")
    except InvalidInput:  # before the end, or damaged: the next `diqkd session` makes it anew
        return []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _step_seconds(folder: Path) -> dict[str, float]:
    try:
        found = read_object(folder / OUTCOME, "").get("seconds")
    except InvalidInput:
        return {}
    known = found.items() if isinstance(found, dict) else ()
    return {name: float(time) for name, time in known if isinstance(time, int | float)}


def _calibrations(home: NodeHome) -> tuple[Calibrated, ...]:
    try:
        entries = read_object(home.calibration, "")
    except InvalidInput:
        return ()
    return tuple(
        Calibrated(name, str(entry.get("by", "")), _moment(entry.get("measured")))
        for name, entry in sorted(entries.items())
        if isinstance(entry, dict)
    )


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _measured(home: NodeHome, session_id: str) -> dict[str, Any]:
    if home.node != "bob":
        return {}
    try:
        return read_private_record(home.folder, session_id)
    except InvalidInput:
        return {}
