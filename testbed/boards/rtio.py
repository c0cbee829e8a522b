"""From RTIO channels to the boards behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

CONTINUES, RESET = -1, -2  # targets of events, see testbed/compiled/runtime/runtime.h
ARRIVED, TIMED_OUT, RAN_OVER, NO_SUCH_CHANNEL = range(4)
FOREVER = 2**63 - 1

InputEvent = tuple[int, int, int]  # (status, time in ns, data)


class Board(Protocol):
    """What is behind one channel."""

    def event(self, time: int, address: int, data: int) -> None:
        """An output: `address` is the lower byte of its target."""

    def reset(self, time: int) -> None:
        """The core device was reset."""

    def input(self, timeout: int) -> InputEvent:
        """The next input event up to a time, or why there is none."""


class Rtio:
    """All channels of one core device.

    Attributes:
        channels: board by channel.
        log: (time, wall, channel, address, data) of the outputs, if a test put a list here.
    """

    def __init__(self) -> None:
        self.channels: dict[int, Board] = {}
        self.i2c: Callable[[int, int, int, int], int] = lambda what, bus, a, b: -1
        self.log: list[tuple[int, int, int, int, int]] | None = None

    def take(self, events: list[tuple[int, int, int, int]]) -> None:
        """Outputs (time, wall, target, data), in the order in which the CPU handed them over."""
        channels = self.channels
        for time, wall, target, data in events:
            if target >= 0:
                board = channels.get(target >> 8)
                if board is not None:
                    board.event(time, target & 0xFF, data)
                if self.log is not None:
                    self.log.append((time, wall, target >> 8, target & 0xFF, data))
            elif target == RESET:
                for board in set(channels.values()):
                    board.reset(time)

    def input(self, timeout: int, channel: int) -> InputEvent:
        """The next input event of a channel, up to a time.

        Raises:
            RuntimeError: nothing will ever arrive, and the kernel would wait for ever.
        """
        board = self.channels.get(channel)
        found = board.input(timeout) if board is not None else (NO_SUCH_CHANNEL, 0, 0)
        if found[0] == TIMED_OUT and timeout == FOREVER:
            raise RuntimeError(f"channel {channel}: the kernel waits for an input that nobody asked the board for")
        return found
