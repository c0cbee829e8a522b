"""Alice's side of steps 4 to 12: she reveals bases and syndrome, and follows Bob's decision."""

from __future__ import annotations

from postprocess.errors import AbortReason, SessionAborted
from postprocess.keystore import SOUND, Pad
from postprocess.session.common import Session, pack, split_flag, step


class AliceSession(Session):
    """Alice's post-processing of stored rounds; see Session."""

    node = "alice"

    def follow_protocol(self) -> None:
        """Her steps, by the names of the paper; those whose messages are stored already repeat nothing."""
        self.reveal_bases()  # step 4
        self.send_syndrome()  # step 5
        self.validate_error_correction()  # step 7
        self.amplify_privacy()  # step 9
        self.authenticate()  # step 10
        self.activate_key()  # step 11
        self.concatenate_key()  # step 12

    @step("basis revelation")
    def reveal_bases(self) -> None:
        """Send X, which is 0 wherever T = 0. Bob has met us in this session, so his rounds are over too."""
        self.revealed = self.rounds.settings & self.rounds.test
        self.mailbox.post("X", pack(self.revealed))

    @step("error correction")
    def send_syndrome(self) -> None:
        """Send M = H A."""
        from postprocess.reconciliation import make_code

        if self.page.sent("M") is None:
            parameters = self.parameters
            code = make_code(parameters.rounds, parameters.syndrome_bits, parameters.code_seed)
            self.mailbox.post("M", pack(code.syndrome(self.rounds.outcomes)))

    @step("validation of error correction")
    def validate_error_correction(self) -> None:
        """Send G_EC = VHASH(A) + D_EC."""
        message = self.words.error_correction(self.rounds.outcomes)
        self.tag_ec = self.page.sent("G_EC") or self.page.tag(Pad.EC, message)
        self.mailbox.post("G_EC", self.tag_ec)

    @step("privacy amplification")
    def amplify_privacy(self) -> None:
        """K_A = Trevisan(A; S_Trev), pending until Bob's decision; this runs while Bob decodes."""
        if self.page.verdict is None:
            self.page.conclude(SOUND, self.amplify(self.rounds.outcomes))

    @step("authentication")
    def authenticate(self) -> None:
        """C = 1 if Bob's T is the one seen here; send C and G_A = VHASH(X, G_EC, C) + D_A.

        Once stored these bytes are the only ones: what Bob gets under D_A does not change, whatever G_B looks like
        later.
        """
        if self.page.sent("G_A") is None:
            tag = self.mailbox.collect("G_B")
            right = self.page.verify(Pad.BOB, self.words.round_types(self.rounds.test), tag)
            c = b"\1" if right else b"\0"
            self.mailbox.post("G_A", c + self.page.tag(Pad.ALICE, self.words.bases(self.revealed, self.tag_ec, c)))

    @step("key activation")
    def activate_key(self) -> None:
        """Abort unless G_F is right and F = 1."""
        parts = split_flag(self.mailbox.collect("F"))
        sent = self.page.sent("G_A")
        if sent is None or sent[:1] != b"\1":
            raise SessionAborted(AbortReason.AUTHENTICATION, "Bob's round types are not the ones Alice saw")
        if parts is None or not self.page.verify(Pad.ACTIVATION, self.words.activation(parts[0]), parts[1]):
            raise SessionAborted(AbortReason.ACTIVATION, "Bob's decision does not carry the right tag")
        if parts[0] != b"\1":
            raise SessionAborted(AbortReason.ACTIVATION, "Bob does not accept the key")

    @step("key concatenation")
    def concatenate_key(self) -> None:
        """K1 = K0' | K_A: the ledger activates the key."""
        self.page.accept()
