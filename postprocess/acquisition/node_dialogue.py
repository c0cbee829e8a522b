"""The conversation of the two nodes during the rounds: numbered meetings between two known incarnations of the
programs.

A node may be killed and started again while its peer lives on, and messages of the dead incarnation may still lie in
the link. So each incarnation picks a random name, both learn each other's by a three-way hello, and every later
message says from whom, to whom and for which meeting it is; anything else is stale and dropped. A hello from a new
incarnation interrupts whatever goes on (`PeerRestarted`): the meeting is then held again from its beginning, which
all steps of a meeting allow.

A message is an envelope, `from`, `to` and `meeting`, around content that meeting.py knows. A hello carries the public
parameters.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from contract.nodes import NODES, other_node
from postprocess.errors import AbortReason, InvalidInput, PeerLost, SessionAborted
from postprocess.link import Link, Silence, codec
from postprocess.plans.measurement_plan import RoundsPlan, read_plan

HELLO, STATUS, TYPES, PATTERNS = "hello", "status", "round types", "patterns"
KINDS = (HELLO, STATUS, TYPES, PATTERNS)
REPEAT_HELLO_S = 1.0
LOOK_FOR_PEER_S = 5.0

_RESUME = "start both nodes again with the same session to resume"

NAME = codec.text(16)
ENVELOPE = {
    "from": NAME,
    "to": NAME,
    "meeting": codec.integer(0, 1 << 40),
    "content": codec.byte_string(codec.MOST_TEXT),
}
GREETING = {
    "node": codec.text(16),
    "digest": codec.byte_string(32),
    "parameters": codec.text(1 << 16),
    "k0_id": codec.text(64),
    "begun": codec.flag,
    "ended": codec.text(64),
}


@dataclass(frozen=True)
class Envelope:
    """A message as it came: names of both incarnations, number of the meeting, content."""

    sender: str
    to: str
    meeting: int
    content: bytes


class PeerRestarted(Exception):
    """The peer began anew in the middle of a meeting; `hello` is its first message."""

    def __init__(self, hello: Envelope) -> None:
        super().__init__("the peer was started again")
        self.hello = hello


class NodeDialogue:
    """One node's end of the conversation.

    Args:
        link: channel "rounds"; it may lose messages when a process dies, but keeps their order.
        node: "alice" or "bob".
        parameters: compared in every hello.
        clock: monotonic seconds.
        k0_id: public name of this node's K0, compared likewise; empty for rounds that make no key.
        begun: whether a block of these rounds has been burned here; before that no tag of the session exists.
        ended: how this node's ledger has closed the session without a key, an AbortReason; empty while it is open.

    Attributes:
        acquainted: both incarnations know each other and have equal parameters.
    """

    def __init__(
        self,
        link: Link,
        node: str,
        parameters: RoundsPlan,
        clock: Callable[[], float] = time.monotonic,
        *,
        k0_id: str = "",
        begun: bool = False,
        ended: str = "",
        silent: Callable[[], None] = lambda: None,
    ) -> None:
        self._link, self._node, self._parameters, self._clock = link, node, parameters, clock
        self._k0_id, self._begun, self._ended, self._silent = k0_id, begun, ended, silent
        self._me = secrets.token_hex(8)
        self._peer = ""
        self.acquainted = False
        self._meeting = 0
        self._early: deque[tuple[str, Envelope]] = deque()

    def greet(self, timeout_s: float, hello: Envelope | None = None) -> None:
        """Get to know the peer and compare the public parameters; `hello` is one that has arrived already.

        Raises:
            SessionAborted: on both nodes, PARAMETER_MISMATCH with the fields that differ, or the reason for which one
                of them has closed the session.
            PeerLost: no peer within the time.
        """
        self._peer, self._meeting, self.acquainted = "", 0, False
        self._early.clear()
        deadline = self._clock() + timeout_s
        if hello is None:
            self._say_hello("")
        while True:
            if hello is None:
                kind, message = self._next_message(deadline, "to begin", repeat_hello=True)
                if kind != HELLO:
                    if message.to == self._me and message.sender == self._peer:
                        self._early.append((kind, message))
                        break
                    continue
            else:
                message, hello = hello, None
            known = message.sender == self._peer
            if not known or message.to != self._me:
                self._answer_hello(message)
            self._require_equal_parameters(message)
            self._peer = message.sender
            if message.to == self._me:
                break
        self.acquainted = True

    def next_meeting(self) -> None:
        """Begin the next numbered meeting."""
        self._meeting += 1

    def send(self, kind: str, content: bytes) -> None:
        """Send a message of this meeting."""
        self._post(kind, self._peer, self._meeting, content)

    def receive(self, kind: str, timeout_s: float, occasion: str, absence_s: float | None = None) -> bytes:
        """Content of the peer's message of this kind and meeting.

        Args:
            absence_s: while waiting, the link may be down for so long at a time; None does not look at it.

        Raises:
            PeerLost: names the occasion.
            PeerRestarted: a new incarnation says hello.
            InvalidInput: the peer speaks another protocol.
        """
        deadline = self._clock() + timeout_s
        while True:
            got, message = (
                self._early.popleft() if self._early else self._next_message(deadline, occasion, absence_s=absence_s)
            )
            if got == HELLO:
                if message.sender != self._peer:
                    raise PeerRestarted(message)
                if message.to != self._me:
                    self._answer_hello(message)
            elif (message.sender, message.to, message.meeting) == (self._peer, self._me, self._meeting):
                if got != kind:
                    raise InvalidInput(
                        f"peer: sent '{got}' where '{kind}' is due; both nodes must run the same version of diqkd"
                    )
                return message.content

    def exchange(
        self, kind: str, content: bytes, timeout_s: float, occasion: str, absence_s: float | None = None
    ) -> bytes:
        """Send a message and receive the peer's of the same kind."""
        self.send(kind, content)
        return self.receive(kind, timeout_s, occasion, absence_s)

    def _say_hello(self, to: str) -> None:
        public = {
            "node": self._node,
            "digest": self._parameters.digest(),
            "parameters": self._parameters.to_json(),
            "k0_id": self._k0_id,
            "begun": self._begun,
            "ended": self._ended,
        }
        self._post(HELLO, to, 0, codec.encode(public))

    def _answer_hello(self, message: Envelope) -> None:
        try:
            self._say_hello(message.sender)
        except PeerLost:
            # A peer that found a mismatch may be gone already; its hello still tells which.
            self._require_equal_parameters(message)
            raise

    def _require_equal_parameters(self, message: Envelope) -> None:
        greeting = codec.decode(HELLO, message.content, GREETING)
        differences = []
        if greeting["digest"] != self._parameters.digest():
            try:
                fields = self._parameters.differences(read_plan(greeting["parameters"]))
            except InvalidInput:
                fields = ["format of the parameters"]
            differences.append(
                f"the nodes differ in {', '.join(fields) or 'the digest'}; start both with the same parameters"
            )
        elif greeting["k0_id"] != self._k0_id:
            differences.append(
                "the nodes hold different draws of K0; provision both from one file of `diqkd keys provision --draw`"
            )
        if greeting["node"] == self._node or greeting["node"] not in NODES:
            differences.append(f"both nodes say that they are {self._node}; start one of each")
        if differences:
            untouched = not greeting["begun"] and not self._begun
            raise SessionAborted(AbortReason.PARAMETER_MISMATCH, "; ".join(differences), untouched=untouched)
        self.require_open(greeting["ended"], self._other)
        self.require_open(self._ended, self._node)

    @staticmethod
    def require_open(ended: str, node: str) -> None:
        """SessionAborted when a node's ledger has closed the session without a key."""
        if ended:
            reason = AbortReason(ended) if ended in set(AbortReason) else AbortReason.ABANDONED
            raise SessionAborted(reason, f"{node}'s ledger has closed this session; start a new one, by another name")

    def _post(self, kind: str, to: str, meeting: int, content: bytes) -> None:
        message = {"from": self._me, "to": to, "meeting": meeting, "content": content}
        self._link.send(kind, codec.encode(message))

    def _next_message(
        self, deadline: float, occasion: str, *, repeat_hello: bool = False, absence_s: float | None = None
    ) -> tuple[str, Envelope]:
        step = REPEAT_HELLO_S if repeat_hello else LOOK_FOR_PEER_S
        while (left := deadline - self._clock()) > 0:
            try:
                kind, payload = self._link.receive(KINDS, min(left, step))
                message = codec.decode(kind, payload, ENVELOPE)
                return kind, Envelope(message["from"], message["to"], message["meeting"], message["content"])
            except Silence:
                if repeat_hello:
                    self._say_hello("")
                elif absence_s is None:
                    self._silent()
                elif not self._link.peer_is_there(absence_s):
                    raise PeerLost(f"{self._other} is gone since it asked for time; {_RESUME}") from None
            except PeerLost as lost:
                raise PeerLost(f"{self._other} left before it came {occasion} ({lost}); {_RESUME}") from lost
        raise PeerLost(f"{self._other} did not come {occasion} in time; {_RESUME}")

    @property
    def _other(self) -> str:
        return other_node(self._node)
