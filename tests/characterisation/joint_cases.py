"""Rounds of two nodes for tests of what is made of them."""

from fractions import Fraction

import numpy as np

from postprocess.characterisation.recombination import JointRounds
from postprocess.plans.measurement_plan import MeasurementPlan
from postprocess.randomness import SeededSource
from postprocess.rounds import RoundStore
from postprocess.rounds.round_records import RoundRecords

PATTERNS = np.array([3, 5, 10, 12], np.uint8)


def plan(**changes):
    values = {"session_id": "m", "apparatus": "emulated", "rounds": 1000, "gamma": Fraction(1, 2), "block_rounds": 400}
    return MeasurementPlan(**(values | changes))


def joint(x, y, a, b, patterns=None, lost=0):
    """JointRounds from lists."""
    arrays = [np.asarray(values, np.uint8) for values in (x, y, a, b)]
    count = len(arrays[0])
    return JointRounds(
        np.arange(count), np.full(count, 3, np.uint8) if patterns is None else patterns, *arrays, lost=lost
    )


def stores(folder, chosen, seed=1):
    """Both nodes' empty stores of a characterisation."""
    made = {n: RoundStore.create(folder / n, chosen, n, SeededSource(seed, n)) for n in ("alice", "bob")}
    return made["alice"], made["bob"]


def measure(alice, bob, block, flags=(0, 0), seed=5):
    """Both nodes measure one block as correct kernels would; round 0 of it gets the flags. Outcomes are random."""
    random = np.random.default_rng((seed, block))
    first, end = alice.span(block)
    count = end - first
    drawn = {store.node: store._settings[first:end] for store in (alice, bob)}
    test = (drawn["bob"] != 2).astype(np.uint8)
    patterns = PATTERNS[random.integers(0, 4, count)]
    for store, flag in ((alice, flags[0]), (bob, flags[1])):
        settings = drawn["alice"] * test if store is alice else drawn["bob"]
        flagged = np.zeros(count, np.uint8)
        flagged[0] = flag
        store.burn(block)
        outcomes = random.integers(0, 2, count).astype(np.uint8)
        records = RoundRecords(
            np.arange(count), np.ones(count, int), patterns, outcomes, settings, test, flagged, np.ones(count, int)
        )
        store.keep(block, first, records.to_words())
    lacking = alice.untyped
    alice.learn_types(lacking, bob.types_of(lacking))
