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
Compute threshold, syndrome length, key length, extractor and key budget of a session by one of three rules of key
length; docs/proofs says what each rests on. SCORE and QBER are what the link is expected to show; the acceptance
threshold lies three standard deviations below, so an honest session passes with probability above 99 %.

examples:
  diqkd plan                                     the paper's session
  diqkd plan --preset long                       this project's longest key from the same rounds
  diqkd plan --link liu-2026 --rule renyi --gamma best --syndrome tight"""

NO_KEY = """\
No key: at this size and quality this rule proves no positive length."""

if TYPE_CHECKING:
    from postprocess.plans.session_parameters import SessionParameters
    from postprocess.security.published_links import PublishedLink

BEST = arguments.BEST
PUBLISHED = ("nadlinger-2022", "zhang-2022", "liu-2026", "lu-2026")
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
    parser.add_argument(
        "--link",
        type=arguments.word,
        metavar="NAME",
        help=f"take rounds, S and Q of a published link: {', '.join(PUBLISHED)}",
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")
    parser.set_defaults(run=run)


def plan(parameters: SessionParameters) -> dict[str, Any]:
    """The plan as plain numbers; `extractor` and `budget` are None where no key is possible."""
    from postprocess.keystore.initial_secret import seed_bits
    from postprocess.privacy import TrevisanExtractor
    from postprocess.security.rules import hypotheses_of, label_of, rule_named

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
        "label": label_of(rule, p.allowance),
        "hypotheses": hypotheses_of(rule, p.allowance),
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
    published = _take_link(args) if args.link else None
    parameters = _parameters(args)
    result = plan(parameters)
    if published is not None:
        result["link"] = {"source": published.source, "published": published.published, "checked": published.checked}
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        _print_table(result, parameters)
    return ExitStatus.DONE


def _take_link(args: argparse.Namespace) -> PublishedLink:
    from postprocess.errors import InvalidInput
    from postprocess.security.published_links import link_named

    link = link_named(args.link)
    if link.score is None or link.qber is None:
        raise InvalidInput(f"--link {link.name}: its S and Q are not known here; give --score and --qber instead")
    args.score, args.qber, args.rounds = link.score, link.qber, link.rounds or args.rounds
    return link


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


def _print_table(result: dict[str, Any], parameters: SessionParameters) -> None:
    link = result.get("link")
    print(f"Plan with the statistics of {link['source']}" if link else "Plan of a session")
    for name, value, note in _rows(result):
        print(f"  {name:<30}{value:>16}  {note}".rstrip())
    if link:
        doubt = "" if link["checked"] else " (from a secondary source, not checked)"
        print(f"  published: {link['published']}{doubt}")
    if result["extractor"] is None:
        print(NO_KEY)
        print(_remedy(parameters))


def _remedy(p: SessionParameters) -> str:
    """What would give a key: so many rounds, or nothing but a better link."""
    from postprocess.security.planning import PlannedLink
    from postprocess.security.rules import rule_named

    fewest = PlannedLink(p.score, p.qber, rule_named(p.rule), p.extractor, eps_snd=p.eps_snd).fewest_rounds()
    if fewest is None:
        return "No number of rounds helps: improve S or Q of the link."
    return (
        f"With the best gamma this link needs about {spaced(round(float(f'{fewest:.2g}')))} rounds; or improve S or Q."
    )


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
