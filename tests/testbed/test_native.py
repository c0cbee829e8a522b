"""What kernels use at every step in C does what it does in Python."""

import gc
import os
import random
import subprocess
import sys
import sysconfig
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from artiq.coredevice.exceptions import RTIOUnderflow
from hypothesis import given
from hypothesis import strategies as st
from testbed_kit import core_table, manager, node_experiment, run_blocks

from contract.nodes import NODES
from testbed.drivers import core as core_module
from testbed.drivers import native
from testbed.drivers.cpu import Cpu as PythonCpu
from testbed.drivers.event_log import EventLog
from testbed.drivers.line import Line as PythonLine

HEADERS = Path(sysconfig.get_path("include"))
if not (HEADERS / "Python.h").exists():
    pytest.skip(f"{HEADERS}: no headers of this Python, so that drivers run in Python", allow_module_level=True)

C = native.extension()
IN_C, IN_PYTHON = (C.Cursor, C.Cpu, C.Line), (SimpleNamespace, PythonCpu, PythonLine)
KINDS = (IN_C, IN_PYTHON)


class SmallCore:
    """What a CPU and a line ask of their core device."""

    def __init__(self, cursor, cpu):
        self.timeline = cursor()
        self.timeline.now = 0
        self.cpu = cpu(self)
        self.underflows = []

    @property
    def log(self):
        return self.cpu.log

    def name(self, channel):
        return f"ttl{channel}"

    def underflow(self, time, channel):
        self.underflows.append((time, channel, self.cpu.wall))
        raise RTIOUnderflow(f"{time} {channel}")


times = st.integers(-1000, 20_000)
costs = st.integers(0, 2000)
cpu_calls = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), times, st.just(7), costs),
        st.tuples(st.just("submit_pair"), times, times, st.just(7), costs),
        st.tuples(st.just("submit_words"), times, st.just(7), costs, st.integers(0, 1500)),
        st.tuples(st.just("wait"), times, costs),
        st.tuples(st.just("reset")),
    ),
    max_size=30,
)


@given(cpu_calls)
def test_the_cpu(calls):
    seen = []
    for cursor, cpu, _ in KINDS:
        core = SmallCore(cursor, cpu)
        states = []
        for name, *arguments in calls:
            try:
                getattr(core.cpu, name)(*arguments)
            except RTIOUnderflow as problem:
                states.append(str(problem))
            states.append((core.cpu.wall, sum(core.cpu.times()), core.cpu.times()[-3:]))
        seen.append((states, core.underflows, core.cpu.times()))
    assert seen[0] == seen[1]


line_calls = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 1)),
        st.tuples(st.just("drive"), times, st.integers(0, 1)),
        st.tuples(st.just("forget"), times),
        st.tuples(st.just("stays"), st.integers(0, 1), times, times),
        st.tuples(st.just("pulses"), times, times),
        st.tuples(st.just("watch")),
        st.tuples(st.just("listen")),
        st.tuples(st.just("log")),
        st.tuples(st.just("go to"), times),
    ),
    max_size=60,
)


@given(line_calls)
def test_a_line(calls):
    seen = []
    for cursor, cpu, line_type in KINDS:
        core, heard, answers = SmallCore(cursor, cpu), [], []
        line = line_type(core, 3)
        for name, *arguments in calls:
            if name == "go to":
                core.timeline.now = arguments[0]
            elif name == "log":
                core.cpu.log = EventLog()
            elif name == "listen":
                line.listener = lambda time, level, heard=heard: heard.append((time, level))
            else:
                try:
                    found = getattr(line, name)(*arguments)
                except RTIOUnderflow as problem:
                    found = str(problem)
                answers.append(found is line if name == "watch" else found)
            edges = sorted(line.edges, key=lambda edge: edge[0])  # Python sorts them when somebody asks
            answers.append((edges, line.kept(), line.level, line.watched, core.cpu.wall))
        seen.append((answers, heard, core.cpu.times(), core.log and list(core.log.events)))
    assert seen[0] == seen[1]


def test_a_thousand_edges_in_any_order():
    edges = [(time, time % 3 % 2) for time in random.Random(5).sample(range(10_000), 1000)]
    seen = []
    for cursor, cpu, line_type in KINDS:
        line = line_type(SmallCore(cursor, cpu), 3).watch()
        for edge in edges:
            line.drive(*edge)
        found = line.pulses(0, 10_000), [line.stays(1, time, time + 7) for time in range(0, 10_000, 11)]
        line.forget(6_000)
        seen.append((found, line.kept(), line.level, line.pulses(6_500, 9_000), line.edges))
    assert seen[0] == seen[1] and seen[0][-1] == sorted(edge for edge in edges if edge[0] >= 6_000)


def rounds_of(node):
    """What a node's kernels and drivers do in some rounds."""
    built, devices = node_experiment(node, seed=3)
    code, host = run_blocks(built, np.random.default_rng(4).integers(0, 2, 60))
    core, physics = devices.get("core"), devices.get("laboratory")
    edges = {name: sorted(line.edges, key=lambda edge: edge[0]) for name, line in physics.beams.lines.items()}
    return type(core.cpu), (code, host.records, core.wall, core.timeline.now, core.cpu.times(), edges)


@pytest.mark.parametrize("node", NODES)
def test_rounds_are_the_same(node, monkeypatch):
    seen = []
    for _, cpu, line in KINDS:
        monkeypatch.setattr(core_module, "Cpu", cpu)
        monkeypatch.setattr(core_module, "Line", line)
        kind, found = rounds_of(node)
        assert kind is cpu
        seen.append(found)
    assert seen[0] == seen[1]


def test_what_is_not_a_time_is_refused():
    core = SmallCore(C.Cursor, C.Cpu)
    line = C.Line(core, 3)
    for call, arguments in (
        (core.cpu.submit, (1, 2)),
        (core.cpu.submit, (1, 2, 3, 4)),
        (core.cpu.wait, ("soon", 1)),
        (core.cpu.submit, (0.5, 2, 3)),
        (line.put, ("high",)),
        (line.drive, (1 << 70, 0)),
        (line.stays, (1, 2)),
        (core.cpu.wait, (2**63 - 1, 5)),
    ):
        with pytest.raises((TypeError, OverflowError)):
            call(*arguments)
    core.timeline.now = np.int64(5_000)
    line.watch().put(1)
    assert line.edges == [(5_000, 1)]
    with pytest.raises(TypeError, match="of the same kind"):
        C.Line(SmallCore(SimpleNamespace, PythonCpu), 3)


def test_a_listener_may_leave_while_it_listens():
    line = C.Line(SmallCore(C.Cursor, C.Cpu), 3)

    class Listener:
        def __call__(self, time, level):
            line.listener = None
            gc.collect()
            self.heard = time

    listener = line.listener = Listener()
    line.drive(7, 1)
    line.drive(8, 0)
    assert listener.heard == 7


@pytest.mark.parametrize("line_type", [C.Line, PythonLine])
def test_a_wire_without_a_core_device_is_only_driven(line_type):
    wire = line_type(SimpleNamespace(log=None, name=str), 3).watch()
    wire.drive(10, 1)
    assert wire.edges == [(10, 1)]
    with pytest.raises(AttributeError):
        wire.put(0)


def test_what_a_listener_raises_ends_the_call():
    line = C.Line(SmallCore(C.Cursor, C.Cpu), 3)
    line.listener = lambda time, level: 1 / 0
    with pytest.raises(ZeroDivisionError):
        line.drive(0, 1)
    del line.listener
    line.drive(0, 1)


def test_a_core_device_that_nobody_needs_goes_with_its_lines():
    core = manager(core_table(ttl=("ttl", "TTLOut", {"channel": 5}))).get("core")
    line = core.line(5).watch()
    line.listener = lambda time, level, core=core: core
    gone = weakref.ref(core)
    del core, line
    gc.collect()
    assert gone() is None


def chosen(**environment):
    """Where a new process has its drivers from, or the last line of its complaint."""
    program = (
        "from testbed import standin; standin.install()\n"
        "from testbed.drivers import native, timeline\n"
        "print(native.Cpu.__module__, native.Line.__module__, timeline.Timeline().now)"
    )
    done = subprocess.run([sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True)
    return done.stdout.split() or done.stderr.splitlines()[-1].partition(": ")[2]


def test_drivers_are_chosen_by_what_the_machine_has_and_the_user_says():
    in_python, in_c = ["testbed.drivers.cpu", "testbed.drivers.line", "0"], ["testbed.drivers.native"] * 2 + ["0"]
    assert chosen(DIQKD_DRIVERS="") == chosen(DIQKD_DRIVERS="c") == in_c
    assert chosen(DIQKD_DRIVERS="python") == chosen(DIQKD_DRIVERS="", CC="no-such-compiler") == in_python
    refused = chosen(DIQKD_DRIVERS="c", CC="no-such-compiler")
    assert refused.startswith("DIQKD_DRIVERS is 'c': no-such-compiler: no C compiler")
    assert chosen(DIQKD_DRIVERS="pyhton") == "DIQKD_DRIVERS is 'pyhton': must be c or python"
