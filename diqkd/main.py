"""Entry point `diqkd`: collects the subcommands, turns every foreseen error into one line and a named exit status."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from diqkd import __version__
from diqkd.help_text import HelpFormatter
from diqkd.printing import printable
from diqkd.signals import ends_as_interruptions
from postprocess.errors import DISK_ERRORS, DiqkdError, ExitStatus, PeerLost, SessionAborted, disk_problem, exit_status
from postprocess.storage.core_dumps import forbid_core_dumps

SUBCOMMANDS = (
    "demo", "campaign", "run", "calibrate", "status", "plan", "results", "show", "session", "report", "audit", "keys",
    "kme", "figure", "bench", "lab", "wiring", "slack", "lint_kernels",
)  # fmt: skip

DESCRIPTION = """\
Device-independent quantum key distribution on trapped ions
(Nadlinger et al., Nature 607, 682 (2022)).

Without a laboratory: `diqkd demo` runs the paper's session on an emulated one,
`diqkd run` any other experiment. In a laboratory the experiments in repository/
are submitted with ARTIQ's dashboard or artiq_client; the commands here plan a
session, post-process stored rounds and look after the keys."""

EPILOG = """\
exit status:
  0  done (for a session: accepted, both keys are equal)
  2  bad input: one line on stderr says what, where and what to do
  3  the protocol aborted; the reason is named
  4  the peer was lost; no stored round is, the same command resumes
  130  interrupted; the same command resumes
  (`demo` and `run` resume only with --keep: without it their laboratory is temporary)"""


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line; --help says the rest, wrapped to the terminal."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options | {"formatter_class": HelpFormatter})

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        self.exit(ExitStatus.BAD_INPUT, f"{self.prog}: error: {printable(message)}; see `{self.prog} --help`\n")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; importing a subcommand's module must stay cheap."""
    parser = OneLineParser(
        prog="diqkd", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"diqkd {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in SUBCOMMANDS:
        importlib.import_module(f"diqkd.{name}_command").add_parser(subparsers)
    return parser


@contextmanager
def _safe_path_for_children() -> Iterator[None]:
    """A file random.py in the user's folder is not Python's random, in spawned workers either."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status (see --help)."""
    args = build_parser().parse_args(argv)
    forbid_core_dumps()
    try:
        with ends_as_interruptions(), _safe_path_for_children():
            return int(args.run(args))
    except (DiqkdError, KeyboardInterrupt) as problem:
        print(f"diqkd: {printable(_line(problem))}", file=sys.stderr)
        return exit_status(problem)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_status(KeyboardInterrupt())
    except OSError as problem:
        if problem.errno not in DISK_ERRORS:
            raise
        print(f"diqkd: {disk_problem(problem)}", file=sys.stderr)
        return ExitStatus.BAD_INPUT


def _line(problem: BaseException) -> str:
    if isinstance(problem, SessionAborted):
        return f"aborted: {problem}"
    if isinstance(problem, PeerLost):
        return f"peer lost: {problem}"
    return "interrupted" if isinstance(problem, KeyboardInterrupt) else str(problem)
