"""What both roles of a session share: its frame and its result."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from postprocess.errors import AbortReason, InvalidInput, NodesDisagree, PeerLost, SessionAborted
from postprocess.keystore import ACCEPTED, Keystore
from postprocess.session.mailbox import PROBE_S, Mailbox
from postprocess.session.tag_inputs import TagInputs

if TYPE_CHECKING:
    from postprocess.link import Link
    from postprocess.plans.session_parameters import SessionParameters
    from postprocess.rounds import RawRounds

CLOSING_S = 10.0
LAST_STATUS_S = 0.2  # for a peer that still asks; one that has left knows all

Step = TypeVar("Step", bound=Callable[..., Any])


@dataclass(frozen=True)
class SessionResult:
    """How a session ended; nothing in it is private.

    Attributes:
        accepted: a key is active on this node.
        abort_reason: public name of the abort, None when accepted.
        ell: bits of the new key, 0 when aborted. key_id: its name in the ledger.
        seconds: time per step on this node; steps whose duration is private are taken together.
        detail: public explanation of an abort, may be empty.
        peer_informed: the peer has said how it ended; otherwise start the session on both nodes again, so that it
            hears of it.
        apparatus, insecure_because: what must be said with the key.
    """

    accepted: bool
    abort_reason: AbortReason | None
    ell: int
    key_id: str | None
    seconds: dict[str, float]
    detail: str = ""
    peer_informed: bool = True
    apparatus: str = ""
    insecure_because: tuple[str, ...] = ()


def step(name: str, *, private: bool = False) -> Callable[[Step], Step]:
    """Mark a method as a step of the protocol: its name is announced, its duration kept.

    Whether and for how long a private step ran tells something about A and B: it is neither announced nor returned.
    """

    def wrap(method: Step) -> Step:
        @functools.wraps(method)
        def timed(self: SessionRole, *args: Any) -> Any:
            durations = self.private_seconds if private else self.seconds
            if not private:
                self.progress(name)
            start = self.clock.monotonic()
            try:
                return method(self, *args)
            finally:
                durations[name] = durations.get(name, 0.0) + self.clock.monotonic() - start

        return timed  # type: ignore[return-value]

    return wrap


class SessionRole:
    """Post-processing of stored rounds on one node, steps 4 to 12 (Nadlinger 2022, S3).

    Args:
        parameters: the session's public parameters.
        rounds: this node's raw strings, complete.
        link: channel "session" to the peer.
        keystore: this node's ledger; the session is reserved there if it is not yet. Its clock is the session's.
        timeout_s: longest wait for each message of the peer.
        progress: called with the name of each step as it begins.
        probe_s: silence after which the peer is asked where it stands.
        random_bits: private random bits for Alice's public seed, count -> uint8 (count,); None where no extractor of
            these parameters needs one.
        decoder: who decodes at Bob's, one of postprocess.reconciliation.reference_decoder.

    Raises:
        InvalidInput: the strings do not fit the parameters, or the ledger refuses the session.
    """

    node: str

    def __init__(
        self,
        parameters: SessionParameters,
        rounds: RawRounds,
        link: Link,
        keystore: Keystore,
        *,
        timeout_s: float,
        progress: Callable[[str], None] | None = None,
        probe_s: float = PROBE_S,
        random_bits: Callable[[int], np.ndarray] | None = None,
        decoder: str = "own",
    ) -> None:
        if keystore.node != self.node:
            raise InvalidInput(f"{keystore.path}: the ledger of {keystore.node}, the session's role is {self.node}")
        for name in ("settings", "test", "outcomes"):
            if getattr(rounds, name).shape != (parameters.rounds,):
                raise InvalidInput(f"stored rounds: {name} must hold {parameters.rounds} rounds")
        if (rounds.barrier is not None) != parameters.barrier:
            raise InvalidInput("stored rounds: with the barrier's bits only and always where the session has a barrier")
        self.parameters, self.rounds = parameters, rounds
        self.timeout_s, self.clock = timeout_s, keystore.clock
        self._random_bits, self.decoder = random_bits, decoder
        self.progress = progress or (lambda name: None)
        self.seconds: dict[str, float] = {}
        self.private_seconds: dict[str, float] = {}
        self.page = keystore.reserve(parameters.session_id, parameters)
        self.mailbox = Mailbox(self.page, link, self.node, timeout_s, probe_s, self.clock.monotonic)
        self.words = TagInputs(parameters)

    def run(self) -> SessionResult:
        """Go from wherever the session stands to its end.

        A session that has ended tells its peer again and returns the same result.

        Raises:
            PeerLost: a wait on the peer ran out; the session stays open, run it again.
        """
        if self.page.outcome is None:
            try:
                self.mailbox.meet()
                self.follow_protocol()
            except SessionAborted as abort:
                self.page.abort(abort.reason, abort.detail)
        return self.result(peer_informed=self.close())

    def random_bits(self, count: int) -> np.ndarray:
        """Private random bits, uint8 (count,)."""
        if self._random_bits is None:
            raise InvalidInput(
                f"session {self.parameters.session_id}: its extractor needs a random source for the seed"
            )
        return self._random_bits(count)

    def follow_protocol(self) -> None:
        """The steps of this role, to an outcome in the ledger; raises SessionAborted with the public reason."""
        raise NotImplementedError

    @step("closing")
    def close(self) -> bool:
        """Closing handshake: tell the peer the outcome and learn its own; whether that worked. The outcome stands."""
        try:
            self.mailbox.announce(asks=True)
            self.mailbox.await_outcome(min(CLOSING_S, self.timeout_s))
            self.mailbox.announce(patience_s=LAST_STATUS_S)
        except PeerLost:
            if self.mailbox.peer_outcome is None:
                return False
        if self.page.outcome == ACCEPTED and self.mailbox.peer_outcome not in (None, ACCEPTED):
            raise NodesDisagree(
                f"session {self.parameters.session_id}: accepted here, the peer says '{self.mailbox.peer_outcome}': "
                "it has no such key, do not use it; compare both nodes, then `diqkd keys abandon` here too"
            )
        return True

    def result(self, peer_informed: bool) -> SessionResult:
        """The outcome as the ledger has it."""
        outcome, parameters = self.page.outcome, self.parameters
        accepted = outcome == ACCEPTED
        return SessionResult(
            accepted=accepted,
            abort_reason=None if accepted else AbortReason(outcome or ""),
            ell=parameters.ell if accepted else 0,
            key_id=parameters.session_id if accepted else None,
            seconds=dict(self.seconds),
            detail=self.page.detail,
            peer_informed=peer_informed,
            apparatus=parameters.apparatus,
            insecure_because=self.page.insecure_because,
        )

    def amplify(self, source: np.ndarray, public_seed: np.ndarray | None) -> np.ndarray:
        """The key, uint8 (ell,), from Alice's string; the seed is public, or in K0 where there is none."""
        from postprocess.privacy import extractor_named

        parameters = self.parameters
        extractor = extractor_named(parameters.extractor).for_key(parameters.rounds, parameters.ell, parameters.eps_pa)
        if not extractor.seed_is_public:
            return extractor.extract(source, self.page.trevisan_seed(extractor.seed_bits))
        assert public_seed is not None
        return extractor.extract(source, public_seed)
