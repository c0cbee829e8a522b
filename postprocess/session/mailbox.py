"""Messages of a session that outlive crashes: stored before they are sent, sent again until the peer holds them.

Both nodes tell each other where they stand (parameters, pads held, messages stored, outcome) when they meet, whenever
one has waited a while, and at the end. Whoever reads that the peer lacks a message sends the stored bytes again. A
status carries no tag: forging one can stop a session or leave the two outcomes apart, never produce a second message
under a pad or a wrong key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from postprocess.errors import AbortReason, InvalidInput, PeerLost, SessionAborted
from postprocess.keystore import ACCEPTED, LedgerConflict, Pad, SessionLedger
from postprocess.link import Link, Silence, codec, open_link
from postprocess.plans.session_parameters import SessionParameters
from postprocess.session.revelation import REVELATION
from postprocess.storage.node_home import NodeHome

STATUS = "status"
PROBE_S = 2.0

KINDS = {"alice": (REVELATION,), "bob": ("G_B", "F")}
ANSWERS = {REVELATION: "G_B", "F": REVELATION}


@dataclass(frozen=True)
class SessionStatus:
    """Where a node stands: `pads` is the set it holds, `usable` what it could hold; `asks` wants an answer."""

    parameters: str
    k0_id: str
    pads: str
    usable: tuple[str, ...]
    holds: tuple[str, ...]
    outcome: str | None
    detail: str
    asks: bool

    def pack(self) -> bytes:
        """As it travels."""
        return codec.encode(vars(self))

    @classmethod
    def unpack(cls, payload: bytes) -> SessionStatus | None:
        """The status, or None when these bytes are none."""
        try:
            content = codec.decode(STATUS, payload, _FIELDS)
        except codec.NotUnderstood:
            return None
        content |= {name: tuple(content[name]) for name in ("usable", "holds")}
        return cls(**content)


_LABEL = codec.text(128)
_OUTCOMES = {None, ACCEPTED, *(reason.value for reason in AbortReason)}
_FIELDS = {
    "parameters": codec.text(1 << 16),
    "k0_id": _LABEL,
    "pads": _LABEL,
    "usable": codec.list_of(_LABEL, 100_000),
    "holds": codec.list_of(_LABEL, 16),
    "outcome": lambda value: (value is None or isinstance(value, str)) and value in _OUTCOMES,
    "detail": codec.text(1024),
    "asks": codec.flag,
}


class Mailbox:
    """One node's end of the conversation of a session.

    Args:
        page: the session's page in the ledger; every message goes through it.
        link: channel "session" of this session.
        node: "alice" or "bob".
        timeout_s: how long to wait for each awaited message.
        probe_s: how long to wait before asking the peer where it stands.
        monotonic: seconds.

    Attributes:
        peer_outcome: the peer's public outcome as far as it is known.
    """

    def __init__(
        self,
        page: SessionLedger,
        link: Link,
        node: str,
        timeout_s: float,
        probe_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._page, self._link, self._timeout_s, self._probe_s = page, link, timeout_s, probe_s
        self._monotonic = monotonic
        self._peer = "bob" if node == "alice" else "alice"
        self._kinds = KINDS[self._peer]
        self._met = False
        self.peer_outcome: str | None = None

    def meet(self, timeout_s: float | None = None) -> None:
        """Exchange where both stand; missing messages go out again.

        Raises:
            PeerLost: nobody there.
            SessionAborted: the peer has other parameters, no pads in common, or has abandoned the session.
        """
        self._met = False
        self.announce(asks=True)
        self._until(lambda: self._met, f"{self._peer}'s greeting", timeout_s)

    def post(self, kind: str, payload: bytes, done_with: Iterable[Pad] = ()) -> None:
        """Store a message, overwrite the pads that are then of no further use, and send it.

        The same message again sends nothing (the peer asks for what it lacks).
        """
        known = self._page.sent(kind) is not None
        self._page.keep_sent(kind, payload, done_with)
        if not known:
            self._try_to_send(kind, payload)

    def send_again(self, kind: str) -> None:
        """Send a stored message, if the peer is there."""
        stored = self._page.sent(kind)
        assert stored is not None
        self._try_to_send(kind, stored)

    def collect(self, kind: str, timeout_s: float | None = None) -> bytes:
        """The peer's message of this kind, stored before it is returned. Raises PeerLost, SessionAborted."""
        self._until(lambda: self._page.received(kind) is not None, f"{kind} from {self._peer}", timeout_s)
        payload = self._page.received(kind)
        assert payload is not None
        return payload

    def await_outcome(self, timeout_s: float | None = None) -> str:
        """How the session ended at the peer: ACCEPTED or the value of an abort. Raises PeerLost."""
        self._until(lambda: self.peer_outcome is not None, f"{self._peer}'s outcome", timeout_s)
        assert self.peer_outcome is not None
        return self.peer_outcome

    def announce(self, asks: bool = False, patience_s: float | None = None) -> None:
        """Tell the peer where this node stands, if it is there within `patience_s` (default: as for any message)."""
        page = self._page
        status = SessionStatus(
            parameters=page.parameters.to_json(),
            k0_id=page.k0_id,
            pads=page.pad_label,
            usable=tuple(page.usable_pads()),
            holds=tuple(page.inbox()),
            outcome=page.outcome,
            detail=page.detail,
            asks=asks,
        )
        self._try_to_send(STATUS, status.pack(), patience_s)

    def _try_to_send(self, kind: str, payload: bytes, patience_s: float | None = None) -> None:
        """Send if the peer is there; if not, the next exchange of status makes up for it."""
        with suppress(Silence):
            self._link.send(kind, payload, self._probe_s if patience_s is None else patience_s)

    def _until(self, done: Callable[[], bool], what: str, timeout_s: float | None = None) -> None:
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        deadline = self._monotonic() + timeout_s
        while not done():
            left = deadline - self._monotonic()
            if left <= 0:
                raise PeerLost(
                    f"session {self._page.parameters.session_id}: no {what} within {timeout_s:.0f} s; "
                    "it stays open, start it again on both nodes"
                )
            try:
                kind, payload = self._link.receive((*self._kinds, STATUS), min(left, self._probe_s))
            except Silence:
                self.announce(asks=True)
                continue
            except PeerLost as loss:
                raise PeerLost(f"session {self._page.parameters.session_id}: waiting for {what}, {loss}") from loss
            if kind == STATUS:
                self._take_status(self._newest(payload))
            elif self._is_due(kind):
                self._page.keep_received(kind, payload)

    def _is_due(self, kind: str) -> bool:
        """Whether the peer can have sent this by now: it answers a message of ours, or is the first of all."""
        before = ANSWERS.get(kind)
        return before is None or self._page.sent(before) is not None

    def _newest(self, payload: bytes) -> bytes:
        """The last status of those that have piled up while this node was at work."""
        while True:
            try:
                _, payload = self._link.receive(STATUS, 0.0)
            except PeerLost:
                return payload

    def _take_status(self, payload: bytes) -> None:
        status = SessionStatus.unpack(payload)
        if status is None or (self._is_proven() and not self._fits(status)):
            return
        self.peer_outcome = status.outcome
        if self._page.outcome is None:
            self._compare(status)
        self._met = True
        outbox = self._page.outbox()
        foreign = [kind for kind in status.holds if kind not in outbox]
        if foreign:
            named = " and ".join(kind for kind in foreign if kind in ("G_B", *ANSWERS)) or "messages"
            raise LedgerConflict(
                f"session {self._page.parameters.session_id}: {self._peer} holds {named} that this "
                "ledger never sent: somebody else has the link's keys, or this home is an old copy; abandon the "
                "session on both nodes, and make new link keys or, if a home was restored, provision new homes"
            )
        for kind, stored in outbox.items():
            if kind not in status.holds:
                self._try_to_send(kind, stored)
        if status.asks:
            self.announce()

    def _is_proven(self) -> bool:
        """Whether a tag has shown that the peer has these parameters and this K0: to Alice G_B, to Bob the revelation.

        A status, which carries no tag, then ends nothing by saying otherwise.
        """
        return self._page.sent("F" if self._peer == "alice" else REVELATION) is not None

    def _fits(self, status: SessionStatus) -> bool:
        page = self._page
        return (status.parameters, status.k0_id) == (page.parameters.to_json(), page.k0_id)

    def _compare(self, status: SessionStatus) -> None:
        """Refuse other parameters, follow an operator's end, settle on one set of pads."""
        if status.parameters != self._page.parameters.to_json():
            raise SessionAborted(AbortReason.PARAMETER_MISMATCH, _differences(self._page.parameters, status.parameters))
        if status.k0_id != self._page.k0_id:
            raise SessionAborted(
                AbortReason.PARAMETER_MISMATCH, "the nodes hold different draws of K0; provision both from one file"
            )
        if status.outcome not in (None, ACCEPTED) and self._may_follow(AbortReason(status.outcome)):
            raise SessionAborted(self._followed(status.outcome), f"at {self._peer} {status.detail}".strip())
        if status.outcome is None and status.pads != self._page.pad_label:
            common = [label for label in self._page.usable_pads() if label in status.usable]
            if not common:
                raise SessionAborted(AbortReason.PARAMETER_MISMATCH, "the ledgers have no pads in common")
            self._page.hold_pads(common[0])

    def _may_follow(self, reason: AbortReason) -> bool:
        """Whether an abort that only a status tells, without a tag, ends this node's session too.

        Bob follows any until his F has left, and none afterwards. Alice follows any but his decision: for that she
        waits for F, which is stored wherever he has decided.
        """
        return self._page.sent("F") is None if self._peer == "alice" else reason is not AbortReason.ACTIVATION

    def _followed(self, outcome: str) -> AbortReason:
        """Alice says that she judged an F, and none has left: it was somebody else's."""
        reason = AbortReason(outcome)
        forged = self._peer == "alice" and reason is AbortReason.ACTIVATION
        return AbortReason.AUTHENTICATION if forged else reason


def peer_waits_in_post_processing(home: NodeHome, link_name: str) -> bool:
    """Whether the peer asks on the channel of post-processing where this node stands; waits for that a little."""
    link = open_link(home.folder, home.node, link_name, "session", PROBE_S)
    try:
        link.receive(STATUS, 1.5 * PROBE_S)
        return True
    except PeerLost:
        return False
    finally:
        link.close()


def _differences(ours: SessionParameters, theirs: str) -> str:
    try:
        return ", ".join(ours.differences(SessionParameters.from_json(theirs)))
    except InvalidInput:
        return "the peer's are not readable"
