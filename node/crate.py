"""The device table of a node's Kasli crate: the same boards and channels on both sides, roles differ by what is wired
to them. `diqkd wiring` prints it channel by channel, docs/laboratory.md has the system description that belongs to it.

Under ARTIQ 9 a Urukul whose CPLD speaks protocol 8 needs proto_rev=8 among the arguments of its urukulN_cpld.

There is no analyzer and no monitoring proxy on purpose: they would show settings and photon counts to whoever connects.
`with_monitoring` adds both for the time before there are keys.
"""

import copy
from typing import Any

from contract.nodes import BRINGUP, KASLI

ZOTINO_CHANNELS = {"Q15": 0, "Q16": 1, "Q23": 2, "Q24": 3}
BEAMS = {
    "dds_cooling": "422 nm cooling and readout",
    "dds_repump": "1092 nm repump; also switched by the entangler, output 1092",
    "dds_deshelve": "1033 nm deshelving",
    "dds_pump": "422 nm optical pumping; also switched by the entangler, output 422sigma",
}

# For lines between the crates: two channels of the first DIO, one of the second.
INPUTS, OUTPUTS = (2, 3, 29), (4, 5, 33)

# Of loading an ion: outputs of the second DIO.
LOADING = {
    "ttl_ablation": (34, "a pulse fires the ablation laser, or heats the oven as long as it lasts"),
    "ttl_photo_ionisation": (35, "shutter of the photo-ionisation light: high is open"),
}

Table = dict[str, Any]


def device(module: str, class_: str, comment: str = "", **arguments: Any) -> Table:
    """One local device, driver from artiq.coredevice unless the module is given in full.

    `comment` says what is wired to it, in the key that ARTIQ's dashboard shows.
    """
    path = module if "." in module else f"artiq.coredevice.{module}"
    entry = {"type": "local", "module": path, "class": class_, "arguments": arguments}
    return entry | {"comment": comment} if comment else entry


def controller(name: str, class_: str, port: int, node: str) -> Table:
    """One controller of ours on this node's PC; `in_process` says what serves the same where there is no sipyco."""
    return {
        "type": "controller",
        "host": "::1",
        "port": port,
        "command": f"aqctl_diqkd_{name} --node {node} -p {{port}} --bind {{bind}}",
        "in_process": {"module": f"controllers.{name}", "class": class_, "arguments": {"node": node}},
    }


def kasli_crate(node: str, core_host: str, is_master: bool) -> Table:
    """Device table of one node.

    Args:
        node: "alice" or "bob".
        core_host: address of the crate.
        is_master: whether its entangler triggers the attempts (Bob) or follows (Alice).
    """
    listens = not is_master
    table = {
        "core": device("core", "Core", host=core_host, ref_period=1e-9, target="rv32g"),
        "core_log": {
            "type": "controller",
            "host": "::1",
            "port": 1068,
            "command": "aqctl_corelog -p {port} --bind {bind} " + core_host,
        },
        "diqkd_keystore": controller("keystore", "KeystoreFacts", 3284, node),
        "diqkd_qrng": controller("qrng", "QrngFacts", 3285, node),
        "core_cache": device("cache", "CoreCache"),
        "i2c_switch0": device("i2c", "I2CSwitch", address=0xE0),
        "i2c_switch1": device("i2c", "I2CSwitch", address=0xE2),
        "i2c_switch": "i2c_switch0",
        "apparatus": device("node.apparatus", "Apparatus", node=node, kind=KASLI),
        "ttl_pmt": device("ttl", "TTLInOut", "photomultiplier of the readout", channel=0),
        "ttl_laser_locked": device("ttl", "TTLInOut", "674 nm laser locked: high", channel=1),
        "pmt_counter": device("edge_counter", "EdgeCounter", "counts the edges of ttl_pmt", channel=8),
        "entangler": device(
            "entangler.driver",
            "Entangler",
            "attempt loop, heralds; " + ("follows the master" if listens else "master"),
            channel=37,  # after the second DIO, whose channels are free: docs/laboratory.md
            is_master=is_master,
        ),
    }
    table.update(_lines_to_the_peer(listens))
    table.update({name: device("ttl", "TTLOut", line, channel=channel) for name, (channel, line) in LOADING.items()})
    table.update(_urukul(0, "EEM1", 12, {"dds_qubit": "674 nm qubit laser"}))
    table.update(_urukul(1, "EEM3", 19, BEAMS))
    table.update(_zotino(26))
    return table


def with_monitoring(table: Table) -> Table:
    """A node's table for bringing up its crate: with the proxies of the dashboard's monitoring and of the analyzer.

    Its apparatus is named "bringup", and no key is made of that.
    """
    table = copy.deepcopy(table)
    table["core"]["arguments"]["analyzer_proxy"] = "core_analyzer"
    table["apparatus"]["arguments"]["kind"] = BRINGUP
    for name, command, port in (("core_moninj", "moninj", 1383), ("core_analyzer", "coreanalyzer", 1385)):
        table[name] = {
            "type": "controller",
            "host": "::1",
            "port_proxy": port,
            "port": port + 1,
            "command": f"aqctl_{command}_proxy --port-proxy {{port_proxy}} --port-control {{port}} --bind {{bind}} "
            + table["core"]["arguments"]["host"],
        }
    return table


def _lines_to_the_peer(listens: bool) -> Table:
    """Inputs from the other crate and outputs to it: Alice hears the round type, Bob the barrier."""
    round_type = {
        "round_type_test": "a pulse says 'test round'",
        "round_type_key_0": "a pulse says 'key round, basis 0'",
        "round_type_key_1": "a pulse says 'key round, basis 1'",
    }
    barrier = {"barrier_0": "a pulse says 'isolated', bit 0", "barrier_1": "a pulse says 'isolated', bit 1"}
    heard, said = (round_type, barrier) if listens else (barrier, round_type)
    peer = "Bob" if listens else "Alice"
    table = {}
    for lines, class_, channels, way in (
        (heard, "TTLInOut", INPUTS, f"from {peer}"),
        (said, "TTLOut", OUTPUTS, f"to {peer}"),
    ):
        for channel, (name, meaning) in zip(channels, lines.items(), strict=False):
            table[f"ttl_{name}"] = device("ttl", class_, f"{way}: {meaning}", channel=channel)
    return table


def _urukul(number: int, port: str, first_channel: int, beams: dict[str, str]) -> Table:
    """A Urukul with AD9910s whose IO_UPDATE and SYNC are aligned, so that phases are reproducible.

    Args:
        port: the first of its two EEM ports, whose EEPROM holds the alignment.
        beams: what its outputs drive, from output 0 on.
    """
    prefix = f"urukul{number}"
    table = {
        f"eeprom_{prefix}": device("kasli_i2c", "KasliEEPROM", port=port),
        f"spi_{prefix}": device("spi2", "SPIMaster", channel=first_channel),
        f"ttl_{prefix}_sync": device("ttl", "TTLClockGen", channel=first_channel + 1, acc_width=4),
        f"ttl_{prefix}_io_update": device("ttl", "TTLOut", channel=first_channel + 2),
        f"{prefix}_cpld": device(
            "urukul",
            "CPLD",
            spi_device=f"spi_{prefix}",
            sync_device=f"ttl_{prefix}_sync",
            io_update_device=f"ttl_{prefix}_io_update",
            refclk=125e6,
            clk_sel=2,
        ),
    }
    for i, (name, beam) in enumerate(beams.items()):
        table[f"ttl_{prefix}_sw{i}"] = device("ttl", "TTLOut", f"RF switch of {name}", channel=first_channel + 3 + i)
        table[name] = device(
            "ad9910",
            "AD9910",
            beam,
            pll_n=32,
            chip_select=4 + i,
            cpld_device=f"{prefix}_cpld",
            sw_device=f"ttl_{prefix}_sw{i}",
            sync_delay_seed=f"eeprom_{prefix}:{64 + 4 * i}",
            io_update_delay=f"eeprom_{prefix}:{64 + 4 * i}",
        )
    return table


def _zotino(first_channel: int) -> Table:
    return {
        "spi_zotino0": device("spi2", "SPIMaster", channel=first_channel),
        "ttl_zotino0_ldac": device("ttl", "TTLOut", channel=first_channel + 1),
        "ttl_zotino0_clr": device("ttl", "TTLOut", channel=first_channel + 2),
        "zotino0": device(
            "zotino",
            "Zotino",
            ", ".join(f"{electrode} on output {output}" for electrode, output in ZOTINO_CHANNELS.items()),
            spi_device="spi_zotino0",
            ldac_device="ttl_zotino0_ldac",
            clr_device="ttl_zotino0_clr",
        ),
    }
