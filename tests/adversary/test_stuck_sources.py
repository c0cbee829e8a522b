"""Sources that are stuck, biased or correlated: whatever the devices do, no key comes of them (case C3)."""

import json

import numpy as np
import pytest

from postprocess.errors import AbortReason, ExitStatus
from postprocess.randomness import SeededSource
from postprocess.rounds import RawRounds
from postprocess.session import read_private_record
from tests.demo.emulated_sessions import run, small_session
from tests.session.session_nodes import TwoNodes, assert_no_key, draw_rounds, rehearsal


def biased(bits, random, probability):
    return bits | (random.random(len(bits)) < probability).astype(np.uint8)


def y_is_one(x, y, test, random):
    return x, np.where(test, 1, 2).astype(np.uint8)


def x_is_biased(x, y, test, random):
    return biased(x, random, 0.2) & test, y


def y_is_biased(x, y, test, random):
    return x, np.where(test, biased(y, random, 0.2), 2).astype(np.uint8)


def x_follows_y(x, y, test, random):
    """Each fair by itself; together they are not."""
    return np.where(random.random(len(x)) < 0.2, y, x).astype(np.uint8) & test, y


def too_many_tests(x, y, test, random):
    """Bob's eight bits are biased: gamma is not what was agreed."""
    more = test | (random.random(len(x)) < 0.1).astype(np.uint8)
    return x, np.where(more & ~test, random.integers(0, 2, len(x)), y).astype(np.uint8)


BROKEN = (y_is_one, x_is_biased, y_is_biased, x_follows_y, too_many_tests)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_settings_off_their_law_are_never_sound(tmp_path, broken):
    """Devices that know both settings win every test round; everything else is in order."""
    parameters, random = rehearsal(), np.random.default_rng(8)
    rounds = draw_rounds(parameters)
    x, y = broken(rounds["alice"].settings, rounds["bob"].settings, rounds["alice"].test, random)
    test = (y != 2).astype(np.uint8)
    a = random.integers(0, 2, len(x), dtype=np.uint8)
    b = a ^ (x & y & test)
    two = TwoNodes(tmp_path, parameters, {"alice": RawRounds(x, test, a), "bob": RawRounds(y, test.copy(), b)})
    results = two.provision().run()
    record = read_private_record(tmp_path / "bob", "s1")
    assert record["lost_test_rounds"] == 0 and record["settings_follow_law"] is False
    assert record["verdict"] == "Bell threshold"
    assert {result.abort_reason for result in results.values()} == {AbortReason.ACTIVATION}
    assert_no_key(two)
    two.close()


@pytest.mark.parametrize(("node", "kind"), [("alice", "zeros"), ("bob", "text")])
def test_a_session_on_a_stuck_source_does_not_begin(tmp_path, node, kind):
    good = SeededSource(5, "generator").random_bytes(50_000)
    (tmp_path / "quantis.bin").write_bytes(bytes(100_000) if kind == "zeros" else good.hex().encode())
    demo = small_session(tmp_path / "demo", rounds=2000, seed=None)
    choice = {"kind": "file", "path": str(tmp_path / "quantis.bin")}
    (demo.homes / node / "random.json").write_text(json.dumps(choice))
    report, statuses = run(demo)
    assert statuses[node] == ExitStatus.BAD_INPUT and not report["accepted"]
    assert report["balance"]["generated"] == 0
    assert not list((demo.homes / node / "sessions").rglob("settings.bin"))
