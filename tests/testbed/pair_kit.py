"""Both nodes of an emulated laboratory, for tests: two processes measuring rounds with seeded settings."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from contract.nodes import NODES
from testbed.nodes.two_nodes import NodePair, run_experiment
from testbed.physics import laboratory
from testbed.physics.emulated_link import PUBLISHED
from testbed.physics.faults import Fault

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXPERIMENT = HERE / "experiments" / "measure_rounds.py"


class Records(NamedTuple):
    """Fields of the records of one node, each int64 (rounds,)."""

    pattern: np.ndarray
    outcome: np.ndarray
    setting: np.ndarray
    test: np.ndarray
    flags: np.ndarray
    counts: np.ndarray
    attempts: np.ndarray
    barrier: np.ndarray
    raw: np.ndarray


class Pair(NamedTuple):
    statuses: dict
    codes: dict
    alice: Records
    bob: Records
    truth: dict


def measure(folder, rounds, seed=1, faults=(), arguments=None, link=PUBLISHED):
    """Run both nodes in a new laboratory; returns what each recorded."""
    homes, place = folder / "homes", folder / "laboratory"
    homes.mkdir(parents=True)
    laboratory.create(place, seed=seed, faults=[Fault(**fault) for fault in faults], link=link)
    arguments = {"rounds": rounds} | (arguments or {})
    statuses = run_experiment(
        EXPERIMENT, "MeasureRounds", arguments, homes=homes, laboratory=place, device_db=ROOT / "device_db.py"
    )
    return collect(folder, statuses)


def collect(folder, statuses):
    homes = folder / "homes"
    codes = {node: int((homes / node / "code").read_text()) for node in NODES}
    truth = json.loads((folder / "laboratory" / "truth-alice.json").read_text())
    return Pair(statuses, codes, records(homes / "alice"), records(homes / "bob"), truth)


def records(home):
    raw = np.load(home / "records.npy")
    w = raw[:, 3]
    fields = (w & 15, w >> 4 & 1, w >> 5 & 3, w >> 7 & 1, w >> 8 & 31, w >> 16, raw[:, 2], w >> 13 & 1)
    return Records(*fields, raw)


def start_pair(folder, seed=1, **arguments):
    """Start both nodes and return at once; (NodePair, homes)."""
    homes, place = folder / "homes", folder / "laboratory"
    if not place.exists():
        homes.mkdir(parents=True)
        laboratory.create(place, seed=seed)
    pair = NodePair(place)
    for node in NODES:
        start_one(pair, node, homes, **arguments)
    return pair, homes


def start_one(pair, node, homes, **arguments):
    return pair.start(node, EXPERIMENT, "MeasureRounds", arguments, homes, ROOT / "device_db.py")


def score(pair):
    """S of the test rounds, and Q of the key rounds."""
    correlation = {}
    for x in (0, 1):
        for y in (0, 1, 2):
            chosen = (pair.alice.setting == x) & (pair.bob.setting == y)
            if chosen.any():
                correlation[x, y] = 1 - 2 * np.mean(pair.alice.outcome[chosen] != pair.bob.outcome[chosen])
    c = correlation
    return c[0, 0] + c[0, 1] + c[1, 0] - c[1, 1], (1 - c[0, 2]) / 2
