"""Bob's side of steps 4 to 12: he closes his rounds, reconstructs Alice's string, checks the Bell violation, decides.

Why he does not accept is a function of A and B. It stays in his private record; the peer and everybody else hear F = 0,
after the same messages and at the same time as in a session that succeeds.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from postprocess.errors import AbortReason, InvalidInput, NodesDisagree, SessionAborted
from postprocess.estimation.score_and_qber import chsh_score, lost_test_rounds, qber
from postprocess.keystore import ACCEPTED, SOUND, Pad
from postprocess.rounds.settings_law import bell_settings_follow_law, follow_law
from postprocess.session.revelation import REVELATION, Revelation
from postprocess.session.role import SessionRole, step
from postprocess.session.tag_inputs import unpack
from postprocess.storage.bounded_files import read_object
from postprocess.storage.private_files import private_folder, write_private

logger = logging.getLogger(__name__)

PRIVATE_RECORD = "private.json"
TOO_LATE = "too late"
ACCEPTS, REFUSES = b"\1", b"\0"


class Unsound(Exception):
    """Bob does not accept; the reason is private."""

    def __init__(self, reason: AbortReason) -> None:
        super().__init__("private")
        self.reason = reason


class BobSession(SessionRole):
    """Bob's post-processing of stored rounds; see SessionRole."""

    node = "bob"

    def follow_protocol(self) -> None:
        """His steps; those whose messages are stored already repeat nothing. docs/conventions.md has the paper's."""
        if self.page.sent("F") is None:
            self.announce_round_types()
            self.mailbox.collect(REVELATION)
            self.decide()
        self.confirm_key()
        self.concatenate_key()

    @step("round types")
    def announce_round_types(self) -> None:
        """Send G_B = VHASH(T, digest of the reusable secrets) + D_B: the last round is over here.

        With a barrier G_B also covers the bits seen and the list of rounds without one, which goes ahead of it.
        """
        if self.page.sent("G_B") is None:
            rounds, listed = self.rounds, b""
            message = self.words.round_types(
                rounds.announced(self.parameters.bases), self.page.reusable_digest, rounds.barrier, rounds.zeroed
            )
            if self.parameters.barrier:
                listed = rounds.zeroed.to_bytes(self.parameters.zeroed_list_bits)
            self.mailbox.post("G_B", listed + self.page.tag(Pad.BOB, message), done_with=(Pad.BOB,))

    @step("decision")
    def decide(self) -> None:
        """Steps 4 to 9, then F and G_F: one response time after Alice's message was here, or twice that, or F = 0.

        Verdict, key and F become durable together, at that time; until then nothing that others may see has changed.
        After a restart the full time is waited again.
        """
        start, response = self.clock.monotonic(), self.parameters.min_response_s
        verdict, key = self.verdict()
        late = self.clock.monotonic() - start
        if response and late > response:
            logger.warning("Bob's decision took longer than the minimum response time; give more for the next session")
            if late > 2 * response:
                verdict, key = TOO_LATE, None
            response *= 2
        f = ACCEPTS if verdict == SOUND else REFUSES
        if f == ACCEPTS and self.page.is_spent_on(Pad.ACTIVATION, self.words.activation(REFUSES)):
            f, verdict, key = REFUSES, TOO_LATE, None  # an earlier run was too late, and died before it could say so
        self.keep_private_record(verdict)
        self.clock.sleep(max(0.0, start + response - self.clock.monotonic()))
        payload = f + self.page.tag(Pad.ACTIVATION, self.words.activation(f))
        self.page.decide("F", payload, verdict, key)
        self.mailbox.send_again("F")

    def verdict(self) -> tuple[str, np.ndarray | None]:
        """SOUND and the key, or the private reason why there is none."""
        self.private: dict[str, Any] = {"session_id": self.parameters.session_id}
        try:
            self.verify_revelation()  # step 10, first of all
            self.reconstruct_alice()  # step 5
            self.estimate_parameters()  # step 6
            self.validate_error_correction()  # step 7
            self.validate_bell_violation()  # step 8
            return SOUND, self.amplify_privacy()  # step 9
        except Unsound as why:
            return why.reason.value, None

    @step("authentication", private=True)
    def verify_revelation(self) -> None:
        """G_A must cover what came: X, M, G_EC, Z_A, C and the seed."""
        found = Revelation.from_payload(self.mailbox.collect(REVELATION), self.parameters)
        if found is None:
            raise Unsound(AbortReason.AUTHENTICATION)
        self.revealed, tag = found
        if not self.page.verify(Pad.ALICE, self.words.revelation(*self.revealed.fields), tag):
            raise Unsound(AbortReason.AUTHENTICATION)
        x = self.revealed.settings(self.rounds.test, self.rounds.key_basis)
        try:
            zeroed = self.revealed.zeroed_rounds(self.parameters)
        except InvalidInput:
            raise Unsound(AbortReason.AUTHENTICATION) from None
        if x is None or len(zeroed) > self.parameters.allowance:
            raise Unsound(AbortReason.AUTHENTICATION)
        self.x = x
        self.zeroed_alice = zeroed.mask(self.parameters.rounds)
        self.zeroed_bob = self.rounds.zeroed.mask(self.parameters.rounds)

    @step("error correction", private=True)
    def reconstruct_alice(self) -> None:
        """A~ from X, Y, B and Alice's syndrome M, which A~ must give exactly."""
        from postprocess.estimation.priors import log_likelihood_ratios, with_zeroed_rounds
        from postprocess.reconciliation import make_code
        from postprocess.reconciliation.reference_decoder import decode_by

        parameters, y = self.parameters, self.rounds.settings
        syndrome = unpack(self.revealed.m, parameters.syndrome_bits)
        if syndrome is None:
            raise Unsound(AbortReason.RECONCILIATION_FAILED)
        code = make_code(parameters.rounds, parameters.syndrome_bits, parameters.code_seed)
        ratios = log_likelihood_ratios(self.rounds.outcomes, self.x, y, parameters.priors)
        ratios = with_zeroed_rounds(ratios, y, parameters.priors, self.zeroed_alice, self.zeroed_bob)
        decoded = decode_by(self.decoder, code, ratios, syndrome)
        self.private |= {"decoder_converged": bool(decoded.converged), "decoder_iterations": int(decoded.iterations)}
        self.alice = np.asarray(decoded.bits, np.uint8)
        if not decoded.converged or not np.array_equal(code.syndrome(self.alice), syndrome):
            raise Unsound(AbortReason.RECONCILIATION_FAILED)

    @step("parameter estimation", private=True)
    def estimate_parameters(self) -> None:
        """U_i = [A~_i xor B_i = X_i Y_i] in test rounds; a round that either node has zeroed counts as lost."""
        strings = (self.x, self.rounds.settings, self.alice, self.rounds.outcomes)
        self.lost = lost_test_rounds(*strings, self.zeroed_alice | self.zeroed_bob)
        score, error_rate = chsh_score(*strings), qber(*strings)
        self.private |= {
            "score": score.value,
            "score_standard_error": score.standard_error,
            "qber": error_rate.value,
            "qber_standard_error": error_rate.standard_error,
            "lost_test_rounds": self.lost,
            "bell_limit": self.parameters.bell_limit,
        }
        if self.parameters.bases == 2:
            second = qber(*strings, basis=1)
            self.private |= {"qber2": second.value, "qber2_standard_error": second.standard_error}

    @step("validation of error correction", private=True)
    def validate_error_correction(self) -> None:
        """G_EC must belong to A~."""
        if not self.page.verify(Pad.EC, self.words.error_correction(self.alice), self.revealed.tag_ec):
            raise Unsound(AbortReason.EC_TAG_MISMATCH)

    @step("validation of the Bell violation", private=True)
    def validate_bell_violation(self) -> None:
        """At most n gamma (1 - omega_thr) lost test rounds; a test without one of its settings shows nothing.

        Neither does one whose settings are far off their law: a stuck source, here or at Alice.
        """
        x, y = self.x, self.rounds.settings
        test = self.rounds.test.astype(bool)
        lawful = follow_law(self.node, self.parameters, y) and bell_settings_follow_law(x, y)
        self.private["settings_follow_law"] = lawful
        if self.lost > self.parameters.bell_limit or len(np.unique(2 * x[test] + y[test])) < 4 or not lawful:
            raise Unsound(AbortReason.BELL_THRESHOLD)

    @step("privacy amplification", private=True)
    def amplify_privacy(self) -> np.ndarray:
        """K_B from A~."""
        bits = self.parameters.public_seed_bits
        return self.amplify(self.alice, unpack(self.revealed.seed, bits) if bits else None)

    @step("key confirmation")
    def confirm_key(self) -> None:
        """With F = 0 the session ends here; a private reason stays private."""
        if not (self.page.sent("F") or b"").startswith(ACCEPTS):
            raise SessionAborted(AbortReason.ACTIVATION)

    @step("key concatenation")
    def concatenate_key(self) -> None:
        """K1 = K0' | K_B, once Alice has said that she has the key too; until then it stays pending.

        No untagged message can take back what F = 1 has granted.
        """
        outcome = self.mailbox.await_outcome()
        if outcome != ACCEPTED:
            raise NodesDisagree(
                f"session {self.parameters.session_id}: alice says '{outcome}', but Bob's F = 1 has left; the key "
                "stays pending here: compare both nodes, then `diqkd keys abandon` on both"
            )
        self.page.accept()

    def keep_private_record(self, verdict: str) -> None:
        """What only Bob may know, in his session folder, 0600."""
        known = {name: None if value != value else value for name, value in self.private.items()}  # JSON has no NaN
        content = {**known, "verdict": verdict, "seconds": self.private_seconds}
        folder = private_folder(self.page.folder)
        write_private(folder / PRIVATE_RECORD, json.dumps(content, indent=2).encode())


def read_private_record(home: Path | str, session_id: str) -> dict[str, Any]:
    """Bob's private record of a session: verdict, measured S and Q, decoder's iterations.

    Never to be shown on a real apparatus, characterisation runs apart. InvalidInput when there is none.
    """
    path = Path(home) / "sessions" / session_id / PRIVATE_RECORD
    return read_object(path, "only Bob has a private record, after step 9")
