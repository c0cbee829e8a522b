"""Rounds on the counted processor: the same outcomes as everywhere, and the time that is left."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "compiled"))
import compiled_kit

from contract.codes import LEFT_BY_HOST, UNDERFLOW
from contract.nodes import NODES

pytestmark = compiled_kit.needs_artiq


@pytest.fixture(autouse=True)
def _tools(monkeypatch):
    compiled_kit.tools_on_path(monkeypatch)


@pytest.mark.parametrize("barrier", [False, True])
@pytest.mark.parametrize("node", NODES)
def test_twenty_microseconds_are_left_at_two_cycles_per_instruction(node, barrier):
    """What the round is scheduled for (node.schedule); less is left than at one cycle."""
    from testbed.counted.slack import least_slack

    fast, slow = (least_slack(node, cycles, 20, barrier) for cycles in (1.0, 2.0))
    assert fast.code == slow.code == LEFT_BY_HOST and fast.rounds == slow.rounds == 20
    assert fast.instructions == pytest.approx(slow.instructions, rel=0.02) and fast.instructions > 1000
    assert 20_000 <= slow.least.slack < fast.least.slack


def test_a_cpu_that_is_too_slow_is_late():
    from testbed.counted.slack import least_slack

    late = least_slack("alice", 5.0, 20)
    assert late.code == UNDERFLOW and late.least.slack < 0


@pytest.mark.parametrize("node", NODES)
def test_rounds_are_those_of_the_python_emulation(node, tmp_path, monkeypatch):
    """The CPU's pace moves nothing but when a herald is looked for."""
    import importlib

    import numpy as np

    from testbed.devices import COUNTED_CORE, run_compiled

    choices = np.random.default_rng(3).integers(0, 2, 40).astype(np.uint8)
    _, expected = compiled_kit.emulated.rig(node, tmp_path, monkeypatch).measure(choices)
    table = run_compiled(importlib.import_module(f"node_{node}.devices").DEVICES, node, COUNTED_CORE)
    found = compiled_kit.measured_on(table, node, choices)
    for name in ("patterns", "outcomes", "settings", "types", "flags", "counts"):
        assert np.array_equal(getattr(found.records, name), getattr(expected.records, name)), name


@pytest.mark.parametrize("node", NODES)
def test_the_cpu_times_of_both_emulations_are_those_counted(node):
    """testbed.drivers.cpu_time; other compilers move work from one call to the next, but need no more of it."""
    import artiq

    from testbed.counted.slack import counted_costs
    from testbed.drivers.cpu_time import INSTRUCTIONS

    counted = {kind: round(used) for kind, used in counted_costs(node, 60).items()}
    apart = 0.03 if artiq.__version__.startswith("8") else 0.3
    assert counted.keys() >= INSTRUCTIONS.keys() - {"gate", "read_edge"}
    stale = {kind: used for kind, used in counted.items() if abs(used - INSTRUCTIONS[kind]) > apart * used}
    assert not stale, f"cpu_time.INSTRUCTIONS is stale: counted {counted}"
