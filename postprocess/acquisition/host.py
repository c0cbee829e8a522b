"""Host side of the rounds: hands settings to the kernel, keeps its records, and meets the peer between blocks.

Knows a link, a RoundStore and two callbacks; no ARTIQ, no node. The experiment drives it like this::

    acquisition.agree_on_parameters()
    following = acquisition.resume()                    # settle what a crash left; FINISHED when nothing is to be done
    while following is not Next.FINISHED:
        following = acquisition.kernel_left(blocks.run())    # the kernel calls next_block() and keep_block()
        ...                                             # PAUSE, RECOVER_ION, WAIT_FOR_LASER, OPERATOR: see Next

Whatever happens, these hold (Nadlinger 2022, Methods: no round is ever dropped):

- Settings reach the kernel after their block is burned on disk, and that after both nodes have agreed on the block
  before.
- A hand-out for which `keep_block` was not called is given up: its rounds count as lost. So a kernel always calls
  `keep_block` before it returns, with count 0 when it has done nothing; an exception in it costs the rest of its
  block, never a round measured twice.
- Rounds that a kernel left without starting are handed out again only by the same process. After a crash they are lost.
- A record with any flag (underflow, overflow, round type) counts with outcome 0, and Alice takes its T from Bob.

The end of the rounds: a node that is complete notes that durably, then sends its last digest; with the
peer's in hand it notes `closed`. A closed session needs no meeting any more. A node that is complete and finds its
peer gone (the last digest was lost, or one of them was killed in between) goes on to the post-processing, where both
meet again.

The peer of a killed node may live on: it answers the new incarnation and holds the meeting again (node_dialogue.py).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contract.codes import KernelLeft
from contract.record_layout import HEADER_WORDS, RECORD_WORDS
from postprocess.acquisition.acquisition_progress import AcquisitionProgress, ProgressMeter
from postprocess.acquisition.meeting import Decision, MeetingStatus, Next, compare_patterns, decide, own_status, settle
from postprocess.acquisition.node_dialogue import STATUS, NodeDialogue, PeerRestarted
from postprocess.errors import DiqkdError, InvalidInput, PeerLost
from postprocess.link import Link
from postprocess.rounds import RoundStore
from postprocess.rounds.private_settings import settings_words

TELL_PEER_S = 30.0  # that the session is closed here
LOOK_ELSEWHERE_S = 2.0  # a peer that has closed the rounds waits for a complete node in post-processing

__all__ = ["Acquisition", "AcquisitionProgress", "Next"]


@dataclass(frozen=True)
class HandOut:
    """Rounds whose settings a kernel has: its sequence number, block, first round and the first one after."""

    sequence: int
    block: int
    first: int
    end: int


class Acquisition:
    """The rounds of one session on one node.

    Args:
        store: this node's rounds.
        link: the channel "rounds" to the peer.
        pause_for: asked once per block; why this node wants a pause, in public words, empty when it wants none.
        progress: receives public numbers after every block.
        timeout_s: patience with the peer; must exceed the time after which a kernel gives up waiting for a herald.
        recovery_timeout_s: patience with a peer that has announced a pause or a recovery, while its link stands;
            `pause_for` is not asked meanwhile.
        seconds_per_mu: machine unit of the herald timestamps.
        k0_id: public name of this node's K0, compared with the peer's; empty for rounds that make no key.
        ended: why this node's ledger has closed the session, empty while it is open; then nothing is measured.
        peer_went_on: whether the peer is waiting in the post-processing of this session already.
        silent: told every few seconds in which the peer says nothing and has not asked for time.
        paused: told of every pause that both nodes agree on: after how many rounds, and its public cause.

    Attributes:
        why: public reason of the latest decision, for the operator.
    """

    def __init__(
        self,
        store: RoundStore,
        link: Link,
        *,
        pause_for: Callable[[], str] = lambda: "",
        progress: Callable[[AcquisitionProgress], None] = lambda progress: None,
        timeout_s: float = 60.0,
        recovery_timeout_s: float = 3600.0,
        seconds_per_mu: float = 1e-9,
        clock: Callable[[], float] = time.monotonic,
        k0_id: str = "",
        peer_went_on: Callable[[], bool] = lambda: False,
        ended: str = "",
        paused: Callable[[int, str], None] = lambda position, cause: None,
        silent: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._dialogue = NodeDialogue(
            link,
            store.node,
            store.parameters,
            clock,
            k0_id=k0_id,
            begun=store.burned_blocks > 0,
            ended=ended,
            silent=silent,
        )
        self._pause_for, self._progress, self._paused = pause_for, progress, paused
        self._timeout_s, self._recovery_timeout_s = timeout_s, recovery_timeout_s
        self._meter = ProgressMeter(store, seconds_per_mu=seconds_per_mu, clock=clock)
        self._look_for_peer, self._ended = peer_went_on, ended
        self._peer_went_on = False
        self._handed: HandOut | None = None
        self._sequence = 0
        self._agreed: Decision | None = None
        self._peer_needs_time = False
        self._faults_here, self._fault_position = 0, -1
        self.why = ""

    def agree_on_parameters(self) -> None:
        """Exchange the public parameters with the peer.

        Raises:
            SessionAborted: PARAMETER_MISMATCH naming the fields, on both nodes; or one node has closed the session.
            PeerLost: nobody answers.
        """
        if self._dialogue.acquainted or self._store.closed:
            return
        if self._ended:
            with suppress(PeerLost):
                self._dialogue.greet(min(self._timeout_s, TELL_PEER_S))
            NodeDialogue.require_open(self._ended, self._store.node)
        if not self._store.complete_noted:
            self._dialogue.greet(self._timeout_s)
            return
        for _ in range(math.ceil(self._timeout_s / LOOK_ELSEWHERE_S)):
            try:
                self._dialogue.greet(min(LOOK_ELSEWHERE_S, self._timeout_s))
                return
            except PeerLost:
                if self._look_for_peer():
                    break
        self._peer_went_on = True

    def resume(self) -> Next:
        """Settle with the peer what an earlier process left, before any kernel runs (after CONTINUE one may)."""
        return self._next(KernelLeft.LEFT_BY_HOST)

    def next_block(self) -> NDArray[np.int32]:
        """Settings of the next rounds, once both nodes agree; called by the kernel.

        Returns:
            int32, a settings block (contract.record_layout) of fixed length. Count 0: leave the kernel.

        Raises:
            SessionAborted: BLOCK_MISMATCH naming the block. PeerLost: see `timeout_s`; a new start resumes.
        """
        if self._handed is not None:
            raise DiqkdError(
                f"block {self._handed.block}: the kernel asks for more before it has given its records; start again"
            )
        decision = self._agreed or self._meet_unless_over(asks=True, code=KernelLeft.LEFT_BY_HOST)
        if decision is None or not decision.go:
            self._agreed = decision
            return self._words(self._sequence, self._store.decided, 0, np.empty(0, np.uint8))
        block, first = self._store.position()
        self._store.burn(block)
        settings = self._store.settings_of(block, first)
        self._sequence += 1
        self._handed = HandOut(self._sequence, block, first, first + len(settings))
        self._meter.start()
        return self._words(self._sequence, first, len(settings), settings)

    def keep_block(self, sequence: int, first_round: int, count: int, words: ArrayLike) -> None:
        """Store the records of a hand-out durably; called once per hand-out, also with fewer rounds than asked for,
        or none.

        Args:
            sequence, first_round: as handed out.
            count: rounds that the kernel has finished.
            words: int32, at least RECORD_WORDS * count, see contract.record_layout.

        Raises:
            InvalidInput: the message is not the one that is due, or a record contradicts the settings; nothing is
            stored then.
        """
        due = self._handed
        if due is None or (sequence, first_round) != (due.sequence, due.first) or not 0 <= count <= due.end - due.first:
            expected = f"number {due.sequence}, rounds {due.first} to {due.end - 1}" if due else "none"
            raise InvalidInput(
                f"records: number {sequence} from round {first_round}, {count} rounds, came where {expected} is due;"
                " start again to resume"
            )
        array = np.asarray(words, dtype=np.int32).reshape(-1)
        if len(array) < RECORD_WORDS * count:
            raise InvalidInput(f"records: number {sequence} has {len(array)} words for {count} rounds; start again")
        records = self._store.keep(due.block, due.first, array[: RECORD_WORDS * count].reshape(-1, RECORD_WORDS))
        self._handed = None
        self._meter.add(records)
        self._progress(self._meter.report())

    def kernel_left(self, code: int) -> Next:
        """Settle with the peer after the kernel returned (or died: then give the code that comes closest).

        Raises:
            SessionAborted: BLOCK_MISMATCH naming the block. PeerLost: a new start resumes.
        """
        if self._handed is not None:
            self._store.forfeit(self._handed.end)
            self._handed = None
        decision, self._agreed = self._agreed, None
        if decision is None or code != KernelLeft.LEFT_BY_HOST:
            return self._next(KernelLeft(code))
        return decision.next

    def report(self) -> tuple[AcquisitionProgress, list[float]]:
        """Public numbers of now and the herald rate in Hz of every stored block, those of earlier runs included."""
        return self._meter.report(), list(self._meter.rates_hz)

    def _next(self, code: KernelLeft) -> Next:
        decision = self._meet_unless_over(asks=False, code=code)
        return Next.FINISHED if decision is None else decision.next

    def _meet_unless_over(self, *, asks: bool, code: KernelLeft) -> Decision | None:
        """Hold a meeting; None when none is needed: a node that has all its rounds does without a peer that is gone."""
        if self._store.closed or self._peer_went_on:
            return None
        try:
            return self._meet(asks=asks, code=code)
        except PeerLost:
            if not self._store.complete_noted:
                raise
            self._peer_went_on = True
            return None

    def _meet(self, *, asks: bool, code: KernelLeft) -> Decision:
        pause_for = self._pause_for()
        if not self._dialogue.acquainted:
            self._dialogue.greet(self._timeout_s)
        while True:
            mine = own_status(
                self._store,
                asks=asks,
                code=code,
                pause_for=pause_for,
                faults_here=self._faults_here,
                fault_position=self._fault_position,
            )
            try:
                decision = self._hold_meeting(mine)
            except PeerRestarted as news:
                self._dialogue.greet(self._timeout_s, news.hello)
                continue
            self._peer_needs_time, self.why = decision.peer_needs_time, decision.why
            if decision.cause:
                self._paused(self._store.decided, decision.cause)
            if decision.faults_here:
                self._faults_here, self._fault_position = decision.faults_here, self._store.decided
            return decision

    def _hold_meeting(self, mine: MeetingStatus) -> Decision:
        store, timeout_s = self._store, self._timeout_s
        self._dialogue.next_meeting()
        patience_s, absence_s = (self._recovery_timeout_s, timeout_s) if self._peer_needs_time else (timeout_s, None)
        occasion = f"to the meeting at round {mine.resumable} (block {store.block_of(mine.resumable)})"
        answer = self._dialogue.exchange(STATUS, mine.to_message(), patience_s, occasion, absence_s)
        theirs = MeetingStatus.from_message(answer, store.parameters.rounds)
        target = settle(store, self._dialogue, mine, theirs, timeout_s)
        if store.complete:
            store.mark_complete()
        compare_patterns(store, self._dialogue, mine, theirs, target, timeout_s)
        if store.complete:
            store.mark_closed()
            self._progress(self._meter.report())
        return decide(mine, theirs, target, store.parameters.rounds, store.node)

    def _words(self, sequence: int, first: int, count: int, settings: NDArray[np.uint8]) -> NDArray[np.int32]:
        head = np.array([sequence, first, count, 0], dtype=np.int32)
        assert len(head) == HEADER_WORDS
        return np.concatenate((head, settings_words(settings, self._store.parameters.block_rounds)))
