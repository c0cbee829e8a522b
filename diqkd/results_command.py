"""`diqkd results`: what earlier runs have left, one line each."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import Any

from diqkd import arguments
from diqkd.printing import printable, wrapped
from diqkd.results_arguments import DEFAULT
from postprocess.errors import ExitStatus, InvalidInput

DESCRIPTION = """\
List the kept results of `diqkd run` and `diqkd demo`: when, what, on which apparatus, with which outcome, and the
folder. Each has an HDF5 file per node, which describes itself, and report.json; see docs/results.md. Nothing private
is in them: of a key its length and rule, never a bit.

What a master of ARTIQ has written joins them with --take, which copies what is public of one file per node."""


def add_parser(subparsers: Any) -> None:
    """Register `diqkd results`."""
    parser = subparsers.add_parser(
        "results",
        help="list what earlier runs have left",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--results-folder", type=arguments.path, metavar="DIR", default=DEFAULT, help="where (default: %(default)s)"
    )
    parser.add_argument(
        "--take", type=arguments.path, nargs="+", metavar="FILE", help="keep a master's results file of each node"
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List them, oldest first."""
    from postprocess.results.results_folder import kept_runs, take_results

    if args.take:
        kept = take_results(args.results_folder, args.take)
        print("Results: " + " and ".join(shlex.quote(str(path)) for path in kept.values()))
        return ExitStatus.DONE
    if args.results_folder != DEFAULT and not args.results_folder.is_dir():
        raise InvalidInput(f"--results-folder {args.results_folder}: no such folder; name one that a run has filled")
    runs = kept_runs(args.results_folder)
    if args.json:
        print(json.dumps([{"folder": str(folder), **report} for folder, report in runs], indent=2))
        return ExitStatus.DONE
    if not runs:
        print(f"No results in {args.results_folder}; `diqkd run` and `diqkd demo` leave theirs there.")
    for folder, report in runs:
        started = str(report.get("started", ""))[:16].replace("T", " ")
        what = " ".join(filter(None, (str(report.get("what", "")), str(report.get("measurement", "")))))
        apparatus = str(report.get("apparatus") or "nothing measured")
        print(wrapped(f"{started}  {what}  ({apparatus})", hanging=4))
        print(wrapped(str(report.get("outcome", "")), 4))
        print(f"    {printable(str(folder))}")
    return ExitStatus.DONE
