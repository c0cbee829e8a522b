"""What carries messages between the two KMEs: the node link's channel "keys", or a line in memory for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

import zmq
import zmq.asyncio

from postprocess.errors import PeerLost
from postprocess.link.tcp import ZmqLink

CHANNEL = "keys"
LINK_NAME = "key-delivery"


class PeerLine(Protocol):
    """One end. Messages arrive in the order in which they were sent, or not at all."""

    def is_there(self) -> bool:
        """Whether the peer's end is connected now."""

    def send(self, kind: str, payload: bytes) -> None:
        """Hand a message over at once; PeerLost when the peer is not there."""

    async def receive(self) -> tuple[str, bytes]:
        """The next message, as (kind, payload)."""

    def close(self) -> None:
        """Release it."""


class NodeLine:
    """The node link's channel "keys": Alice listens, Bob connects; only the peer's key is accepted.

    Raises:
        InvalidInput: no link keys, or no address for this channel (`diqkd keys link`).
    """

    def __init__(self, home: Path, node: str) -> None:
        self._link = ZmqLink(home, node, LINK_NAME, CHANNEL, timeout_s=0.0)
        self._socket = zmq.asyncio.Socket.from_socket(self._link.socket)

    def is_there(self) -> bool:
        """See PeerLine."""
        return self._link.is_connected and bool(int(self._socket.get(zmq.EVENTS)) & zmq.POLLOUT)

    def send(self, kind: str, payload: bytes) -> None:
        """See PeerLine."""
        if not self.is_there():
            raise PeerLost(f"{kind}: the peer is not there")
        sent = cast(asyncio.Future, self._socket.send_multipart(self._link.parts(kind, payload), flags=zmq.NOBLOCK))
        if not sent.done() or sent.exception() is not None:
            sent.cancel()
            raise PeerLost(f"{kind}: the peer is not there")

    async def receive(self) -> tuple[str, bytes]:
        """See PeerLine."""
        while True:
            message = self._link.message_in(await self._socket.recv_multipart())
            if message is not None:
                return message

    def close(self) -> None:
        """See PeerLine."""
        self._socket.close()
        self._link.close()


class MemoryLine:
    """One end of a line in memory, made by `memory_lines`.

    Attributes:
        on_send: called with (kind, payload) before a message leaves; for faults.
    """

    def __init__(self) -> None:
        self._inbox: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.other: MemoryLine | None = None
        self.on_send: Callable[[str, bytes], None] = lambda kind, payload: None

    def is_there(self) -> bool:
        """See PeerLine."""
        return self.other is not None

    def send(self, kind: str, payload: bytes) -> None:
        """See PeerLine."""
        if self.other is None:
            raise PeerLost(f"{kind}: the peer is not there")
        self.on_send(kind, payload)
        self.other._inbox.put_nowait((kind, payload))

    async def receive(self) -> tuple[str, bytes]:
        """See PeerLine."""
        return await self._inbox.get()

    def close(self) -> None:
        """The other end finds nobody any more."""
        if self.other is not None:
            self.other.other = None
        self.other = None


def memory_lines() -> tuple[MemoryLine, MemoryLine]:
    """Two connected ends."""
    alice, bob = MemoryLine(), MemoryLine()
    alice.other, bob.other = bob, alice
    return alice, bob
