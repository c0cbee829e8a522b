"""Small sessions on the emulated laboratory, through the same processes as `diqkd demo`."""

import json
import time
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from postprocess.plans.presets import Choice, planned
from testbed.nodes import two_nodes
from testbed.nodes.demonstration import Demonstration

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENT = ROOT / "repository" / "generate_key.py"


def small_session(
    folder,
    rounds=4000,
    gamma=Fraction(1, 2),
    block_rounds=500,
    seed=1,
    faults=(),
    peer_timeout=120.0,
    allowance=1100,
    bases=1,
):
    """A provisioned rehearsal; `seed` repeats it bit for bit."""
    from postprocess.randomness.choice import SEEDED

    because = () if seed is None else (SEEDED,)
    rule = "two-bases" if bases == 2 else "proposition-2"
    public = planned(
        "rehearsal",
        "emulated",
        Choice(rounds, gamma, allowance=allowance, block_rounds=block_rounds, rule=rule, bases=bases),
        min_response_s=0.0,
        insecure_because=because,
    )
    arguments = {
        "session": "rehearsal",
        "preset": "custom",
        "rounds": rounds,
        "gamma_256": int(256 * gamma),
        "block_rounds": block_rounds,
        "peer_timeout": peer_timeout,
        "min_response": 0.0,
        "allowance": allowance,
        "rule": rule,
        "bases": bases,
    }
    demo = Demonstration(folder, public, arguments, seed, tuple(faults))
    demo.set_up()
    return demo


def calibrate(demo, node, values):
    """Override settings of one node, as a calibration experiment would."""
    now = datetime.now(UTC).isoformat()
    entries = {name: {"value": value, "measured": now, "by": "test"} for name, value in values.items()}
    (demo.homes / node / "calibration.json").write_text(json.dumps(entries))


def run(demo):
    """Both nodes to their ends; returns (report, exit statuses)."""
    statuses = two_nodes.run(demo, ROOT)
    return demo.report(statuses), statuses


def start(demo, changes=None):
    """Both node processes, started; `changes` are arguments of single nodes."""
    pair = two_nodes.NodePair(demo.laboratory)
    for node in two_nodes.NODES:
        arguments = demo.arguments | (changes or {}).get(node, {})
        pair.start(node, EXPERIMENT, "GenerateKey", arguments, demo.homes, ROOT / "device_db.py")
    return pair


def wait_until(condition, timeout_s=90.0):
    """Poll until true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def status(demo, node):
    """What a node shows right now; empty before it shows anything."""
    try:
        return json.loads((demo.laboratory / f"status-{node}.json").read_text())
    except (OSError, ValueError):
        return {}
