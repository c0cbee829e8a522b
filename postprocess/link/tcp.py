"""Node link over TCP: encrypted and mutually authenticated with CURVE.

The security proof does not rely on CURVE: messages that must be authentic carry a VHASH tag. CURVE prevents denial of
service by third parties and protects the synchronisation messages (who holds which message, who has closed). A link
loses messages when a process dies; `postprocess.session.mailbox` sends them again. What has arrived stays readable when
the peer closes its end: a node's last message may be why it ended.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from postprocess.errors import InvalidInput, PeerLost
from postprocess.link.channel import CHANNELS, Silence, WaitingMessages
from postprocess.link.keys import read_link_keys
from postprocess.support.peer_wait import waiting

if TYPE_CHECKING:
    import zmq
    from zmq.auth.thread import ThreadAuthenticator

logger = logging.getLogger(__name__)

STRAY_MESSAGES = 3
LINGER_MS = 5000  # for what was handed over last; a peer that is gone is not waited for any longer
HEARTBEAT_MS = 2000
MAX_MESSAGE_BYTES = 64 << 20


class ZmqLink:
    """A link over TCP: Alice listens, Bob connects and reconnects by himself; only the peer's key is accepted.

    Every message carries session id and channel, and one that belongs elsewhere is dropped, so that
    the post-processing of a session may overlap the rounds of the next.

    Args:
        home: the node's home with link/ in it, see postprocess.link.keys.
        node: "alice" or "bob".
        session_id: of the session served.
        channel: of CHANNELS; each has an endpoint of its own.
        timeout_s: how long `send` waits for a peer that is not there.

    Raises:
        InvalidInput: missing keys or peer file, or an endpoint that cannot be used.
    """

    def __init__(self, home: Path, node: str, session_id: str, channel: str, timeout_s: float) -> None:
        import zmq

        if channel not in CHANNELS:
            raise InvalidInput(f"channel = {channel}: must be one of {', '.join(CHANNELS)}")
        keys = read_link_keys(home)
        endpoint = keys.endpoint(channel)
        self._address = (session_id.encode(), channel.encode())
        self._peer = "bob" if node == "alice" else "alice"
        self._where = f"{self._peer} at {endpoint}"
        self._timeout_s, self._waiting, self.strays = timeout_s, WaitingMessages(), 0
        self._authenticator: ThreadAuthenticator | None = None
        self._connection: _Connection | None = None
        try:
            self._context = zmq.Context()
            self._socket = self._context.socket(zmq.DEALER)
        except zmq.ZMQError as problem:
            raise InvalidInput(f"{endpoint}: no link ({problem}); end other programs of this user") from problem
        try:
            self._configure(keys.secret_key, keys.public_key)
            if node == "alice":
                self._let_in(keys.peer_key)
                self._socket.bind(endpoint)
            else:
                self._socket.curve_serverkey = keys.peer_key
                self._connection = _Connection(self._socket)
                self._socket.connect(endpoint)
        except zmq.ZMQError as problem:
            self.close()
            raise InvalidInput(
                f"{endpoint}: cannot be used ({problem}); give a free address in link/peer.json"
            ) from problem

    def _configure(self, secret_key: bytes, public_key: bytes) -> None:
        import zmq

        socket = self._socket
        socket.linger = LINGER_MS
        socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3 * HEARTBEAT_MS)
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        socket.reconnect_ivl, socket.reconnect_ivl_max = 50, 1000
        socket.curve_secretkey, socket.curve_publickey = secret_key, public_key

    def _let_in(self, peer_key: bytes) -> None:
        from zmq.auth.thread import ThreadAuthenticator

        self._socket.curve_server = True
        self._authenticator = ThreadAuthenticator(self._context)
        self._authenticator.start()
        self._authenticator.configure_curve_callback("*", credentials_provider=_OnlyPeer(peer_key))

    @property
    def socket(self) -> zmq.Socket:
        """For whoever receives in an event loop; closed with the link."""
        return self._socket

    def send(self, kind: str, payload: bytes, timeout: float | None = None) -> None:
        """See Link; waits for the peer to be connected."""
        import zmq

        timeout = self._timeout_s if timeout is None else timeout
        silence = (
            f"{kind} cannot be sent: {self._where} is not there after {timeout:.0f} s; start the peer and run again"
        )
        deadline = time.monotonic() + timeout
        if not (self.peer_is_there(timeout) and self._has_room(max(0.0, deadline - time.monotonic()))):
            raise Silence(silence)
        try:
            with self._named_errors():
                self._socket.send_multipart(self.parts(kind, payload), zmq.NOBLOCK)
        except zmq.Again:
            raise Silence(silence) from None

    def parts(self, kind: str, payload: bytes) -> list[bytes]:
        """A message as it goes over the line."""
        return [*self._address, kind.encode(), payload]

    def receive(self, kind: str | tuple[str, ...], timeout: float) -> tuple[str, bytes]:
        """See Link."""
        kinds = (kind,) if isinstance(kind, str) else tuple(kind)
        deadline = time.monotonic() + timeout
        while (found := self._waiting.take(kinds)) is None:
            with waiting(), self._named_errors():
                arrived = self._socket.poll(max(0, math.ceil(1000 * (deadline - time.monotonic()))))
            if not arrived:
                raise Silence(f"no {' or '.join(kinds)} from {self._where} within {timeout:.1f} s")
            with self._named_errors():
                parts = self._socket.recv_multipart()
            message = self.message_in(parts)
            if message is not None:
                self._waiting.keep(*message)
        return found

    def message_in(self, parts: list[bytes]) -> tuple[str, bytes] | None:
        """(kind, payload) of what has arrived; None, and one stray more, when it belongs elsewhere."""
        if len(parts) == 4 and tuple(parts[:2]) == self._address:
            return parts[2].decode(errors="replace"), parts[3]
        self._drop(parts[0])
        return None

    @property
    def is_connected(self) -> bool:
        """Whether the end that connects, Bob's, has its peer now; who listens can write to living peers alone."""
        return self._connection is None or self._connection.stands(0.0)

    def peer_is_there(self, timeout: float) -> bool:
        """See Link."""
        if self._connection is None:
            return self._has_room(timeout)  # who listens has only living peers
        with waiting(), self._named_errors():
            return self._connection.stands(timeout)

    def _has_room(self, timeout: float) -> bool:
        """Whether a message more can be handed over, now or within `timeout` seconds."""
        import zmq

        with waiting(), self._named_errors():
            return bool(self._socket.poll(math.ceil(1000 * timeout), zmq.POLLOUT))

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Whatever else goes wrong in libzmq or the system below it ends the wait, not the session: PeerLost."""
        import zmq

        try:
            yield
        except zmq.Again:
            raise
        except zmq.ZMQError as problem:
            raise PeerLost(f"the link to {self._where} failed ({problem}); start the session again to resume") from None

    def _drop(self, session_id: bytes) -> None:
        """A message of another session; when they go on coming, the nodes' queues differ and somebody should know."""
        self.strays += 1
        if self.strays == STRAY_MESSAGES:
            logger.warning(
                "%s is at session %r, this node waits for it at %r; submit the same sessions in the same order on both",
                self._peer,
                session_id.decode(errors="replace"),
                self._address[0].decode(),
            )

    def close(self) -> None:
        """Release sockets; what was sent leaves within a few seconds or not at all."""
        if self._connection is not None:
            self._connection.close()
        self._socket.close()
        if self._authenticator is not None:
            self._authenticator.stop()
            self._authenticator = None
        self._context.term()


class _Connection:
    """Whether the peer is at the other end of a connecting socket, which would take messages for nobody too.

    libzmq's own way (ZMQ_IMMEDIATE) throws away, when a connection ends, what has arrived and was not yet read.
    """

    def __init__(self, socket: zmq.Socket) -> None:
        import zmq

        self._socket, self._stands = socket, False
        address = f"inproc://connection-{id(self)}"
        socket.monitor(address, zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self._events = socket.context.socket(zmq.PAIR)
        self._events.rcvhwm = 0  # no limit: libzmq stops for ever when events that nobody has read yet reach it
        self._events.connect(address)

    def stands(self, timeout: float) -> bool:
        """Whether it is there, or comes within `timeout` seconds."""
        import zmq
        from zmq.utils.monitor import recv_monitor_message

        deadline = time.monotonic() + timeout
        while True:
            left = 0.0 if self._stands else max(0.0, deadline - time.monotonic())
            if not self._events.poll(math.ceil(1000 * left)):
                return self._stands
            self._stands = recv_monitor_message(self._events)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED

    def close(self) -> None:
        """Release the monitor."""
        if not self._socket.closed:  # by whoever received in an event loop; its monitor then ends with it
            self._socket.disable_monitor()
        self._events.close()


class _OnlyPeer:
    """Answers the authenticator: this key and no other."""

    def __init__(self, peer_key: bytes) -> None:
        self._peer_key = peer_key

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether a client with this public key (Z85) may connect."""
        return key == self._peer_key


def open_link(home: Path | str, node: str, session_id: str, channel: str, timeout_s: float = 600.0) -> ZmqLink:
    """The link of a node, from the keys and the peer file in its home."""
    return ZmqLink(Path(home), node, session_id, channel, timeout_s)
