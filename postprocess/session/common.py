"""What both roles of a session share: its frame, its result, and the exact bytes under each tag."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from postprocess.errors import AbortReason, DiqkdError, InvalidInput, PeerLost, SessionAborted
from postprocess.keystore import ACCEPTED, Keystore
from postprocess.session.mailbox import PROBE_S, Mailbox

if TYPE_CHECKING:
    from postprocess.link import Link
    from postprocess.plans.session_parameters import SessionParameters
    from postprocess.rounds import RawRounds

TAG_BYTES = 8
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
        def timed(self: Session, *args: Any) -> Any:
            clock = self.private_seconds if private else self.seconds
            if not private:
                self.progress(name)
            start = time.perf_counter()
            try:
                return method(self, *args)
            finally:
                clock[name] = clock.get(name, 0.0) + time.perf_counter() - start

        return timed  # type: ignore[return-value]

    return wrap


class Session:
    """Post-processing of stored rounds on one node, steps 4 to 12 (Nadlinger 2022, S3).

    Args:
        parameters: the session's public parameters.
        rounds: this node's raw strings, complete.
        link: channel "session" to the peer.
        keystore: this node's ledger; the session is reserved there if it is not yet.
        timeout_s: longest wait for each message of the peer.
        progress: called with the name of each step as it begins.
        probe_s: silence after which the peer is asked where it stands.
        min_response_s: Bob responds no sooner. How long his steps 4 to 9 take tells how hard decoding was and where
            they stopped; a time longer than they ever need tells nothing. Has no effect at Alice.

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
        min_response_s: float = 0.0,
    ) -> None:
        if keystore.node != self.node:
            raise InvalidInput(f"{keystore.path}: the ledger of {keystore.node}, the session's role is {self.node}")
        for name in ("settings", "test", "outcomes"):
            if getattr(rounds, name).shape != (parameters.rounds,):
                raise InvalidInput(f"stored rounds: {name} must hold {parameters.rounds} rounds")
        self.parameters, self.rounds = parameters, rounds
        self.timeout_s, self.min_response_s = timeout_s, min_response_s
        self.progress = progress or (lambda name: None)
        self.seconds: dict[str, float] = {}
        self.private_seconds: dict[str, float] = {}
        self.page = keystore.reserve(parameters.session_id, parameters)
        self.mailbox = Mailbox(self.page, link, self.node, timeout_s, probe_s)
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
        if self.page.outcome == ACCEPTED and self.mailbox.peer_outcome == AbortReason.ABANDONED:
            self._follow_into_abandonment()
        return True

    def _follow_into_abandonment(self) -> None:
        if not self.page.revoke():
            raise DiqkdError(
                f"session {self.parameters.session_id}: abandoned by the peer, but its key is in use here; "
                "the peer has no such key, stop using it"
            )

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

    def amplify(self, source: np.ndarray) -> np.ndarray:
        """Trevisan(source; S_Trev), ell bits."""
        from postprocess.privacy import TrevisanExtractor

        parameters = self.parameters
        extractor = TrevisanExtractor(parameters.rounds, parameters.ell, parameters.eps_pa / parameters.ell)
        return extractor.extract(source, self.page.trevisan_seed(extractor.seed_bits))


class TagInputs:
    """The bytes under each tag: session, sender, kind and digest of the parameters, then the fields of the paper."""

    def __init__(self, parameters: SessionParameters) -> None:
        self._session_id, self._digest = parameters.session_id, parameters.digest()

    def error_correction(self, alice_outcomes: np.ndarray) -> bytes:
        """Under G_EC: A."""
        return self._encode("alice", "G_EC", alice_outcomes)

    def round_types(self, test: np.ndarray) -> bytes:
        """Under G_B: T."""
        return self._encode("bob", "G_B", test)

    def bases(self, x: np.ndarray, tag_ec: bytes, c: bytes) -> bytes:
        """Under G_A: X, G_EC and C (one byte)."""
        return self._encode("alice", "G_A", x, tag_ec, c)

    def activation(self, f: bytes) -> bytes:
        """Under G_F: F (one byte)."""
        return self._encode("bob", "G_F", f)

    def _encode(self, sender: str, kind: str, *fields: bytes | np.ndarray) -> bytes:
        from postprocess.authentication import encode

        return encode(self._session_id, sender, kind, self._digest, *fields)


def pack(bits: np.ndarray) -> bytes:
    """uint8 bits as bytes, most significant bit first, the last byte padded with zeros."""
    return np.packbits(bits, bitorder="big").tobytes()


def unpack(data: bytes, count: int) -> np.ndarray | None:
    """`count` bits from bytes; None when the length or the padding is not that of `pack`."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="big")
    if len(data) != -(-count // 8) or bits[count:].any():
        return None
    return bits[:count]


def split_flag(payload: bytes) -> tuple[bytes, bytes] | None:
    """One byte 0 or 1 and the tag that follows; None for anything else."""
    flag, tag = payload[:1], payload[1:]
    return (flag, tag) if flag in (b"\0", b"\1") and len(tag) == TAG_BYTES else None
