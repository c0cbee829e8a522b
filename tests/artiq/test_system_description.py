"""docs/crate.json is a system description that ARTIQ accepts, and our device tables are what follows from it."""

import io
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import compiler

DESCRIPTION = Path(__file__).resolve().parents[2] / "docs" / "crate.json"
REASON = "ARTIQ is not installed here: docs/crate.json was not compared with the device tables"
# What ARTIQ's template and our tables both say.
SETTINGS = ("refclk", "clk_sel", "pll_n", "chip_select", "port", "sync_delay_seed", "io_update_delay")

pytestmark = pytest.mark.skipif(not compiler.is_real_artiq(), reason=REASON)


@pytest.fixture(scope="module")
def template():
    """The device table that ARTIQ writes for docs/crate.json."""
    from artiq.coredevice import jsondesc
    from artiq.frontend.artiq_ddb_template import process

    written = io.StringIO()
    process(written, jsondesc.load(str(DESCRIPTION)), [])
    names = {}
    exec(written.getvalue(), names)
    return names["device_db"]


def by_channel(table):
    return {
        entry["arguments"]["channel"]: (entry["module"], entry["class"])
        for entry in table.values()
        if isinstance(entry, dict) and "channel" in entry.get("arguments", {})
    }


def our_table(node):
    import node_alice.devices
    import node_bob.devices

    return {"alice": node_alice, "bob": node_bob}[node].devices.DEVICES


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_every_channel_is_what_artiq_makes_of_the_description(node, template):
    channels, table = by_channel(template), our_table(node)
    entangler = table["entangler"]["arguments"]["channel"]
    ours = {channel: driver for channel, driver in by_channel(table).items() if channel != entangler}
    assert ours == {channel: channels[channel] for channel in ours}


def test_the_entangler_follows_the_peripherals(template):
    """Its gateware comes after them and before the crate's own lamps."""
    lamps = [entry["arguments"]["channel"] for name, entry in template.items() if name.startswith("led")]
    assert our_table("alice")["entangler"]["arguments"]["channel"] == min(lamps)


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_boards_are_set_up_as_the_description_says(node, template):
    table = our_table(node)
    board_drivers = {"CPLD", "AD9910", "KasliEEPROM"}
    compared = 0
    theirs = {name: entry["arguments"] for name, entry in template.items() if isinstance(entry, dict) and
              entry.get("class") in board_drivers}  # fmt: skip
    outputs = {(a["cpld_device"], a["chip_select"]): a for a in theirs.values() if "chip_select" in a}
    for name, entry in table.items():
        if isinstance(entry, dict) and entry.get("class") in board_drivers:
            arguments = entry["arguments"]
            place = (arguments.get("cpld_device"), arguments.get("chip_select"))
            expected = theirs.get(name) or outputs[place]
            for setting in SETTINGS:
                if setting in arguments:
                    assert arguments[setting] == expected[setting], f"{name}: {setting}"
                    compared += 1
    assert compared > 10


def test_the_description_names_alices_address(template):
    assert template["core"]["arguments"]["host"] == our_table("alice")["core"]["arguments"]["host"]
