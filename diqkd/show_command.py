"""`diqkd show`: what a results file or a session's heralds look like, as PNG and CSV, without ARTIQ."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diqkd import arguments
from diqkd.home_arguments import home_of
from diqkd.output_files import require_folder
from diqkd.printing import printable
from postprocess.errors import ExitStatus, InvalidInput

if TYPE_CHECKING:
    from postprocess.drawing import Results

DESCRIPTION = """\
Draw results, of a real master or of `diqkd run`: each drawing becomes a PNG and a CSV per panel.

From a results file (.h5), or from all below a folder: moving S and Q with 95 % bands (the paper's figure 3),
P(A, B | X, Y) with multinomial errors (table S4), S and Q per herald pattern, states and fully entangled fractions of
a tomography (figure S3), a calibration's scan with fit and residuals, readout histograms, herald rate, herald patterns
and time line.

Of a session or characterisation in a node's home, named by its id: herald rate, patterns and time line. S and Q of a
session are never drawn; they are private."""

EPILOG = """\
examples:
  diqkd show results/2026-11-26/14/000000012-CharacteriseLink.h5 -o drawings
  diqkd show link.h5 --window 20000                 moving averages over fewer rounds
  diqkd show results/2026-11-26                     every file below a folder
  diqkd show 2026-05-17 --home ~/diqkd --node bob   heralds of a session"""


def add_parser(subparsers: Any) -> None:
    """Register `diqkd show`."""
    parser = subparsers.add_parser(
        "show",
        help="draw a results file, or a session's heralds, as PNG and CSV",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "results", type=arguments.path, metavar="FILE|SESSION", help="results file, folder of such, or session id"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=arguments.path,
        default=Path("figures"),
        metavar="DIR",
        help="folder for the files (default: %(default)s)",
    )
    parser.add_argument(
        "--window",
        type=arguments.rounds,
        metavar="N",
        help="rounds of the moving averages of S and Q (default: the experiment's, which is 100000 unless told "
        "otherwise; of a short run a tenth)",
    )
    parser.add_argument(
        "--dpi", type=arguments.whole(30, 1200), default=200, help="dots per inch of the PNG (default: %(default)s)"
    )
    parser.add_argument("--home", type=arguments.path, metavar="DIR", help="of a session; default: DIQKD_HOME")
    parser.add_argument("--node", choices=("alice", "bob"), help="of a session; default: DIQKD_NODE")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw everything there is, and name the files."""
    from postprocess.drawing import draw_results

    require_folder(args.output, "-o")
    drawn = 0
    for results, folder in _results(args):
        files = draw_results(results, args.output / folder, args.window, args.dpi)
        for file in files:
            print(file)
        drawn += len(files)
        if not files:
            print(f"{results.name}: nothing to draw in it", file=sys.stderr)
    if not drawn:
        raise InvalidInput(f"{args.results}: no datasets that diqkd's experiments draw; name another file")
    return ExitStatus.DONE


def _results(args: argparse.Namespace) -> Iterator[tuple[Results, Path]]:
    """Results, and the folder below the output that theirs go to."""
    from postprocess.drawing import read_results, read_stored_rounds
    from postprocess.storage.node_home import NodeHome

    path: Path = args.results
    if path.is_dir():
        yield from _of_folder(path)
    elif path.exists() or path.suffix in (".h5", ".hdf5") or len(path.parts) != 1:
        yield read_results(path), Path()
    elif not (args.home or os.environ.get("DIQKD_HOME")):
        raise InvalidInput(f"{path}: no such file or folder; for a session give --home and --node, too")
    else:
        homes, node = home_of(args)
        yield read_stored_rounds(NodeHome(node, homes), str(path)), Path()


def _of_folder(path: Path) -> Iterator[tuple[Results, Path]]:
    """Every results file below a folder; what is none is named, and stops nothing."""
    from postprocess.drawing import read_results

    files = sorted(path.rglob("*.h5"))
    if not files:
        raise InvalidInput(f"{path}: no results file (.h5) in this folder; name a file, or a folder with some")
    for file in files:
        try:
            yield read_results(file), file.parent.relative_to(path)
        except InvalidInput as problem:
            print(printable(str(problem)), file=sys.stderr)
