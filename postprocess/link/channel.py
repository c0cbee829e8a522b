"""What a node link is, whatever carries it: ordered, named messages between the two nodes."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from postprocess.errors import PeerLost

CHANNELS = ("rounds", "session", "keys")
OPTIONAL_CHANNELS = ("keys",)  # only nodes with a key delivery server have them


class Silence(PeerLost):
    """Nothing arrived in time; the link itself stands."""


class Link(Protocol):
    """One end of the node link, for one session and one of CHANNELS.

    `strays` counts the messages of other sessions that came and were dropped: the peer is, or was, elsewhere.
    """

    strays: int

    def send(self, kind: str, payload: bytes, timeout: float | None = None) -> None:
        """Hand a message over; Silence when there is no peer within `timeout` seconds (default: the link's own)."""

    def receive(self, kind: str | tuple[str, ...], timeout: float) -> tuple[str, bytes]:
        """The next message of a kind asked for, as (kind, payload); others wait for their turn.

        Raises:
            Silence: nothing within `timeout` seconds.
            PeerLost: the peer has closed the link.
        """

    def peer_is_there(self, timeout: float) -> bool:
        """Whether the peer's end stands, or does so again within `timeout` seconds."""

    def close(self) -> None:
        """Release the link; messages handed over are still delivered where possible."""


MOST_WAITING_BYTES = 1 << 27  # several of the longest messages


class WaitingMessages:
    """Messages that arrived before anybody asked for their kind; the oldest are dropped beyond MOST_WAITING_BYTES."""

    def __init__(self) -> None:
        self._messages: deque[tuple[str, bytes]] = deque(maxlen=10_000)
        self._bytes = 0

    def take(self, kinds: tuple[str, ...]) -> tuple[str, bytes] | None:
        for message in self._messages:
            if message[0] in kinds:
                self._messages.remove(message)
                self._bytes -= len(message[1])
                return message
        return None

    def keep(self, kind: str, payload: bytes) -> None:
        if len(self._messages) == self._messages.maxlen:
            self._drop_oldest()
        self._messages.append((kind, payload))
        self._bytes += len(payload)
        while self._bytes > MOST_WAITING_BYTES:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._bytes -= len(self._messages.popleft()[1])
