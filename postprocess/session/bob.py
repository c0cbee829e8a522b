"""Bob's side of steps 4 to 12: he reconstructs Alice's string, checks the Bell violation, and decides on the key.

Why he does not accept is a function of A and B. It stays in his private record; the peer and everybody else hear
F = 0, after the same messages as in a session that succeeds. When G_B leaves tells how long decoding took, unless
`min_response_s` is longer than that.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from postprocess.errors import AbortReason, InvalidInput, SessionAborted
from postprocess.estimation.score_and_qber import chsh_score, lost_test_rounds, qber
from postprocess.keystore import ACCEPTED, SOUND, Pad
from postprocess.session.common import Session, split_flag, step, unpack
from postprocess.storage.private_files import private_folder, write_private

PRIVATE_RECORD = "private.json"


class Unsound(Exception):
    """Bob does not accept; the reason is private."""

    def __init__(self, reason: AbortReason) -> None:
        super().__init__("private")
        self.reason = reason


class BobSession(Session):
    """Bob's post-processing of stored rounds; see Session."""

    node = "bob"

    def follow_protocol(self) -> None:
        """His steps, by the names of the paper; a verdict reached before a crash stands."""
        if self.page.verdict is None:
            self.judge()  # steps 4 to 9
        self.authenticate()  # step 10
        self.activate_key()  # step 11
        self.concatenate_key()  # step 12

    @step("steps 4 to 9")
    def judge(self) -> None:
        """Steps 4 to 9, ending in a verdict and, if it is sound, a pending key; both are stored together."""
        end = time.monotonic() + self.min_response_s
        self.private: dict[str, Any] = {"session_id": self.parameters.session_id}
        try:
            self.receive_bases()  # step 4
            self.reconstruct_alice()  # step 5
            self.estimate_parameters()  # step 6
            self.validate_error_correction()  # step 7
            self.validate_bell_violation()  # step 8
            verdict, key = SOUND, self.amplify_privacy()  # step 9
        except Unsound as why:
            verdict, key = why.reason.value, None
        self.keep_private_record(verdict)
        self.page.conclude(verdict, key)
        time.sleep(max(0.0, end - time.monotonic()))

    @step("basis revelation", private=True)
    def receive_bases(self) -> None:
        """X from Alice; not authentic before step 10."""
        x = unpack(self.mailbox.collect("X"), self.parameters.rounds)
        if x is None or (x > self.rounds.test).any():
            raise Unsound(AbortReason.AUTHENTICATION)
        self.x = x

    @step("error correction", private=True)
    def reconstruct_alice(self) -> None:
        """A~ from X, Y, B and Alice's syndrome M."""
        from postprocess.estimation.priors import Priors, log_likelihood_ratios
        from postprocess.reconciliation import make_code

        parameters = self.parameters
        syndrome = unpack(self.mailbox.collect("M"), parameters.syndrome_bits)
        if syndrome is None:
            raise Unsound(AbortReason.RECONCILIATION_FAILED)
        code = make_code(parameters.rounds, parameters.syndrome_bits, parameters.code_seed)
        priors = Priors(parameters.priors.test, parameters.priors.key)
        llr = log_likelihood_ratios(self.rounds.outcomes, self.x, self.rounds.settings, priors)
        decoded = code.decode(llr, syndrome)
        self.private |= {"decoder_converged": bool(decoded.converged), "decoder_iterations": int(decoded.iterations)}
        if not decoded.converged:
            raise Unsound(AbortReason.RECONCILIATION_FAILED)
        self.alice = np.asarray(decoded.bits, np.uint8)

    @step("parameter estimation", private=True)
    def estimate_parameters(self) -> None:
        """U_i = [A~_i xor B_i = X_i Y_i] in test rounds."""
        strings = (self.x, self.rounds.settings, self.alice, self.rounds.outcomes)
        self.lost = lost_test_rounds(*strings)
        score, error_rate = chsh_score(*strings), qber(*strings)
        self.private |= {
            "score": score.value,
            "score_standard_error": score.standard_error,
            "qber": error_rate.value,
            "qber_standard_error": error_rate.standard_error,
            "lost_test_rounds": self.lost,
            "bell_limit": self.parameters.bell_limit,
        }

    @step("validation of error correction", private=True)
    def validate_error_correction(self) -> None:
        """G_EC must belong to A~."""
        tag = self.mailbox.collect("G_EC")
        if not self.page.verify(Pad.EC, self.words.error_correction(self.alice), tag):
            raise Unsound(AbortReason.EC_TAG_MISMATCH)

    @step("validation of the Bell violation", private=True)
    def validate_bell_violation(self) -> None:
        """At most n gamma (1 - omega_thr) lost test rounds."""
        if self.lost > self.parameters.bell_limit:
            raise Unsound(AbortReason.BELL_THRESHOLD)

    @step("privacy amplification", private=True)
    def amplify_privacy(self) -> np.ndarray:
        """K_B = Trevisan(A~; S_Trev)."""
        return self.amplify(self.alice)

    @step("authentication")
    def authenticate(self) -> None:
        """Send G_B = VHASH(T) + D_B; Alice answers with C and G_A."""
        if self.page.sent("G_B") is None:
            self.mailbox.post("G_B", self.page.tag(Pad.BOB, self.words.round_types(self.rounds.test)))
        self.mailbox.collect("G_A")

    @step("key activation")
    def activate_key(self) -> None:
        """F = 1 if the verdict is sound, G_A right and C = 1; send F and G_F. A private reason stays private."""
        if self.page.sent("F") is None:
            f = b"\1" if self.page.verdict == SOUND and self.alice_agrees() else b"\0"
            self.mailbox.post("F", f + self.page.tag(Pad.ACTIVATION, self.words.activation(f)))
        if not (self.page.sent("F") or b"").startswith(b"\1"):
            agrees = self.alice_agrees()
            raise SessionAborted(AbortReason.ACTIVATION if agrees else AbortReason.AUTHENTICATION)

    def alice_agrees(self) -> bool:
        """Whether C = 1 came with the right G_A."""
        parts = split_flag(self.mailbox.collect("G_A"))
        x, tag_ec = unpack(self.mailbox.collect("X"), self.parameters.rounds), self.mailbox.collect("G_EC")
        if parts is None or x is None:
            return False
        return self.page.verify(Pad.ALICE, self.words.bases(x, tag_ec, parts[0]), parts[1]) and parts[0] == b"\1"

    @step("key concatenation")
    def concatenate_key(self) -> None:
        """K1 = K0' | K_B, once Alice has said that she has the key too; until then it stays pending."""
        outcome = self.mailbox.await_outcome()
        if outcome != ACCEPTED:
            raise SessionAborted(AbortReason(outcome), "at alice")
        self.page.accept()

    def keep_private_record(self, verdict: str) -> None:
        """What only Bob may know, in his session folder, 0600."""
        content = {**self.private, "verdict": verdict, "seconds": self.private_seconds}
        folder = private_folder(self.page.folder)
        write_private(folder / PRIVATE_RECORD, json.dumps(content, indent=2).encode())


def read_private_record(home: Path | str, session_id: str) -> dict[str, Any]:
    """Bob's private record of a session: verdict, measured S and Q, decoder's iterations.

    Never to be shown on a real apparatus, characterisation runs apart. InvalidInput when there is none.
    """
    path = Path(home) / "sessions" / session_id / PRIVATE_RECORD
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as problem:
        raise InvalidInput(f"{path}: no private record; only Bob has one, after step 9") from problem
