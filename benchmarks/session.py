"""Post-processing of a whole session: two processes, stored rounds, the encrypted link over loopback, both ledgers.

The first session of both processes compiles everything into an empty cache; the sessions after it are as in a
laboratory whose nodes stay up.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measure import Row, Scale
from contract.nodes import NODES
from postprocess.keystore import Keystore, draw_k0
from postprocess.link.keys import make_link_keys, write_peer
from postprocess.plans.presets import Choice, paper, planned
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import SeededSource
from postprocess.rounds import RoundStore
from postprocess.rounds.round_records import RoundRecords

BLOCK_ROUNDS = 50_000
RESEMBLES = "random bits from a fixed seed"
STAGES = {
    "alice": ("basis revelation and error correction", "privacy amplification"),
    "bob": ("error correction", "parameter estimation", "validation of error correction", "privacy amplification"),
}


def rows(scale: Scale) -> Iterator[Row]:
    """Wall-clock time of a session, cold and warm, and what each long step takes of it."""
    parameters = parameters_of(scale)
    names = [f"s{number}" for number in range(1 + min(3, scale.runs))]
    with tempfile.TemporaryDirectory() as folder:
        homes = Path(folder)
        provision(homes, parameters, len(names))
        for name in names:
            store_rounds(homes, replace(parameters, session_id=name))
        reports = run_nodes(homes, names)
    cold, *warm = walls(reports)
    whole = median(warm)
    sizes = f"n = {parameters.rounds}, m = {parameters.syndrome_bits}, ell = {parameters.ell}"
    note = f"{sizes}, both roles, from rounds on disk to keys in both ledgers"
    yield Row("session", whole, "the first, empty compile cache", cold, note=note)
    for node in NODES:
        for stage in STAGES[node]:
            took = median(report["seconds"][stage] for report in reports[node][1:])
            yield Row(f"session, {node}: {stage}", took, "the whole session", whole)


def parameters_of(scale: Scale) -> SessionParameters:
    """The paper's session, or a rehearsal of another size; marked as made from a fixed seed."""
    if scale.rounds == 1_500_000:
        return paper("s0", "emulated", block_rounds=BLOCK_ROUNDS, min_response_s=0.0, insecure_because=(RESEMBLES,))
    from fractions import Fraction

    return planned(
        "s0",
        "emulated",
        Choice(scale.rounds, Fraction(64, 256), block_rounds=BLOCK_ROUNDS),
        min_response_s=0.0,
        insecure_because=(RESEMBLES,),
    )


def provision(homes: Path, parameters: SessionParameters, sessions: int) -> None:
    """Ledgers with pads for all sessions, and link keys."""
    k0 = draw_k0(SeededSource(1, "K0"), parameters, sessions)
    for node in NODES:
        (homes / node).mkdir(mode=0o700)
        with Keystore.create(homes / node / "keystore.sqlite", node) as keystore:
            keystore.provision(k0, parameters)
    public = {node: make_link_keys(homes / node) for node in NODES}
    endpoints = dict(zip(("rounds", "session"), free_endpoints(2), strict=True))
    for node, peer in (NODES, NODES[::-1]):
        write_peer(homes / node, public[peer], endpoints)


def free_endpoints(count: int) -> list[str]:
    """Loopback addresses nobody listens on right now."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    endpoints = [f"tcp://127.0.0.1:{listener.getsockname()[1]}" for listener in listeners]
    for listener in listeners:
        listener.close()
    return endpoints


def store_rounds(homes: Path, parameters: SessionParameters) -> None:
    """Rounds of both nodes as an experiment leaves them, outcomes drawn from the decoder's priors."""
    random = np.random.default_rng(int(parameters.session_id[1:]) + 1)
    n = parameters.rounds
    test = (random.integers(0, 256, n) < 256 * float(parameters.gamma)).astype(np.uint8)
    x, y01 = (random.integers(0, 2, n, dtype=np.uint8) for _ in range(2))
    joint = np.empty(n, np.int64)
    for kind, prior in ((1, parameters.priors.test), (0, parameters.priors.key)):
        chosen = test == kind
        joint[chosen] = random.choice(4, int(chosen.sum()), p=np.ravel(prior) / np.sum(prior))
    outcomes = {"alice": (joint // 2).astype(np.uint8), "bob": (joint % 2).astype(np.uint8) ^ (x & y01 & test)}
    value = np.where(test, 0, 255).astype(np.uint8)  # below 256 gamma: a test round
    bob_bits = np.column_stack([np.unpackbits(value[:, None], axis=1), y01]).reshape(-1)
    drawn = {"alice": x, "bob": bob_bits}
    settings = {"alice": x & test, "bob": np.where(test, y01, 2).astype(np.uint8)}
    zeros, ones = np.zeros(n, np.uint8), np.ones(n, np.uint8)
    for node in NODES:
        folder = homes / node / "sessions" / parameters.session_id
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        with Keystore.open(homes / node / "keystore.sqlite") as keystore:
            ledger_id = keystore.ledger_id
            keystore.reserve(parameters.session_id, parameters)
        store = RoundStore.create(folder, parameters, node, Prepared(drawn[node]), ledger_id)
        records = RoundRecords(
            np.arange(n), ones.astype(int), 5 * ones, outcomes[node], settings[node], test, zeros, ones
        )
        words = records.to_words()
        for block in range(parameters.blocks):
            first, end = store.span(block)
            store.burn(block)
            store.keep(block, first, words[first:end])
        store.close()


class Prepared:
    """A random source of prepared bits."""

    insecure, description = True, RESEMBLES

    def __init__(self, bits: np.ndarray) -> None:
        self._bits = bits

    def bits(self, count: int) -> np.ndarray:
        """The next bits."""
        part, self._bits = self._bits[:count], self._bits[count:]
        return part


def run_nodes(homes: Path, names: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Both nodes' reports on all sessions, each node a process, with a compile cache of their own that is empty."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        command = [sys.executable, "-m", "benchmarks.session_node", str(homes)]
        processes = {
            node: subprocess.Popen([*command, node, *names], env=environment, stdout=subprocess.PIPE, text=True)
            for node in NODES
        }
        reports = {node: process.communicate()[0] for node, process in processes.items()}
    failed = [node for node, process in processes.items() if process.returncode]
    if failed:
        raise RuntimeError(f"post-processing failed at {' and '.join(failed)}; see the messages above")
    return {node: json.loads(report) for node, report in reports.items()}


def walls(reports: dict[str, list[dict[str, Any]]]) -> list[float]:
    """Per session, from the first node's start to the last node's end."""
    both = zip(*reports.values(), strict=True)
    return [max(r["end"] for r in pair) - min(r["start"] for r in pair) for pair in both]
