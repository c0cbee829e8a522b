"""Claims about parameters, ledger, messages and account of one node; they need no string, so most outlive erasure.

Each returns what was compared, raises CannotBeChecked where the evidence is not there, and InvalidInput or Broken where
the claim does not hold.
"""

from __future__ import annotations

from postprocess.audit.evidence import ERASED_NOW, OPEN, Evidence
from postprocess.audit.finding import CannotBeChecked, spaced
from postprocess.errors import AbortReason, InvalidInput
from postprocess.keystore import ACCEPTED
from postprocess.keystore.initial_secret import SESSION_PAD_BITS
from postprocess.keystore.key_records import MADE
from postprocess.plans.measurement_plan import stored_plan
from postprocess.rounds.round_files import PARAMETERS_FILE
from postprocess.security.rules import label_of, rule_named
from postprocess.session.mailbox import KINDS
from postprocess.session.post_processing import OUTCOME
from postprocess.session.transcript import message_bytes, read_transcript, subtracted_bits, transcript_of
from postprocess.storage.bounded_files import MissingFile, read_object
from postprocess.storage.ownership import require_owner


class Broken(InvalidInput):
    """A claim does not hold."""


def require(holds: object, what: str) -> None:
    """Broken unless it holds."""
    if not holds:
        raise Broken(what)


def parameters_agree(e: Evidence) -> str:
    """The parameters beside the rounds are those that the ledger has reserved, and the rounds are this ledger's."""
    if not (e.folder / PARAMETERS_FILE).exists():
        raise CannotBeChecked("no rounds are stored here")
    changed = e.parameters.differences(stored_plan(e.folder / PARAMETERS_FILE))
    require(not changed, f"the ledger and {PARAMETERS_FILE} differ in {', '.join(changed)}")
    require_owner(e.folder, e.keystore.ledger_id)
    return f"SHA-256 {e.parameters.digest().hex()[:16]}..., rounds of this ledger"


def length_is_certified(e: Evidence) -> str:
    """The rule certifies at least ell bits."""
    p = e.parameters
    if p.insecure:
        raise CannotBeChecked(f"no length is claimed: INSECURE, {p.insecure_because[0]}")
    rule = rule_named(p.rule)
    proven = rule.certify(p.problem, dict(p.free))
    require(p.ell <= proven, f"ell = {p.ell}, the rule {p.rule} certifies {proven}")
    return f"ell = {spaced(p.ell)}, certified {spaced(proven)}; rule {p.rule}: {label_of(rule, p.allowance)}"


def ledger_is_consistent(e: Evidence) -> str:
    """No row contradicts another, no secret has changed."""
    own = (f"session {e.parameters.session_id}: message", f"key {e.parameters.session_id}: changed")
    lines = [line for line in e.keystore.check() if not line.startswith(own)]
    require(not lines, "; ".join(lines[:2]))
    return "its rows agree, every secret against its digest"


def messages_are_intact(e: Evidence) -> str:
    """Every stored message is what was stored, of the length that the parameters give it."""
    session = e.parameters.session_id
    lines = [line for line in e.keystore.check() if line.startswith(f"session {session}: message")]
    require(not lines, "; ".join(line.split(": ", 1)[1] for line in lines))
    records = e.page.transcript()
    for record in records:
        if record.direction == "sent" or e.page.outcome == ACCEPTED:  # what a peer sends in an abort may be anything
            expected = message_bytes(record.kind, e.parameters)
            require(record.bytes == expected, f"{record.kind} has {record.bytes} bytes, the parameters give {expected}")
    if e.page.outcome == ACCEPTED:
        kinds = {kind for node in KINDS for kind in KINDS[node]}
        require({record.kind for record in records} == kinds, "an accepted session has three messages")
    return f"{len(records)} messages, " + ("sizes; the contents are erased" if e.erased else "sizes and SHA-256")


def transcript_agrees(e: Evidence) -> str:
    """transcript.json says what the ledger says."""
    try:
        stored = read_transcript(e.folder)
    except MissingFile:
        raise CannotBeChecked("not written yet; run `diqkd session` again, it is made anew") from None
    expected = transcript_of(e.page, e.node)
    wrong = [name for name, value in expected.items() if stored.get(name) != value]
    require(not wrong, f"transcript.json and the ledger differ in {', '.join(wrong)}")
    return f"{len(expected['messages'])} messages with times, sizes and digests"


def disclosure_is_paid_for(e: Evidence) -> str:
    """The messages disclosed no more bits than the rule subtracts."""
    disclosed = transcript_of(e.page, e.node)["disclosed_bits"]
    most = subtracted_bits(e.parameters)
    require(disclosed <= most, f"{disclosed} bits disclosed, {most} subtracted")
    return f"{spaced(disclosed)} bits disclosed, {spaced(most)} subtracted"


def outcome_agrees(e: Evidence) -> str:
    """outcome.json says what the ledger says."""
    if e.page.outcome is None:
        raise CannotBeChecked(OPEN)
    if e.page.outcome == AbortReason.ABANDONED:
        raise CannotBeChecked("abandoned by an operator, whatever it was before")
    try:
        stored = read_object(e.folder / OUTCOME, "run `diqkd session` again")
    except MissingFile:
        raise CannotBeChecked("not written: post-processing did not come to its end here") from None
    accepted = e.page.outcome == ACCEPTED
    expected = {
        "accepted": accepted,
        "abort_reason": None if accepted else e.page.outcome,
        "ell": e.parameters.ell if accepted else 0,
        "key_id": e.parameters.session_id if accepted else None,
        "apparatus": e.parameters.apparatus,
        "insecure_because": list(e.page.insecure_because),
    }
    wrong = [name for name, value in expected.items() if stored.get(name) != value]
    require(not wrong, f"outcome.json and the ledger differ in {', '.join(wrong)}")
    return e.page.outcome


def account_adds_up(e: Evidence) -> str:
    """Table I of the ledger, counted again from its sessions."""
    balance = e.keystore.balance()
    sessions = e.keystore.sessions()
    consumed = SESSION_PAD_BITS * sum(bool(record.pads) for record in sessions)
    accepted = [record.session_id for record in sessions if record.outcome == ACCEPTED]
    generated = sum(e.keystore.session(name).parameters.ell for name in accepted)
    require(balance.consumed == consumed, f"{balance.consumed} bits consumed, its sessions took {consumed}")
    require(balance.generated == generated, f"{balance.generated} bits generated, its sessions made {generated}")
    return f"K0 {spaced(balance.initial)} - {consumed} + {spaced(generated)} = K1 {spaced(balance.final)} bits"


def key_is_recorded(e: Evidence) -> str:
    """A key where the session was accepted, intact; none where it was not."""
    records = [record for record in e.keystore.key_records.records() if record.key_id == e.parameters.session_id]
    if e.page.outcome is None:
        raise CannotBeChecked(OPEN)
    if e.page.outcome != ACCEPTED:
        require(all(record.state == "discarded" for record in records), "an aborted session has a key")
        return "no key, as the session was aborted"
    require(records and records[0].state in MADE, "the key is not in the ledger")
    require(records[0].bits == e.parameters.ell, f"{records[0].bits} bits, the parameters say {e.parameters.ell}")
    if records[0].state in ("active", "offered", "delivering"):
        e.keystore.key_records.bits(records[0].key_id)
        return f"{spaced(e.parameters.ell)} bits, {records[0].state}, unchanged since it was stored"
    kept = "in slices" if records[0].state == "serving" else "the bits are erased"
    return f"{spaced(e.parameters.ell)} bits, {records[0].state}; {kept}"


def tags_cover_the_messages(e: Evidence) -> str:
    """This node's pads were spent on these messages; a tag itself cannot be made again once its pad is erased."""
    from postprocess.keystore import Pad

    if e.erased:
        raise CannotBeChecked(f"{ERASED_NOW}, the pads too")
    e.require_strings()
    page, rounds = e.page, e.rounds
    if e.node == "bob":
        announced = rounds.announced(e.parameters.bases)
        types = e.words.round_types(announced, page.reusable_digest, rounds.barrier, rounds.zeroed)
        under = {Pad.BOB: types}
        e.message("sent", "G_B")
        if page.sent("F"):
            under[Pad.ACTIVATION] = e.words.activation(e.message("sent", "F")[:1])
    else:
        under = {
            Pad.EC: e.words.error_correction(rounds.outcomes),
            Pad.ALICE: e.words.revelation(*e.revelation.fields),
        }
    wrong = [pad for pad, message in under.items() if not page.is_spent_on(pad, message)]
    require(not wrong, f"{', '.join(wrong)} were spent on something else")
    return f"{', '.join(under)}: digests of what was tagged; the pads are erased, no tag can be made again"
