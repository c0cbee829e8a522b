"""`diqkd plan`: what a session of given size would need and yield, before anyone switches a laser on."""

from __future__ import annotations

import argparse
import json
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from diqkd import arguments
from diqkd.choice_arguments import PRESETS, add_choice_arguments
from diqkd.quantities import quantity
from postprocess.errors import ExitStatus

DESCRIPTION = """\
Compute threshold, syndrome length, key length, extractor and key budget of a session by one of four rules of key
length; docs/proofs says what each rests on. SCORE and QBER are what the link is expected to show; the acceptance
threshold lies three standard deviations below. The plan also says how likely an honest session passes, the fewest
rounds with which this link gives a key ('never' where none do), the S it needs, the Q it may have, and, with a herald
rate, the hours all that takes.

examples:
  diqkd plan                                     the paper's session
  diqkd plan --preset paper                      the same, with the key length that it printed
  diqkd plan --preset long                       this project's longest key from the same rounds
  diqkd plan --preset longest --qber2 3.5%       the same with two announced key bases
  diqkd plan --link liu-2026 --rule renyi --gamma best --syndrome tight
  diqkd plan --score 2.6 --qber 1.8% --herald-rate 55
  diqkd plan --from RESULT.h5 --preset long      what characterise_link has measured, each at its 95 % quantile"""

if TYPE_CHECKING:
    from postprocess.characterisation.measured_link import MeasuredLink
    from postprocess.plans.presets import Choice
    from postprocess.plans.session_parameters import SessionParameters
    from postprocess.security.planning import FewestRounds, PlannedLink
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
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default="custom",
        help="paper: the published run, its key length as printed; long: this project's own rule and a public seed; "
        "longest: the same with two announced key bases; custom: from the options below (default: %(default)s)",
    )
    add_choice_arguments(parser)
    parser.set_defaults(gamma=None, rounds=None, score=None, qber=None)
    parser.add_argument(
        "--syndrome-bits", type=arguments.count, metavar="M", help="syndrome length m instead of a rule"
    )
    parser.add_argument(
        "--link",
        type=arguments.word,
        metavar="NAME",
        help=f"take rounds, S and Q of a published link: {', '.join(PUBLISHED)}",
    )
    parser.add_argument(
        "--from",
        dest="measured",
        type=arguments.path,
        metavar="RESULT.h5",
        help="take S, Q and herald rate of a characterisation, each at a pessimistic quantile",
    )
    parser.add_argument(
        "--quantile",
        type=_quantile,
        default=0.95,
        metavar="P",
        help="confidence, one-sided, that each of S, Q and rate is no worse than planned with (default: %(default)s)",
    )
    parser.add_argument(
        "--herald-rate", type=_rate, metavar="HZ", help="heralded rounds per second: hours, key per hour and day"
    )
    parser.add_argument(
        "--leakage",
        type=_leakage,
        default=0.0,
        metavar="P",
        help="probability that a readout sends a photon into the cut link (measure_leakage): subtract n h(P) bits from "
        "the key; of this plan only, a session does not subtract it",
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")
    parser.set_defaults(run=run)


def plan(
    choice: Choice,
    syndrome_bits: int | None = None,
    herald_rate_hz: float | None = None,
    leak_probability: float = 0.0,
    *,
    as_printed: bool = False,
) -> dict[str, Any]:
    """The plan as plain numbers; what cannot be had is None (`fewest`: None for never).

    `as_printed` takes the session from the paper's table I, not from a search with its numbers.
    """
    from dataclasses import replace

    from postprocess.plans.presets import fewest_of, gamma_of, link_of, paper, planned, remedy
    from postprocess.security.planning import NoThreshold
    from postprocess.security.rules import hypotheses_of, label_of
    from postprocess.support.entropy import binary_entropy

    leakage = binary_entropy(leak_probability)
    fewest = fewest_of(choice, leakage)
    best = choice.gamma is None
    gamma = gamma_of(choice)
    link = replace(link_of(choice), leakage=leakage)
    result: dict[str, Any] = {
        "rounds": choice.rounds,
        "gamma": None if gamma is None else str(gamma),
        "gamma_is_best": best,
        "score": choice.score,
        "qber": choice.qber,
        "bases": choice.bases,
        "qber2": choice.qber2,
        "eps_snd": choice.eps_snd,
        "omega_thr": None,
        "score_thr": None,
        "syndrome_bits": None,
        "allowance": choice.allowance,
        "barrier": choice.barrier,
        "leakage": {"probability": leak_probability, "bits": link.leaked(choice.rounds)} if leakage else None,
        "rule": choice.rule,
        "label": label_of(link.rule, choice.allowance),
        "hypotheses": hypotheses_of(link.rule, choice.allowance),
        "source": link.rule.source,
        "free": {},
        "ell": 0,
        "eps_pa": None,
        "extractor": None,
        "budget": None,
        "passes": None,
        "warnings": [],
    }
    if gamma is not None:
        fixed = replace(choice, gamma=gamma)
        try:
            link.problem(choice.rounds, gamma)
        except NoThreshold as found:
            result["warnings"].append(str(found))
        else:
            searched = None if as_printed else planned("plan", "kasli", fixed, syndrome_bits=syndrome_bits)
            result |= _session(searched or paper("plan", "kasli"), link.leaked(choice.rounds))
        result["warnings"] += _syndrome_warnings(result)
    result |= _margins(choice, link, gamma, fewest)
    result["remedy"] = None if result["ell"] else remedy(fewest)
    result["hours"] = _hours(result, herald_rate_hz)
    return result


def _session(p: SessionParameters, leaked_bits: int) -> dict[str, Any]:
    """Threshold, syndrome, key, extractor and budget of a session, and how likely an honest one passes."""
    from dataclasses import asdict, replace

    from postprocess.keystore.initial_secret import seed_bits
    from postprocess.privacy import TrevisanExtractor
    from postprocess.security.honest_session import honest_session

    ell = 0 if p.insecure else max(0, p.ell - leaked_bits)
    p = replace(p, ell=ell or p.ell)
    problem = p.problem
    honest = honest_session(problem, p.score, p.qber, p.qber2)
    result: dict[str, Any] = {
        "omega_thr": p.omega_thr,
        "score_thr": 8 * p.omega_thr - 4,
        "syndrome_bits": p.syndrome_bits,
        "free": dict(p.free),
        "ell": ell,
        "eps_pa": p.eps_pa,
        "bell_limit": problem.bell_limit,
        "passes": asdict(honest) | {"session": honest.passes},
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


def _syndrome_warnings(result: dict[str, Any]) -> list[str]:
    """A syndrome that no decoder can work with."""
    from diqkd.printing import spaced
    from postprocess.reconciliation.syndrome_length import conditional_entropy

    if result["syndrome_bits"] is None:
        return []
    link = (result["score"], result["qber"], result["qber2"])
    entropy = result["rounds"] * conditional_entropy(Fraction(result["gamma"]), *link)[0]
    if result["syndrome_bits"] >= entropy:
        return []
    return [
        f"a syndrome of {spaced(result['syndrome_bits'])} bits is below the entropy n h = {spaced(math.ceil(entropy))} "
        "bits: no decoder can reconcile, no session would end with a key; leave --syndrome-bits out"
    ]


def _margins(choice: Choice, link: PlannedLink, gamma: Fraction | None, fewest: FewestRounds | None) -> dict[str, Any]:
    """Fewest rounds, S needed, Q allowed, and the key around this S and Q."""
    from postprocess.plans.paper import PAPER_GAMMA
    from postprocess.security.honest_session import honest_session
    from postprocess.security.link_margins import qber_allowed, score_needed, sensitivity
    from postprocess.security.planning import NoThreshold

    planned_gamma, gamma = gamma, gamma or PAPER_GAMMA
    around = sensitivity(link, choice.rounds, gamma)
    table: dict[str, Any] = {"score": around.scores, "qber": around.qbers, "bits": around.bits}
    try:
        problem = None if planned_gamma is None else link.problem(choice.rounds, gamma)
    except NoThreshold:
        problem = None
    if problem is None:
        table |= {"bell_check": None, "decoding": None}
    else:
        table["bell_check"] = [honest_session(problem, score, choice.qber).bell_check for score in around.scores]
        others = [link.with_statistics(choice.score, qber) for qber in around.qbers]
        table["decoding"] = [honest_session(problem, each.score, each.qber, each.qber2).decoding for each in others]
    return {
        "fewest": None if fewest is None else {"rounds": fewest.rounds, "gamma": str(fewest.gamma)},
        "score_needed": score_needed(link, choice.rounds, gamma),
        "qber_allowed": qber_allowed(link, choice.rounds, gamma),
        "sensitivity": table,
        "margins_gamma": str(gamma),
    }


def _hours(result: dict[str, Any], rate_hz: float | None) -> dict[str, Any] | None:
    """What the rounds take and yield at a herald rate; pauses and post-processing are not counted."""
    if rate_hz is None:
        return None
    session = result["rounds"] / rate_hz / 3600
    return {
        "herald_rate_hz": rate_hz,
        "session": session,
        "fewest": result["fewest"] and result["fewest"]["rounds"] / rate_hz / 3600,
        "bits_per_hour": result["ell"] / session,
        "bits_per_day": 24 * result["ell"] / session,
    }


def run(args: argparse.Namespace) -> int:
    """Print the plan, as a table or as JSON."""
    from diqkd.plan_display import show_plan

    published = _take_link(args) if args.link else None
    measured = _take_measured(args) if args.measured else None
    printed = args.preset == "paper"
    result = plan(_choice(args), args.syndrome_bits, args.herald_rate, args.leakage, as_printed=printed)
    if published is not None:
        result["link"] = {"source": published.source, "published": published.published, "checked": published.checked}
    if measured is not None:
        result["measured"] = _measured(measured, args.quantile)
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        show_plan(result)
    return ExitStatus.DONE


def _take_link(args: argparse.Namespace) -> PublishedLink:
    from postprocess.errors import InvalidInput
    from postprocess.security.published_links import link_named

    link = link_named(args.link)
    if link.score is None or link.qber is None:
        raise InvalidInput(f"--link {link.name}: its S and Q are not known here; give --score and --qber instead")
    _fill(args, score=link.score, qber=link.qber, rounds=link.rounds, herald_rate=link.rate_hz)
    return link


def _take_measured(args: argparse.Namespace) -> MeasuredLink:
    from postprocess.characterisation.measured_link import read_measured_link

    link, quantile = read_measured_link(args.measured), args.quantile
    _fill(args, score=link.score_at(quantile), qber=link.qber_at(quantile), herald_rate=link.rate_at(quantile))
    if args.preset == "longest" or args.bases == 2:
        _fill(args, qber2=link.qber2_at(quantile))
    return link


def _fill(args: argparse.Namespace, **values: float | None) -> None:
    """What the command line leaves open; what it says explicitly stays."""
    for name, value in values.items():
        if getattr(args, name) is None:
            setattr(args, name, value)


def _measured(link: MeasuredLink, quantile: float) -> dict[str, Any]:
    rate = link.herald_rate
    return {
        "source": link.source,
        "apparatus": link.apparatus,
        "quantile": quantile,
        "score": [link.score.value, link.score.standard_error],
        "qber": [link.qber.value, link.qber.standard_error],
        "herald_rate_hz": None if rate is None else [rate.value, rate.standard_error],
    }


def _choice(args: argparse.Namespace) -> Choice:
    from dataclasses import replace

    from diqkd.choice_arguments import choice_of, require_effective
    from postprocess.errors import InvalidInput
    from postprocess.plans.paper import PAPER_GAMMA, PAPER_QBER, PAPER_ROUNDS, PAPER_SCORE
    from postprocess.plans.presets import long_choice, longest_choice

    require_effective(args, gamma=True)
    if args.preset == "paper" and args.syndrome_bits is not None:
        raise InvalidInput("--syndrome-bits: the preset paper chooses that itself; leave it out, or --preset custom")
    _fill(args, rounds=PAPER_ROUNDS, score=PAPER_SCORE, qber=PAPER_QBER)
    gamma = None if args.gamma == BEST else args.gamma
    if args.preset == "long":
        return long_choice(args.rounds, args.score, args.qber, args.eps_snd, gamma)
    if args.preset == "longest":
        return longest_choice(args.rounds, args.score, args.qber, args.eps_snd, gamma, args.qber2)
    return replace(choice_of(args), gamma=PAPER_GAMMA if args.gamma is None else gamma)


def _rate(text: str) -> float:
    return _number(text, 0.0, 1e9, "a herald rate in Hz; write for instance 55", "Hz")


def _quantile(text: str) -> float:
    return _number(text, 0.5, 1.0, "a quantile between 0.5 and 1; write for instance 0.95")


def _leakage(text: str) -> float:
    try:
        value = quantity(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 0.5:
        raise argparse.ArgumentTypeError(
            f"{arguments.shown(text)} is not a leak probability from 0 to 0.5; write for instance 0.0025"
        )
    return value


def _number(text: str, low: float, high: float, what: str, base: str = "") -> float:
    """A number strictly between two others."""
    try:
        value = quantity(text, base)
    except ValueError:
        value = math.nan
    if not low < value < high:
        raise argparse.ArgumentTypeError(f"{arguments.shown(text)} is not {what}")
    return value
