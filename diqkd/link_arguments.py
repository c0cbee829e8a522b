"""Arguments that choose the emulated link and what goes wrong in the emulated laboratory."""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING, Any

from contract.nodes import NODES
from diqkd import arguments
from diqkd.quantities import quantity
from postprocess.errors import InvalidInput

if TYPE_CHECKING:
    from testbed.physics.emulated_link import EmulatedLink
    from testbed.physics.instability import Instability

LIST = "list"
INSTABILITY_OPTIONS = ("drift", "ion_lifetime")
LINK_OPTIONS = ("score", "qber", "visibility", "herald_rate", "fault", *INSTABILITY_OPTIONS)
SYNTAX = "KIND[=VALUE][, node=alice][, round=N]"


def add_link_arguments(parser: argparse.ArgumentParser) -> None:
    """`--score`, `--qber`, `--visibility`, `--herald-rate`, `--fault`, and those of the instability."""
    group = parser.add_argument_group("the emulated link (default: the published one)")
    group.add_argument("--score", type=arguments.score, metavar="S", help="CHSH score that the link delivers")
    group.add_argument("--qber", type=arguments.qber, metavar="Q", help="its error rate, 0.018 or 1.8%%")
    group.add_argument(
        "--visibility",
        type=arguments.real(0, 1),
        metavar="V",
        help="instead of both: S = 2 sqrt 2 V, Q = (1 - V) / 2",
    )
    group.add_argument(
        "--herald-rate", type=arguments.herald_rate, metavar="HZ", help="mean heralds per second of machine time"
    )
    group.add_argument(
        "--fault", type=fault, action="append", default=[], metavar="FAULT",
        help=f"what goes wrong: {SYNTAX}, repeatable; '{LIST}' shows all kinds",
    )  # fmt: skip
    add_instability_arguments(group)


def add_instability_arguments(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """`--drift`, `--ion-lifetime`."""
    parser.add_argument(
        "--drift",
        type=arguments.real(1e-3, 1000),
        nargs="?",
        const=1.0,
        metavar="SPEED",
        help="674 nm frequency, beam powers and herald phase drift, SPEED times as fast as usual (default: 1)",
    )
    parser.add_argument(
        "--ion-lifetime",
        type=arguments.duration,
        metavar="TIME",
        help="ions get lost by themselves, each node's after TIME of machine time on average, until reloaded",
    )


def instability_of(args: argparse.Namespace) -> Instability:
    """What the laboratory does not keep by itself.

    Raises:
        InvalidInput: out of range.
    """
    from testbed.physics.instability import Instability

    try:
        return Instability(args.drift or 0.0, args.ion_lifetime)
    except ValueError as problem:
        raise InvalidInput(str(problem)) from None


def fault(text: str) -> Any:
    """A fault as a person writes it, "phase error=0.3, node=alice"; or the word that asks for the list."""
    from testbed.physics.faults import KINDS, Fault

    if text == LIST:
        return LIST
    head, *rest = text.split(",")
    kind, equals, value = (part.strip() for part in head.partition("="))
    if kind not in KINDS:
        raise argparse.ArgumentTypeError(f"no fault {arguments.shown(kind)}; `--fault {LIST}` shows all kinds")
    fields: dict[str, Any] = {}
    try:
        if equals:
            fields["value"] = quantity(value, KINDS[kind].unit)
        for part in rest:
            name, _, word = (piece.strip() for piece in part.partition("="))
            fields[name] = _field(kind, name, word)
        return Fault(kind, **fields)
    except ValueError as problem:
        message = str(problem)
        raise argparse.ArgumentTypeError(
            message if message.startswith("fault") else f"{arguments.shown(text)}: {message}; write {SYNTAX}"
        ) from None


def _field(kind: str, name: str, word: str) -> Any:
    from testbed.physics.faults import KINDS

    if name == "node" and KINDS[kind].has_node and word in NODES:
        return word
    if name == "round" and KINDS[kind].has_round:
        try:
            return arguments.rounds(word)
        except argparse.ArgumentTypeError as problem:
            raise ValueError(f"round: {problem}") from None
    allowed = [f"node={' or '.join(NODES)}"] * KINDS[kind].has_node + ["round=N"] * KINDS[kind].has_round
    raise ValueError(f"fault '{kind}' takes {', '.join(allowed) or 'a value alone'}")


def fault_list(width: int) -> str:
    """All kinds of faults with their effects and values, for people."""
    from testbed.physics.faults import FOREVER, KINDS

    lines = textwrap.wrap("Faults of the emulated laboratory; a round is the N-th herald, from 1:", width)
    lines.append(f'  --fault "{SYNTAX}"')
    for name, kind in KINDS.items():
        parts = [kind.effect]
        if kind.what:
            unit = f" {kind.unit}" if kind.unit else ""
            usual = "for ever" if kind.usual == FOREVER else "" if kind.usual is None else f"{kind.usual:g}{unit}"
            parts.append(f"VALUE: {kind.what}{f' in{unit}' if unit else ''}{f' (default {usual})' if usual else ''}")
        if kind.has_node:
            parts.append("node: bob unless given")
        lines += ["", name]
        lines += textwrap.wrap("; ".join(parts), width, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def link_of(args: argparse.Namespace) -> EmulatedLink:
    """The link asked for.

    Raises:
        InvalidInput: no such link.
    """
    from postprocess.plans.paper import PAPER_QBER, PAPER_SCORE
    from testbed.physics.emulated_link import EmulatedLink

    given = args.score is not None or args.qber is not None
    if args.visibility is not None and given:
        raise InvalidInput("--visibility: sets S and Q both; leave --score and --qber out")
    try:
        if args.visibility is not None:
            return EmulatedLink.of_visibility(args.visibility, args.herald_rate)
        if not given:
            return EmulatedLink(herald_rate_hz=args.herald_rate)
        score = PAPER_SCORE if args.score is None else args.score
        return EmulatedLink(score, PAPER_QBER if args.qber is None else args.qber, args.herald_rate)
    except ValueError as problem:
        raise InvalidInput(str(problem)) from None


def faults_of(args: argparse.Namespace, heralds: int) -> tuple[dict[str, Any], ...]:
    """The faults asked for, of a measurement with so many heralds.

    Raises:
        InvalidInput: one of them would never strike.
    """
    for wanted in args.fault:
        if wanted.round > heralds:
            raise InvalidInput(
                f"--fault '{wanted.kind}', round={wanted.round}: never comes, there are {heralds} rounds; give a round "
                "up to that"
            )
    return tuple(wanted.as_dict() for wanted in args.fault)
