"""`diqkd calibrate`: the calibration chain in its order, and a page of what is calibrated and what is stale."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.nodes import NODES
from diqkd import arguments
from diqkd.calibration_history import ALL, print_history
from diqkd.kept_laboratory import open_laboratory
from diqkd.link_arguments import LIST, add_link_arguments, fault_list
from diqkd.output_files import require_folder
from diqkd.printing import columns
from diqkd.temporary_folder import temporary_folder
from postprocess.errors import ExitStatus, InvalidInput

if TYPE_CHECKING:
    from postprocess.calibration.running_order import CalibrationStep

DESCRIPTION = """\
Run all calibrations in their order (docs/laboratory.md) on an emulated laboratory, on both nodes or on one, and end
with a page: what is calibrated, with what result and error, when, and what is stale. It stops at the first calibration
that fails. With --keep the laboratory stays, or goes on; --page shows the page alone, with --home also that of a real
node's home.

examples:
  diqkd calibrate --node both --keep lab1
  diqkd calibrate --keep lab1 --only calibrate_readout --only ramsey
  diqkd calibrate --keep lab1 --page
  diqkd calibrate --home ~/diqkd --node alice --page
  diqkd calibrate --home ~/diqkd --node bob --history qubit.mapping.frequency"""

WIDE = 100  # columns from which the page is a table


def add_parser(subparsers: Any) -> None:
    """Register `diqkd calibrate`."""
    parser = subparsers.add_parser(
        "calibrate",
        help="all calibrations in their order, and what is stale",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--node", choices=("both", *NODES), default="both", help="default: %(default)s")
    parser.add_argument(
        "--only", type=arguments.word, action="append", metavar="EXPERIMENT", help="only this one; repeatable"
    )
    parser.add_argument("--page", action="store_true", help="show the page of --keep or --home, measure nothing")
    parser.add_argument(
        "--history",
        type=arguments.word,
        nargs="?",
        const=ALL,
        metavar="SETTING",
        help="print every value of --keep or --home with error, goodness, run and revision; measure nothing",
    )
    parser.add_argument("--home", type=arguments.path, metavar="DIR", help="homes of --page and --history")
    parser.add_argument(
        "--max-age",
        type=arguments.duration,
        default=12 * 3600.0,
        metavar="TIME",
        help="older results count as stale, for instance '8 h' (default: 12 h)",
    )
    parser.add_argument(
        "--keep", type=arguments.path, metavar="DIR", help="keep the laboratory in DIR, or go on with the one there"
    )
    parser.add_argument("--seed", type=arguments.seed, metavar="S", help="a new laboratory repeats bit for bit")
    add_link_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Calibrate and show the page, or show it alone."""
    if LIST in args.fault:
        print(fault_list(columns()))
        return ExitStatus.DONE
    nodes = NODES if args.node == "both" else (args.node,)
    if args.history is not None:
        print_history(_homes(args), nodes, args.history)
        return ExitStatus.DONE
    if args.page:
        _print_page(_homes(args), nodes, args.max_age)
        return ExitStatus.DONE
    if args.home:
        raise InvalidInput(
            "--home: only --page and --history read real homes; calibrations run on the crates' own masters"
        )
    steps = _steps(args.only, nodes)
    if args.keep:
        require_folder(args.keep, "--keep")
        return _calibrate(args.keep.resolve(), steps, nodes, args)
    with temporary_folder("diqkd-calibrate-") as folder:
        return _calibrate(folder.resolve(), steps, nodes, args)


def _homes(args: argparse.Namespace) -> Path:
    if bool(args.home) == bool(args.keep):
        asked = "--page" if args.page else "--history"
        raise InvalidInput(f"{asked}: say whose, with --keep LABORATORY or --home HOMES")
    folder = Path(args.home) if args.home else Path(args.keep) / "homes"
    if not folder.is_dir() and args.keep:
        raise InvalidInput(f"--keep {args.keep}: no laboratory there; name the folder of an earlier --keep")
    if not folder.is_dir():
        raise InvalidInput(f"{folder}: no such folder; name the one that holds the nodes' homes")
    return folder


def _steps(only: list[str] | None, nodes: tuple[str, ...]) -> list[CalibrationStep]:
    from postprocess.calibration.running_order import RUNNING_ORDER

    known = {step.experiment for step in RUNNING_ORDER}
    unknown = [name for name in only or () if name not in known]
    if unknown:
        raise InvalidInput(
            f"--only {unknown[0]}: not in the running order (RUNNING_ORDER in "
            f"postprocess/calibration/running_order.py); it has {', '.join(sorted(known))}"
        )
    chosen = [step for step in RUNNING_ORDER if not only or step.experiment in only]
    able = [step for step in chosen if len(nodes) > 1 or not step.needs_peer]
    if not able:
        raise InvalidInput(f"--only {chosen[0].experiment}: both nodes measure it together; leave --node out")
    return able


def _calibrate(folder: Path, steps: list[CalibrationStep], nodes: tuple[str, ...], args: argparse.Namespace) -> int:
    from diqkd.progress import progress

    open_laboratory(folder, args)
    os.environ.pop("DIQKD_NODE", None)
    status: int = ExitStatus.DONE
    with progress("calibrate", "calibrate: the running order", folder, plain=not sys.stderr.isatty()) as told:
        for number, step in enumerate(steps):
            told(number / len(steps), step.key)
            print(f"{number + 1:>2} of {len(steps)}  {step.key}", flush=True)
            status = _measure(folder, step, nodes, args.seed)
            if status:
                left = ", ".join(dict.fromkeys(each.key for each in steps[number + 1 :]))
                print(f"{step.key} failed; put it right and start again. Not measured: {left or 'nothing'}")
                break
    print()
    _print_page(folder / "homes", nodes, args.max_age)
    print("Emulated apparatus: what was measured here is the emulation's.")
    return status


def _measure(folder: Path, step: CalibrationStep, nodes: tuple[str, ...], seed: int | None) -> int:
    """One calibration on its nodes; says what each found."""
    from diqkd.places import checkout
    from diqkd.scan_options import with_order
    from testbed.nodes.two_nodes import NodePair, cause
    from testbed.standin.experiment_catalogue import find, scan

    place = checkout()
    file = find(place, step.experiment)
    listed = next(entry for entry in scan(place) if entry.file == file)
    given = with_order(listed, step.arguments(alone=len(nodes) == 1), seed)
    if step.needs_peer:
        given |= {"name": f"chain-{os.urandom(4).hex()}"}
    pair = NodePair(
        folder / "laboratory",
        on_line=lambda line: print(f"       {line}", file=sys.stderr),
        on_print=lambda node, line: print(f"       {node}: {line}", flush=True),
    )
    for node in nodes:
        pair.start(node, file, None, given, folder / "homes", place / "device_db.py")
    return cause(pair.watch(None))


def _print_page(homes: Path, nodes: tuple[str, ...], max_age_s: float) -> None:
    """A table where there is room for one, else two lines for each calibration."""
    from rich.console import Console
    from rich.table import Table

    from postprocess.calibration.running_order import GOOD, page

    console = Console(highlight=False)
    for node, rows in page(homes, nodes, timedelta(seconds=max_age_s)).items():
        console.print(f"[bold]{node.capitalize()}'s calibrations[/bold]")
        table = Table(box=None, pad_edge=False)
        for name in ("calibration", "result", "measured (UTC)", "age", "state"):
            table.add_column(name, no_wrap=name not in ("result", "state"))
        for row in rows:
            when, age = _when(row.measured)
            style = "" if row.state == GOOD else "yellow"
            if console.width >= WIDE:
                table.add_row(row.step.key, row.result or "-", when, age, row.state, style=style)
                continue
            head = f"{row.step.key:<28}  {age:<16}  {row.state}"
            for line, indent in ((head, ""), (row.result, "    ")):
                for part in textwrap.wrap(line, console.width, initial_indent=indent, subsequent_indent="    "):
                    console.print(part, style=style, markup=False, soft_wrap=True)
        if console.width >= WIDE:
            console.print(table)
        stale = sum(row.state != GOOD for row in rows)
        console.print(f"{len(rows) - stale} good, {stale} stale or never measured\n")


def _when(measured: datetime | None) -> tuple[str, str]:
    """Date and age of a result."""
    from postprocess.shaping.worded_numbers import duration

    if measured is None:
        return "-", "-"
    age_s = (datetime.now(UTC) - measured).total_seconds()
    return f"{measured:%Y-%m-%d %H:%M}", f"{duration(age_s)} ago"
