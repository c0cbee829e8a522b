"""Whole sessions of both nodes through faults: they go on by themselves and drop, double or repeat no round."""

from fractions import Fraction

import numpy as np
import pytest

from postprocess.errors import ExitStatus
from postprocess.plans.presets import Choice, planned
from postprocess.rounds import RoundStore
from postprocess.rounds.pause_log import pause_causes
from postprocess.rounds.zeroed import ZeroedRanges
from testbed.nodes import two_nodes
from testbed.nodes.demonstration import Demonstration
from tests.demo.emulated_sessions import ROOT
from tests.stored_records import stored_records

ROUNDS, BLOCK = 1200, 100
FAULTS = {
    "underflow of Alice": ({"kind": "underflow", "node": "alice", "round": 140}, {"underflow"}),
    "underflow of Bob": ({"kind": "underflow", "node": "bob", "round": 140}, {"underflow", "round-type"}),
    "round type lost": ({"kind": "round type lost", "node": "bob", "round": 140}, {"round-type"}),
    "round type doubled": ({"kind": "round type doubled", "node": "bob", "round": 140}, {"round-type"}),
    "barrier lost": ({"kind": "barrier lost", "round": 140}, {"round-type", "barrier lines"}),
    "barrier doubled": ({"kind": "barrier doubled", "round": 140}, {"round-type", "barrier lines"}),
    "round type late, two key bases": ({"kind": "round type late", "node": "bob", "round": 140}, {"round-type"}),
    "ion lost": ({"kind": "ion lost", "node": "bob", "round": 140}, {"ion lost"}),
    "laser unlocked": ({"kind": "laser unlocked", "round": 140, "value": 0.1}, {"laser is not locked"}),
}


ALWAYS = ("underflow of Bob", "ion lost")


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in ALWAYS else pytest.mark.slow) for n in FAULTS])
def test_a_session_survives(tmp_path, capfd, name):
    fault, words = FAULTS[name]
    barrier, bases = name.startswith("barrier"), 2 if "two key bases" in name else 1
    rule = "two-bases" if bases == 2 else "proposition-2"
    choice = Choice(ROUNDS, Fraction(1, 2), allowance=200, block_rounds=BLOCK, rule=rule, bases=bases, barrier=barrier)
    public = planned(
        "faulty",
        "emulated",
        choice,
        min_response_s=0.0,
    )
    arguments = {
        "session": "faulty",
        "preset": "custom",
        "rounds": ROUNDS,
        "gamma_256": 128,
        "block_rounds": BLOCK,
        "min_response": 0.0,
        "allowance": 200,
        "barrier": barrier,
        "rule": rule,
        "bases": bases,
    }
    demo = Demonstration(tmp_path / "run", public, arguments, None, (fault,))
    demo.set_up()
    statuses = two_nodes.run(demo, ROOT)
    said = capfd.readouterr().err
    paused = pause_causes(demo.homes / "alice" / "sessions" / "faulty")
    said += "\n".join(pause.cause for pause in paused)
    assert set(statuses.values()) <= {ExitStatus.DONE, ExitStatus.ABORTED}, said
    assert all(word in said for word in words), said

    stores = [RoundStore.open(demo.homes / node / "sessions" / "faulty", read_only=True) for node in ("alice", "bob")]
    assert all(store.complete for store in stores)
    alice, bob = (store.raw() for store in stores)
    assert (alice.test == bob.test).all()
    key = alice.test == 0
    assert (bob.test == (bob.settings < 2)).all() and (alice.settings[key] == bob.settings[key] - 2).all()
    assert len(np.unique(bob.settings)) == 2 + bases
    assert not barrier or (alice.barrier[~bob.zeroed.mask(ROUNDS)] == bob.barrier[~bob.zeroed.mask(ROUNDS)]).all()
    assert not barrier or alice.zeroed == bob.zeroed == ZeroedRanges.of_rounds([139])
    for store in stores:
        assert len(store.zeroed) <= 2
        records = [words for _, words in stored_records(store.folder)]
        times = np.concatenate([(w[:, 1].astype(np.int64) << 32) + (w[:, 0].view(np.uint32)) for w in records])
        assert len(np.unique(times)) == len(times) >= ROUNDS - 2
    same = np.concatenate([stores[0].patterns(0, ROUNDS) == stores[1].patterns(0, ROUNDS)])
    assert same.sum() >= ROUNDS - 2
