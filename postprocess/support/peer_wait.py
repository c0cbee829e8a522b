"""Waits for the peer that a signal handler may cut short.

A process that was asked to end must not sit out a timeout of minutes, and must not be torn out of a block of rounds or
of a write either. So the link marks where it does nothing but wait; a handler that sees the mark may raise there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_waiting = False


@contextmanager
def waiting() -> Iterator[None]:
    """Inside, the main thread only waits: an exception that a signal handler raises loses nothing."""
    global _waiting
    if threading.current_thread() is not threading.main_thread():  # signals are handled in the main thread alone
        yield
        return
    _waiting = True
    try:
        yield
    finally:
        _waiting = False


def is_waiting() -> bool:
    """Whether the main thread is waiting for the peer."""
    return _waiting
