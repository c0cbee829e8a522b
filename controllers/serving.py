"""What all controllers share: arguments in the ecosystem's conventions, loopback only, sipyco's server loop."""

from __future__ import annotations

import argparse
import importlib.util
import ipaddress
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from contract.nodes import NODES
from postprocess.errors import DiqkdError, ExitStatus, InvalidInput

NO_SIPYCO = "sipyco is not installed: nothing to serve with. `diqkd keys show` tells the same of the ledger in place"


def build_parser(description: str, default_port: int) -> argparse.ArgumentParser:
    """--node and --home with the laboratory's environment variables as defaults; network and verbosity by sipyco."""
    from sipyco import common_args

    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--node", choices=NODES, default=os.environ.get("DIQKD_NODE"), help="whose (DIQKD_NODE)")
    parser.add_argument("--home", type=Path, metavar="DIR", help="folder with a folder per node (DIQKD_HOME)")
    common_args.simple_network_args(parser, default_port)
    common_args.verbosity_args(parser)
    return parser


def only_loopback(addresses: Sequence[str] | None) -> list[str]:
    """The addresses to listen at.

    Raises:
        InvalidInput: one of them can be reached from another host.
    """
    for address in addresses if addresses is not None else ["*"]:
        if not _is_loopback(address):
            raise InvalidInput(
                f"--bind {address}: other hosts could reach it, and sipyco gives whoever connects the whole process; "
                "bind to a loopback address and forward the port through ssh"
            )
    return list(addresses or ())


def _is_loopback(address: str) -> bool:
    try:
        return address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def serve(target: str, facts: Callable[[str, Path | None], object], description: str, default_port: int,
          argv: Sequence[str] | None = None) -> int:  # fmt: skip
    """Serve `facts(node, home)` as `target` until it is told to terminate; returns an exit status."""
    if importlib.util.find_spec("sipyco") is None:
        return _complain(NO_SIPYCO)
    from sipyco import common_args
    from sipyco.pc_rpc import simple_server_loop

    args = build_parser(description, default_port).parse_args(argv)
    common_args.init_logger_from_args(args)
    try:
        addresses = only_loopback(common_args.bind_address_from_args(args))
        served = facts(args.node or "", args.home)
        simple_server_loop({target: served}, addresses, args.port, description)
    except DiqkdError as problem:
        return _complain(str(problem))
    except OSError as problem:
        return _complain(f"port {args.port}: {problem.strerror or problem}; give another with -p")
    return ExitStatus.DONE


def _complain(line: str) -> int:
    print(f"{Path(sys.argv[0]).name}: {line}", file=sys.stderr)
    return ExitStatus.BAD_INPUT
