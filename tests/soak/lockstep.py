"""Two nodes in lockstep on a virtual clock: one thread runs at a time, and time passes only when both wait.

So a case is the same at every run, waiting costs nothing, and a conversation without end is seen as such.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from postprocess.errors import PeerLost
from postprocess.link import Silence
from postprocess.link.channel import WaitingMessages
from postprocess.support.clock import Clock

MOST_SWITCHES = 20_000
LONGEST_S = 100_000.0
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


class Endless(AssertionError):
    """The two nodes go on talking, or waiting, for ever."""


class Lockstep:
    """Runs one function per node, in turns.

    Attributes:
        now: virtual seconds. current: whose turn it is.
    """

    def __init__(self) -> None:
        self.now, self.current, self.switches = 0.0, "", 0
        self._turns: dict[str, threading.Semaphore] = {}
        self._waiting: dict[str, tuple[Callable[[], bool], float]] = {}
        self._due: list[tuple[float, Callable[[], None]]] = []

    @property
    def clock(self) -> Clock:
        """For whatever reads the time."""
        return Clock(lambda: self.now, self.sleep, lambda: MIDNIGHT + timedelta(seconds=self.now))

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass for this node."""
        self.wait_for(lambda: False, seconds)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something when so much virtual time has passed."""
        self._due.append((self.now + seconds, action))
        self._due.sort(key=lambda due: due[0])

    def wait_for(self, done: Callable[[], bool], timeout: float) -> bool:
        """Give the turn away until `done` or the time is over; returns done()."""
        if done():
            return True
        me = self.current
        self._waiting[me] = (done, self.now + max(timeout, 0.0))
        following = self._choose(me)
        if following != me:
            self._hand_over(following)
            self._turns[me].acquire()
        self.current = me
        self._waiting.pop(me, None)
        if self.switches > MOST_SWITCHES or self.now > LONGEST_S:
            raise Endless(f"{self.switches} turns, {self.now:.0f} s of virtual time")
        return done()

    def run(self, roles: dict[str, Callable[[], object]]) -> dict[str, object]:
        """Per node what its function returned, or the exception that ended it."""
        results: dict[str, object] = {}
        self._turns = {node: threading.Semaphore(0) for node in roles}

        def live(node: str) -> None:
            self._turns[node].acquire()
            self.current = node
            try:
                results[node] = roles[node]()
            except BaseException as problem:
                results[node] = problem
            del self._turns[node]
            if self._turns:
                self._hand_over(self._choose(node))

        threads = [threading.Thread(target=live, args=(node,), daemon=True) for node in roles]
        for thread in threads:
            thread.start()
        next(iter(self._turns.values())).release()
        for thread in threads:
            thread.join()
        return results

    def _hand_over(self, node: str) -> None:
        self.switches += 1
        self._turns[node].release()

    def _choose(self, me: str) -> str:
        """The other node first; nobody can go on: the one whose time is over first."""
        while True:
            for node in sorted(self._turns, key=lambda node: node == me):
                if node not in self._waiting or self._waiting[node][0]():
                    return node
            node = min(self._turns, key=lambda node: self._waiting[node][1])
            if not self._due or self._due[0][0] > self._waiting[node][1]:
                self.now = max(self.now, self._waiting[node][1])
                return node
            at, action = self._due.pop(0)
            self.now = max(self.now, at)
            action()

    def condition(self) -> VirtualCondition:
        """In place of a threading.Condition."""
        return VirtualCondition(self)


class VirtualCondition:
    """What the emulated gateware needs of a threading.Condition."""

    def __init__(self, lockstep: Lockstep) -> None:
        self._lockstep = lockstep

    def __enter__(self) -> VirtualCondition:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def notify_all(self) -> None:
        """Conditions are looked at whenever somebody waits."""

    def wait_for(self, done: Callable[[], bool], timeout: float) -> bool:
        """See Lockstep."""
        return self._lockstep.wait_for(done, timeout)


class LockstepLink:
    """One end of a link; `passing(sender, kind, payload)` says what arrives: a list of (kind, payload).

    `place(what)` is called before and after each message leaves or is taken; it may raise.
    """

    strays = 0

    def __init__(self, lockstep: Lockstep, node: str, passing, place) -> None:
        self._lockstep, self._node, self._passing, self._place = lockstep, node, passing, place
        self.peer = self
        self._inbox: deque[tuple[str, bytes]] = deque()
        self._waiting, self.closed = WaitingMessages(), False
        self.sent = 0

    def send(self, kind: str, payload: bytes, timeout: float | None = None) -> None:
        """See Link."""
        self._place(f"before send of {kind}")
        self.sent += 1
        self.peer._inbox.extend(self._passing(self._node, kind, bytes(payload)))
        self._place(f"after send of {kind}")

    def receive(self, kind: str | tuple[str, ...], timeout: float) -> tuple[str, bytes]:
        """See Link."""
        kinds = (kind,) if isinstance(kind, str) else tuple(kind)
        self._place("before receive")
        deadline = self._lockstep.now + timeout
        while (found := self._waiting.take(kinds)) is None:
            if not self._lockstep.wait_for(lambda: self._inbox or self.peer.closed, deadline - self._lockstep.now):
                raise Silence(f"{self._node}: nothing came")
            if not self._inbox:
                raise PeerLost(f"{self._node}: the peer closed the link")
            self._waiting.keep(*self._inbox.popleft())
        self._place(f"after receive of {found[0]}")
        return found

    def deliver(self, kind: str, payload: bytes) -> None:
        """A message that was held back arrives at this end."""
        self._inbox.append((kind, payload))

    def forget(self) -> None:
        """The process at this end is a new one: what the old one had not read is lost."""
        self._inbox.clear()
        self._waiting = WaitingMessages()

    def peer_is_there(self, timeout: float) -> bool:
        """See Link."""
        return not self.peer.closed

    def close(self) -> None:
        """Tell the other end."""
        self.closed = True


def unchanged(sender: str, kind: str, payload: bytes) -> list[tuple[str, bytes]]:
    """A line without an adversary."""
    return [(kind, payload)]


def links(lockstep: Lockstep, passing=unchanged, place=lambda what: None) -> dict[str, LockstepLink]:
    """Alice's and Bob's end."""
    ends = {node: LockstepLink(lockstep, node, passing, place) for node in ("alice", "bob")}
    ends["alice"].peer, ends["bob"].peer = ends["bob"], ends["alice"]
    return ends
