"""Taking turns with the pulsed laser that both nodes share: over the node link, Bob first, then Alice.

Alice says that she is there, Bob takes his turn and says when it is over, also when it failed; then she takes hers. Bob
leaves only when she has heard that, so that no message of a turn that is over can start another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from postprocess.errors import PeerLost
from postprocess.link import Link, Silence

logger = logging.getLogger(__name__)

HERE, DONE, HEARD = "laser turn here", "laser turn done", "laser turn heard"
LONGEST_TURN_S = 3600.0
LOOK_EVERY_S = 2.0
GONE = "bob went away in his turn with the pulsed laser: submit the calibration again"


@contextmanager
def turn(link: Link, node: str, timeout_s: float, show: Callable[[str], None] = lambda status: None) -> Iterator[None]:
    """Wait for this node's turn; the peer's comes after the block, whether it succeeds or raises.

    Args:
        link: between the nodes, for this calibration alone.
        node: "alice" or "bob".
        timeout_s: longest wait for the peer to come.
        show: gets a line while the peer is waited for, and "" afterwards.

    Raises:
        PeerLost: the peer did not come, or went away in its turn.
    """
    if node == "bob":
        show("waiting for alice")
        _receive(link, HERE, "alice", timeout_s)
        show("")
        try:
            yield
        finally:
            _say_done(link, timeout_s)
    else:
        show("waiting for bob's turn with the pulsed laser")
        try:
            link.send(HERE, b"", timeout_s)
        except Silence:
            raise _missing("bob", timeout_s) from None
        _await_done(link, timeout_s)
        show("")
        yield


def _receive(link: Link, kind: str, peer: str, timeout_s: float) -> None:
    try:
        link.receive(kind, timeout_s)
    except PeerLost:
        raise _missing(peer, timeout_s) from None


def _await_done(link: Link, timeout_s: float) -> None:
    """Until Bob's turn is over, however long it takes while his end of the link stands.

    He is told again and again that she is there: his experiment may have been submitted anew.
    """
    deadline = time.monotonic() + LONGEST_TURN_S
    while time.monotonic() < deadline:
        try:
            link.receive(DONE, min(LOOK_EVERY_S, timeout_s))
            link.send(HEARD, b"")
            return
        except Silence:
            if not link.peer_is_there(timeout_s):
                raise PeerLost(GONE) from None
            link.send(HERE, b"", timeout_s)
        except PeerLost:
            raise PeerLost(GONE) from None
    raise PeerLost(f"bob's turn with the pulsed laser took more than {LONGEST_TURN_S:.0f} s: look after his node")


def _say_done(link: Link, timeout_s: float) -> None:
    try:
        link.send(DONE, b"", timeout_s)
        link.receive(HEARD, timeout_s)
    except PeerLost as problem:  # bob's own measurement is complete, or has a reason of its own to fail
        logger.warning("alice was not told that bob's turn is over: %s", problem)


def _missing(peer: str, timeout_s: float) -> PeerLost:
    return PeerLost(
        f"{peer} did not come within {timeout_s:.0f} s: submit the same calibration there, or say that "
        f"{peer} is idle with take_turns=False"
    )
