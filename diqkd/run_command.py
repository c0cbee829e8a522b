"""`diqkd run`: any experiment of the repository on the emulated laboratory."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.nodes import NODES
from diqkd import arguments
from diqkd.experiment_options import range_of, read_options
from diqkd.kept_laboratory import open_laboratory
from diqkd.link_arguments import LIST, add_link_arguments, fault_list
from diqkd.output_files import require_folder
from diqkd.printing import columns, wrapped
from diqkd.quantities import in_unit
from diqkd.results_arguments import KeptResults, add_results_arguments, require_results_folder
from diqkd.scan_options import HELP, SCANNABLE, shown_scan, with_order
from diqkd.temporary_folder import temporary_folder
from postprocess.errors import ExitStatus, InvalidInput

if TYPE_CHECKING:
    from testbed.standin.experiment_catalogue import Listed

DESCRIPTION = """\
Run an experiment of repository/ on an emulated laboratory, on both nodes or on one: the same files that a dashboard
submits, with one process per node. Without a name it lists the experiments; with --arguments it says what one takes.

What is public of a run stays in results/DATE-NAME: an HDF5 file per node and report.json; `diqkd results` lists them.
With --keep the laboratory stays, too: both homes, so that the next run finds the calibrations of this one."""

EPILOG = """\
examples:
  diqkd run                                                  what there is
  diqkd run characterise_link -o rounds=30000 -o window=10000
  diqkd run calibrate_herald_phase --keep lab1               Bob's phases, kept in lab1
  diqkd run calibrate_frequency -o detuning=-20:20kHz:41     a scan, START:STOP:POINTS in random order
  diqkd run tomography --arguments"""

SI_UNITS = "Numbers without a unit are in SI units, as artiq_client takes them; 40 kHz, 20 us or 1.8 % are read, too."


def add_parser(subparsers: Any) -> None:
    """Register `diqkd run`."""
    parser = subparsers.add_parser(
        "run",
        help="any experiment of the repository on the emulated laboratory",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "experiment", nargs="?", type=arguments.word, metavar="EXPERIMENT", help="name of a file in repository/"
    )
    parser.add_argument("--arguments", action="store_true", help="print what the experiment takes, and stop")
    parser.add_argument(
        "-o", "--option", action="append", default=[], metavar="NAME=VALUE", help="an argument of the experiment"
    )
    parser.add_argument("--node", choices=("both", *NODES), default="both", help="where it runs (default: %(default)s)")
    parser.add_argument(
        "--compiled", action="store_true", help="kernels as ARTIQ compiles them, on its own drivers (needs ARTIQ)"
    )
    parser.add_argument(
        "--keep", type=arguments.path, metavar="DIR", help="keep the laboratory in DIR, or go on with the one there"
    )
    parser.add_argument(
        "--seed", type=arguments.seed, metavar="S", help="a new laboratory repeats bit for bit, which is insecure"
    )
    add_results_arguments(parser)
    add_link_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List, describe, or run and show how it ended."""
    from diqkd.places import checkout
    from testbed.standin.experiment_catalogue import find, scan

    if LIST in args.fault:
        print(fault_list(columns()))
        return ExitStatus.DONE
    if args.experiment is None:
        for listed in scan(checkout()):
            print(wrapped(f"{listed.file.stem:<24} {listed.title}", hanging=25))
        return ExitStatus.DONE
    file = find(checkout(), args.experiment)
    listed = next(entry for entry in scan(checkout()) if entry.file == file)
    if args.arguments:
        _describe(listed)
        return ExitStatus.DONE
    options = read_options(listed, args.option)
    nodes = NODES if args.node == "both" else (args.node,)
    if len(nodes) == 1 and listed.needs_peer(options):
        alone = ", or say -o take_turns=False" if listed.takes_turns else ""
        raise InvalidInput(f"--node {args.node}: {listed.file.stem} waits for the other node; leave --node out{alone}")
    require_results_folder(args)
    if args.keep:
        require_folder(args.keep, "--keep")
        return _run_in(args.keep.resolve(), listed, options, args)
    with temporary_folder("diqkd-run-") as folder:
        return _run_in(folder.resolve(), listed, options, args)


def _describe(listed: Listed) -> None:
    print(wrapped(listed.title))
    print()
    for paragraph in filter(None, listed.about.split("\n\n")):
        print(wrapped(" ".join(paragraph.split())) + "\n")
    group = None
    for argument in listed.arguments:
        if argument.group != group:
            group = argument.group
            print(group)
        told, allowed = argument.description, range_of(argument.description)
        default = told.get("default")
        if told["ty"] == "NumberValue":
            default = in_unit(told["default"], told["unit"], told["scale"])
        if told["ty"] == SCANNABLE:
            default = shown_scan(told)
        print(
            wrapped(f"{argument.name}={default}   {argument.tooltip}{f' ({allowed})' if allowed else ''}", 2, hanging=4)
        )
    print()
    print(wrapped(SI_UNITS))
    if any(argument.description["ty"] == SCANNABLE for argument in listed.arguments):
        print(wrapped(HELP))


def _run_in(folder: Path, listed: Listed, options: dict[str, Any], args: argparse.Namespace) -> int:
    from diqkd.places import checkout
    from diqkd.run_display import RunDisplay
    from testbed.nodes.two_nodes import NodePair, cause

    open_laboratory(folder, args)
    os.environ.pop("DIQKD_NODE", None)
    nodes = NODES if args.node == "both" else (args.node,)
    options = with_order(listed, options, args.seed)
    results = KeptResults(args, folder, listed.file.stem)
    try:
        with RunDisplay(listed.title, nodes, folder) as display:
            apparatus = "compiled" if args.compiled else "emulated"
            pair = NodePair(folder / "laboratory", display.say, display.collect, apparatus=apparatus)
            for node in nodes:
                pair.start(node, listed.file, listed.class_name, options, folder / "homes", checkout() / "device_db.py")
            statuses = pair.watch(display.follow)
    except KeyboardInterrupt:
        results.interrupted(nodes)
        raise
    found = results.keep(statuses)
    display.conclude(statuses, found, results)
    return cause(statuses)
