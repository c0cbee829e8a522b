"""Questions and answers between the two KMEs: a question waits for its answer, or for its time to be over."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping

from kme.peer_line import PeerLine
from kme.peer_messages import ENVELOPE
from postprocess.errors import DiqkdError, PeerLost
from postprocess.link.codec import NotUnderstood, decode, encode

logger = logging.getLogger(__name__)

ANSWER = "answer"
Handler = Callable[[bytes], Awaitable[bytes]]


class Refused(DiqkdError):
    """The peer's KME says no; `reason` is one of a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the peer's KME refuses: {reason}")
        self.reason = reason


class PeerDialogue:
    """One end of the conversation.

    Args:
        line: to the peer.
        handlers: kind of question -> what makes the answer; a handler may raise Refused. They begin in the order in
            which the questions came.
    """

    def __init__(self, line: PeerLine, handlers: Mapping[str, Handler]) -> None:
        self._line, self._handlers = line, handlers
        self._numbers = itertools.count(secrets.randbits(48))  # answers to an earlier process may still come
        self._open: dict[int, asyncio.Future[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def is_there(self) -> bool:
        """Whether the peer is connected."""
        return self._line.is_there()

    def ask(self, kind: str, body: bytes, timeout_s: float) -> Awaitable[bytes]:
        """Send a question now; what is returned waits for the answer's body.

        Raises:
            PeerLost: the peer is not there (now), or does not answer in time (when awaited).
            Refused: it says no.
        """
        number = next(self._numbers)
        self._line.send(kind, encode({"number": number, "refused": "", "body": body}))
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._open[number] = future
        return self._answer(kind, number, future, timeout_s)

    async def _answer(self, kind: str, number: int, future: asyncio.Future[bytes], timeout_s: float) -> bytes:
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            raise PeerLost(f"{kind}: no answer from the peer's KME within {timeout_s:g} s") from None
        finally:
            self._open.pop(number, None)

    async def run(self) -> None:
        """Receive for ever."""
        while True:
            kind, payload = await self._line.receive()
            try:
                envelope = decode(kind, payload, ENVELOPE)
            except NotUnderstood as problem:
                logger.warning("%s", problem)
                continue
            if kind == ANSWER:
                self._resolve(envelope)
            elif kind in self._handlers:
                task = asyncio.create_task(self._reply(kind, envelope["number"], envelope["body"]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _resolve(self, envelope: dict) -> None:
        future = self._open.get(envelope["number"])
        if future is None or future.done():
            return  # too late
        if envelope["refused"]:
            future.set_exception(Refused(envelope["refused"]))
        else:
            future.set_result(envelope["body"])

    async def _reply(self, kind: str, number: int, body: bytes) -> None:
        refused, answer = "", b""
        try:
            answer = await self._handlers[kind](body)
        except Refused as problem:
            refused = problem.reason
        except DiqkdError as problem:
            logger.warning("%s of the peer's KME: %s", kind, problem)
            refused = "see its log"
        try:
            self._line.send(ANSWER, encode({"number": number, "refused": refused, "body": answer}))
        except PeerLost:
            logger.warning("%s of the peer's KME: it has left before the answer", kind)

    def close(self) -> None:
        """Nobody waits any longer."""
        for future in self._open.values():
            if not future.done():
                future.set_exception(PeerLost("the KME ends"))
        for task in self._tasks:
            task.cancel()
