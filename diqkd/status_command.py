"""`diqkd status`: what runs right now, from another shell; public things alone."""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.nodes import NODES
from diqkd import arguments
from diqkd.plain_progress import duration
from diqkd.printing import columns, printable, spaced
from postprocess.errors import ExitStatus, InvalidInput

if TYPE_CHECKING:
    from diqkd.running_notes import Note

DESCRIPTION = """\
Show the diqkd commands that run on this machine under your name, how far they are and when they end, and what the
nodes of a laboratory last published: rounds, herald rate, steps of post-processing. With --home, or DIQKD_HOME in a
laboratory, also the nodes of these homes, whoever runs them. Only public things are read: notes of commands, and the
file status.json that an experiment keeps beside the ledger."""

MOST_BYTES = 1 << 20
FRESH_S = 60.0


def add_parser(subparsers: Any) -> None:
    """Register `diqkd status`."""
    parser = subparsers.add_parser(
        "status",
        help="what runs right now, from another shell",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--home",
        type=arguments.path,
        metavar="DIR",
        help="folder of the homes, or of a laboratory that --keep made; default: the environment variable DIQKD_HOME",
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> ExitStatus:
    """Print commands and nodes."""
    from diqkd.running_notes import notes

    named = args.home or os.environ.get("DIQKD_HOME")
    commands = notes()
    known = [Path(note.folder) for note in commands if note.folder]
    places = {place: nodes_in(place) for place in map(_homes, [*known, *([Path(named)] if named else [])])}
    if args.home is not None and not any(places[_homes(args.home)].values()):
        raise InvalidInput(f"--home {args.home}: no node has published anything here; name the folder of the homes")
    if args.json:
        found = [vars(note) | {"remaining_s": note.remaining_s} for note in commands]
        print(json.dumps({"commands": found, "homes": {str(place): told for place, told in places.items()}}, indent=2))
        return ExitStatus.DONE
    lines = [line for note in commands for line in command_lines(note)]
    for place, told in places.items():
        if told:
            lines += [f"Nodes in {place}", *(line for node, each in told.items() for line in node_lines(node, each))]
    width = columns(120) if sys.stdout.isatty() else sys.maxsize
    for line in lines or ["Nothing of yours runs here."]:
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        print(
            textwrap.fill(
                printable(line), width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
            )
        )
    return ExitStatus.DONE


def nodes_in(homes: Path) -> dict[str, dict[str, Any]]:
    """What each node last published: node -> {"experiment", "updated", "datasets"}."""
    from postprocess.storage.bounded_files import MissingFile, read_object

    found = {}
    for node in NODES:
        path = homes / node / "status.json"
        try:
            content = read_object(path, "delete it", most=MOST_BYTES)
            datasets = content["datasets"]
            if not isinstance(datasets, dict) or not isinstance(content["updated"], int | float):
                raise InvalidInput(f"{path}: damaged; delete it")
            found[node] = content
        except MissingFile:
            continue
        except KeyError:
            raise InvalidInput(f"{path}: damaged; delete it") from None
    return found


def command_lines(note: Note) -> list[str]:
    """One command: what it is, how far, when it ends."""
    spent = duration(time.time() - note.started)
    left = "" if note.remaining_s is None else f", ends in about {duration(note.remaining_s)}"
    where = f", in {note.folder}" if note.folder else ""
    return [
        f"{note.title} (process {note.pid}{where})",
        f"  {100 * note.share:.0f} % done after {spent}{left}: {note.text}",
    ]


def node_lines(node: str, told: dict[str, Any]) -> list[str]:
    """One node: its experiment, rounds, key, and when it was last heard of."""
    shown = told["datasets"]
    age = max(0.0, time.time() - told["updated"])
    heard = "just now" if age < 2 else f"{duration(age)} ago"
    silent = " (silent since: ended, or waiting)" if age > FRESH_S else ""
    lines = [f"  {node.capitalize()}: {told.get('experiment')}, last heard of {heard}{silent}"]
    if shown.get("rounds.total"):
        lines.append("    " + _rounds(shown))
        if shown.get("rounds.calibrations"):
            lines.append(f"    when they began: {shown['rounds.calibrations']}")
    if shown.get("key.session"):
        lines.append(f"    key of {shown['key.session']}: {shown.get('key.status', 'post-processing')}")
    for name in ("calibration.scan.title", "calibration.status", "calibration.scan.result"):
        if shown.get(name):
            lines.append(f"    {shown[name]}")
    return lines


def _rounds(shown: dict[str, Any]) -> str:
    done, total = int(shown.get("rounds.done") or 0), int(shown["rounds.total"])
    parts = [f"rounds of {shown.get('rounds.session')}: {spaced(done)} of {spaced(total)} ({100 * done / total:.0f} %)"]
    parts += [str(shown["rounds.status"])] if shown.get("rounds.status") else []
    left = shown.get("rounds.remaining_s")
    parts += [f"ends in about {duration(left)}"] if isinstance(left, int | float) and done < total else []
    return ", ".join(parts)


def _homes(folder: Path) -> Path:
    """The folder of the homes of a laboratory, or the folder itself."""
    inner = folder / "homes"
    return (inner if inner.is_dir() else folder).absolute()
