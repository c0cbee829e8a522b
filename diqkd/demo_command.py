"""`diqkd demo`: a whole key-generation session on the emulated two-node laboratory."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.nodes import NODES
from diqkd import arguments
from diqkd.choice_arguments import EXTRACTORS, PRESETS, RULES, require_effective
from diqkd.link_arguments import LIST, add_link_arguments, fault_list, faults_of, instability_of, link_of
from diqkd.output_files import require_folder, require_writable, write_result
from diqkd.printing import columns
from diqkd.results_arguments import KeptResults, add_results_arguments, require_results_folder
from diqkd.temporary_folder import temporary_folder
from postprocess.errors import ExitStatus, InvalidInput

if TYPE_CHECKING:
    from testbed.nodes.demonstration import Demonstration
    from testbed.physics.emulated_link import EmulatedLink

DESCRIPTION = """\
Run the key-generation session of Nadlinger et al. on an emulated laboratory: two processes, one per node, run the
very experiment and kernels of repository/generate_key.py on emulated core devices, ions and photons; then both
post-process their strings over a TCP link, and two ledgers hold the same new key. Without options it is the paper's
run: n = 1 500 000, gamma = 13/256, ell = 95 884.

What is public of it stays in results/DATE-demo, unless --no-results is given; `diqkd results` lists it. Homes and
ledgers stay with --keep alone. Keys made here protect nothing, and say so. Fewer rounds than the proof needs, or a
--seed, mark them insecure too."""

EPILOG = """\
examples:
  diqkd demo                                    the paper's session
  diqkd demo --preset long --rounds 150000      a proven key, under a minute
  diqkd demo --rounds 20000 --gamma 1/2         a rehearsal: ten seconds, half a minute the first time
  diqkd demo --rounds 20000 --gamma 1/2 --fault "phase error=0.3"       what then happens, in words
  diqkd demo --preset long --rounds 300000 --visibility 0.95 --plan-for-link       a link of your own
  diqkd demo --keep run1 --report run1.json     keep both homes; the same command resumes after a crash"""

OWN = ("long", "longest")


def add_parser(subparsers: Any) -> None:
    """Register `diqkd demo`."""
    parser = subparsers.add_parser(
        "demo",
        help="the paper's session on the emulated laboratory",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--rounds", type=arguments.rounds, metavar="N", help="heralded rounds (default: the paper's 1 500 000)"
    )
    parser.add_argument(
        "--gamma", type=arguments.gamma, metavar="K/256", help="probability of a Bell-test round (default: 13/256)"
    )
    parser.add_argument(
        "--syndrome",
        choices=("paper", "tight"),
        help="rule for the syndrome length; tight leaves more key (default: the paper's)",
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="paper, long (this project's own rule, a public seed: a key from some 100 000 rounds on), longest (the "
        "same with two announced key bases) or custom (default: paper, or custom with any of the options above)",
    )
    parser.add_argument("--rule", choices=RULES, help="proof that the key length rests on (default: proposition-2)")
    parser.add_argument("--extractor", choices=EXTRACTORS, help="privacy amplification (default: the rule's usual one)")
    parser.add_argument(
        "--allowance",
        type=arguments.count_or_zero,
        metavar="J",
        help="most rounds that a crash or a fault may zero at Alice; they cost key (default: 0, as in the paper)",
    )
    parser.add_argument(
        "--bases", type=arguments.whole(1, 2), metavar="1|2", help="announced key bases (default: 1, as in the paper)"
    )
    parser.add_argument(
        "--barrier", action="store_true", help="Bob waits each round for Alice's isolation (long: always)"
    )
    parser.add_argument(
        "--block-rounds",
        type=arguments.block_rounds,
        default=1000,
        metavar="N",
        help="rounds per block (default: 1000)",
    )
    parser.add_argument(
        "--recalibrate",
        type=arguments.count_or_zero,
        default=0,
        metavar="ROUNDS",
        help="calibrate both nodes again after every so many rounds (default: never)",
    )
    parser.add_argument(
        "--plan-for-link",
        action="store_true",
        help="plan the session for the S and Q of the link below instead of the paper's (with --preset long or custom)",
    )
    parser.add_argument("--report", type=arguments.path, metavar="FILE", help="write the result as JSON")
    parser.add_argument("--json", action="store_true", help="print the result as JSON alone on stdout")
    parser.add_argument(
        "--keep",
        type=arguments.path,
        metavar="DIR",
        help="keep homes and laboratory in DIR; the same command again resumes there",
    )
    parser.add_argument(
        "--seed",
        type=arguments.seed,
        metavar="S",
        help="repeat a run bit for bit; all its keys are predictable and marked insecure",
    )
    add_results_arguments(parser)
    add_link_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the session and show how it ended."""
    if LIST in args.fault:
        print(fault_list(columns()))
        return ExitStatus.DONE
    if args.report is not None:
        require_writable(args.report, "--report")
    require_results_folder(args)
    if args.keep is not None:
        require_folder(args.keep, "--keep")
        return _run_in(args.keep, args)
    with temporary_folder("diqkd-demo-") as folder:
        return _run_in(folder, args)


def demonstration(folder: Path, args: argparse.Namespace) -> Demonstration:
    """The session asked for, in `folder`."""
    from postprocess.plans.paper import PAPER_GAMMA, PAPER_ROUNDS
    from postprocess.plans.presets import Choice, long_choice, longest_choice, paper, planned
    from postprocess.randomness.choice import SEEDED
    from testbed.nodes.demonstration import Demonstration, experiment_arguments

    because = () if args.seed is None else (SEEDED,)
    common: dict[str, Any] = {"min_response_s": 0.0, "insecure_because": because}  # nothing to hide: it is emulated
    link = link_of(args)
    rules = (args.rule, args.extractor, args.allowance, args.bases, args.barrier or None)
    chosen = (args.rounds, args.gamma, args.syndrome, *rules)
    departs = args.plan_for_link or any(value is not None for value in chosen)
    preset = args.preset or ("custom" if departs else "paper")
    if args.preset:
        _require_effective(args)
    score, qber = _expected(args, link)
    gamma = args.gamma or (None if preset in OWN else PAPER_GAMMA)
    choice = Choice(
        rounds=args.rounds or PAPER_ROUNDS,
        gamma=gamma,
        score=score,
        qber=qber,
        syndrome=args.syndrome or "paper",
        rule=args.rule or "proposition-2",
        extractor=args.extractor or "",
        allowance=args.allowance or 0,
        block_rounds=args.block_rounds,
        barrier=args.barrier,
        bases=args.bases or 1,
    )
    if preset == "paper":
        public = paper("paper-run", "emulated", block_rounds=args.block_rounds, **common)
    else:
        if preset in OWN:
            choice = (longest_choice if preset == "longest" else long_choice)(choice.rounds, score, qber)
        public = planned(f"{preset}-run" if preset in OWN else "rehearsal", "emulated", choice, **common)
    experiment = experiment_arguments(public, preset, choice) | {"recalibrate_rounds": args.recalibrate}
    faults = faults_of(args, public.rounds + public.allowance)
    instability = instability_of(args)
    return Demonstration(folder.resolve(), public, experiment, args.seed, faults, link=link, instability=instability)


def _require_effective(args: argparse.Namespace) -> None:
    """Options that the preset would not heed are refused; --score and --qber are the link's here, not the plan's."""
    if args.plan_for_link and args.preset == "paper":
        raise InvalidInput("--plan-for-link: the preset paper is planned for the paper's link; leave --preset out")
    plan = argparse.Namespace(**{name: value for name, value in vars(args).items() if name not in ("score", "qber")})
    require_effective(plan)


def _expected(args: argparse.Namespace, link: EmulatedLink) -> tuple[float, float]:
    """S and Q that the session is planned for."""
    from postprocess.plans.paper import PAPER_QBER, PAPER_SCORE

    if not args.plan_for_link:
        return PAPER_SCORE, PAPER_QBER
    if link.score is None or link.qber is None:
        raise InvalidInput("--plan-for-link: say which, with --score and --qber or --visibility")
    return link.score, link.qber


def _run_in(folder: Path, args: argparse.Namespace) -> int:
    from diqkd.demo_display import Display
    from diqkd.places import checkout
    from testbed.nodes import two_nodes
    from testbed.nodes.demonstration import public_report

    demo = demonstration(folder, args)
    display = Display(demo, quiet=args.json)
    display.announce()
    resumed = demo.set_up()
    results = KeptResults(args, demo.folder, "demo")
    start = time.monotonic()
    try:
        with display.progress(resumed) as (on_status, on_line):
            statuses = two_nodes.run(demo, checkout(), on_status, on_line)
    except KeyboardInterrupt:
        results.interrupted(NODES)
        raise
    demo.seconds["session"] = time.monotonic() - start
    report = demo.report(statuses)
    results.keep(statuses, {"session": public_report(report)})
    report["results"] = str(results.place) if results.place else None
    if args.json:
        print(json.dumps(report, indent=2), flush=True)
    else:
        display.conclude(report, args.keep, results)
    if args.report is not None:
        write_result(args.report, json.dumps(report, indent=2) + "\n", "--report")
    return _status(report, statuses)


def _status(report: dict[str, Any], statuses: dict[str, int]) -> int:
    if report["accepted"] and report["keys_equal"]:
        return ExitStatus.DONE
    if report["abort_reason"] == "peer lost":
        failed = {ExitStatus.CRASHED, ExitStatus.BAD_INPUT} & set(statuses.values())
        return max(failed, default=ExitStatus.PEER_LOST)
    if report["abort_reason"]:
        return ExitStatus.ABORTED
    return max(ExitStatus.CRASHED, *statuses.values())
