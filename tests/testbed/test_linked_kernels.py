"""Linked kernels do what the same kernels do one by one."""

import functools
from pathlib import Path
from types import MethodType

import numpy as np
import pytest
from artiq.experiment import TInt32, TInt64, at_mu, delay_mu, kernel, now_mu, parallel, portable
from testbed_kit import core_table, manager, node_experiment, run_blocks

from contract.nodes import NODES
from testbed.drivers.core import Core
from testbed.drivers.ttl import TTLOut

STEP = 5
HIGH = 1 << 33


@portable
def doubled(value):
    return 2 * value


class Part:
    """Something that a kernel holds: keeps a number, waits."""

    kernel_invariants = {"core", "wait_mu"}  # noqa: RUF012 - as ARTIQ does

    def __init__(self, core, wait_mu):
        self.core, self.wait_mu = core, np.int64(wait_mu)
        self.kept = 0

    @kernel
    def keep(self, value: TInt32):
        number = value + STEP
        self.kept += number
        delay_mu(self.wait_mu)

    @kernel
    def is_large(self) -> bool:
        return self.kept > 100

    @kernel
    def halved(self, value: TInt64) -> TInt64:
        if value < 0:
            return np.int64(0)
        return value // 2

    @kernel
    def side_by_side(self):
        with parallel:
            delay_mu(self.wait_mu)
            delay_mu(2 * self.wait_mu)

    @kernel
    def fails(self):
        raise ValueError("here")


def closing_over(extra):
    @kernel
    def closed_over(self):
        return extra + self.kept

    return closed_over


Part.closed_over = closing_over(1000)


class Whole:
    """Calls kernels of its parts in every way that the linker tells apart."""

    kernel_invariants = {"core", "first", "parts", "limit"}  # noqa: RUF012

    def __init__(self, core):
        self.core = core
        self.first, self.parts = Part(core, 10), [Part(core, 1), Part(core, 2)]
        self.limit, self.seen, self.words = 3, [], [0, 0]

    @kernel
    def run(self, start: TInt32 = 7):
        """Its docstring is no statement."""
        number = 1
        part = self.first
        at_mu(now_mu() + 100)
        self.first.keep(number)
        part.keep(value=number + 1)
        for i in range(self.limit):
            part.keep(i)
            for other in self.parts:
                other.keep(doubled(i))
            if part.is_large():
                break
        part.side_by_side()
        try:
            self.first.fails()
        except ValueError:
            self.seen.append(self.first.closed_over())
        finally:
            self.words[0] = np.int32(np.int64(HIGH) + number)
        self.words[1] = self.first.halved(np.int64(HIGH)) + self._add(start)
        self.seen.append(number)
        return number

    @kernel
    def _add(self, start: TInt32, more: TInt32 = 2) -> TInt32:
        number = start + more
        return number if self.first.is_large() else -number


def core():
    return manager(core_table()).get("core")


def seen_of(whole):
    parts = [whole.first, *whole.parts]
    return [int(word) for word in whole.words], whole.seen, [part.kept for part in parts], whole.core.timeline.now


def test_linked_and_one_by_one_are_the_same(monkeypatch):
    linked = Whole(core())
    assert linked.run() == 1
    with monkeypatch.context() as patch:
        patch.setattr(Core, "_linked", lambda self, body, owner: MethodType(body, owner))
        plain = Whole(core())
        assert plain.run() == 1
    assert seen_of(linked) == seen_of(plain)
    assert linked.words[0] == 1 and linked.words[1] == (HIGH >> 1) - 9 and linked.seen == [1031, 1]


def rounds_of(node, logs):
    """What a node's kernels and drivers do in some rounds: records, clocks and, if logged, every event."""
    built, devices = node_experiment(node, seed=3)
    emulated = devices.get("core")
    log = emulated.start_log() if logs else None
    code, host = run_blocks(built, np.random.default_rng(4).integers(0, 2, 60))
    assert code == 0 and len(host.records) == 60
    physics = devices.get("laboratory")
    tones = {name: list(dds.tones) for name, dds in physics.beams.dds.items()}
    edges = {name: list(line.edges) for name, line in physics.beams.lines.items()}
    clocks = emulated.wall, emulated.timeline.now, emulated.cpu.times()
    return host.records, clocks, tones, edges, log and list(log.events)


@pytest.mark.parametrize("logs", [False, True])
@pytest.mark.parametrize("node", NODES)
def test_rounds_linked_with_their_drivers_and_one_by_one_are_the_same(node, logs, monkeypatch):
    linked = rounds_of(node, logs)
    monkeypatch.setattr(Core, "_linked", lambda self, body, owner: MethodType(body, owner))
    assert rounds_of(node, logs) == linked


class Pulser:
    """Pulses a line, alone and beside a wait."""

    kernel_invariants = {"core", "ttl"}  # noqa: RUF012

    def __init__(self, devices):
        self.core, self.ttl = devices.get("core"), devices.get("ttl")

    @kernel
    def run(self):
        self.core.break_realtime()
        self.ttl.pulse_mu(100)
        self.ttl.set_o(self.ttl.channel > 0)
        delay_mu(1000)
        self.both()
        self.ttl.off()

    @kernel
    def switch_on(self):
        self.core.break_realtime()
        self.ttl.on()

    @kernel
    def both(self):
        with parallel:
            self.ttl.pulse_mu(200)
            delay_mu(500)


def test_who_looks_at_a_line_from_now_on_sees_what_kernels_do_from_now_on():
    devices = manager(core_table(ttl=("ttl", "TTLOut", {"channel": 5})))
    pulser, line = Pulser(devices), devices.get("core").line(5)
    pulser.run()
    assert not line.edges
    heard, line.listener = [], lambda time, level: heard.append((time, level))
    line.watch()
    log = devices.get("core").start_log()
    pulser.run()
    first = heard[0][0]
    expected = [(0, 1), (100, 0), (100, 1), (1100, 1), (1300, 0), (1600, 0)]
    assert [(time - first, level) for time, level in heard] == expected
    assert line.edges == heard and len(log.events) == len(heard)


def test_a_program_asks_the_core_device_for_no_kernel_that_it_has_linked():
    whole = Whole(core())
    whole.run()
    program = whole.core._programs[Whole.run.artiq_embedded.function, id(whole)]
    names = program.start.__code__.co_names
    assert not {"halved", "is_large", "fails", "_add", "at_mu", "now_mu", "int64", "first"} & set(names)
    assert {"side_by_side", "closed_over"} <= set(names)


class Holder:
    """Holds what has methods that are not Python, and a table with their names."""

    kernel_invariants = {"core", "kept", "table"}  # noqa: RUF012

    def __init__(self, core):
        self.core, self.kept, self.table = core, [], {"get": 3}

    @property
    def costly(self):
        raise RuntimeError("nobody asks for this")

    @kernel
    def run(self):
        if self.table.get("no") is not None:
            self.kept.append(self.costly)
        self.kept.append(self.table.get("get"))


def test_methods_that_are_not_python_are_found_once():
    holder = Holder(core())
    holder.run()
    first, holder.kept = holder.kept, []
    holder.run()
    assert first == holder.kept == [3]
    program = holder.core._programs[Holder.run.artiq_embedded.function, id(holder)]
    assert "append" not in program.start.__code__.co_names and "get" in program.start.__code__.co_names


def test_each_start_reads_the_invariants_anew():
    whole = Whole(core())
    whole.run()
    program = whole.core._programs[Whole.run.artiq_embedded.function, id(whole)]
    whole.limit, whole.first.wait_mu = 1, np.int64(1000)
    kept, before = whole.first.kept, whole.core.timeline.now
    whole.run()
    assert whole.core._programs[Whole.run.artiq_embedded.function, id(whole)] is program
    assert whole.first.kept == kept + (1 + STEP) + (2 + STEP) + (0 + STEP)
    assert whole.core.timeline.now - before == 100 + 3 * 1000 + (1 + 2) + 2 * 1000
    whole.first.wait_mu = 1000.0
    before = whole.core.timeline.now
    whole.run()
    passed = whole.core.timeline.now - before
    assert passed == 100 + 3 * 1000 + (1 + 2) + 2 * 1000 and type(passed) is int


def test_another_part_or_another_kernel_is_linked_anew(monkeypatch):
    whole = Whole(core())
    whole.run()
    first, whole.first = whole.first, Part(whole.core, 0)
    kept = first.kept
    whole.run()
    assert (first.kept, whole.first.kept) == (kept, kept)
    monkeypatch.setattr(Part, "keep", Part.side_by_side)
    with pytest.raises(TypeError):
        whole.run()
    monkeypatch.setattr(Part, "keep", lambda self, value: None)
    whole.run()
    assert whole.first.kept == kept


def test_a_module_constant_may_change_between_starts(monkeypatch):
    whole = Whole(core())
    whole.run()
    monkeypatch.setitem(globals(), "STEP", 0)
    kept = whole.first.kept
    whole.run()
    assert whole.first.kept == kept + 1 + 2 + 0 + 1 + 2


def test_tracebacks_name_the_source():
    part = Part(core(), 1)
    with pytest.raises(ValueError, match="here") as problem:
        part.fails()
    line = Path(__file__).read_text().splitlines()[problem.traceback[-1].lineno]
    assert line.strip() == 'raise ValueError("here")'


class Corners:
    """Calls that are not what they look like."""

    kernel_invariants = {"core", "ttl", "input", "counter", "part", "proxy"}  # noqa: RUF012

    def __init__(self, devices):
        self.core = devices.get("core")
        self.ttl, self.input, self.counter = (devices.get(name) for name in ("ttl", "input", "counter"))
        self.part, self.proxy = Part(self.core, 7), Proxy(devices)
        self.seen = []

    @kernel
    def moves_and_tells(self):
        delay_mu(110)
        return 5

    @kernel
    def tells(self):
        return self.moves_and_tells()

    @kernel
    def run(self):
        self.core.break_realtime()
        self.tells()  # for what it does
        delay_mu(self.moves_and_tells())
        self.input.gate_rising_mu(1000)
        self.seen.append(self.input.count(now_mu()))
        len = 3
        int = 4
        self.core.break_realtime()
        self.counter.gate_rising_mu(100)
        self.seen.append(self.counter.fetch_count() + len + int)
        first = second = self.part
        first.keep(1)
        second.keep(2)
        self.core.break_realtime()
        self.proxy.on()
        delay_mu(100)
        self.ttl.off()


class Proxy:
    """Has a driver's own method."""

    def __init__(self, devices):
        self.core, self.on = devices.get("core"), devices.get("ttl").on


def corners():
    devices = manager(
        core_table(
            ttl=("ttl", "TTLOut", {"channel": 5}),
            input=("ttl", "TTLInOut", {"channel": 6}),
            counter=("edge_counter", "EdgeCounter", {"channel": 7}),
        )
    )
    whole, line = Corners(devices), devices.get("core").line(5).watch()
    whole.run()
    return whole.seen, whole.part.kept, line.edges, whole.core.timeline.now, whole.core.wall


def test_calls_that_are_not_what_they_look_like(monkeypatch):
    linked = corners()
    monkeypatch.setattr(Core, "_linked", lambda self, body, owner: MethodType(body, owner))
    assert linked == corners()
    assert linked[0] == [0, 7] and linked[1] == 3 + 2 * STEP and [level for _, level in linked[2]] == [1, 0]


def test_a_spy_in_a_drivers_place_is_asked(monkeypatch):
    asked = []

    @functools.wraps(TTLOut.on)
    def spy(self):
        asked.append(self)

    monkeypatch.setattr(TTLOut, "on", spy)
    pulser = Pulser(manager(core_table(ttl=("ttl", "TTLOut", {"channel": 5}))))
    pulser.switch_on()
    assert asked == [pulser.ttl]
