"""The emulated laboratory: rounds of two node processes, side by side and in lock step; of one, with drivers in C and
in Python."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from statistics import median
from time import monotonic as now
from typing import NamedTuple

from benchmarks.measure import Row, Scale
from contract.nodes import NODES
from postprocess.plans.presets import Choice, planned
from testbed.drivers import native
from testbed.nodes import two_nodes
from testbed.nodes.demonstration import Demonstration
from testbed.physics import laboratory

ROOT = Path(__file__).resolve().parents[1]
SEED = 1
LOCK_STEP = 0


class Run(NamedTuple):
    """Wall-clock time of both nodes' rounds until both are done, and what a node computed meanwhile; s."""

    wall: float
    computed: float


def rows(scale: Scale) -> Iterator[Row]:
    """The same session, its start and its post-processing included, with Bob ahead of Alice and in lock step."""
    rounds = max(2000, scale.rounds // 50)
    session(rounds, None)  # compiles
    pairs = [(session(rounds, None), session(rounds, LOCK_STEP)) for _ in range(min(3, scale.runs))]
    ours, theirs = (
        Run(median(run.wall for run in runs), median(run.computed for run in runs)) for runs in zip(*pairs, strict=True)
    )
    note = f"{rounds} rounds, both nodes on this machine, from process start to keys"
    yield Row("emulated session", ours.wall, "the same in lock step", theirs.wall, note=note)
    yield Row(
        "emulated session, computed by a node", ours.computed, "the same in lock step", theirs.computed, note=note
    )
    if native.Cpu is native.PythonCpu:
        ours = round_alone(NODES[0], rounds, "python")
        yield Row("emulated round, drivers in Python", ours, "the same in C", None, note="C cannot be built here")
        return
    for node in NODES:
        turns = [(round_alone(node, rounds, "c"), round_alone(node, rounds, "python")) for _ in range(scale.runs)]
        in_c, in_python = (median(run) for run in zip(*turns, strict=True))
        note = f"{rounds} rounds of one block, with a partner that costs nothing"
        yield Row(f"emulated round, drivers in C ({node})", in_c, "the same in Python", in_python, note=note)


def round_alone(node: str, rounds: int, drivers: str) -> float:
    """CPU time per round of a node without a partner's process, s."""
    command = [sys.executable, "-P", "-m", "benchmarks.round_node", node, "emulated", str(rounds)]
    environment = two_nodes.node_environment() | {native.VARIABLE: drivers}
    with tempfile.TemporaryDirectory() as folder:
        return float(subprocess.check_output(command, text=True, env=environment, cwd=folder))


def session(rounds: int, run_ahead: int | None) -> Run:
    """One session on a laboratory with this run-ahead (None: the usual one)."""
    because = ("random bits from a fixed seed",)
    choice = Choice(rounds, Fraction(1, 2))
    parameters = planned("s", "emulated", choice, min_response_s=0.0, insecure_because=because)
    arguments = {"session": "s", "preset": "custom", "rounds": rounds, "gamma_256": 128, "min_response": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        demo = Demonstration(Path(folder) / "demo", parameters, arguments, SEED)
        demo.set_up()
        if run_ahead is not None:
            (demo.laboratory / laboratory.DESCRIPTION).unlink()
            (demo.laboratory / laboratory.RING).unlink()
            laboratory.create(demo.laboratory, SEED, run_ahead=run_ahead)
        before, start = computed(), now()
        statuses = two_nodes.run(demo, ROOT, on_line=lambda line: None)
        took = Run(now() - start, (computed() - before) / len(NODES))
    if any(statuses.values()):
        raise RuntimeError(f"emulated session: a node ended with {statuses}")
    return took


def computed() -> float:
    """CPU time of all child processes that have ended, s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
