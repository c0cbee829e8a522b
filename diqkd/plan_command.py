"""`diqkd plan`: what a session of given size would need and yield, before anyone switches a laser on."""

from __future__ import annotations

import argparse
import json
from fractions import Fraction
from typing import Any

from diqkd import arguments
from postprocess.errors import ExitStatus

DESCRIPTION = """\
Compute threshold, syndrome length, key length, extractor and key budget of a session by Proposition 2 and the
paper's rules. SCORE and QBER are what the link is expected to show; the acceptance threshold lies three standard
deviations below, so an honest session passes with probability above 99 %.

example: the paper's session
  diqkd plan --rounds 1500000 --gamma 13/256 --score 2.64 --qber 0.018 --eps-snd 1e-10"""

NO_KEY = """\
No key: at this size and quality Proposition 2 proves no positive length. Take more rounds (even a perfect
link, S = 2.83 and Q = 0, needs about 260 000), or improve the link."""

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
        type=arguments.gamma,
        default=Fraction(13, 256),
        metavar="K/256",
        help="probability of a Bell-test round (default: %(default)s)",
    )
    parser.add_argument("--score", type=float, default=2.64, help="expected CHSH score S (default: %(default)s)")
    parser.add_argument(
        "--qber", type=float, default=0.018, help="expected quantum bit error rate Q (default: %(default)s)"
    )
    parser.add_argument(
        "--eps-snd", type=float, default=1e-10, metavar="EPS", help="soundness error (default: %(default)s)"
    )
    parser.add_argument(
        "--syndrome-bits", type=arguments.count, metavar="M", help="syndrome length m instead of the paper's rule"
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
    result = plan(args.rounds, args.gamma, args.score, args.qber, args.eps_snd, args.syndrome_bits)
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        _print_table(result)
    return ExitStatus.DONE


def _print_table(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(title="Plan of a session", title_justify="left", show_header=False, box=None, padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    number = "{:,}".format

    def row(name: str, value: str, note: str = "") -> None:
        table.add_row(name, value.replace(",", " "), note)

    row("rounds n", number(result["rounds"]))
    row("Bell-test rounds gamma", result["gamma"])
    row("expected S, Q", f"{result['score']:g}, {result['qber']:g}")
    row("soundness error", f"{result['eps_snd']:g}", "eps_snd")
    row("threshold on the winning probability", f"{result['omega_thr']:.7f}", "omega_thr, step 8")
    row("syndrome", number(result["syndrome_bits"]) + " bits", "m, step 5")
    row("new key", number(result["ell"]) + " bits", "ell, Proposition 2")
    extractor, budget = result["extractor"], result["budget"]
    if extractor:
        design = f"t = {extractor['t']}, t+ = {extractor['t_plus']}, {extractor['blocks']} blocks"
        row("extractor seed", number(extractor["seed_bits"]) + " bits", design)
        row("initial key K0", number(budget["initial_key_bits"]) + " bits")
        row("of which reusable", number(budget["reusable_bits"]) + " bits", "extractor seed and VHASH key")
        row("consumed", number(budget["consumed_bits"]) + " bits", "four one-time pads")
        row("final key K1", number(budget["final_key_bits"]) + " bits")
        row("net gain", number(budget["net_bits"]) + " bits")
    console.print(table)
    if not extractor:
        console.print(NO_KEY)
