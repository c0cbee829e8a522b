"""Reservations on their way to the peer: what is asked for while one is under way goes into the next, all at once.

So the peer's ledger commits many together. Their order is that in which places were taken from the pool, for the peer
refuses a place behind which it has stored another.
"""

from __future__ import annotations

import asyncio
from collections import deque

from kme.peer_dialogue import PeerDialogue, Refused
from kme.peer_messages import ANSWER_FIELDS, MOST_SLICES, reservation
from postprocess.errors import DiqkdError, PeerLost
from postprocess.keystore.slices import Slice
from postprocess.link.codec import decode

_Waiting = tuple[list[Slice], "asyncio.Future[None]"]


class Reservations:
    """What this node's masters wait for.

    Args:
        timeout_s: how long the peer may take.
    """

    def __init__(self, dialogue: PeerDialogue, timeout_s: float) -> None:
        self._dialogue, self._timeout_s = dialogue, timeout_s
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, slices: list[Slice]) -> asyncio.Future[None]:
        """Reserve these; the result comes when the peer's ledger has them.

        Raises (when awaited):
            Refused: the peer does not take them.
            PeerLost: it is gone, or takes too long.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((slices, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._send_all())  # begins when whatever is ready now has had its turn
        return future

    async def _send_all(self) -> None:
        while self._waiting:
            batch, count = [self._waiting.popleft()], 0
            while self._waiting and (count := count + len(batch[-1][0])) + len(self._waiting[0][0]) <= MOST_SLICES:
                batch.append(self._waiting.popleft())
            try:
                body = reservation([slices for slices, _ in batch])
                answer = await self._dialogue.ask("reserve", body, self._timeout_s)
                outcomes = decode("reserve", answer, ANSWER_FIELDS["reserve"])["refused"]
                if len(outcomes) != len(batch):
                    raise PeerLost("reserve: an answer to another question")
            except DiqkdError as problem:
                lost = problem if isinstance(problem, PeerLost) else PeerLost(str(problem))
                for _, future in batch:
                    _end(future, lost)
                continue
            for (_, future), reason in zip(batch, outcomes, strict=True):
                _end(future, Refused(reason) if reason else None)

    def close(self) -> None:
        """Nobody waits any longer."""
        if self._task is not None:
            self._task.cancel()


def _end(future: asyncio.Future[None], problem: Exception | None) -> None:
    if future.done():  # its request was cancelled
        return
    if problem is None:
        future.set_result(None)
    else:
        future.set_exception(problem)
