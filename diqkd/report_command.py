"""`diqkd report`: one HTML page on a session."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from diqkd import arguments
from diqkd.home_arguments import home_of
from diqkd.output_files import require_writable, write_result
from postprocess.errors import ExitStatus

DESCRIPTION = """\
Write one self-contained HTML page on a session, for the log book or a printer: outcome, parameters, rule of key length
and the status of its proof, table I, herald rate and patterns, time line with pauses, ages of the calibrations,
messages and disclosed bits, versions.

The page has public facts alone. On a real apparatus S, Q, the decoder's work and the reason why Bob did not accept are
private and not read; of the emulated apparatus Bob's page shows them, too."""

EPILOG = """\
examples:
  diqkd report 2026-05-17 --home ~/diqkd --node bob
  diqkd report s1 --home lab1/homes --node alice -o s1.html"""


def add_parser(subparsers: Any) -> None:
    """Register `diqkd report`."""
    parser = subparsers.add_parser(
        "report",
        help="one HTML page on a session, without anything private",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("session", type=arguments.word, metavar="SESSION", help="session id")
    parser.add_argument("--home", type=arguments.path, metavar="DIR", help="folder of the homes; default: DIQKD_HOME")
    parser.add_argument("--node", choices=("alice", "bob"), help="whose home it is; default: DIQKD_NODE")
    parser.add_argument(
        "-o",
        "--output",
        type=arguments.path,
        metavar="FILE",
        help="the page (default: report-SESSION-NODE.html)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the page, and name it."""
    from postprocess.reports.session_facts import read_session_facts
    from postprocess.reports.session_report import outcome_words, session_report
    from postprocess.storage.node_home import NodeHome

    homes, node = home_of(args)
    facts = read_session_facts(NodeHome(node, homes), args.session)
    path = args.output or Path(f"report-{args.session}-{node}.html")
    require_writable(path, "-o")
    page = session_report(facts)
    print(f"session {args.session}: {outcome_words(facts)}".replace("\u00a0", " "))
    write_result(path, page, "-o")
    print(path)
    return ExitStatus.DONE
