"""The emulated core device: slack, underflow and overflow, queues, counters, inputs, the event log."""

import numpy as np
import pytest
from artiq.coredevice.exceptions import RTIOOverflow, RTIOUnderflow
from artiq.experiment import at_mu, delay_mu, kernel, now_mu
from testbed_kit import core_table, manager

from testbed.drivers import core as core_module
from testbed.drivers import cpu_time
from testbed.drivers.cpu import QUEUE_DEPTH


class Kernels:
    def __init__(self):
        self.devices = manager(
            core_table(
                ttl=("ttl", "TTLOut", {"channel": 0}),
                line=("ttl", "TTLInOut", {"channel": 1}),
                counter=("edge_counter", "EdgeCounter", {"channel": 2}),
            )
        )
        self.core = self.devices.get("core")
        self.ttl, self.line, self.counter = (self.devices.get(name) for name in ("ttl", "line", "counter"))

    @kernel
    def slack(self):
        return now_mu() - self.core.get_rtio_counter_mu()

    @kernel
    def slack_after_break(self):
        self.core.break_realtime()
        return now_mu() - self.core.get_rtio_counter_mu()

    @kernel
    def toggles(self, times, gap_mu):
        self.core.break_realtime()
        for _ in range(times):
            self.ttl.on()
            delay_mu(gap_mu)
            self.ttl.off()
            delay_mu(gap_mu)

    @kernel
    def wait_then_pulse(self):
        self.core.break_realtime()
        gate_end = self.line.gate_rising_mu(100_000)
        found = self.line.timestamp_mu(gate_end)
        at_mu(gate_end)
        self.ttl.on()
        return found

    @kernel
    def counts(self, fetch, gates):
        self.core.break_realtime()
        for _ in range(gates):
            self.counter.gate_rising_mu(1000)
            delay_mu(100)
        total = 0
        for _ in range(fetch):
            total += self.counter.fetch_count()
        return total

    @kernel
    def listen(self):
        self.core.break_realtime()
        end = self.line.gate_both_mu(1000)
        return self.line.count(end)

    @kernel
    def reset(self):
        self.core.reset()
        return now_mu() - self.core.get_rtio_counter_mu()


class Edges:
    def __init__(self, times):
        self.times = times

    def edges(self, start, stop):
        return [(start + t, 1) for t in self.times]

    def level(self, time):
        return 1


def test_a_kernel_starts_without_slack_and_break_realtime_gives_some():
    kernels = Kernels()
    assert kernels.slack() < 0
    assert abs(kernels.slack_after_break() - core_module.RESET_MARGIN_MU + cpu_time.READ_CLOCK_MU) < 8


def test_slack_is_used_up_by_cpu_work_until_an_underflow():
    kernels = Kernels()
    kernels.toggles(100, 10_000)  # slow enough for ever
    cpu_mu = 2 * cpu_time.TTL_MU
    survives = core_module.RESET_MARGIN_MU // (cpu_mu - 200)
    kernels.toggles(survives - 2, 100)
    with pytest.raises(RTIOUnderflow, match=r"channel 0 \(ttl\), slack -"):
        kernels.toggles(survives + 2, 100)


def test_a_late_kernel_recovers():
    kernels = Kernels()
    with pytest.raises(RTIOUnderflow):
        kernels.toggles(10_000, 100)
    kernels.toggles(10, 10_000)


def test_waiting_for_an_input_moves_the_counter():
    kernels = Kernels()
    with pytest.raises(RTIOUnderflow):  # -1 is known only after the gate; nothing can be put at its end any more
        kernels.wait_then_pulse()
    kernels.line._source = Edges([50])
    assert kernels.wait_then_pulse() > 0  # an early edge ends the wait early


def test_a_full_output_queue_stalls_the_cpu():
    kernels = Kernels()
    kernels.toggles(400, 1_000_000)
    assert kernels.core.wall < kernels.core.timeline.now - 700_000_000  # far ahead of the hardware
    kernels.toggles(1000, 1_000_000)
    ahead = QUEUE_DEPTH * 1_000_000
    assert abs(kernels.core.timeline.now - kernels.core.wall - ahead) < 3_000_000


def test_more_edges_than_the_input_queue_holds_are_an_overflow():
    kernels = Kernels()
    kernels.line._source = Edges(range(64))
    assert kernels.listen() == 64
    kernels.line._source = Edges(range(65))
    with pytest.raises(RTIOOverflow, match="line"):
        kernels.listen()
    kernels.line._source = Edges(range(3))
    assert kernels.listen() == 3


def test_counts_are_kept_in_order_up_to_the_queue():
    kernels = Kernels()
    kernels.counter._counts = lambda start, stop: 7
    assert kernels.counts(3, 5) == 21
    assert kernels.counts(5, 3) == 35
    with pytest.raises(RTIOOverflow):
        kernels.counts(1, 65)
    with pytest.raises(RuntimeError, match="waits forever"):
        kernels.counts(1, 0)


def test_gate_config_counts_several_windows_as_one():
    kernels = Kernels()
    core, counter = kernels.core, kernels.counter
    counter._counts = lambda start, stop: stop - start
    core.break_realtime()
    for config, after in (
        ((True, False, False, True), 100), ((False, False, False, False), 50),
        ((True, True, False, False), 10), ((False, False, True, False), 0),
    ):  # fmt: skip
        counter.set_config(*config)
        core.timeline.take_time_mu(after)
    assert counter.fetch_count() == 100 + 2 * 10
    assert counter.fetch_timestamped_count(np.int64(core.wall)) == (-1, 0)


def test_reset_gives_slack_and_puts_outputs_low():
    kernels = Kernels()
    line = kernels.core.line(0).watch()
    kernels.toggles(1, 1000)
    line.drive(kernels.core.timeline.now, 1)
    assert kernels.reset() > 0
    assert [level for _, level in line.edges][-2:] == [1, 0]


def test_the_log_is_off_by_default_and_bounded():
    kernels = Kernels()
    kernels.toggles(5, 1000)
    assert kernels.core.log is None
    log = kernels.core.start_log(capacity=6)
    kernels.toggles(5, 1000)
    assert len(log.events) == 6
    assert [e.value for e in log.of("ttl")] == [1, 0, 1, 0, 1, 0]
    first = log.of("ttl")[0].time_mu
    assert len(log.between(first, first + 1)) == 1


def test_precompile_and_conversions():
    kernels = Kernels()
    assert kernels.core.precompile(kernels.slack_after_break)() > 0
    with pytest.raises(ValueError, match="not a kernel"):
        kernels.core.precompile(len)
    assert kernels.core.seconds_to_mu(2.5e-6) == 2500
    assert kernels.core.seconds_to_mu(1.5e-6) == 1499  # ARTIQ floors, and 1.5e-6 // 1e-9 is 1499
    assert kernels.core.mu_to_seconds(2000) == pytest.approx(2e-6)


def test_the_same_kernels_use_the_same_time():
    def end():
        kernels = Kernels()
        kernels.toggles(50, 1000)
        return kernels.core.wall, kernels.core.timeline.now

    assert end() == end()
