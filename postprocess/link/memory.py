"""Node link in memory, for tests and for two nodes in one process; a hook can change or drop every message."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from postprocess.errors import PeerLost
from postprocess.link.channel import Silence, WaitingMessages

Tamper = Callable[[str, str, bytes], "bytes | None"]


class MemoryLink:
    """One end of an in-memory link; made by `memory_pair`."""

    strays = 0

    def __init__(self, name: str, inbox: queue.Queue, outbox: queue.Queue, tamper: Tamper | None) -> None:
        self._name, self._inbox, self._outbox, self._tamper = name, inbox, outbox, tamper
        self._waiting, self._peer_closed = WaitingMessages(), False

    def send(self, kind: str, payload: bytes, timeout: float | None = None) -> None:
        """Deliver at once, unless the fault hook changes or drops the message."""
        changed = self._tamper(self._name, kind, payload) if self._tamper else payload
        if changed is not None:
            self._outbox.put((kind, bytes(changed)))

    def receive(self, kind: str | tuple[str, ...], timeout: float) -> tuple[str, bytes]:
        """See Link."""
        kinds = (kind,) if isinstance(kind, str) else tuple(kind)
        deadline = time.monotonic() + timeout
        while (found := self._waiting.take(kinds)) is None:
            if self._peer_closed:
                raise PeerLost(f"the peer of {self._name} closed the link")
            try:
                message = self._inbox.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise Silence(f"{self._name}: no {' or '.join(kinds)} within {timeout:.1f} s") from None
            if message is None:
                self._peer_closed = True
            else:
                self._waiting.keep(*message)
        return found

    def peer_is_there(self, timeout: float) -> bool:
        """See Link; a closed end shows when its last message has been received."""
        return not self._peer_closed

    def close(self) -> None:
        """Tell the other end."""
        self._outbox.put(None)


def memory_pair(tamper: Tamper | None = None) -> tuple[MemoryLink, MemoryLink]:
    """Two ends of an in-memory link, Alice's and Bob's.

    Args:
        tamper: fault hook, called with (sender, kind, payload); what it returns is delivered instead, None drops the
            message.
    """
    to_alice: queue.Queue = queue.Queue()
    to_bob: queue.Queue = queue.Queue()
    return MemoryLink("alice", to_alice, to_bob, tamper), MemoryLink("bob", to_bob, to_alice, tamper)
