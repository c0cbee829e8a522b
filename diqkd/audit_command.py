"""`diqkd audit`: every claim of a session, recomputed from what its nodes have stored."""

from __future__ import annotations

import argparse
import json
import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.nodes import NODES
from diqkd import arguments
from diqkd.home_arguments import add_home_arguments
from diqkd.printing import printable
from postprocess.errors import ExitStatus, InvalidInput

if TYPE_CHECKING:
    from postprocess.audit import Finding

DESCRIPTION = """\
Recompute every claim of a session from a node's private files, and from both nodes' together where both homes are on
this machine: parameters, certified length, rounds, messages, disclosed bits, syndrome, key, account. Each line says
whether a claim holds, fails, or cannot be checked and why. Nothing is changed, and no private bit or number is shown.

Once a key is delivered its strings are erased; then transcript, sizes, stored digests and the account are checked.
Status 0 when no claim fails."""

STATES = {True: "holds", False: "FAILS", None: "-"}
WIDEST = 120


def add_parser(subparsers: Any) -> None:
    """Register `diqkd audit`."""
    parser = subparsers.add_parser(
        "audit",
        help="recompute every claim of a session from its stored files",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("session", type=arguments.word, metavar="SESSION", help="session id")
    add_home_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> ExitStatus:
    """Audit one node, or both where neither option nor environment names one and both homes are here."""
    from postprocess.audit import audit_both, audit_node
    from postprocess.storage.node_home import NodeHome

    folder = args.home or os.environ.get("DIQKD_HOME")
    if not folder:
        raise InvalidInput("no home: give --home DIR, or set DIQKD_HOME")
    homes = Path(folder).absolute()
    here = [node for node in NODES if (homes / node / "keystore.sqlite").is_file()]
    node = args.node or (os.environ.get("DIQKD_NODE") if len(here) != len(NODES) else None)
    if node is None and len(here) == len(NODES):
        nodes = list(NODES)
        found = audit_both(NodeHome("alice", homes), NodeHome("bob", homes), args.session)
    else:
        nodes = [node or (here[0] if here else NODES[0])]
        found = audit_node(NodeHome(nodes[0], homes), args.session)
    _print(args, nodes, found)
    failed = [line for line in found if line.holds is False]
    if failed:
        first = failed[0]
        raise InvalidInput(
            f"session '{args.session}': {len(failed)} of {len(found)} claims fail, first {first.where}'s "
            f"'{first.claim}'; use no key of it before that is clear"
        )
    return ExitStatus.DONE


def _print(args: argparse.Namespace, nodes: list[str], found: list[Finding]) -> None:
    counts = {state: sum(line.holds is state for line in found) for state in STATES}
    if args.json:
        content = {
            "session_id": args.session,
            "nodes": nodes,
            "held": counts[True],
            "failed": counts[False],
            "not_checked": counts[None],
            "findings": [vars(line) for line in found],
        }
        print(json.dumps(content, indent=2))
        return
    print(f"Audit of session {args.session}, from the files of {' and '.join(nodes)}")
    width = min(_columns(), WIDEST)
    where = None
    for line in found:
        if line.where != where:
            where = line.where
            print(f"\n{where}")
        head = f"  {STATES[line.holds]:<5}  {line.claim:<17}  "
        print(textwrap.fill(printable(line.detail), width, initial_indent=head, subsequent_indent=" " * len(head)))
    print(f"\n{counts[True]} claims hold, {counts[False]} fail, {counts[None]} cannot be checked.")


def _columns() -> int:
    import shutil

    return max(60, shutil.get_terminal_size().columns)
