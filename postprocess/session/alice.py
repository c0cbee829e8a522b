"""Alice's side of steps 4 to 12: once she knows that Bob's rounds are over she reveals bases and syndrome, and follows
Bob's decision.
"""

from __future__ import annotations

import numpy as np

from postprocess.errors import AbortReason, SessionAborted
from postprocess.keystore import SOUND, Pad
from postprocess.session.revelation import REVELATION, revelation
from postprocess.session.role import SessionRole, step
from postprocess.session.tag_inputs import split_flag, split_round_types


class AliceSession(SessionRole):
    """Alice's post-processing of stored rounds; see SessionRole."""

    node = "alice"

    def follow_protocol(self) -> None:
        """Her steps; those whose messages are stored already repeat nothing. docs/conventions.md has the paper's."""
        if self.page.sent(REVELATION) is None:
            self.verify_round_types()
            self.reveal()
        self.amplify_privacy()
        self.confirm_key()
        self.concatenate_key()

    @step("round types")
    def verify_round_types(self) -> None:
        """The first G_B that came must belong to the T seen here; before that nothing that depends on A leaves.

        With a barrier it must belong to the bits sent here too, but for a few rounds without one.
        """
        rounds, found = self.rounds, split_round_types(self.mailbox.collect("G_B"), self.parameters)
        if found is not None:
            without, tag = found
            message = self.words.round_types(
                rounds.announced(self.parameters.bases), self.page.reusable_digest, rounds.barrier, without
            )
        if found is None or not self.page.verify(Pad.BOB, message, tag):
            raise SessionAborted(
                AbortReason.AUTHENTICATION,
                "Bob's round types or barrier bits are not the ones Alice knows, or the nodes' initial keys differ",
            )
        unsure, allowance = rounds.zeroed.union(without), self.parameters.allowance
        if self.parameters.barrier and len(unsure) > allowance:
            raise SessionAborted(
                AbortReason.ZEROED_ROUNDS,
                f"{len(unsure)} rounds were zeroed at alice or had no barrier at bob, this session allows {allowance}",
            )

    @step("basis revelation and error correction")
    def reveal(self) -> None:
        """Send X, M, G_EC, Z_A, C, the seed and G_A in one message; a crash on the way makes the same bytes again."""
        from postprocess.reconciliation import make_code

        parameters, rounds = self.parameters, self.rounds
        x = rounds.revealed(parameters.bases)
        code = make_code(parameters.rounds, parameters.syndrome_bits, parameters.code_seed)
        tag_ec = self.page.tag(Pad.EC, self.words.error_correction(rounds.outcomes))
        zeroed = rounds.zeroed.to_bytes(parameters.zeroed_list_bits)
        message = revelation(x, code.syndrome(rounds.outcomes), tag_ec, zeroed, self.public_seed())
        tag = self.page.tag(Pad.ALICE, self.words.revelation(*message.fields))
        self.mailbox.post(REVELATION, message.to_payload(tag), done_with=(Pad.EC, Pad.ALICE, Pad.BOB))

    def public_seed(self) -> np.ndarray | None:
        """The extractor's public seed, uint8 bits: drawn now, once Bob's rounds are over, and stored before it is used.

        None where the extractor's seed is a reusable secret.
        """
        bits = self.parameters.public_seed_bits
        if not bits:
            return None
        stored = self.page.own(SEED)
        if stored is None:
            self.page.keep_own(SEED, np.packbits(self.random_bits(bits), bitorder="big").tobytes())
            stored = self.page.own(SEED)
        assert stored is not None
        return np.unpackbits(np.frombuffer(stored, np.uint8), count=bits, bitorder="big")

    @step("privacy amplification")
    def amplify_privacy(self) -> None:
        """K_A from A, pending until Bob's decision; this runs while Bob decodes."""
        if self.page.verdict is None:
            self.page.conclude(SOUND, self.amplify(self.rounds.outcomes, self.public_seed()))

    @step("key confirmation")
    def confirm_key(self) -> None:
        """Abort unless G_F is right and F = 1."""
        parts = split_flag(self.mailbox.collect("F", self.timeout_s + 2 * self.parameters.min_response_s))
        if parts is None or not self.page.verify(Pad.ACTIVATION, self.words.activation(parts[0]), parts[1]):
            raise SessionAborted(AbortReason.ACTIVATION, "Bob's decision does not carry the right tag")
        if parts[0] != b"\1":
            raise SessionAborted(AbortReason.ACTIVATION, "Bob does not accept the key")

    @step("key concatenation")
    def concatenate_key(self) -> None:
        """K1 = K0' | K_A: the ledger activates the key."""
        self.page.accept()


SEED = "seed"
