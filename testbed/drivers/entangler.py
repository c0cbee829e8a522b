"""The heralding gateware's driver: entangler.driver of OxfordIonTrapGroup/entangler-core, emulated.

Same interface; the attempt loop itself is physics and lives in testbed.physics.attempts.
"""

from __future__ import annotations

from artiq.language.core import portable

from testbed.drivers.cpu_time import ENTANGLER_MU, READ_ENTANGLER_MU
from testbed.drivers.linkable import linkable

sequencer_422sigma, sequencer_1092, sequencer_422ps_trigger, sequencer_aux = range(8, 12)
gate_apd0, gate_apd1, gate_apd2, gate_apd3 = range(12, 16)
timestamp_apd0, timestamp_apd1, timestamp_apd2, timestamp_apd3, timestamp_422ps = range(0b101000, 0b101101)

TIMED_OUT = 0x3FFF
REGISTER_MASK = 0x3FFF
READ_MU = 100


@portable
def patterns_to_reg(patterns):
    """Register value for up to four patterns: four bits each, and an enable bit each from bit 16 on."""
    if len(patterns) > 4:
        raise ValueError("at most four patterns")
    register = 0
    for i, pattern in enumerate(patterns):
        register |= (pattern & 0xF) << (4 * i) | 1 << (16 + i)
    return register


class Entangler:
    """Attempt loop of one crate; a reset of the core clears everything that was configured."""

    linked_invariants = frozenset(("core", "channel", "ref_period_mu", "_timeline"))

    def __init__(self, dmgr, channel, is_master=True, core_device="core"):
        self.core = dmgr.get(core_device)
        self.channel = channel
        self.is_master = is_master
        self.ref_period_mu = int(self.core.ref_multiplier)
        self._timeline = self.core.timeline
        self._loop = None
        self.core.on_reset.append(self._clear)
        self._clear()
        _ = self.core.physics  # whoever can herald is in the laboratory from now on

    def _clear(self):
        self.enabled = self.standalone = False
        self.cycle_mu = 0
        self.heralds: list[int] = []
        self.timings: dict[int, tuple[int, int]] = {}
        self.changed = True

    @property
    def loop(self):
        """The physics of the attempts."""
        return self._loop or self._connect()

    def _connect(self):
        if self.core.physics is None:
            raise RuntimeError("the device table has no entry 'laboratory': nothing is behind the entangler")
        self._loop = self.core.physics.attempts(self)
        return self._loop

    def _write(self):
        self.core.cpu.submit(self._timeline.now, self.channel, ENTANGLER_MU)
        self._timeline.take_time_mu(self.ref_period_mu)
        self.changed = True

    def write(self, addr, value):
        self._write()

    def read(self, addr):
        now = self._timeline.now
        self.core.cpu.submit(now, self.channel, ENTANGLER_MU)
        self.core.cpu.wait(now + READ_MU, READ_ENTANGLER_MU)
        return 0

    def init(self):
        self.set_config()

    def set_config(self, enable=False, standalone=False):
        self.enabled, self.standalone = bool(enable), bool(standalone)
        self._write()

    def set_timing_mu(self, channel, t_start_mu, t_stop_mu):
        start, stop = int(t_start_mu), int(t_stop_mu)
        if channel < gate_apd0:
            start, stop = start & ~7, stop & ~7
        self.timings[int(channel)] = start & REGISTER_MASK, stop & REGISTER_MASK
        self._write()

    def set_timing(self, channel, t_start, t_stop):
        self.set_timing_mu(channel, self.core.seconds_to_mu(t_start), self.core.seconds_to_mu(t_stop))

    def set_cycle_length_mu(self, t_cycle_mu):
        if not 0 <= int(t_cycle_mu) >> 3 <= 1023:
            raise ValueError(f"cycle of {t_cycle_mu} mu: the gateware's register holds at most 8184")
        self.cycle_mu = int(t_cycle_mu) & ~7
        self._write()

    def set_cycle_length(self, t_cycle):
        self.set_cycle_length_mu(self.core.seconds_to_mu(t_cycle))

    def set_heralds(self, heralds):
        patterns_to_reg(heralds)
        self.heralds = [pattern & 0xF for pattern in heralds]
        self._write()

    @linkable
    def run_mu(self, duration_mu):
        core = self.core
        start = self._timeline.now
        core.cpu.submit(start, self.channel, ENTANGLER_MU)
        start = (start & ~7) + self.ref_period_mu  # the gateware runs on the coarse clock
        self._timeline.take_time_mu(self.ref_period_mu)
        end, reason = (self._loop or self._connect()).run(start, int(duration_mu) & ~7)
        core.cpu.wait(end, READ_ENTANGLER_MU)
        if core.log is not None:
            core.log.add(start, core.name(self.channel), "run", (end, reason))
        return end, reason

    def run(self, duration):
        if duration * 1e9 >= 2**31:
            raise OverflowError(f"run({duration} s): more than int32 nanoseconds (2.147 s)")
        return self.run_mu(self.core.seconds_to_mu(duration))

    def get_status(self):
        return self.read(0)

    def get_ncycles(self):
        self.read(1)
        return self.loop.cycles & 0x3FFF

    def get_ntriggers(self):
        self.read(3)
        return self.loop.cycles & 0x3FFF

    def get_time_remaining(self):
        self.read(2)
        return self.loop.remaining_mu >> 3

    def get_timestamp_mu(self, channel):
        self.read(channel)
        return self.loop.timestamp(channel - timestamp_apd0)

    def get_input_count(self, idx):
        if not 0 <= idx < 4:
            raise ValueError("Input counter index needs to be in 0..4")
        self.read(0b110000 + idx)
        return self.loop.input_count(idx)

    def get_pattern_count(self, idx):
        if not 0 <= idx < 4:
            raise ValueError("Pattern counter index needs to be in 0..4")
        self.read(0b110100 + idx)
        return self.loop.pattern_count(idx)

    def set_counter_patterns(self, idx, patterns):
        if not 0 <= idx < 4 or not 0 < len(patterns) <= 4:
            raise ValueError("Pattern counter index needs to be in 0..4, with one to four patterns")
        self.loop.counter_patterns[idx] = {pattern & 0xF for pattern in patterns}
        self._write()
