"""`diqkd wiring`: what the device tables say is plugged in where, as tables for the laboratory."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from contract.nodes import NODES
from postprocess.errors import ExitStatus

DESCRIPTION = """\
Print every RTIO channel, RF output, DAC output and controller of both crates' device tables (node/crate.py), as
Markdown: these are the tables of docs/laboratory.md. RTIO channels without a line are free."""

FIRST_CHIP_SELECT = 4

Rows = list[tuple[str, ...]]


def add_parser(subparsers: Any) -> None:
    """Register `diqkd wiring`."""
    parser = subparsers.add_parser(
        "wiring",
        help="channel tables of both crates, from their device tables",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--node", choices=NODES, action="append", help="only this node's")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> ExitStatus:
    """Print the tables."""
    from node_alice.devices import DEVICES as ALICE
    from node_bob.devices import DEVICES as BOB

    crates = {"alice": ALICE, "bob": BOB}
    print("\n\n".join(crate_tables(node, crates[node]) for node in args.node or NODES))
    return ExitStatus.DONE


def crate_tables(node: str, devices: dict[str, Any]) -> str:
    """Markdown tables of one crate."""
    local = {name: entry for name, entry in devices.items() if isinstance(entry, dict) and entry["type"] == "local"}
    parts = (
        f"### {node.capitalize()}'s crate, {local['core']['arguments']['host']}",
        _markdown(("RTIO channel", "device", "driver", "line"), _rtio(local)),
        _markdown(("RF output", "device", "RF switch", "drives"), _rf(local)),
        _markdown(("DAC output", "device", "drives"), _dac(local)),
        _markdown(("controller", "address", "command"), _controllers(devices)),
    )
    return "\n\n".join(parts)


def _rtio(local: dict[str, Any]) -> Rows:
    channels = {entry["arguments"]["channel"]: name for name, entry in local.items() if "channel" in entry["arguments"]}
    return [
        (str(channel), f"`{name}`", local[name]["class"], local[name].get("comment", ""))
        for channel, name in sorted(channels.items())
    ]


def _rf(local: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, entry in local.items():
        if entry["class"] == "AD9910":
            arguments = entry["arguments"]
            board = arguments["cpld_device"].removesuffix("_cpld")
            output = f"{board} {arguments['chip_select'] - FIRST_CHIP_SELECT}"
            yield output, f"`{name}`", f"`{arguments['sw_device']}`", entry["comment"]


def _dac(local: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    from node.crate import ZOTINO_CHANNELS

    for name, entry in local.items():
        if entry["class"] == "Zotino":
            for electrode, output in ZOTINO_CHANNELS.items():
                yield str(output), f"`{name}`", f"electrode {electrode}"


def _controllers(devices: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, entry in devices.items():
        if isinstance(entry, dict) and entry["type"] == "controller":
            yield f"`{name}`", f"{entry['host']} port {entry['port']}", f"`{entry['command']}`"


def _markdown(head: Sequence[str], rows: Rows | Iterator[tuple[str, ...]]) -> str:
    lines = [tuple(head), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    padded = ["| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |"
              for line in lines]  # fmt: skip
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([padded[0], rule, *padded[1:]])
