"""Photon counting in gateware: artiq.coredevice.edge_counter, emulated."""

from __future__ import annotations

from collections import deque

import numpy as np
from artiq.coredevice.edge_counter import CounterOverflow
from artiq.coredevice.exceptions import RTIOOverflow

from testbed.drivers.cpu_time import COUNTER_MU, READ_COUNT_MU
from testbed.drivers.linkable import linkable

INPUT_QUEUE_DEPTH = 64
NO_TIMEOUT = np.int64(-1)


class EdgeCounter:
    """Counts edges between configuration events; the physics gives an interval's counts when they are fetched."""

    kernel_invariants = {"core", "channel", "counter_max"}  # noqa: RUF012
    linked_invariants = frozenset(("_timeline", "_requested"))

    def __init__(self, dmgr, channel, gateware_width=31, core_device="core"):
        self.core = dmgr.get(core_device)
        self.channel = channel
        self.counter_max = (1 << (gateware_width - 1)) - 1
        self._timeline = self.core.timeline
        self._open_since: int | None = None
        self._kept = 0
        self._intervals: list[tuple[int, int, int]] = []
        self._requested: deque = deque()
        self._counts = None
        self.core.on_reset.append(self._clear)

    def _clear(self):
        """A reset drops what has been counted and not fetched."""
        self._open_since, self._kept = None, 0
        self._intervals = []
        self._requested.clear()

    @staticmethod
    def get_rtio_channels(channel, **kwargs):
        return [(channel, None)]

    def gate_rising(self, duration):
        return self.gate_rising_mu(round(duration / self.core.ref_period))

    def gate_falling(self, duration):
        return self.gate_falling_mu(round(duration / self.core.ref_period))

    def gate_both(self, duration):
        return self.gate_both_mu(round(duration / self.core.ref_period))

    @linkable
    def gate_rising_mu(self, duration_mu, edges=1):
        core = self.core
        start = self._timeline.now
        stop = start + int(duration_mu)
        core.cpu.submit_pair(start, stop, self.channel, COUNTER_MU)
        self._requested.append((stop, start, edges))
        if core.log is not None:
            core.log.add(start, core.name(self.channel), "gate", stop - start)
        self._timeline.take_time_mu(stop - start)
        return stop

    def gate_falling_mu(self, duration_mu):
        return self.gate_rising_mu(duration_mu)

    def gate_both_mu(self, duration_mu):
        return self.gate_rising_mu(duration_mu, 2)

    def set_config(self, count_rising, count_falling, send_count_event, reset_to_zero):
        time = self._timeline.now
        self.core.cpu.submit(time, self.channel, COUNTER_MU)
        if self._open_since is not None:
            self._intervals.append((self._open_since, time, self._kept))
            self._open_since = None
        if send_count_event:
            self._requested.append((time, tuple(self._intervals), 0))
        if reset_to_zero:
            self._intervals = []
        self._kept = int(bool(count_rising)) + int(bool(count_falling))
        if self._kept:
            self._open_since = time

    @linkable
    def fetch_count(self):
        requested = self._requested
        if not 0 < len(requested) <= INPUT_QUEUE_DEPTH:
            self._nothing_to_fetch()
        stop, start, edges = requested.popleft()
        counts = self._counts or self._connect()
        if edges == 1:
            total = counts(start, stop)
        else:
            intervals = start if edges == 0 else ((start, stop, edges),)
            total = sum(weight * counts(opened, closed) for opened, closed, weight in intervals)
        self.core.cpu.wait(stop, READ_COUNT_MU)
        if total >= self.counter_max:
            raise CounterOverflow(f"Input edge counter overflow on RTIO channel {self.channel}")
        return total

    def fetch_timestamped_count(self, timeout_mu=NO_TIMEOUT):
        if timeout_mu >= 0 and (not self._requested or self._requested[0][0] > timeout_mu):
            self.core.cpu.wait(int(timeout_mu), READ_COUNT_MU)
            return np.int64(-1), 0
        time = self._requested[0][0] if self._requested else 0
        return np.int64(time), self.fetch_count()

    def _nothing_to_fetch(self):
        name = self.core.name(self.channel)
        if not self._requested:
            raise RuntimeError(f"{name}: a count is fetched but none was requested; on hardware this waits forever")
        self._requested.clear()
        raise RTIOOverflow(f"RTIO input overflow on channel {self.channel} ({name})")

    def _connect(self):
        physics = self.core.physics
        self._counts = physics.counter(self.channel) if physics is not None else lambda start, stop: 0
        return self._counts
