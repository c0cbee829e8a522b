"""Why a session gives no key, in words. Some reasons are Bob's private record's: only an emulation may show those."""

from __future__ import annotations

from typing import Any

from postprocess.errors import AbortReason

WORDS = {
    AbortReason.RECONCILIATION_FAILED: "Bob's decoder found no string with Alice's syndrome: more errors than the "
    "syndrome was planned for, or once in some thousand sessions bad luck. The next session needs a lower error rate, "
    "or a plan for this one.",
    AbortReason.EC_TAG_MISMATCH: "Bob's corrected string has the right syndrome but is not Alice's, as its tag shows. "
    "That is rare; measure a new session.",
    AbortReason.BELL_THRESHOLD: "too many Bell tests were lost: what the rounds show does not certify that the devices "
    "are honest, so nothing in the strings counts as secret. Look for what lowers S: phases of the analysis pulses, "
    "state, readout.",
    AbortReason.AUTHENTICATION: "a tag did not belong to the message that came with it: somebody changed a message, or "
    "the two ledgers do not hold the same secret.",
    AbortReason.ACTIVATION: "Bob did not accept the key, and keeps the reason to himself, since it depends on the "
    "private strings.",
    AbortReason.PARAMETER_MISMATCH: "the two nodes were given different parameters; submit the same on both.",
    AbortReason.BLOCK_MISMATCH: "the two nodes do not agree on the heralds of a block: lines or clocks between the "
    "crates are not what they should be.",
    AbortReason.ZEROED_ROUNDS: "more rounds ended without a measured outcome (crash, stalled CPU, round type missing) "
    "than the session allows. A plan with --allowance bears some, for a shorter key.",
    AbortReason.PEER_LOST: "the other node is gone; nothing is lost, the same session goes on when both run again.",
    AbortReason.ABANDONED: "an operator gave the session up; its rounds are never used again.",
}


def explained(report: dict[str, Any], omega_thr: float, planned_qber: float) -> str:
    """What an abort means, with the measured S and Q of an emulated session beside what was planned for.

    Args:
        report: of testbed.nodes.demonstration.
        omega_thr: least winning probability that the session accepts.
        planned_qber: Q that its syndrome was planned for.
    """
    reason = AbortReason(report["abort_reason"])
    words = WORDS[reason]
    score, qber = report["measured_score"], report["measured_qber"]
    if reason is AbortReason.BELL_THRESHOLD and score is not None:
        words += f" Here S = {score:.4f} was measured, and S = {8 * omega_thr - 4:.4f} is needed."
    if reason is AbortReason.RECONCILIATION_FAILED and qber is not None:
        words += f" Here Q = {100 * qber:.2f} % was measured, and Q = {100 * planned_qber:.2g} % was planned for."
    return words[0].upper() + words[1:]
