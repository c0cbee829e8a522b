"""Reservations on their way to the peer: what is asked for while one is under way goes into the next, all at once.

Both ledgers commit many together, and at the same time: this one first says that the masters have the slices, so that
their bits are erased, and they are handed out once the peer's has them too. Their order is that in which places were
taken from the pool, for each ledger refuses a place behind which it has stored another.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from kme.group_commit import GroupCommit
from kme.peer_dialogue import PeerDialogue, Refused
from kme.peer_messages import ANSWER_FIELDS, MOST_SLICES, reservation
from postprocess.errors import DiqkdError, PeerLost
from postprocess.keystore.served_keys import RefusedSlice
from postprocess.keystore.slices import Slice
from postprocess.link.codec import decode

logger = logging.getLogger("diqkd.kme")

_Waiting = tuple[list[Slice], "asyncio.Future[list[bytes]]"]
MOST_UNDER_WAY = 2  # one is stored by both ledgers while the next is on its way


class Reservations:
    """What this node's masters wait for.

    Args:
        node: this one. ledger: its. timeout_s: how long the peer may take. clock: seconds since 1970.
    """

    def __init__(
        self, node: str, ledger: GroupCommit, dialogue: PeerDialogue, timeout_s: float, clock: Callable[[], float]
    ) -> None:
        self._node, self._ledger, self._clock = node, ledger, clock
        self._dialogue, self._timeout_s = dialogue, timeout_s
        self._waiting: deque[_Waiting] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._awake = False

    def add(self, slices: list[Slice]) -> asyncio.Future[list[bytes]]:
        """Reserve these; the result comes when both ledgers have them: their bits.

        Raises (when awaited):
            Refused: the peer does not take them.
            PeerLost: it is gone, or takes too long.
            DiqkdError: this ledger does not take them.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[bytes]] = loop.create_future()
        self._waiting.append((slices, future))
        if not self._awake:
            self._awake = True
            loop.call_soon(self._send)  # when whatever is ready now has had its turn
        return future

    def _send(self) -> None:
        self._awake = False
        while self._waiting and len(self._tasks) < MOST_UNDER_WAY:
            batch, count = [self._waiting.popleft()], 0
            while self._waiting and (count := count + len(batch[-1][0])) + len(self._waiting[0][0]) <= MOST_SLICES:
                batch.append(self._waiting.popleft())
            self._begin([slices for slices, _ in batch], [future for _, future in batch])

    def _begin(self, groups: list[list[Slice]], futures: Sequence[asyncio.Future[list[bytes]]]) -> None:
        task = asyncio.create_task(self._stored(groups, futures))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._send()

    async def _stored(self, groups: list[list[Slice]], futures: Sequence[asyncio.Future[list[bytes]]]) -> None:
        slices = self._ledger.keystore.slices
        now = self._clock()
        try:
            asked = self._dialogue.ask("reserve", reservation(groups), self._timeout_s)
        except PeerLost as problem:
            _end(futures, [problem] * len(groups))
            return
        written = self._ledger.write(
            lambda write: slices.in_groups(write, lambda some: slices.deliver(write, some, self._node, now), groups)
        )
        outcomes = await self._answered(asked, len(groups))
        try:
            found: Sequence[list[bytes] | DiqkdError] = await written
            void = [each for group, data, why in zip(groups, found, outcomes, strict=True) for each in group
                    if why is not None and not isinstance(data, RefusedSlice)]  # fmt: skip
            if void:
                await self._ledger.write(lambda write: slices.recall(write, void, now))
        except DiqkdError as problem:
            found = [problem] * len(groups)
        _end(futures, [why or data for data, why in zip(found, outcomes, strict=True)])

    async def _answered(self, asked, count: int) -> list[DiqkdError | None]:
        """Why the peer's ledger does not have a group, or None, for each."""
        try:
            reasons = decode("reserve", await asked, ANSWER_FIELDS["reserve"])["refused"]
            if len(reasons) != count:
                raise PeerLost("reserve: an answer to another question")
        except DiqkdError as problem:
            lost = problem if isinstance(problem, PeerLost) else PeerLost(str(problem))
            return [lost] * count
        return [Refused(reason) if reason else None for reason in reasons]

    def close(self) -> None:
        """Nobody waits any longer."""
        for task in list(self._tasks):
            task.cancel()


def _end(futures: Sequence[asyncio.Future[list[bytes]]], outcomes: Sequence[list[bytes] | DiqkdError]) -> None:
    for future, outcome in zip(futures, outcomes, strict=True):
        if future.done():  # its request was cancelled
            continue
        if isinstance(outcome, DiqkdError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
