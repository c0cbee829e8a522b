"""Where `diqkd run` and `diqkd demo` leave what is public of a run: results/DATE-NAME, unless asked otherwise."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diqkd import arguments
from diqkd.output_files import require_folder
from diqkd.printing import printable
from postprocess.errors import ExitStatus, InvalidInput

if TYPE_CHECKING:
    from postprocess.results.results_folder import RunFound

DEFAULT = Path("results")


def add_results_arguments(parser: argparse.ArgumentParser) -> None:
    """--results-folder and --no-results."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--results-folder",
        type=arguments.path,
        metavar="DIR",
        default=DEFAULT,
        help="keep what is public of this run (HDF5, report) in a new folder in DIR (default: %(default)s)",
    )
    group.add_argument("--no-results", action="store_true", help="keep no results but those in --keep DIR")


def require_results_folder(args: argparse.Namespace) -> None:
    """InvalidInput, in one line, before the work when its results cannot be kept."""
    if not args.no_results:
        try:
            require_folder(args.results_folder, "--results-folder")
        except InvalidInput as problem:
            raise InvalidInput(f"{problem}, or say --no-results") from None


class KeptResults:
    """The results of the run that is about to begin in a laboratory's folder.

    Attributes:
        place: folder of the kept results; None while there are none.
    """

    def __init__(self, args: argparse.Namespace, folder: Path, name: str) -> None:
        from postprocess.results.results_folder import RunResults

        self._root: Path | None = None if args.no_results else args.results_folder
        self._lab_stays, self._homes = args.keep is not None, folder / "homes"
        self._results = RunResults(folder / "homes", name)
        self.place: Path | None = None
        self._files: list[Path] = []

    def keep(self, statuses: Mapping[str, int], more: Mapping[str, Any] | None = None) -> RunFound:
        """Copy what is public; `more` are public figures for the report. A disk that refuses is told, not raised."""
        found = self._results.found(statuses)
        self._files = list(found.files.values()) if self._lab_stays else []
        try:
            kept = self._results.keep(self._root, found, more) if self._root else {}
        except (OSError, InvalidInput) as problem:
            print(f"diqkd: results not kept: {printable(str(problem))}", file=sys.stderr)
            kept = {}
        if kept:
            self._files = list(kept.values())
            self.place = self._files[0].parent
        return found

    def interrupted(self, nodes: tuple[str, ...]) -> None:
        """After Ctrl-C: what is there is kept, and whether the same command resumes."""
        self.keep(dict.fromkeys(nodes, ExitStatus.INTERRUPTED))
        for line in (self.where(), self.resumption("Interrupted")):
            print(line, file=sys.stderr)

    @property
    def loses_calibrations(self) -> bool:
        """Whether a calibration file was written that ends with the command."""
        return not self._lab_stays and any(self._homes.glob("*/calibration.json"))

    def where(self) -> str:
        """The very files of this run, in one line."""
        if not self._files:
            return "Results: not kept"
        return "Results: " + " and ".join(shlex.quote(str(path)) for path in self._files)

    def resumption(self, what: str) -> str:
        """What becomes of a run that has ended before its end."""
        if self._lab_stays:
            return f"{what}; the same command resumes"
        return f"{what}; nothing resumes, as the laboratory was temporary: --keep DIR would keep it"
