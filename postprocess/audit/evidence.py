"""What one node has stored of a session, read without changing anything."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from postprocess.audit.finding import CannotBeChecked
from postprocess.errors import InvalidInput
from postprocess.keystore import Keystore, LedgerConflict
from postprocess.plans.measurement_plan import stored_plan
from postprocess.plans.session_parameters import SessionParameters
from postprocess.rounds import RawRounds, RoundStore
from postprocess.rounds.round_files import ERASED, PARAMETERS_FILE
from postprocess.session.alice import SEED
from postprocess.session.revelation import REVELATION, Revelation
from postprocess.session.tag_inputs import TagInputs, unpack
from postprocess.storage.node_home import NodeHome

if TYPE_CHECKING:
    from postprocess.reconciliation.code import Code

ERASED_NOW = "strings and messages are erased"
OPEN = "the session is still open"


class Evidence:
    """A node's files and its page in the ledger.

    Attributes:
        home, keystore, page, parameters: of the session; the parameters are the ledger's.
        erased: its strings and messages were erased after the key had left.
        node: "alice" or "bob".

    Raises:
        InvalidInput: the ledger does not know the session, or its parameters there are damaged.
    """

    def __init__(self, home: NodeHome, keystore: Keystore, session_id: str) -> None:
        self.home, self.keystore, self.node = home, keystore, home.node
        self.page = keystore.session(session_id)
        self.parameters: SessionParameters = self.page.parameters
        self.folder = home.session_folder(session_id)
        self.words = TagInputs(self.parameters)
        self.erased = (self.folder / ERASED).exists()

    def require_strings(self) -> None:
        """CannotBeChecked where strings are erased, were never measured, or belong to a session that is still open.

        Before the end nothing is recomputed from them: what Bob would find must not show early.
        """
        if self.erased:
            raise CannotBeChecked(ERASED_NOW)
        if self.page.outcome is None:
            raise CannotBeChecked(OPEN)
        if not RoundStore.exists(self.folder):
            raise CannotBeChecked("no rounds are stored here")

    @cached_property
    def store(self) -> RoundStore:
        """The rounds, open for reading."""
        self.require_strings()
        try:
            if self.parameters.differences(stored_plan(self.folder / PARAMETERS_FILE)):
                raise CannotBeChecked("the parameters beside the rounds are not the ledger's")
            store = RoundStore.open(self.folder, read_only=True)
        except InvalidInput:
            raise CannotBeChecked("the stored rounds cannot be read") from None
        store.close()
        return store

    def require_readable(self) -> None:
        """InvalidInput where the stored rounds are damaged; other parameters beside them are another claim."""
        if not self.parameters.differences(stored_plan(self.folder / PARAMETERS_FILE)):
            RoundStore.open(self.folder, read_only=True).close()

    @cached_property
    def rounds(self) -> RawRounds:
        """The node's complete private strings."""
        if not self.store.complete:
            raise CannotBeChecked("the rounds were not completed")
        return self.store.raw()

    @cached_property
    def revelation(self) -> Revelation:
        """Alice's message as this node has it."""
        self.require_strings()
        stored = self.message("sent" if self.node == "alice" else "received", REVELATION)
        found = Revelation.from_payload(stored, self.parameters)
        if found is None:
            raise InvalidInput("Alice's message is none that these parameters allow")
        return found[0]

    def message(self, direction: str, kind: str) -> bytes:
        """The content of a stored message."""
        if self.erased:
            raise CannotBeChecked(ERASED_NOW)
        try:
            payload = self.page.sent(kind) if direction == "sent" else self.page.received(kind)
        except LedgerConflict:
            raise CannotBeChecked(f"message {kind} has changed since it was stored") from None
        if payload is None:
            raise CannotBeChecked(f"message {kind} was not {direction}")
        return payload

    @cached_property
    def code(self) -> Code:
        """The public code."""
        from postprocess.reconciliation import make_code

        return make_code(self.parameters.rounds, self.parameters.syndrome_bits, self.parameters.code_seed)

    @cached_property
    def reconstruction(self) -> tuple[np.ndarray, bool]:
        """A~ from Bob's strings and Alice's message, uint8 (n,), and whether H A~ = M; Bob's step 5 once more."""
        from postprocess.estimation.priors import log_likelihood_ratios, with_zeroed_rounds

        parameters, rounds, message = self.parameters, self.rounds, self.revelation
        syndrome = unpack(message.m, parameters.syndrome_bits)
        x = message.settings(rounds.test, rounds.key_basis)
        if syndrome is None or x is None:
            raise InvalidInput("Alice's message does not fit Bob's round types")
        masks = [z.mask(parameters.rounds) for z in (message.zeroed_rounds(parameters), rounds.zeroed)]
        ratios = log_likelihood_ratios(rounds.outcomes, x, rounds.settings, parameters.priors)
        ratios = with_zeroed_rounds(ratios, rounds.settings, parameters.priors, *masks)
        decoded = self.code.decode(ratios, syndrome)
        alice = np.asarray(decoded.bits, np.uint8)
        return alice, bool(decoded.converged) and np.array_equal(self.code.syndrome(alice), syndrome)

    @cached_property
    def alice(self) -> np.ndarray:
        """A on Alice's node, A~ on Bob's, uint8 (n,)."""
        if self.node == "alice":
            return self.rounds.outcomes
        bits, converged = self.reconstruction
        if not converged:
            raise CannotBeChecked("no string of Alice can be reconstructed")
        return bits

    def extract(self) -> np.ndarray:
        """The key from A (or A~) and the seed, uint8 (ell,); private."""
        from postprocess.privacy import extractor_named

        p = self.parameters
        extractor = extractor_named(p.extractor).for_key(p.rounds, p.ell, p.eps_pa)
        if not extractor.seed_is_public:
            return extractor.extract(self.alice, self.page.trevisan_seed(extractor.seed_bits))
        seed = unpack(self.revelation.seed, p.public_seed_bits)
        if seed is None:
            raise InvalidInput("the public seed in Alice's message is none")
        return extractor.extract(self.alice, seed)

    def drawn_seed(self) -> bytes:
        """The public seed as Alice has drawn it; empty without one."""
        return self.page.own(SEED) or b""
