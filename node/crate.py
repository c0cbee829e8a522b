"""The device table of a node's Kasli crate: the same boards and channels on both sides, roles differ by what is wired
to them.

| RTIO channels | board            | lines
|
|---------------|------------------|----------------------------------------------------------------------------------------|
| 0-3           | DIO, inputs      | PMT, 674 nm laser locked, round type test, round type key (the last two used by
Alice)  | | 4-7           | DIO, outputs     | round type test, round type key (used by Bob), 422 ps reference, spare
| | 8-11          | edge counters    | of the four inputs
| | 12-18         | Urukul (AD9910)  | 674 nm qubit laser
| | 19-25         | Urukul (AD9910)  | 422 nm cooling, 1092 nm repump, 1033 nm deshelving, 422 nm pump
| | 26-28         | Zotino           | electrodes Q15, Q16, Q23, Q24 on channels 0-3
| | 29            | Entangler        | attempt loop, APD inputs, link to the other crate
|

Under ARTIQ 9 a Urukul whose CPLD speaks protocol 8 needs proto_rev=8 among the arguments of its urukulN_cpld.

There is no analyzer and no monitoring proxy on purpose: they would show settings and photon counts to whoever connects.
"""

from typing import Any

ZOTINO_CHANNELS = {"Q15": 0, "Q16": 1, "Q23": 2, "Q24": 3}
BEAMS = ("dds_cooling", "dds_repump", "dds_deshelve", "dds_pump")

Table = dict[str, Any]


def device(module: str, class_: str, **arguments: Any) -> Table:
    """One local device, driver from artiq.coredevice unless the module is given in full."""
    path = module if "." in module else f"artiq.coredevice.{module}"
    return {"type": "local", "module": path, "class": class_, "arguments": arguments}


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
        "apparatus": device("node.apparatus", "Apparatus", node=node, kind="kasli"),
        "ttl_pmt": device("ttl", "TTLInOut", channel=0),
        "ttl_laser_locked": device("ttl", "TTLInOut", channel=1),
        "ttl_round_type_test": device("ttl", "TTLInOut" if listens else "TTLOut", channel=2 if listens else 4),
        "ttl_round_type_key": device("ttl", "TTLInOut" if listens else "TTLOut", channel=3 if listens else 5),
        "pmt_counter": device("edge_counter", "EdgeCounter", channel=8),
        "entangler": device("entangler.driver", "Entangler", channel=29, is_master=is_master),
    }
    table.update(_urukul(0, "EEM1", 12, ("dds_qubit",)))
    table.update(_urukul(1, "EEM2", 19, BEAMS))
    table.update(_zotino(26))
    return table


def _urukul(number: int, port: str, first_channel: int, names: tuple[str, ...]) -> Table:
    """A Urukul with AD9910s whose IO_UPDATE and SYNC are aligned, so that phases are reproducible."""
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
    for i, name in enumerate(names):
        table[f"ttl_{prefix}_sw{i}"] = device("ttl", "TTLOut", channel=first_channel + 3 + i)
        table[name] = device(
            "ad9910",
            "AD9910",
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
            spi_device="spi_zotino0",
            ldac_device="ttl_zotino0_ldac",
            clr_device="ttl_zotino0_clr",
        ),
    }
