"""What a node process does when it is asked to end, to give way, when its peer has ended or its starter is gone.

SIGINT, SIGTERM  end in order: between two blocks, or within a second where the node only waits for its peer;
                 a second SIGINT interrupts at once
SIGUSR1          give way once
SIGUSR2          the peer's process has ended: a node that goes on waiting for it is a node without a peer
end of stdin     (with `end_with_starter`) whoever started the node is gone: as SIGTERM, and then by force
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from artiq.language.core import TerminationRequested

from postprocess.errors import PeerLost
from postprocess.support.peer_wait import is_waiting

TICK_S = 0.1
END_AFTER_S = 0.5  # of waiting; an orderly end needs a last message of the peer
GIVE_UP_AFTER_S = 2.0
FORCE_AFTER_S = 10.0


class NodeSignals:
    """Handles the signals of one run; `scheduler` is the node's LocalScheduler."""

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self._waited_s = 0.0
        self._peer_ended = False

    def listen(self) -> None:
        """Handle them from now on."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        signal.signal(signal.SIGUSR1, lambda signum, frame: self._scheduler.ask_pause())
        signal.signal(signal.SIGUSR2, self._lose_peer)
        signal.signal(signal.SIGALRM, self._tick)

    def _end(self, signum: int, frame: Any) -> None:
        if signum == signal.SIGINT and self._scheduler.check_termination():
            raise KeyboardInterrupt
        self._scheduler.ask_end()
        signal.setitimer(signal.ITIMER_REAL, TICK_S, TICK_S)

    def _lose_peer(self, signum: int, frame: Any) -> None:
        self._peer_ended = True
        signal.setitimer(signal.ITIMER_REAL, TICK_S, TICK_S)

    def _tick(self, signum: int, frame: Any) -> None:
        self._waited_s = self._waited_s + TICK_S if is_waiting() else 0.0
        if self._scheduler.check_termination() and self._waited_s > END_AFTER_S:
            raise TerminationRequested
        if self._peer_ended and self._waited_s > GIVE_UP_AFTER_S:
            raise PeerLost("the peer's process has ended")


def fall_silent() -> None:
    """Ignore them from now on: Python removes its handlers before the process ends, and the default action kills."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def end_with_starter() -> None:
    """End this process when its standard input, a pipe that only the starter holds, comes to its end."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(FORCE_AFTER_S)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
