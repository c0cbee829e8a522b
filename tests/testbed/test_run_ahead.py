"""Bob's process ahead of Alice's: records, lost rounds and round types as in lock step, whatever goes wrong."""

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
from testbed_kit import node_experiment, run_blocks

from contract.codes import ION_LOST
from contract.nodes import NODES
from postprocess.characterisation.state_tomography import published_states
from procedures.node_experiment import node_class
from testbed.physics import laboratory, node_physics, truth  # noqa: F401 - children inherit what is imported
from testbed.physics.emulated_link import PUBLISHED
from testbed.physics.faults import KINDS
from testbed.physics.instability import Instability
from testbed.physics.ion_losses import IonLosses
from testbed.physics.partner import PASSED

FORK = multiprocessing.get_context("fork")
ROUNDS, BLOCK, AT = 96, 32, 41  # rounds asked for, of a block; herald at which things go wrong, in the second block
KERNELS = 2
SEED_OF_LOSSES = 18  # Alice loses her ion at herald 53, Bob none before 97
WINDOWS = 300  # without a herald, then the kernel leaves
ON_EITHER_NODE = ("ion lost", "underflow", "partner late", "shuttle broken", "phase error")
CASES = [(kind, node) for kind in KINDS for node in (NODES if kind in ON_EITHER_NODE else ("bob",))]


class Spy:
    """Notes the edges that pass a node's partner, and by how many heralds this node was ever ahead."""

    def __init__(self, partner):
        self.edges, self.led = [], 0
        self._partner = partner
        self._announce, self._edges, self._meet = partner.announce, partner.edges, partner.meet
        partner.announce, partner.edges, partner.meet = self.announce, self.hear, self.meet

    def announce(self, herald, edges):
        self.edges.append((herald, edges))
        self._announce(herald, edges)

    def hear(self, herald):
        self.edges.append((herald, self._edges(herald)))
        return self.edges[-1][1]

    def meet(self, herald, *args):
        met = self._meet(herald, *args)
        words, mine, theirs = self._partner._words, self._partner._mine, self._partner._theirs
        self.led = max(self.led, words[mine + PASSED] - words[theirs + PASSED])
        return met


def measure(node, folder, rounds, left, start, result):
    """Two kernels; a node waits for its partner until the partner's kernel has left."""
    peer = NODES[1 - NODES.index(node)]
    emulated = replace(laboratory.open_laboratory(folder), patience_s=600.0)
    built, devices = node_experiment(node, emulated=emulated)
    built.node.station.heralding.windows = WINDOWS
    built.node.blocks.allocate(BLOCK)
    partner = devices.get("laboratory").partner
    partner.is_alive = lambda: not left[peer].is_set()
    spy = Spy(partner)
    settings = np.random.default_rng(7).choice(3 if node == "bob" else 2, rounds)
    codes, words = [], []
    for _ in range(KERNELS):
        start.wait(300)
        left[node].clear()
        partner._tired_of = None  # wait also for a kernel that has not started yet
        start.wait(300)
        code, host = run_blocks(built, settings[len(words) :], BLOCK)
        left[node].set()
        codes.append(code)
        words += zip(*[iter(host.words)] * 4, strict=True)
    result.put((node, {"codes": codes, "records": words, "edges": spy.edges}, spy.led))


def both(folder, run_ahead, faults=(), rounds=None, **nature):
    """(what each node has seen, by how many heralds Bob ever led)."""
    node_class("alice"), node_class("bob"), published_states()  # imported and computed once, not by every child
    laboratory.create(folder, **{"seed": 3, "faults": faults, "run_ahead": run_ahead} | nature)
    left, start, result = {node: FORK.Event() for node in NODES}, FORK.Barrier(2), FORK.Queue()
    rounds = rounds or dict.fromkeys(NODES, ROUNDS)
    for node in NODES:
        FORK.Process(target=measure, args=(node, folder, rounds[node], left, start, result), daemon=True).start()
    found = [result.get(timeout=300) for _ in NODES]
    return {node: seen for node, seen, _ in found}, next(led for node, _, led in found if node == "bob")


@pytest.mark.parametrize(("kind", "node"), CASES)
def test_a_fault_does_the_same_as_in_lock_step(tmp_path, kind, node):
    fault = [{"kind": kind, "node": node, "round": AT, "value": 1.0 if kind in ("phase error", "stuck apd") else None}]
    in_step, never = both(tmp_path / "step", 0, fault)
    ahead, led = both(tmp_path / "ahead", 48, fault)
    assert ahead == in_step
    assert never <= 1 < led


def test_drift_and_lost_ions_are_the_same_as_in_lock_step(tmp_path, monkeypatch):
    """Alice's ion gets lost inside of a block, and stays away in the second kernel."""
    monkeypatch.setattr(truth, "DRIFT_STEP", 16)
    lives = Instability(drift=1000.0, ion_lifetime_s=1.0)
    lost = {node: IonLosses(SEED_OF_LOSSES, node, PUBLISHED.herald_s) for node in NODES}
    first = next(herald for herald in range(1, ROUNDS) if lost["alice"].at(herald))
    assert BLOCK // 2 < first < ROUNDS and not any(map(lost["bob"].at, range(first + 1)))
    in_step, never = both(tmp_path / "step", 0, seed=SEED_OF_LOSSES, instability=lives)
    ahead, led = both(tmp_path / "ahead", 48, seed=SEED_OF_LOSSES, instability=lives)
    assert ahead == in_step and never <= 1 < led
    assert ahead["alice"]["codes"][0] == ION_LOST and len(ahead["alice"]["records"]) == first - 1


def test_blocks_end_together_with_a_host_that_stops_early(tmp_path):
    """Alice's host has fewer blocks than Bob's: he must not have gone on without her."""
    rounds = {"alice": BLOCK, "bob": ROUNDS}
    found, led = both(tmp_path, 48, rounds=rounds)
    assert led > 1
    assert len(found["alice"]["records"]) == len(found["bob"]["records"]) == BLOCK
