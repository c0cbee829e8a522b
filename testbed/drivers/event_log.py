"""What the emulated core device did, for tests to assert on; bounded in memory."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Event(NamedTuple):
    """One RTIO event: timestamp in machine units, device name, what happened, value."""

    time_mu: int
    device: str
    action: str
    value: object


class EventLog:
    """The last `capacity` events in the order of submission."""

    def __init__(self, capacity: int = 200_000):
        self.events: deque[Event] = deque(maxlen=capacity)

    def add(self, time_mu: int, device: str, action: str, value: object = None) -> None:
        self.events.append(Event(time_mu, device, action, value))

    def clear(self) -> None:
        self.events.clear()

    def of(self, device: str, action: str | None = None) -> list[Event]:
        """Events of one device, optionally of one action, ordered by time."""
        found = (e for e in self.events if e.device == device and action in (None, e.action))
        return sorted(found, key=lambda event: event.time_mu)

    def between(self, start_mu: int, stop_mu: int) -> list[Event]:
        """Events with start <= time < stop, ordered by time."""
        return sorted((e for e in self.events if start_mu <= e.time_mu < stop_mu), key=lambda event: event.time_mu)
