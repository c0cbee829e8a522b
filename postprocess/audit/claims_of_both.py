"""Claims that need both nodes' files; where both homes are on one machine only. See claims_of_session."""

from __future__ import annotations

import numpy as np

from postprocess.audit.claims_of_session import require
from postprocess.audit.claims_of_strings import estimates, require_key, require_recorded
from postprocess.audit.evidence import Evidence
from postprocess.audit.finding import spaced
from postprocess.keystore import ACCEPTED
from postprocess.session.bob import read_private_record


def same_parameters(alice: Evidence, bob: Evidence) -> str:
    """Both nodes reserved the same parameters, with the same K0."""
    changed = alice.parameters.differences(bob.parameters)
    require(not changed, f"different: {', '.join(changed)}")
    require(alice.keystore.k0_id == bob.keystore.k0_id, "their K0 are from different draws")
    return "equal digests, one draw of K0"


def same_messages(alice: Evidence, bob: Evidence) -> str:
    """What one has sent the other has received, byte for byte."""
    ends = [
        {
            (way, record.kind): (record.bytes, record.sha256)
            for record in e.page.transcript()
            for way in [record.direction]
        }
        for e in (alice, bob)
    ]
    count = 0
    for mine, theirs in (ends, ends[::-1]):
        for (way, kind), content in mine.items():
            if way == "received":
                count += 1
                require(theirs.get(("sent", kind)) == content, f"{kind} was not received as it was sent")
    return f"{count} messages, sizes and SHA-256"


def same_outcome(alice: Evidence, bob: Evidence) -> str:
    """Both ended alike."""
    mine, theirs = alice.page.outcome, bob.page.outcome
    require(mine == theirs, f"alice says '{mine or 'open'}', bob '{theirs or 'open'}'")
    return mine or "open on both"


def same_rounds(alice: Evidence, bob: Evidence) -> str:
    """Both have the same round types, and the same herald patterns where both have a record."""
    bases = alice.parameters.bases
    same = np.array_equal(alice.rounds.announced(bases), bob.rounds.announced(bases))
    require(same, "round types or key bases differ")
    n = alice.parameters.rounds
    clean = alice.store.clean(0, n) & bob.store.clean(0, n)
    mine, theirs = alice.store.patterns(0, n)[clean], bob.store.patterns(0, n)[clean]
    require(np.array_equal(mine, theirs), "herald patterns differ")
    return f"T of {spaced(n)} rounds and their herald patterns"


def same_key(alice: Evidence, bob: Evidence) -> str:
    """The two keys are equal bit by bit."""
    if alice.page.outcome != ACCEPTED:
        return "no key on either" if bob.page.outcome != ACCEPTED else _differ()
    require(alice.keystore.key_records.same_key(bob.keystore.key_records, alice.parameters.session_id), "they differ")
    return "by their digests" if alice.erased or bob.erased else "bit by bit"


def reconstruction_is_exact(alice: Evidence, bob: Evidence) -> str:
    """What Bob decoded is A."""
    require_key(alice)
    require(np.array_equal(bob.alice, alice.rounds.outcomes), "A~ is not A")
    return "A~ = A in every round"


def record_follows_from_both(alice: Evidence, bob: Evidence) -> str:
    """S, Q and lost test rounds from both nodes' strings are those of Bob's private record."""
    require_key(alice)
    a, b = alice.rounds, bob.rounds
    numbers = estimates(bob, a.revealed(bob.parameters.bases), b.settings, a.outcomes, b.outcomes, [a.zeroed])
    require_recorded(read_private_record(bob.home.folder, bob.parameters.session_id), numbers)
    require(numbers["lost_test_rounds"] <= bob.parameters.bell_limit, "more lost test rounds than allowed")
    return "as in Bob's private record, within the limit"


def _differ() -> str:
    require(False, "one node has a key, the other none")
    return ""
