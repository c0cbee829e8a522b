"""The conversation of the two nodes during the rounds: numbered meetings between two known incarnations of the
programs.

A node may be killed and started again while its peer lives on, and messages of the dead incarnation may still lie in
the link. So each incarnation picks a random name, both learn each other's by a three-way hello, and every later
message says from whom, to whom and for which meeting it is; anything else is stale and dropped. A hello from a new
incarnation interrupts whatever goes on (`PeerRestarted`): the meeting is then held again from its beginning, which
all steps of a meeting allow.

Messages are JSON with `from`, `to`, `meeting` and the content named in meeting.py. A hello carries the public
parameters.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from postprocess.errors import AbortReason, InvalidInput, PeerLost, SessionAborted
from postprocess.link import Link, Silence
from postprocess.plans.measurement_plan import RoundsPlan

HELLO, STATUS, TYPES, PATTERNS = "hello", "status", "round types", "patterns"
KINDS = (HELLO, STATUS, TYPES, PATTERNS)
REPEAT_HELLO_S = 1.0
LOOK_FOR_PEER_S = 5.0

_RESUME = "start both nodes again with the same session to resume"

Message = dict[str, Any]


class PeerRestarted(Exception):
    """The peer began anew in the middle of a meeting; `hello` is its first message."""

    def __init__(self, hello: Message) -> None:
        super().__init__("the peer was started again")
        self.hello = hello


class NodeDialogue:
    """One node's end of the conversation.

    Args:
        link: channel "rounds"; it may lose messages when a process dies, but keeps their order.
        node: "alice" or "bob".
        parameters: compared in every hello.
        clock: monotonic seconds.

    Attributes:
        acquainted: both incarnations know each other and have equal parameters.
    """

    def __init__(
        self, link: Link, node: str, parameters: RoundsPlan, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._link, self._node, self._parameters, self._clock = link, node, parameters, clock
        self._me = secrets.token_hex(8)
        self._peer = ""
        self.acquainted = False
        self._meeting = 0
        self._early: deque[tuple[str, Message]] = deque()

    def greet(self, timeout_s: float, hello: Message | None = None) -> None:
        """Get to know the peer and compare the public parameters; `hello` is one that has arrived already.

        Raises:
            SessionAborted: PARAMETER_MISMATCH with the fields that differ, on both nodes.
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
                    if message["to"] == self._me and message["from"] == self._peer:
                        self._early.append((kind, message))
                        break
                    continue
            else:
                message, hello = hello, None
            known = message["from"] == self._peer
            if not known or message["to"] != self._me:
                self._answer_hello(message)
            self._require_equal_parameters(message)
            self._peer = message["from"]
            if message["to"] == self._me:
                break
        self.acquainted = True

    def next_meeting(self) -> None:
        """Begin the next numbered meeting."""
        self._meeting += 1

    def send(self, kind: str, content: Message) -> None:
        """Send a message of this meeting."""
        self._post(kind, {"from": self._me, "to": self._peer, "meeting": self._meeting, **content})

    def receive(self, kind: str, timeout_s: float, occasion: str, absence_s: float | None = None) -> Message:
        """The peer's message of this kind and meeting.

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
                if message["from"] != self._peer:
                    raise PeerRestarted(message)
                if message["to"] != self._me:
                    self._answer_hello(message)
            elif (message["from"], message["to"], message["meeting"]) == (self._peer, self._me, self._meeting):
                if got != kind:
                    raise InvalidInput(
                        f"peer: sent '{got}' where '{kind}' is due; both nodes must run the same version of diqkd"
                    )
                return message

    def exchange(
        self, kind: str, content: Message, timeout_s: float, occasion: str, absence_s: float | None = None
    ) -> Message:
        """Send a message and receive the peer's of the same kind."""
        self.send(kind, content)
        return self.receive(kind, timeout_s, occasion, absence_s)

    def _say_hello(self, to: str) -> None:
        public = {
            "node": self._node,
            "digest": self._parameters.digest().hex(),
            "parameters": self._parameters.to_json(),
        }
        self._post(HELLO, {"from": self._me, "to": to, "meeting": 0, **public})

    def _answer_hello(self, message: Message) -> None:
        try:
            self._say_hello(message["from"])
        except PeerLost:
            # A peer that found a mismatch may be gone already; its hello still tells which.
            self._require_equal_parameters(message)
            raise

    def _require_equal_parameters(self, message: Message) -> None:
        mine, theirs = json.loads(self._parameters.to_json()), {}
        if message.get("digest") != self._parameters.digest().hex():
            try:
                theirs = json.loads(message["parameters"])
                fields = [name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name)]
            except (KeyError, TypeError, ValueError):
                fields = ["format of the parameters"]
            raise SessionAborted(
                AbortReason.PARAMETER_MISMATCH,
                f"the nodes differ in {', '.join(fields) or 'the digest'}; start both with the same parameters",
            )
        if message.get("node") == self._node or message.get("node") not in ("alice", "bob"):
            raise SessionAborted(
                AbortReason.PARAMETER_MISMATCH, f"both nodes say that they are {self._node}; start one of each"
            )

    def _post(self, kind: str, message: Message) -> None:
        self._link.send(kind, json.dumps(message, separators=(",", ":")).encode())

    def _next_message(
        self, deadline: float, occasion: str, *, repeat_hello: bool = False, absence_s: float | None = None
    ) -> tuple[str, Message]:
        step = REPEAT_HELLO_S if repeat_hello else math.inf if absence_s is None else LOOK_FOR_PEER_S
        while (left := deadline - self._clock()) > 0:
            try:
                kind, payload = self._link.receive(KINDS, min(left, step))
                return kind, _parse(kind, payload)
            except Silence:
                if repeat_hello:
                    self._say_hello("")
                elif absence_s is not None and not self._link.peer_is_there(absence_s):
                    raise PeerLost(f"{self._other} is gone since it asked for time; {_RESUME}") from None
            except PeerLost as lost:
                raise PeerLost(f"{self._other} left before it came {occasion} ({lost}); {_RESUME}") from lost
        raise PeerLost(f"{self._other} did not come {occasion} in time; {_RESUME}")

    @property
    def _other(self) -> str:
        return "bob" if self._node == "alice" else "alice"


def _parse(kind: str, payload: bytes) -> Message:
    try:
        message = json.loads(payload)
        if isinstance(message["from"], str) and isinstance(message["to"], str) and isinstance(message["meeting"], int):
            return dict(message)
    except (ValueError, KeyError, TypeError):
        pass
    raise InvalidInput(f"peer: sent a '{kind}' that is not understood; both nodes must run the same version of diqkd")
