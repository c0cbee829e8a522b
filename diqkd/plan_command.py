"""`diqkd plan`: what a session of given size would need and yield, before anyone switches a laser on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from diqkd import arguments
from diqkd.choice_arguments import add_choice_arguments
from diqkd.printing import bits, spaced
from postprocess.errors import ExitStatus

DESCRIPTION = """\
Compute threshold, syndrome length, key length, extractor and key budget of a session by Proposition 2 and the
paper's rules. SCORE and QBER are what the link is expected to show; the acceptance threshold lies three standard
deviations below, so an honest session passes with probability above 99 %.

example: the paper's session
  diqkd plan --rounds 1500000 --gamma 13/256 --score 2.64 --qber 0.018 --eps-snd 1e-10"""

NO_KEY = """\
No key: at this size and quality Proposition 2 proves no positive length.
Take more rounds (even a perfect link, S = 2.83 and Q = 0, needs about 260 000),
or improve the link."""

if TYPE_CHECKING:
    from postprocess.plans.session_parameters import SessionParameters

BEST = arguments.BEST
PAD_BITS = 4 * 64
VHASH_BITS = 1280


def add_parser(subparsers: Any) -> None:
    """Register `diqkd plan`."""
    parser = subparsers.add_parser(
        "plan",
        help="parameters, key length and key budget of a session",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--preset", choices=("long", "custom"), default="custom", help="default: %(default)s")
    add_choice_arguments(parser)
    parser.set_defaults(gamma=None)
    parser.add_argument(
        "--syndrome-bits", type=arguments.count, metavar="M", help="syndrome length m instead of a rule"
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")
    parser.set_defaults(run=run)


def plan(parameters: SessionParameters) -> dict[str, Any]:
    """The plan as plain numbers; `extractor` and `budget` are None where no key is possible."""
    from postprocess.keystore.initial_secret import seed_bits
    from postprocess.privacy import TrevisanExtractor
    from postprocess.security.rules import rule_named

    p, rule = parameters, rule_named(parameters.rule)
    ell = 0 if p.insecure else p.ell
    result: dict[str, Any] = {
        "rounds": p.rounds,
        "gamma": str(p.gamma),
        "score": p.score,
        "qber": p.qber,
        "eps_snd": p.eps_snd,
        "omega_thr": p.omega_thr,
        "score_thr": 8 * p.omega_thr - 4,
        "syndrome_bits": p.syndrome_bits,
        "allowance": p.allowance,
        "rule": p.rule,
        "label": rule.label,
        "hypotheses": rule.hypotheses,
        "source": rule.source,
        "free": dict(p.free),
        "ell": ell,
        "eps_pa": p.eps_pa,
        "extractor": None,
        "budget": None,
    }
    if ell:
        reusable = seed_bits(p) + VHASH_BITS
        result["extractor"] = {"name": p.extractor, "seed_bits": seed_bits(p), "public_seed_bits": p.public_seed_bits}
        if p.extractor == "trevisan":
            design = TrevisanExtractor(p.rounds, ell, p.eps_pa / ell)
            result["extractor"] |= {"t": design.t, "t_plus": design.t_plus, "blocks": design.blocks}
        result["budget"] = {
            "initial_key_bits": reusable + PAD_BITS,
            "consumed_bits": PAD_BITS,
            "reusable_bits": reusable,
            "generated_bits": ell,
            "final_key_bits": reusable + ell,
            "net_bits": ell - PAD_BITS,
        }
    return result


def run(args: argparse.Namespace) -> int:
    """Print the plan, as a table or as JSON."""
    result = plan(_parameters(args))
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        _print_table(result)
    return ExitStatus.DONE


def _parameters(args: argparse.Namespace) -> SessionParameters:
    from dataclasses import replace

    from diqkd.choice_arguments import choice_of
    from postprocess.plans.presets import long_choice, planned

    choice = choice_of(args)
    gamma = None if args.gamma == BEST else args.gamma
    if args.preset == "long":
        choice = long_choice(args.rounds, args.score, args.qber, args.eps_snd, None if args.gamma is None else gamma)
    else:
        choice = replace(choice, gamma=Fraction(13, 256) if args.gamma is None else gamma)
    return planned("plan", "kasli", choice, syndrome_bits=args.syndrome_bits)


def _print_table(result: dict[str, Any]) -> None:
    print("Plan of a session")
    for name, value, note in _rows(result):
        print(f"  {name:<30}{value:>16}  {note}".rstrip())
    if result["extractor"] is None:
        print(NO_KEY)


def _rows(result: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield "rounds", spaced(result["rounds"]), "n"
    yield "Bell-test rounds", result["gamma"], "gamma"
    yield "expected score", f"{result['score']:g}", "S"
    yield "expected bit error rate", f"{result['qber']:g}", "Q"
    yield "soundness error", f"{result['eps_snd']:g}", "eps_snd"
    yield (
        "threshold",
        f"{result['omega_thr']:.7f}",
        f"omega_thr, on the winning probability; S_thr = {result['score_thr']:.4f}",
    )
    if result["allowance"]:
        yield "zeroed rounds allowed", spaced(result["allowance"]), "J_max"
    yield "syndrome", bits(result["syndrome_bits"]), "m, step 5"
    yield "new key", bits(result["ell"]), f"ell, rule {result['rule']}: {result['label']}"
    extractor, budget = result["extractor"], result["budget"]
    if extractor is not None:
        if extractor["name"] == "trevisan":
            design = f"t = {extractor['t']}, t+ = {extractor['t_plus']}, {extractor['blocks']} blocks"
            yield "extractor seed", bits(extractor["seed_bits"]), design
        else:
            yield "public seed", bits(extractor["public_seed_bits"]), "drawn by Alice after the rounds, for one session"
        yield "initial key K0", bits(budget["initial_key_bits"]), ""
        yield (
            "  reusable",
            bits(budget["reusable_bits"]),
            "extractor seed and hash key" if extractor["seed_bits"] else "hash key",
        )
        yield "  consumed", bits(budget["consumed_bits"]), "four one-time pads"
        yield "final key K1", bits(budget["final_key_bits"]), ""
        yield "net gain", bits(budget["net_bits"]), ""
