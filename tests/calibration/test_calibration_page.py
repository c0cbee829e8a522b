"""The page of calibrations: what is good, what is stale and why."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from postprocess.calibration.running_order import GOOD, NEVER, RUNNING_ORDER, page
from postprocess.errors import InvalidInput

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


def at(minutes_ago, **more):
    return {"measured": (NOW - timedelta(minutes=minutes_ago)).isoformat(), **more}


def homes(folder, node, log=None, settings=None):
    home = folder / node
    home.mkdir(parents=True, exist_ok=True)
    (home / "calibrations.json").write_text(json.dumps(log or {}))
    (home / "calibration.json").write_text(json.dumps(settings or {}))
    return folder


def states(folder, node, **options):
    return {row.step.key: row.state for row in page(folder, [node], now=NOW, **options)[node]}


def test_what_was_never_measured(tmp_path):
    assert set(states(tmp_path, "alice").values()) == {NEVER}


def test_each_node_has_its_own_rows():
    on_alice, on_bob = (page(Path("/nowhere"), [node])[node] for node in ("alice", "bob"))
    assert {row.step.key for row in on_bob} - {row.step.key for row in on_alice} == {"calibrate_herald_phase"}
    assert len(on_bob) == len({step.key for step in RUNNING_ORDER})


def test_old_results_are_stale(tmp_path):
    log = {"calibrate_readout": at(13 * 60, result="threshold 6"), "calibrate_deshelving": at(60, result="3.9 us")}
    found = states(homes(tmp_path, "alice", log), "alice")
    assert found["calibrate_readout"] == "stale: older than 12 h" and found["calibrate_deshelving"] == GOOD
    assert states(tmp_path, "alice", oldest=timedelta(hours=24))["calibrate_readout"] == GOOD


def test_phases_are_stale_after_a_new_frequency_on_either_node(tmp_path):
    homes(tmp_path, "bob", {"calibrate_herald_phase": at(30, result="phases")}, {"qubit.mapping.frequency": at(60)})
    homes(tmp_path, "alice", settings={"qubit.analysis.frequency": at(40)})
    assert states(tmp_path, "bob")["calibrate_herald_phase"] == GOOD
    homes(tmp_path, "alice", settings={"qubit.analysis.frequency": at(20)})
    assert states(tmp_path, "bob")["calibrate_herald_phase"] == "stale: alice's qubit.analysis.frequency is newer"


def test_isolation_is_stale_after_new_gates(tmp_path):
    log = {"calibrate_shuttle": at(30, result="cut"), "calibrate_apd_gates": at(20, result="photons")}
    found = states(homes(tmp_path, "bob", log, {"attempts.gate": at(20)}), "bob")
    assert found["calibrate_shuttle"] == "stale: bob's attempts.gate is newer" and found["calibrate_apd_gates"] == GOOD


def test_a_setting_changed_by_hand_is_seen(tmp_path):
    log = {"calibrate_readout": at(30, result="threshold 6"), "calibrate_frequency mapping": at(30, result="line")}
    entries = {"readout.threshold": at(10), "qubit.mapping.frequency": at(10)}  # the latter by Ramsey fringes
    found = states(homes(tmp_path, "alice", log, entries), "alice")
    assert found["calibrate_readout"] == "stale: readout.threshold was changed since"
    assert found["calibrate_frequency mapping"] == GOOD


@pytest.mark.parametrize("content", ["[]", "{", '{"calibrate_readout": 3}', '{"calibrate_readout": {"measured": "?"}}'])
def test_damaged_files_are_one_line(tmp_path, content):
    homes(tmp_path, "alice")
    (tmp_path / "alice" / "calibrations.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"calibrations.json.*correct or delete it"):
        page(tmp_path, ["alice"])


def test_the_documentation_has_the_same_order():
    table = (ROOT / "docs" / "laboratory.md").read_text().split("## Running order of calibrations")[1].split("\n## ")[0]
    named = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    order = list(dict.fromkeys(step.experiment for step in RUNNING_ORDER))
    found = [name for name in dict.fromkeys(named) if name in order]
    assert found == order, "docs/laboratory.md, Running order of calibrations: a row for each, in RUNNING_ORDER's order"
