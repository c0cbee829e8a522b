"""SIGTERM and SIGHUP end a command as Ctrl-C does: what it started is stopped, what it made for itself is removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NUMBERS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ends_as_interruptions() -> Iterator[None]:
    """Inside, both raise KeyboardInterrupt, once; one that is ignored, as under nohup, stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = {number: signal.getsignal(number) for number in NUMBERS if signal.getsignal(number) != signal.SIG_IGN}

    def interrupt(signum: int, frame: Any) -> None:
        for number in taken:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)
