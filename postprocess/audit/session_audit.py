"""Every claim of a session in order, one node's or both nodes'."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from postprocess.audit import claims_of_both as both
from postprocess.audit import claims_of_session as session
from postprocess.audit import claims_of_strings as strings
from postprocess.audit.evidence import Evidence
from postprocess.audit.finding import CannotBeChecked, Finding
from postprocess.errors import InvalidInput
from postprocess.keystore import LedgerConflict, open_ledger
from postprocess.storage.node_home import NodeHome

NODE_CLAIMS: tuple[tuple[str, Callable[[Evidence], str]], ...] = (
    ("parameters", session.parameters_agree),
    ("certified length", session.length_is_certified),
    ("ledger", session.ledger_is_consistent),
    ("settings", strings.settings_are_lawful),
    ("records", strings.records_are_faithful),
    ("zeroed rounds", strings.zeroed_rounds_are_allowed),
    ("messages", session.messages_are_intact),
    ("transcript", session.transcript_agrees),
    ("disclosed bits", session.disclosure_is_paid_for),
    ("Alice's message", strings.revelation_is_true),
    ("syndrome", strings.syndrome_is_true),
    ("tags", session.tags_cover_the_messages),
    ("S, Q, decision", strings.verdict_follows),
    ("key", session.key_is_recorded),
    ("key from A", strings.key_follows),
    ("outcome", session.outcome_agrees),
    ("table I", session.account_adds_up),
)
BOTH_CLAIMS: tuple[tuple[str, Callable[[Evidence, Evidence], str]], ...] = (
    ("parameters", both.same_parameters),
    ("messages", both.same_messages),
    ("outcome", both.same_outcome),
    ("rounds", both.same_rounds),
    ("reconstruction", both.reconstruction_is_exact),
    ("S, Q, lost tests", both.record_follows_from_both),
    ("keys", both.same_key),
)


def audit_node(home: NodeHome, session_id: str) -> list[Finding]:
    """What one node's files say, claim by claim. InvalidInput where the ledger does not know the session."""
    with open_ledger(home, checked=False) as keystore:
        return _of_node(Evidence(home, keystore, session_id))


def audit_both(alice: NodeHome, bob: NodeHome, session_id: str) -> list[Finding]:
    """What both nodes' files say, each alone, then together."""
    with ExitStack() as stack:
        ends = [
            Evidence(home, stack.enter_context(open_ledger(home, checked=False)), session_id) for home in (alice, bob)
        ]
        found = [line for evidence in ends for line in _of_node(evidence)]
        return found + [_finding("both", claim, partial(check, *ends)) for claim, check in BOTH_CLAIMS]


def _of_node(evidence: Evidence) -> list[Finding]:
    return [
        _finding(evidence.node, claim, partial(check, evidence))
        for claim, check in NODE_CLAIMS
        if (evidence.node, claim) != ("alice", "S, Q, decision")
    ]


def _finding(where: str, claim: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(where, claim, True, check())
    except CannotBeChecked as why:
        return Finding(where, claim, None, str(why))
    except (InvalidInput, LedgerConflict) as problem:
        return Finding(where, claim, False, str(problem))
