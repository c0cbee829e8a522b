"""`diqkd run`: any experiment of the repository on the emulated laboratory."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.nodes import NODES
from diqkd import arguments
from diqkd.output_files import require_folder
from diqkd.results_arguments import KeptResults, add_results_arguments, require_results_folder
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
  diqkd run tomography --arguments"""

TEXT_KINDS = ("StringValue", "EnumerationValue")  # as the processors of ARTIQ's arguments call themselves
NUMBER_KINDS = ("NumberValue",)
SESSIONS = 10  # that the ledgers of a laboratory have pads for


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
        "--keep", type=arguments.path, metavar="DIR", help="keep the laboratory in DIR, or go on with the one there"
    )
    parser.add_argument(
        "--seed", type=arguments.seed, metavar="S", help="a new laboratory repeats bit for bit, which is insecure"
    )
    add_results_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List, describe, or run and show how it ended."""
    from diqkd.places import checkout
    from testbed.standin.experiment_catalogue import find, scan

    if args.experiment is None:
        for listed in scan(checkout()):
            print(f"{listed.file.stem:<24} {listed.title}")
        return ExitStatus.DONE
    file = find(checkout(), args.experiment)
    listed = next(entry for entry in scan(checkout()) if entry.file == file)
    if args.arguments:
        _describe(listed)
        return ExitStatus.DONE
    options = _options(listed, args.option)
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
    print(f"{listed.title}\n\n{listed.about}\n" if listed.about else f"{listed.title}\n")
    group = None
    for argument in listed.arguments:
        if argument.group != group:
            group = argument.group
            print(group)
        told = argument.description
        limits = [f"{told[end]:g}" for end in ("min", "max") if told.get(end) is not None]
        allowed = " or ".join(told["choices"]) if "choices" in told else " to ".join(limits)
        print(f"  {argument.name}={told.get('default')}   {argument.tooltip}{f' ({allowed})' if allowed else ''}")
    print("\nNumbers are in SI units, as artiq_client takes them.")


def _options(listed: Listed, words: list[str]) -> dict[str, Any]:
    """-o words as arguments; text arguments stay text, and values of the others are PYON."""
    from testbed.standin import pyon

    known = {argument.name: argument.description for argument in listed.arguments}
    options: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in known:
            raise InvalidInput(f"-o {word}: write NAME=VALUE with NAME one of {', '.join(known)}")
        kind = known[name]["ty"]
        if kind in TEXT_KINDS:
            options[name] = _unquoted(text)
            continue
        try:
            options[name] = pyon.decode(text)
        except Exception:
            raise InvalidInput(f"-o {word}: {name} is not text; write {_example(known[name])}") from None
        if kind in NUMBER_KINDS and (isinstance(options[name], bool) or not isinstance(options[name], int | float)):
            raise InvalidInput(f"-o {word}: {name} is a number; write {_example(known[name])}")
        if kind == "BooleanValue" and not isinstance(options[name], bool):
            raise InvalidInput(f"-o {word}: {name} is true or false; write {_example(known[name])}")
    return options


def _unquoted(text: str) -> str:
    """Text as it is; quotes around the whole, as artiq_client wants them, are taken off."""
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"" else text


def _example(description: dict[str, Any]) -> str:
    from testbed.standin import pyon

    try:
        return f"for instance {pyon.encode(description['default'])}"
    except (KeyError, TypeError):
        return "its value as artiq_client takes it"


def _run_in(folder: Path, listed: Listed, options: dict[str, Any], args: argparse.Namespace) -> int:
    from diqkd.places import checkout
    from diqkd.run_display import RunDisplay
    from testbed.nodes.two_masters import TwoMasters, demonstration_at
    from testbed.nodes.two_nodes import NodePair, cause

    lab = TwoMasters.open(folder)
    if not lab.is_set_up:
        lab.set_up(sessions=SESSIONS, rehearsals=True, seed=args.seed)
    elif args.seed is not None:
        raise InvalidInput(f"--seed: {folder} is a laboratory already; a seed is for a new one")
    elif lab.running():
        raise InvalidInput(f"--keep {folder}: its masters are running; submit there, or `{lab.command('down')}` first")
    else:
        demonstration_at(folder).connect()  # the addresses of the last start may be taken by now
    os.environ.pop("DIQKD_NODE", None)
    nodes = NODES if args.node == "both" else (args.node,)
    results = KeptResults(args, folder, listed.file.stem)
    try:
        with RunDisplay(listed.title, nodes) as display:
            pair = NodePair(folder / "laboratory", on_line=display.say, on_print=display.collect)
            for node in nodes:
                pair.start(node, listed.file, listed.class_name, options, folder / "homes", checkout() / "device_db.py")
            statuses = pair.watch(display.follow)
    except KeyboardInterrupt:
        results.interrupted(nodes)
        raise
    found = results.keep(statuses)
    display.conclude(statuses, found, results)
    return cause(statuses)
