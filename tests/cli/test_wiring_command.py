"""`diqkd wiring`: the tables of docs/laboratory.md are the device tables'."""

from pathlib import Path

import pytest
from command_runs import diqkd

from node_alice.devices import DEVICES as ALICE
from node_bob.devices import DEVICES as BOB

HANDBOOK = Path(__file__).resolve().parents[2] / "docs" / "laboratory.md"


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_the_handbook_has_the_tables_as_printed(node):
    printed = diqkd("wiring", "--node", node)
    assert printed.status == 0 and printed.out.strip()
    assert printed.out.strip() in HANDBOOK.read_text(), (
        f"paste what `diqkd wiring --node {node}` prints into {HANDBOOK}"
    )


def test_both_nodes_are_printed_unless_one_is_named():
    assert diqkd("wiring").out == diqkd("wiring", "--node", "alice").out + "\n" + diqkd("wiring", "--node", "bob").out


@pytest.mark.parametrize(("node", "devices"), [("alice", ALICE), ("bob", BOB)])
def test_every_channel_and_controller_has_its_line(node, devices):
    lines = diqkd("wiring", "--node", node).out.splitlines()
    cells = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines]
    for name, entry in devices.items():
        if isinstance(entry, dict) and "channel" in entry.get("arguments", {}):
            assert [str(entry["arguments"]["channel"]), name, entry["class"]] in [line[:3] for line in cells]
        if isinstance(entry, dict) and entry["type"] == "controller":
            assert [name, f"{entry['host']} port {entry['port']}", entry["command"]] in cells


def test_the_electrodes_are_those_that_the_shuttle_steps():
    from node.crate import ZOTINO_CHANNELS
    from node.settings import ShuttleSettings

    assert tuple(ZOTINO_CHANNELS.values()) == ShuttleSettings().channels
