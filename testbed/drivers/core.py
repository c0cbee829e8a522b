"""The emulated core device: a timeline cursor, a wall-clock counter that CPU work advances, and the RTIO queues.

The counter moves when the CPU works (every driver call costs time), waits for an input, or finds the output queue full.
The difference between cursor and counter is slack; an output below the counter is an RTIOUnderflow, as on hardware.
Nothing depends on the host's clock, so a run with a seed repeats exactly.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from artiq.coredevice.exceptions import RTIOUnderflow
from artiq.language.core import set_time_manager

from testbed.drivers.cpu_time import READ_CLOCK_MU
from testbed.drivers.event_log import EventLog
from testbed.drivers.linked_kernels import LinkedProgram
from testbed.drivers.native import Cpu, Line
from testbed.drivers.timeline import Timeline

KERNEL_START_MU = 50_000_000  # compiling, uploading and starting a kernel from the host
RESET_MARGIN_MU = 125_000


class Core:
    """Core device driver; arguments as of artiq.coredevice.core.Core (both releases). `host` and `target` are not
    used."""

    kernel_invariants = {"core", "ref_period", "coarse_ref_period", "ref_multiplier"}  # noqa: RUF012 - as ARTIQ does
    linked_invariants = frozenset(("timeline", "cpu"))
    linked_options = frozenset(("log",))

    def __init__(self, dmgr, host, ref_period, analyzer_proxy=None, analyze_at_run_end=False, ref_multiplier=8,
                 target="rv32g", satellite_cpu_targets={}, report_invariants=False):  # noqa: B006  # fmt: skip
        self.dmgr = dmgr
        self.core = self
        self.ref_period = ref_period
        self.ref_multiplier = ref_multiplier
        self.coarse_ref_period = ref_period * ref_multiplier
        self.satellite_cpu_targets = satellite_cpu_targets
        self.timeline = Timeline(ref_period)
        set_time_manager(self.timeline)
        self.cpu = Cpu(self)
        self.names: dict[int, str] = {}
        self.on_reset: list[Any] = []
        self.on_kernel: list[Any] = []
        self.on_break: list[Any] = []
        self._lines: dict[int, Any] = {}
        self._physics: Any = None
        self._programs: dict[tuple[Any, int], LinkedProgram] = {}

    # The rest of the apparatus

    @property
    def physics(self) -> Any:
        """The physics behind this core device, from the device table's entry 'laboratory'; None if it has none."""
        if self._physics is None and "laboratory" in self.dmgr.get_device_db():
            self._physics = self.dmgr.get("laboratory")
        return self._physics

    def line(self, channel: int) -> Any:
        """The wire at an output channel."""
        line = self._lines.get(channel)
        if line is None:
            line = self._lines[channel] = Line(self, channel)
        return line

    def name(self, channel: int) -> str:
        """Name of the device at a channel in the device table."""
        if not self.names:
            for name, entry in self.dmgr.get_device_db().items():
                if isinstance(entry, dict) and isinstance(entry.get("arguments", {}).get("channel"), int):
                    self.names.setdefault(entry["arguments"]["channel"], name)
        return self.names.get(channel, f"channel {channel}")

    @property
    def wall(self) -> int:
        """The CPU's counter."""
        return self.cpu.wall

    @wall.setter
    def wall(self, time: int) -> None:
        self.cpu.wall = time

    @property
    def log(self) -> EventLog | None:
        """What the core device did, once `start_log` has been called."""
        return self.cpu.log

    def start_log(self, capacity: int = 200_000) -> EventLog:
        """Keep the last `capacity` events from now on."""
        self.cpu.log = EventLog(capacity)
        return self.cpu.log

    # What drivers use

    def underflow(self, time: int, channel: int) -> NoReturn:
        """An output came too late."""
        slack = time - self.wall
        raise RTIOUnderflow(f"RTIO underflow at {time} mu, channel {channel} ({self.name(channel)}), slack {slack} mu")

    # What kernels and experiments use

    def run(self, function, args, kwargs):
        """Run a kernel; one called inside `parallel` is sequential in itself."""
        timeline = self.timeline
        body = function.artiq_embedded.function
        if timeline.in_kernel:
            if timeline.straight:
                return body(*args, **kwargs)
            timeline.enter_sequential()
            try:
                return body(*args, **kwargs)
            finally:
                timeline.exit()
        self.wall += KERNEL_START_MU
        _ = self.physics  # it hears of everything from here on
        for started in self.on_kernel:
            started(True)
        timeline.begin_kernel()
        try:
            if timeline.straight and args:
                return self._linked(body, args[0])(*args[1:], **kwargs)
            return body(*args, **kwargs)
        finally:
            timeline.end_kernel()
            for started in self.on_kernel:
                started(False)

    def _linked(self, body, owner):
        """A kernel as a program, linked when it starts for the first time or leads elsewhere than the last time."""
        program = self._programs.get((body, id(owner)))
        if program is None or not program.holds():
            program = self._programs[body, id(owner)] = LinkedProgram(body, owner, self)
        return program.start

    def precompile(self, function, *args, **kwargs):
        """A callable without arguments that runs the kernel with these."""
        if not hasattr(function, "artiq_embedded"):
            raise ValueError("Argument is not a kernel")
        return lambda: function(*args, **kwargs)

    def seconds_to_mu(self, seconds):
        return np.int64(seconds // self.ref_period)

    def mu_to_seconds(self, mu):
        return mu * self.ref_period

    def get_rtio_counter_mu(self):
        self.wall += READ_CLOCK_MU
        return np.int64(self.wall & ~7)

    def wait_until_mu(self, cursor_mu):
        wall = self.wall + READ_CLOCK_MU
        early = -(-int(cursor_mu) // 8) * 8 - wall  # the counter counts coarse cycles
        if early > 0:
            wall += -(-early // READ_CLOCK_MU) * READ_CLOCK_MU
        self.wall = wall

    def get_rtio_destination_status(self, destination):
        return destination == 0

    def reset(self):
        """Clear queues and outputs and put the cursor a margin after the counter."""
        self.wall += RESET_MARGIN_MU
        self.cpu.reset()
        for line in self._lines.values():
            line.drive(self.wall, 0)
        for hook in self.on_reset:
            hook()
        self.wall += READ_CLOCK_MU
        self.timeline.set_time_mu((self.wall & ~7) + RESET_MARGIN_MU)

    def break_realtime(self):
        """Put the cursor a margin after the counter, unless it is later already."""
        self.wall += READ_CLOCK_MU
        for hook in self.on_break:
            hook()
        earliest = (self.wall & ~7) + RESET_MARGIN_MU  # the counter counts coarse cycles
        if self.timeline.now < earliest:
            self.timeline.set_time_mu(earliest)

    def notify_run_end(self):
        pass

    def trigger_analyzer_proxy(self):
        raise OSError("No analyzer proxy configured")

    def close(self):
        pass
