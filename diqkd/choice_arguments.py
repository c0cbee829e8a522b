"""Arguments with which several subcommands choose a session: size, link, rule of key length, extractor."""

from __future__ import annotations

import argparse
from fractions import Fraction
from typing import TYPE_CHECKING

from diqkd import arguments
from postprocess.errors import InvalidInput

if TYPE_CHECKING:
    from postprocess.plans.presets import Choice

RULES = ("proposition-2", "counting", "renyi", "two-bases")
DECODERS = ("own", "pyldpc")
EXTRACTORS = ("trevisan", "toeplitz")
USUAL = {
    "rounds": 1_500_000,
    "gamma": Fraction(13, 256),
    "score": 2.64,
    "qber": 0.018,
    "eps_snd": 1e-10,
    "syndrome": "paper",
    "rule": RULES[0],
    "extractor": "",
    "allowance": 0,
    "bases": 1,
    "qber2": None,
    "barrier": False,
}
PRESETS = ("paper", "long", "longest", "custom")


def add_preset_argument(parser: argparse.ArgumentParser) -> None:
    """`--preset`: whose session it is."""
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default="paper",
        help="paper: the published run; long: this project's own rule and a public seed; longest: the same with two "
        "announced key bases; custom (default: %(default)s)",
    )


def add_choice_arguments(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """Everything else that decides how long a key is."""
    group.add_argument("--rounds", type=arguments.rounds, default=1_500_000, metavar="N", help="heralded rounds n")
    group.add_argument(
        "--gamma",
        type=arguments.gamma_or_best,
        default=Fraction(13, 256),
        metavar="K/256",
        help="probability of a Bell-test round, or 'best': the one with the longest key (default: 13/256)",
    )
    group.add_argument("--score", type=arguments.score, default=2.64, help="expected CHSH score S (default: 2.64)")
    group.add_argument(
        "--qber", type=arguments.qber, default=0.018, help="expected error rate Q, 0.018 or 1.8%% (default: 0.018)"
    )
    group.add_argument(
        "--eps-snd", type=arguments.probability, default=1e-10, metavar="EPS", help="default: %(default)s"
    )
    group.add_argument(
        "--syndrome", choices=("paper", "tight"), default="paper", help="rule for the syndrome (default: %(default)s)"
    )
    group.add_argument(
        "--qber2",
        type=arguments.qber,
        metavar="Q_1",
        help="expected error rate of the second key basis (default: what a Bell-diagonal state of this S and Q has)",
    )
    add_rule_arguments(group)


def add_rule_arguments(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """`--rule`, `--extractor`, `--allowance`, `--barrier`, `--bases`."""
    group.add_argument(
        "--rule",
        choices=RULES,
        default=RULES[0],
        help="proof that the key length rests on; only the first is published (default: %(default)s)",
    )
    group.add_argument(
        "--extractor", choices=EXTRACTORS, default="", help="privacy amplification (default: the rule's usual one)"
    )
    group.add_argument(
        "--allowance",
        type=arguments.count_or_zero,
        default=0,
        metavar="J",
        help="most rounds that a crash or a fault may zero at Alice; they cost key (default: %(default)s)",
    )
    group.add_argument(
        "--barrier",
        action="store_true",
        help="Bob waits in each round until Alice has said that she is isolated; the preset long always does",
    )
    group.add_argument(
        "--bases",
        type=arguments.whole(1, 2),
        default=1,
        metavar="1|2",
        help="announced key bases; the paper has one (default: %(default)s)",
    )


def add_decoder_argument(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """`--decoder`: who decodes."""
    group.add_argument(
        "--decoder",
        choices=DECODERS,
        default=DECODERS[0],
        help="this project's own, or pyldpc, an independent reference for up to 4000 rounds (default: %(default)s)",
    )


def require_effective(args: argparse.Namespace, *, gamma: bool = False) -> None:
    """Refuse options that have no effect with the preset (long: gamma too, where `gamma` does not say otherwise)."""
    long = ("rounds", "score", "qber", "eps_snd", *(["gamma"] if gamma else []))
    effective = {"paper": (), "long": long, "longest": (*long, "qber2")}.get(args.preset, tuple(USUAL))
    given = [name for name, usual in USUAL.items() if getattr(args, name, None) not in (None, usual)]
    without_effect = [name for name in given if name not in effective]
    if without_effect:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in without_effect)
        raise InvalidInput(f"{options}: the preset {args.preset} chooses that itself; leave it out, or --preset custom")


def choice_of(args: argparse.Namespace) -> Choice:
    """What was chosen."""
    from postprocess.plans.presets import Choice

    return Choice(
        args.rounds,
        None if args.gamma == arguments.BEST else args.gamma,
        args.score,
        args.qber,
        args.eps_snd,
        args.syndrome,
        args.rule,
        args.extractor,
        args.allowance,
        bases=args.bases,
        qber2=args.qber2,
        barrier=args.barrier,
    )
