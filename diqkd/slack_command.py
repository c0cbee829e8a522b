"""`diqkd slack`: how much time a Kasli's CPU leaves in a round, counted by instructions."""

from __future__ import annotations

import argparse
import importlib.util
import json
from dataclasses import asdict
from typing import Any

from contract.codes import DESCRIPTIONS, LEFT_BY_HOST
from contract.nodes import NODES
from diqkd import arguments
from postprocess.errors import ExitStatus, InvalidInput

DESCRIPTION = """\
Compile the kernels of a round for a Kasli, execute that binary instruction by instruction with the laboratory's physics
behind it, and say how early the CPU hands over the outputs of a round: the least slack and where it is. How many
cycles an instruction takes depends on caches and memory; 1.0 is the best a Kasli can do, 2.0 is safe to plan with.
Costs of the firmware's own functions are estimates (testbed/counted/firmware.py). Needs ARTIQ and pyelftools."""

EPILOG = """\
examples:
  diqkd slack
  diqkd slack --node alice --cycles 1.6 --rounds 200"""

CYCLES = (1.0, 1.6, 2.0)
MOST_ROUNDS = 1000
SHOWN = 3


def add_parser(subparsers: Any) -> None:
    """Register `diqkd slack`."""
    parser = subparsers.add_parser(
        "slack",
        help="time that a Kasli's CPU leaves in a round, counted",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--node", choices=NODES, help="default: both")
    parser.add_argument(
        "--cycles",
        type=arguments.real(0.5, 10),
        action="append",
        metavar="C",
        help="cycles per instruction, may be repeated (default: 1.0, 1.6, 2.0)",
    )
    parser.add_argument(
        "--rounds",
        type=arguments.whole(1, MOST_ROUNDS),
        default=30,
        metavar="N",
        help="rounds to measure (default: 30)",
    )
    parser.add_argument(
        "--bases", type=arguments.whole(1, 2), default=1, metavar="1|2", help="announced key bases (default: 1)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> ExitStatus:
    """Measure every node at every speed."""
    from testbed import standin

    if standin.install():
        raise InvalidInput("slack is counted in what ARTIQ's compiler makes: ARTIQ is not installed; see `nix develop`")
    if importlib.util.find_spec("elftools") is None:
        raise InvalidInput("slack needs pyelftools: say `pip install 'diqkd[slack]'`, or `pip install pyelftools`")
    from testbed.counted.slack import least_slack

    nodes = (args.node,) if args.node else NODES
    barriers = (False, True) if args.barrier is None else (args.barrier == "on",)
    found = [
        least_slack(node, cycles, args.rounds, barrier, args.bases)
        for node in nodes
        for barrier in barriers
        for cycles in args.cycles or CYCLES
    ]
    if args.json:
        shown = [asdict(slack) | {"places": [asdict(place) for place in slack.places[:SHOWN]]} for slack in found]
        print(json.dumps(shown, indent=2))
        return ExitStatus.DONE
    print(f"Least slack between herald and reconnection at 125 MHz, {args.rounds} rounds each:")
    for slack in found:
        ended = "no output was late" if slack.code == LEFT_BY_HOST else DESCRIPTIONS[slack.code]
        kind = "with barrier" if slack.barrier else "no barrier"
        print(f"{slack.node.capitalize()}, {kind}, {slack.cycles:.1f} cycles per instruction: {ended}")
        for place in slack.places[:SHOWN]:
            print(f"  {place.slack / 1000:7.1f} us at {place.after_herald / 1000:6.1f} us, {place.device}")
    return ExitStatus.DONE
