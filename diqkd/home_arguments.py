"""Arguments of every subcommand that works in a node's home."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from contract.nodes import NODES
from diqkd import arguments
from postprocess.errors import InvalidInput


def add_home_arguments(parser: argparse.ArgumentParser) -> None:
    """--home and --node, with the laboratory's environment variables as defaults, and --json."""
    parser.add_argument(
        "--home",
        type=arguments.path,
        metavar="DIR",
        help="folder that holds a folder per node; default: the environment variable DIQKD_HOME",
    )
    parser.add_argument("--node", choices=NODES, help="whose home it is; default: the environment variable DIQKD_NODE")
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")


def home_of(args: argparse.Namespace) -> tuple[Path, str]:
    """(folder of the homes, node); InvalidInput when neither option nor environment names them."""
    home = args.home or os.environ.get("DIQKD_HOME")
    node = args.node or os.environ.get("DIQKD_NODE")
    if not home:
        raise InvalidInput("no home: give --home DIR, or set DIQKD_HOME")
    if node not in NODES:
        raise InvalidInput("no node: give --node alice or --node bob, or set DIQKD_NODE")
    return Path(home).absolute(), node
