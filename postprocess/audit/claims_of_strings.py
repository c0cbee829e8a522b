"""Claims about the rounds and what was made of them, recomputed from one node's private strings; see
claims_of_session for what each function returns and raises. No detail has a number that depends on an outcome.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from postprocess.acquisition.meeting import MOST_FLAGGED
from postprocess.audit.claims_of_session import require
from postprocess.audit.evidence import Evidence
from postprocess.audit.finding import CannotBeChecked, spaced
from postprocess.errors import AbortReason, InvalidInput
from postprocess.estimation.score_and_qber import chsh_score, lost_test_rounds, qber
from postprocess.keystore import ACCEPTED, SOUND
from postprocess.rounds.private_settings import barrier_bits, read_settings
from postprocess.rounds.record_log import stored_records
from postprocess.rounds.round_files import SETTINGS_FILE
from postprocess.rounds.round_records import require_faithful_records
from postprocess.rounds.settings_law import bell_settings_follow_law, follow_law
from postprocess.rounds.zeroed import exceeds
from postprocess.session.bob import TOO_LATE, read_private_record
from postprocess.session.revelation import AGREES
from postprocess.session.tag_inputs import pack

NOT_RECOMPUTABLE = (AbortReason.AUTHENTICATION.value, AbortReason.EC_TAG_MISMATCH.value, TOO_LATE)
AS_RECORDED = "as in Bob's private record"
NO_KEY = "the session made no key"


def settings_are_lawful(e: Evidence) -> str:
    """All settings are there, drawn for these parameters, as frequent as their law says."""
    e.require_strings()
    node, settings = read_settings(e.folder / SETTINGS_FILE, e.parameters)
    require(node == e.node, f"they are {node}'s")
    return f"{spaced(len(settings))} settings within their law's tails"


def records_are_faithful(e: Evidence) -> str:
    """Every round has a record that used its stored setting, or counts as lost; every block was burned before."""
    e.require_strings()
    _, drawn = read_settings(e.folder / SETTINGS_FILE, e.parameters)
    bits = barrier_bits(e.node, e.parameters, drawn)
    settings = drawn - 2 * bits
    e.require_readable()
    store = e.store
    require(store.decided == e.parameters.rounds or e.page.outcome != ACCEPTED, "rounds are missing")
    recorded = 0
    for first, records in stored_records(e.folder):
        part = slice(first, first + len(records))
        require_faithful_records(e.node, first, records, settings[part], bits[part], e.parameters.key_bases)
        recorded += len(records)
    blocks = f"{store.burned_blocks} burned blocks"
    return f"{spaced(store.decided)} rounds decided in {blocks}, {spaced(recorded)} with a record"


def zeroed_rounds_are_allowed(e: Evidence) -> str:
    """Zeroed and flagged rounds are no more than the session allows."""
    zeroed, flagged, most = e.store.zeroed, e.store.flagged_rounds, e.parameters.allowance
    counts = e.node == "alice" or e.parameters.barrier
    refused = flagged > MOST_FLAGGED or (counts and exceeds(len(zeroed), zeroed.ranges, most))
    require(not refused or e.page.outcome != ACCEPTED, f"{len(zeroed)} zeroed, {flagged} flagged, allowed {most}")
    where = "on both nodes together" if e.parameters.barrier else "at Alice"
    return f"{len(zeroed)} zeroed, {flagged} flagged; {most} allowed {where}"


def revelation_is_true(e: Evidence) -> str:
    """X, Z_A, C and the seed in Alice's message are what she measured and drew; at Bob: what they may be."""
    message, rounds, p = e.revelation, e.rounds, e.parameters
    if e.node == "bob":
        if e.page.outcome != ACCEPTED:
            raise CannotBeChecked(NO_KEY)
        x = message.settings(rounds.test, rounds.key_basis)
        require(x is not None, "X is not the announced key basis (0 with one) in every key round")
        require(len(message.zeroed_rounds(p)) <= p.allowance, "Z_A exceeds the allowance")
        require(message.c == AGREES, "C is not 1")
        assert x is not None
        require(bell_settings_follow_law(x, rounds.settings), "the test settings are too far off their law")
        return "X is the announced basis in key rounds and lawful in tests, Z_A within the allowance, C = 1"
    expected = {
        "X": (message.x, pack(rounds.revealed(p.bases))),
        "Z_A": (message.zeroed, rounds.zeroed.to_bytes(p.zeroed_list_bits)),
        "C": (message.c, AGREES),
        "the seed": (message.seed, e.drawn_seed()),
    }
    wrong = [name for name, (said, true) in expected.items() if said != true]
    require(not wrong, f"{', '.join(wrong)}: not what is stored here")
    return "X, Z_A, C and the seed as stored here"


def syndrome_is_true(e: Evidence) -> str:
    """M = H A; at Bob: a string with H A~ = M follows from his outcomes."""
    if e.node == "bob":
        require_key(e)
    require(pack(e.code.syndrome(e.alice)) == e.revelation.m, "M is not the syndrome of this string")
    return "M = H A" if e.node == "alice" else "A~ decoded anew, H A~ = M"


def key_follows(e: Evidence) -> str:
    """The key in the ledger is what the extractor makes of A (or A~) and the seed."""
    require_key(e)
    record = e.keystore.key(e.parameters.session_id)
    if record.state not in ("active", "offered", "delivering"):
        raise CannotBeChecked("the key is erased")
    stored = e.keystore.key_records.bits(record.key_id)
    require(np.array_equal(e.extract()[record.bits - record.deliverable :], stored), "the stored key is another one")
    return f"all {spaced(record.deliverable)} bits that are not set aside as pads"


def verdict_follows(e: Evidence) -> str:
    """Bob's decision and his private record follow from his strings; says neither verdict nor number."""
    if e.node != "bob":
        raise CannotBeChecked("only Bob's strings tell")
    rounds = e.rounds
    if e.page.verdict is None:
        raise CannotBeChecked("Bob came to no decision")
    record = read_private_record(e.home.folder, e.parameters.session_id)
    require(record.get("verdict") == e.page.verdict, "verdicts of ledger and private record differ")
    verdict = str(record["verdict"])
    if verdict in NOT_RECOMPUTABLE:
        return AS_RECORDED
    alice, converged = e.reconstruction
    if not converged:
        require(verdict == AbortReason.RECONCILIATION_FAILED.value, "the decision does not follow")
        return AS_RECORDED
    x = e.revelation.settings(rounds.test, rounds.key_basis)
    assert x is not None
    numbers = estimates(e, x, rounds.settings, alice, rounds.outcomes, [e.revelation.zeroed_rounds(e.parameters)])
    require_recorded(record, numbers)
    test = rounds.test.astype(bool)
    sound = (
        numbers["lost_test_rounds"] <= e.parameters.bell_limit
        and len(np.unique(2 * x[test] + rounds.settings[test])) == 4
        and follow_law("bob", e.parameters, rounds.settings)
        and bell_settings_follow_law(x, rounds.settings)
    )
    expected = SOUND if sound else AbortReason.BELL_THRESHOLD.value
    require(verdict == expected, "the decision does not follow")
    return AS_RECORDED


def require_key(e: Evidence) -> None:
    """CannotBeChecked unless the session was accepted: why one was not is private."""
    e.require_strings()
    if e.page.outcome != ACCEPTED:
        raise CannotBeChecked(NO_KEY)


def estimates(e: Evidence, x: Any, y: Any, a: Any, b: Any, others: list[Any]) -> dict[str, float]:
    """S, Q and lost test rounds, private; `others` are lists of zeroed rounds besides those of this node."""
    rounds = e.parameters.rounds
    zeroed = np.logical_or.reduce([ranges.mask(rounds) for ranges in (e.rounds.zeroed, *others)])
    second = {"qber2": qber(x, y, a, b, basis=1).value} if e.parameters.bases == 2 else {}
    return second | {
        "score": chsh_score(x, y, a, b).value,
        "qber": qber(x, y, a, b).value,
        "lost_test_rounds": lost_test_rounds(x, y, a, b, zeroed),
        "bell_limit": e.parameters.bell_limit,
    }


def require_recorded(record: dict[str, Any], numbers: dict[str, float]) -> None:
    """Broken where a number is not the recorded one; names it, without its value."""
    wrong = [
        name
        for name, value in numbers.items()
        if record.get(name) != (None if isinstance(value, float) and math.isnan(value) else value)
    ]
    if wrong:
        raise InvalidInput(f"not the recorded ones: {', '.join(wrong)}")
