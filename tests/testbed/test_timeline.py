"""The cursor: ARTIQ's parallel and sequential, for plain delays, drivers and kernels alike."""

import pytest
from artiq.experiment import at_mu, delay, delay_mu, kernel, now_mu, parallel, sequential
from hypothesis import given
from hypothesis import strategies as st
from testbed_kit import core_table, manager

from testbed.drivers.timeline import Timeline


class Kernels:
    def __init__(self):
        lines = {name: ("ttl", "TTLOut", {"channel": i}) for i, name in enumerate(("ttl", "other"))}
        self.devices = manager(core_table(**lines))
        self.core = self.devices.get("core")
        self.ttl, self.other = self.devices.get("ttl"), self.devices.get("other")

    @kernel
    def two_delays(self):
        delay_mu(300)
        delay_mu(400)

    @kernel
    def in_parallel(self):
        self.core.break_realtime()
        start = now_mu()
        with parallel:
            self.two_delays()
            delay_mu(500)
            with sequential:
                delay_mu(100)
                delay_mu(100)
        return now_mu() - start

    @kernel
    def pulses_in_parallel(self):
        self.core.break_realtime()
        start = now_mu()
        with parallel:
            self.ttl.pulse_mu(1000)
            self.other.pulse_mu(700)
        return start, now_mu()

    @kernel
    def nested(self):
        self.core.break_realtime()
        start = now_mu()
        with parallel:
            with sequential:
                delay_mu(10)
                with parallel:
                    delay_mu(5)
                    self.two_delays()
                delay_mu(10)
            delay_mu(20)
        return now_mu() - start

    @kernel
    def fails_inside(self):
        with parallel:
            delay_mu(100)
            raise ValueError("inside")

    @kernel
    def back_and_forth(self):
        self.core.break_realtime()
        start = now_mu()
        at_mu(start + 1000)
        at_mu(start + 200)
        delay(1.4e-9)
        return now_mu() - start


def test_kernel_called_in_parallel_keeps_its_own_delays():
    assert Kernels().in_parallel() == 700


def test_nested_blocks():
    assert Kernels().nested() == 720


def test_pulses_in_parallel_start_together():
    kernels = Kernels()
    log = kernels.core.start_log()
    start, end = kernels.pulses_in_parallel()
    assert end - start == 1000
    assert [(e.time_mu - start, e.value) for e in log.of("ttl", "set")] == [(0, 1), (1000, 0)]
    assert [(e.time_mu - start, e.value) for e in log.of("other", "set")] == [(0, 1), (700, 0)]


def test_cursor_may_go_back_and_delay_rounds():
    assert Kernels().back_and_forth() == 201


def test_an_exception_leaves_the_blocks_in_order():
    kernels = Kernels()
    with pytest.raises(ValueError, match="inside"):
        kernels.fails_inside()
    assert kernels.in_parallel() == 700


# A program is a delay (int) or a block: ("sequential" | "parallel", [programs]).
kinds = st.sampled_from(("sequential", "parallel"))
programs = st.recursive(st.integers(-50, 1000), lambda inner: st.tuples(kinds, st.lists(inner, max_size=4)))


def duration(program):
    """Slow reference by definition: a parallel block lasts as long as its longest statement, at least 0."""
    if isinstance(program, int):
        return program
    kind, body = program
    if kind == "sequential":
        return sum(map(duration, body))
    return max([0, *map(duration, body)])


def execute(timeline, program):
    if isinstance(program, int):
        timeline.take_time_mu(program)
        return
    kind, body = program
    timeline.enter_sequential() if kind == "sequential" else timeline.enter_parallel()
    for statement in body:
        execute(timeline, statement)
    timeline.exit()


@given(programs)
def test_any_nesting_agrees_with_the_definition(program):
    timeline = Timeline()
    timeline.now = 10_000
    timeline.begin_kernel()
    execute(timeline, program)
    assert timeline.now - 10_000 == duration(program)
    assert timeline.straight


def test_after_a_kernel_in_parallel_the_next_one_is_sequential_in_itself_too():
    timeline = Timeline()
    timeline.begin_kernel()
    timeline.enter_parallel()
    assert not timeline.straight
    timeline.enter_sequential()
    assert timeline.straight
    timeline.exit()
    assert not timeline.straight
    timeline.exit()
    assert timeline.straight
