"""`diqkd bench`: measurements that take long and can be interrupted, continued, and spread over a cluster."""

from __future__ import annotations

import argparse
import json
import os
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diqkd import arguments
from diqkd.choice_arguments import add_decoder_argument
from diqkd.printing import spaced
from postprocess.errors import ExitStatus, InvalidInput

if TYPE_CHECKING:
    from postprocess.reconciliation.trials import TrialCounts, TrialPlan
    from postprocess.support.worker_pool import Workers

DESCRIPTION = """\
Count how often reconciliation fails: every sample draws fresh settings and outcomes, computes Alice's syndrome, decodes
as Bob would, and compares. Without options it is the paper's session (n = 1 500 000, m = 296 517, S = 2.64,
Q = 1.8 %), where the authors saw 3 failures in 15 000 samples.

Counts are stored after every few samples; the same command continues where an interruption stopped it, and a
larger --samples adds to what is there. Sample k is the same wherever it runs, so one state file may be filled on this
machine's cores today and on a Dask cluster tomorrow."""

EPILOG = """\
examples:
  diqkd bench reconciliation                     half an hour on two cores; interrupt it and go on when you like
  diqkd bench reconciliation --samples 15000 --statistics table-S6 --syndrome-bits 337500
  diqkd bench reconciliation --samples 400 --syndrome tight --true-score 2.52 --true-qber 0.0177
  diqkd bench reconciliation --samples 100 --rounds 3000 --gamma 1/2 --decoder pyldpc
  diqkd bench reconciliation --samples 15000 --scheduler tcp://10.0.0.1:8786"""

PAPER = "the paper: 3 failures in 15 000 samples, 95 % interval 4.1e-05 to 5.8e-04"


def add_parser(subparsers: Any) -> None:
    """Register `diqkd bench` and what it measures."""
    bench = subparsers.add_parser("bench", help="Monte-Carlo of whole reconciliations, on cores or on a cluster")
    kinds = bench.add_subparsers(title="what to measure", metavar="WHAT", required=True)
    parser = kinds.add_parser(
        "reconciliation",
        help="how often decoding fails",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--samples",
        type=arguments.count,
        default=15_000,
        metavar="K",
        help="samples in all, old ones included (default: 15000, as in the paper)",
    )
    parser.add_argument(
        "--state",
        type=arguments.path,
        metavar="FILE",
        help="JSON file of the counts (default: named after plan and code, in this folder)",
    )
    parser.add_argument(
        "--scheduler", type=arguments.word, metavar="tcp://HOST:PORT", help="Dask scheduler whose workers do the work"
    )
    parser.add_argument(
        "--workers", type=arguments.processes, metavar="K", help="local processes (default: one per core)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone on stdout")
    sizes = parser.add_argument_group("what is reconciled")
    sizes.add_argument(
        "--rounds", type=arguments.rounds, default=1_500_000, metavar="N", help="rounds n (default: %(default)s)"
    )
    sizes.add_argument(
        "--gamma", type=arguments.gamma, default=Fraction(13, 256), metavar="K/256",
        help="probability of a Bell-test round (default: %(default)s)",
    )  # fmt: skip
    sizes.add_argument(
        "--score", type=arguments.score, default=2.64, help="expected CHSH score S (default: %(default)s)"
    )
    sizes.add_argument(
        "--qber", type=arguments.qber, default=0.018, help="expected error rate Q (default: %(default)s)"
    )
    sizes.add_argument(
        "--syndrome", choices=("paper", "tight"), default="paper",
        help="rule for the syndrome length m: the paper's, or the shortest that fails once in a thousand (default: "
        "%(default)s)",
    )  # fmt: skip
    sizes.add_argument("--syndrome-bits", type=arguments.count, metavar="M", help="syndrome length m instead of a rule")
    sizes.add_argument(
        "--statistics", choices=("expected", "table-S6"), default="expected",
        help="joint distributions of noise and decoder: symmetric ones with the expected S and Q, or those measured in "
        "the paper (default: %(default)s)",
    )  # fmt: skip
    sizes.add_argument(
        "--true-score", type=arguments.score, metavar="S", help="S of the noise, where it is not as expected"
    )
    sizes.add_argument(
        "--true-qber", type=arguments.qber, metavar="Q", help="Q of the noise, where it is not as expected"
    )
    sizes.add_argument(
        "--family", choices=("sc-ldpc", "regular"), default="sc-ldpc", help="kind of code (default: %(default)s)"
    )
    add_decoder_argument(sizes)
    sizes.add_argument(
        "--code-seed", type=arguments.seed, default=2022, help="public seed of the code (default: %(default)s)"
    )
    sizes.add_argument(
        "--noise-seed", type=arguments.seed, default=1, help="seed of the samples (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def plan_of(args: argparse.Namespace) -> TrialPlan:
    """The trials that the options describe; InvalidInput when there is no such code."""
    from postprocess.estimation.priors import priors_from_score
    from postprocess.plans.paper import PAPER_PRIORS
    from postprocess.reconciliation.reference_decoder import require_size
    from postprocess.reconciliation.syndrome_length import syndrome_length_by
    from postprocess.reconciliation.trials import TrialPlan

    gamma = float(args.gamma)
    if args.statistics == "table-S6":
        if args.true_score is not None or args.true_qber is not None:
            raise InvalidInput("--true-score and --true-qber go with --statistics expected; table S6 is its own noise")
        statistics = priors = PAPER_PRIORS
    else:
        priors = priors_from_score(args.score, args.qber)
        statistics = priors_from_score(
            args.score if args.true_score is None else args.true_score,
            args.qber if args.true_qber is None else args.true_qber,
        )
    syndrome_bits = args.syndrome_bits or syndrome_length_by(
        args.syndrome, args.rounds, args.gamma, args.score, args.qber
    )
    require_size(args.decoder, args.rounds)
    plan = TrialPlan(
        args.rounds,
        syndrome_bits,
        gamma,
        statistics,
        priors,
        args.code_seed,
        args.noise_seed,
        args.family,
        args.decoder,
    )
    plan.code()  # refused here, not in a far worker
    return plan


def run(args: argparse.Namespace) -> int:
    """Count, with a bar on stderr, and print the result."""
    from diqkd.bench_display import SampleBar
    from postprocess.reconciliation.trials import run_trials

    plan = plan_of(args)
    state = args.state or Path(f"reconciliation-{plan.short_name()}.json")
    before = _counts_so_far(plan, state)
    with _workers(args) as workers, SampleBar(args.samples, before, f"{workers.description}, counts in {state}") as bar:
        counts = run_trials(
            plan, args.samples, record=state, executor=workers.executor, parallel=workers.parallel, progress=bar
        )
    result = _result(plan, counts)
    print(json.dumps(result, indent=2) if args.json else _text(result, counts))
    return ExitStatus.DONE


def _counts_so_far(plan: TrialPlan, state: Path) -> TrialCounts:
    """What the state file holds; raises InvalidInput when it is not ours or cannot be written."""
    from postprocess.reconciliation.trials import TrialRecord

    folder = state.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InvalidInput(f"{folder}: cannot be written; name a file elsewhere with --state")
    return TrialRecord(plan, state).counts


def _workers(args: argparse.Namespace) -> AbstractContextManager[Workers]:
    from postprocess.support.worker_pool import dask_workers, local_workers

    if not args.scheduler:
        return local_workers(args.workers)
    if args.workers:
        raise InvalidInput("--workers counts local processes; with --scheduler the cluster's own are used")
    return dask_workers(args.scheduler)


def _result(plan: TrialPlan, counts: TrialCounts) -> dict[str, Any]:
    from dataclasses import asdict

    from postprocess.support.revision import source_revision

    low, high = counts.interval()
    return {
        "samples": counts.samples,
        "failures": counts.failures,
        "undetected": counts.undetected,
        "failed_samples": list(counts.failed),
        "failure_probability": counts.failures / counts.samples,
        "confidence": 0.95,
        "interval": [low, high],
        "mean_decode_s": counts.decode_s / counts.samples,
        "mean_iterations": counts.iterations / counts.samples,
        "plan": asdict(plan),
        "code": plan.code().fingerprint,
        "software": source_revision(),
    }


def _text(result: dict[str, Any], counts: TrialCounts) -> str:
    plan, (low, high) = result["plan"], result["interval"]
    lines = [
        f"n = {spaced(plan['n'])}, m = {spaced(plan['syndrome_bits'])}, family {plan['family']}, "
        f"code seed {plan['code_seed']}, noise seed {plan['noise_seed']}, decoder {plan['decoder']}",
        f"{counts.failures} failures in {spaced(counts.samples)} samples ({counts.undetected} of them undetected)",
        f"failure probability: 95 % interval {low:.1e} to {high:.1e} (Clopper-Pearson)",
        f"mean decoding {result['mean_decode_s']:.3g} s (one thread), {result['mean_iterations']:.1f} updates per edge",
    ]
    if (plan["n"], plan["syndrome_bits"]) == (1_500_000, 296_517):
        lines.append(PAPER)
    return "\n".join(lines)
