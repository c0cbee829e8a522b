"""Logic outputs and inputs: artiq.coredevice.ttl, emulated."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from artiq.coredevice.exceptions import RTIOOverflow

from testbed.drivers.cpu_time import GATE_MU, READ_EDGE_MU, READ_LEVEL_MU, SAMPLE_MU, TTL_MU
from testbed.drivers.line import Line
from testbed.drivers.linkable import linkable
from testbed.drivers.timeline import Timeline

INPUT_QUEUE_DEPTH = 64
GATE_LATENCY_CYCLES = 13


class _Output:
    """Methods that TTLOut and TTLInOut share."""

    linked_invariants = frozenset(("_line", "_timeline", "_samples", "_gates"))
    core: Any
    _line: Line
    _timeline: Timeline

    def output(self):
        pass

    @linkable
    def set_o(self, o):
        self._line.put(1 if o else 0)

    @linkable
    def on(self):
        self._line.put(1)

    @linkable
    def off(self):
        self._line.put(0)

    @linkable
    def pulse_mu(self, duration):
        timeline = self._timeline
        start = timeline.now
        self._line.put(1)
        timeline.now = start + int(duration)
        self._line.put(0)
        if not timeline.straight:
            timeline.now = start
            timeline.take_time_mu(duration)

    def pulse(self, duration):
        self.pulse_mu(round(duration / self.core.ref_period))


class TTLOut(_Output):
    """Output only."""

    kernel_invariants = {"core", "channel", "target_o"}  # noqa: RUF012

    def __init__(self, dmgr, channel, core_device="core"):
        self.core = dmgr.get(core_device)
        self.channel = channel
        self.target_o = channel << 8
        self._line = self.core.line(channel)
        self._timeline = self.core.timeline

    @staticmethod
    def get_rtio_channels(channel, **kwargs):
        return [(channel, None)]


class TTLInOut(_Output):
    """Output, or input with gates (edges) and samples (levels).

    What arrives comes from the node's physics: `edges(start, stop)` gives the edges (time, level) in a gate once the
    CPU asks for them, `level(time)` the level.
    """

    kernel_invariants = {  # noqa: RUF012
        "core", "channel", "gate_latency_mu", "target_o", "target_oe", "target_sens", "target_sample",
    }  # fmt: skip

    def __init__(self, dmgr, channel, gate_latency_mu=None, core_device="core"):
        self.core = dmgr.get(core_device)
        self.channel = channel
        self.gate_latency_mu = (
            GATE_LATENCY_CYCLES * self.core.ref_multiplier if gate_latency_mu is None else gate_latency_mu
        )
        self.target_o, self.target_oe, self.target_sens, self.target_sample = ((channel << 8) + i for i in range(4))
        self._line = self.core.line(channel)
        self._timeline = self.core.timeline
        self._source = None
        self._gates: deque = deque()
        self._edges: deque = deque()
        self._samples: deque = deque()
        self._watch_from = None

    @staticmethod
    def get_rtio_channels(channel, **kwargs):
        return [(channel, None)]

    def _connect(self):
        """Where this input's signal comes from."""
        physics = self.core.physics
        self._source = physics.input(self.channel) if physics is not None else SilentInput()
        return self._source

    def set_oe(self, oe):
        self.core.cpu.submit(self._timeline.now, self.channel, TTL_MU)

    def output(self):
        self.set_oe(True)

    def input(self):
        self.set_oe(False)

    @linkable
    def _gate(self, duration, sensitivity):
        start = self._timeline.now
        stop = start + int(duration)
        core = self.core
        core.cpu.submit_pair(start, stop, self.channel, GATE_MU)
        self._gates.append((start, stop, sensitivity))
        if core.log is not None:
            core.log.add(start, core.name(self.channel), "gate", stop - start)
        self._timeline.take_time_mu(duration)
        return stop

    @linkable
    def gate_rising_mu(self, duration):
        return self._gate(duration, 1)

    def gate_falling_mu(self, duration):
        return self._gate(duration, 2)

    def gate_both_mu(self, duration):
        return self._gate(duration, 3)

    def gate_rising(self, duration):
        return self._gate(round(duration / self.core.ref_period), 1)

    def gate_falling(self, duration):
        return self._gate(round(duration / self.core.ref_period), 2)

    def gate_both(self, duration):
        return self._gate(round(duration / self.core.ref_period), 3)

    def _collect(self):
        """Ask the source for the edges of all gates scheduled so far."""
        while self._gates:
            start, stop, sensitivity = self._gates.popleft()
            for time, level in (self._source or self._connect()).edges(start, stop):
                if sensitivity & (1 if level else 2):
                    if len(self._edges) >= INPUT_QUEUE_DEPTH:
                        self._edges.clear()
                        self._gates.clear()
                        name = self.core.name(self.channel)
                        raise RTIOOverflow(f"RTIO input overflow on channel {self.channel} ({name})")
                    self._edges.append(time)

    def timestamp_mu(self, up_to_timestamp_mu):
        self._collect()
        if self._edges and self._edges[0] <= up_to_timestamp_mu:
            time = self._edges.popleft()
            self.core.cpu.wait(time, READ_EDGE_MU)
            return np.int64(time)
        self.core.cpu.wait(int(up_to_timestamp_mu) + self.gate_latency_mu, READ_EDGE_MU)
        return np.int64(-1)

    @linkable
    def count(self, up_to_timestamp_mu):
        self._collect()
        counted = 0
        while self._edges and self._edges[0] <= up_to_timestamp_mu:
            self.core.cpu.wait(self._edges.popleft(), READ_EDGE_MU)
            counted += 1
        self.core.cpu.wait(int(up_to_timestamp_mu) + self.gate_latency_mu, READ_EDGE_MU)
        return counted

    @linkable
    def sample_input(self):
        time = self._timeline.now
        self.core.cpu.submit(time, self.channel, SAMPLE_MU)
        self._samples.append(time)

    @linkable
    def sample_get(self):
        time = self._samples.popleft()
        self.core.cpu.wait(time, READ_LEVEL_MU)
        return (self._source or self._connect()).level(time)

    def sample_get_nonrt(self):
        self.sample_input()
        level = self.sample_get()
        self.core.break_realtime()
        return level

    def watch_stay_on(self):
        return self._watch(1)

    def watch_stay_off(self):
        return self._watch(0)

    def _watch(self, level):
        self.sample_input()
        self._watch_from = self._timeline.now
        return self.sample_get() == level

    def watch_done(self):
        time = self._timeline.now
        self.core.cpu.submit(time, self.channel, SAMPLE_MU)
        self.core.cpu.wait(time + self.gate_latency_mu, READ_EDGE_MU)
        return not (self._source or self._connect()).edges(self._watch_from, time)


class SilentInput:
    """Nothing connected."""

    def edges(self, start, stop):
        return []

    def level(self, time):
        return 0


class TTLClockGen:
    """A clock output; nothing in the emulated laboratory listens to it."""

    kernel_invariants = {"core", "channel", "target", "acc_width"}  # noqa: RUF012

    def __init__(self, dmgr, channel, acc_width=24, core_device="core"):
        self.core = dmgr.get(core_device)
        self.channel = channel
        self.target = channel << 8
        self.acc_width = np.int64(acc_width)

    @staticmethod
    def get_rtio_channels(channel, **kwargs):
        return [(channel, None)]

    def frequency_to_ftw(self, frequency):
        return round(2**self.acc_width * frequency * self.core.coarse_ref_period)

    def ftw_to_frequency(self, ftw):
        return ftw / self.core.coarse_ref_period / 2**self.acc_width

    def set_mu(self, frequency):
        self.core.cpu.submit(self.core.timeline.now, self.channel, TTL_MU)

    def set(self, frequency):
        self.set_mu(self.frequency_to_ftw(frequency))

    def stop(self):
        self.set_mu(0)
