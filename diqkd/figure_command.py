"""`diqkd figure`: the paper's figures, computed and measured anew, as PNG and CSV."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diqkd import arguments
from diqkd.printing import wrapped
from postprocess.errors import ExitStatus

if TYPE_CHECKING:
    from postprocess.figures import Entry, Settings

DESCRIPTION = """\
Draw the paper's figures on key rate and reconciliation from this software's own results. Each becomes a PNG and
a CSV per panel, and says what in it is computed and what is measured.

NAME is a figure's name or its number in the paper, 'all' for every one, or 'list' to see them. The figures on
reconciliation run thousands of decodings on simulated noise, some minutes; started again they use what was counted,
and more samples or rounds only add to it."""

EPILOG = """\
examples:
  diqkd figure list
  diqkd figure 4 S15a --out figures
  diqkd figure success --samples 100 --rounds 5e6      as large as the paper's, for a night"""


def add_parser(subparsers: Any) -> None:
    """Register `diqkd figure`."""
    parser = subparsers.add_parser(
        "figure",
        help="the paper's figures on key rate and reconciliation, PNG and CSV",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="+", type=arguments.word, metavar="NAME", help="name or number of a figure, 'all', or 'list'"
    )
    parser.add_argument(
        "--out",
        type=arguments.path,
        default=Path("figures"),
        metavar="DIR",
        help="folder for the files (default: %(default)s)",
    )
    parser.add_argument(
        "--dpi", type=arguments.whole(30, 1200), default=200, help="dots per inch of the PNG (default: %(default)s)"
    )
    parser.add_argument(
        "--points", type=arguments.count, default=60, metavar="K", help="points per computed curve (default: 60)"
    )
    parser.add_argument(
        "--samples",
        type=arguments.count,
        default=20,
        metavar="K",
        help="reconciliations per measured point (default: %(default)s)",
    )
    parser.add_argument(
        "--rounds",
        type=arguments.rounds,
        metavar="N",
        help="rounds of S13 (default: 500000), largest number of rounds of S14 (default: 1000000)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw the figures asked for, or list them."""
    from postprocess.figures import FIGURES, Settings, find

    if args.names == ["list"]:
        for entry in FIGURES:
            print(wrapped(f"{entry.name:<14}{entry.number:<6}{entry.shows}", 2, hanging=20))
        return ExitStatus.DONE
    chosen = list(FIGURES) if "all" in args.names else [find(name) for name in args.names]
    settings = Settings(args.points, args.samples, args.rounds, trials=args.out / "trials")
    for entry in dict.fromkeys(chosen):
        for file in _make(entry, args.out, settings, args.dpi):
            print(file)
    return ExitStatus.DONE


def _make(entry: Entry, folder: Path, settings: Settings, dpi: int) -> list[Path]:
    """One figure, with a bar on stderr, or a plain line now and then where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from diqkd.bars import is_animated
    from diqkd.progress import progress
    from postprocess.figures import make

    console = Console(file=sys.stderr)
    name, title = f"figure {entry.name}", f"figure {entry.name}, into {folder}"
    columns = (
        TextColumn("{task.fields[name]:<14}"),
        BarColumn(bar_width=16),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}"),
    )
    animated = is_animated(console)
    with (
        progress(name, title, plain=not animated) as told,
        Progress(*columns, console=console, transient=True, disable=not animated) as bars,
    ):
        task = bars.add_task("", total=1.0, name=entry.name, text="")

        def show(share: float, text: str) -> None:
            bars.update(task, completed=share, text=text)
            told(share, text)

        return make(entry, folder, settings, dpi, show)
