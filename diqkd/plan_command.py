"""`diqkd plan`: what a session of given size would need and yield, before anyone switches a laser on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from diqkd import arguments
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

BEST = "best"
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
    parser.add_argument(
        "--rounds",
        type=arguments.count,
        default=1_500_000,
        metavar="N",
        help="heralded rounds n (default: %(default)s)",
    )
    parser.add_argument(
        "--gamma",
        type=_gamma_or_best,
        default=Fraction(13, 256),
        metavar="K/256",
        help="probability of a Bell-test round, or 'best': the one that gives the longest key (default: %(default)s)",
    )
    parser.add_argument("--score", type=float, default=2.64, help="expected CHSH score S (default: %(default)s)")
    parser.add_argument(
        "--qber", type=float, default=0.018, help="expected quantum bit error rate Q (default: %(default)s)"
    )
    parser.add_argument(
        "--eps-snd", type=float, default=1e-10, metavar="EPS", help="soundness error (default: %(default)s)"
    )
    parser.add_argument(
        "--syndrome-bits", type=arguments.count, metavar="M", help="syndrome length m instead of a rule"
    )
    parser.add_argument(
        "--syndrome",
        choices=("paper", "tight"),
        default="paper",
        help="rule for the syndrome length m: the paper's, or what this project's codes need to fail in one session "
        "of a thousand (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")
    parser.set_defaults(run=run)


def plan(
    rounds: int, gamma: Fraction, score: float, qber: float, eps_snd: float, syndrome_bits: int | None = None
) -> dict[str, Any]:
    """The plan as plain numbers; `extractor` and `budget` are None where no key is possible."""
    from postprocess.privacy import TrevisanExtractor
    from postprocess.security import key_length

    length = key_length(rounds, gamma, score, qber, eps_snd, syndrome_bits)
    result: dict[str, Any] = {
        "rounds": rounds,
        "gamma": str(gamma),
        "score": score,
        "qber": qber,
        "eps_snd": eps_snd,
        "omega_thr": length.omega_thr,
        "syndrome_bits": length.syndrome_bits,
        "ell": max(0, length.ell),
        "eps_pa": length.eps_pa,
        "extractor": None,
        "budget": None,
    }
    if length.ell > 0:
        extractor = TrevisanExtractor(rounds, length.ell, length.eps_pa / length.ell)
        result["extractor"] = {
            "t": extractor.t,
            "t_plus": extractor.t_plus,
            "blocks": extractor.blocks,
            "seed_bits": extractor.seed_bits,
        }
        reusable = extractor.seed_bits + VHASH_BITS
        result["budget"] = {
            "initial_key_bits": reusable + PAD_BITS,
            "consumed_bits": PAD_BITS,
            "reusable_bits": reusable,
            "generated_bits": length.ell,
            "final_key_bits": reusable + length.ell,
            "net_bits": length.ell - PAD_BITS,
        }
    return result


def run(args: argparse.Namespace) -> int:
    """Print the plan, as a table or as JSON."""
    gamma = _best_gamma(args) if args.gamma == BEST else args.gamma
    result = plan(args.rounds, gamma, args.score, args.qber, args.eps_snd, _syndrome_bits(args, gamma))
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        _print_table(result)
    return ExitStatus.DONE


def _syndrome_bits(args: argparse.Namespace, gamma: Fraction) -> int:
    from postprocess.reconciliation import syndrome_length_by

    return args.syndrome_bits or syndrome_length_by(args.syndrome, args.rounds, gamma, args.score, args.qber)


def _best_gamma(args: argparse.Namespace) -> Fraction:
    """The k/256 with the longest key; all are tried, for the rule of the syndrome moves the optimum."""
    from postprocess.security import key_length

    def ell(gamma: Fraction) -> int:
        bits = _syndrome_bits(args, gamma)
        return key_length(args.rounds, gamma, args.score, args.qber, args.eps_snd, bits).ell

    return max((Fraction(k, 256) for k in range(1, 256)), key=ell)


def _gamma_or_best(text: str) -> Fraction | str:
    return BEST if text == BEST else arguments.gamma(text)


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
    yield "threshold", f"{result['omega_thr']:.7f}", "omega_thr, on the winning probability, step 8"
    yield "syndrome", bits(result["syndrome_bits"]), "m, step 5"
    yield "new key", bits(result["ell"]), "ell, Proposition 2"
    extractor, budget = result["extractor"], result["budget"]
    if extractor is not None:
        design = f"t = {extractor['t']}, t+ = {extractor['t_plus']}, {extractor['blocks']} blocks"
        yield "extractor seed", bits(extractor["seed_bits"]), design
        yield "initial key K0", bits(budget["initial_key_bits"]), ""
        yield "  reusable", bits(budget["reusable_bits"]), "extractor seed and hash key"
        yield "  consumed", bits(budget["consumed_bits"]), "four one-time pads"
        yield "final key K1", bits(budget["final_key_bits"]), ""
        yield "net gain", bits(budget["net_bits"]), ""
