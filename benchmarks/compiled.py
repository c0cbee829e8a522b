"""Rounds of kernels as ARTIQ compiles them against rounds of interpreted kernels: what a node computes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.measure import Row, Scale
from contract.nodes import NODES
from testbed import standin
from testbed.nodes.two_nodes import node_environment
from testbed.physics import laboratory

SEED = 1
WHAT, REFERENCE = "round of compiled kernels, computed by a node", "the same interpreted"
APPARATUS = ("compiled", "emulated")


def rows(scale: Scale) -> Iterator[Row]:
    """Both nodes in lock step, both emulations in turn; the median over runs and nodes."""
    rounds = max(500, scale.rounds // 100)
    if standin.install():
        ours = median(run("emulated", rounds).values())
        yield Row("round of interpreted kernels, computed by a node", ours, "compiled kernels", None,
                  note="ARTIQ is not installed here")  # fmt: skip
        return
    run("compiled", 10)  # builds the runtime
    turns = [{apparatus: run(apparatus, rounds) for apparatus in APPARATUS} for _ in range(scale.runs)]
    for node in NODES:
        ours, theirs = (median(turn[apparatus][node] for turn in turns) for apparatus in APPARATUS)
        note = f"{rounds} rounds of one block, both nodes in lock step; compiling is not in it"
        yield Row(f"{WHAT} ({node})", ours, REFERENCE, theirs, note=note)


def run(apparatus: str, rounds: int) -> dict[str, float]:
    """CPU time per round of each node, s."""
    with tempfile.TemporaryDirectory() as folder:
        laboratory.create(Path(folder) / "laboratory", SEED, run_ahead=0)
        environment = node_environment() | {laboratory.VARIABLE: str(Path(folder) / "laboratory")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the linker's, too
        command = [sys.executable, "-P", "-m", "benchmarks.round_node"]
        processes = {
            node: subprocess.Popen([*command, node, apparatus, str(rounds)], stdout=subprocess.PIPE, text=True,
                                   env=environment, cwd=folder)
            for node in NODES
        }  # fmt: skip
        said = {node: process.communicate()[0] for node, process in processes.items()}
    if any(process.returncode for process in processes.values()):
        raise RuntimeError(f"{apparatus}: a node failed, see above")
    return {node: float(text) for node, text in said.items()}
