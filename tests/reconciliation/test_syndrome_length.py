"""The tight rule: what it gives at the paper's point, how it scales, and that codes of its length decode."""

import numpy as np
import pytest

from postprocess.errors import InvalidInput
from postprocess.estimation.priors import priors_from_score
from postprocess.reconciliation import make_code, tight_syndrome_length
from postprocess.reconciliation.syndrome_length import conditional_entropy, paper_syndrome_length
from postprocess.reconciliation.trials import TrialPlan, run_batch

PAPER = (13 / 256, 2.64, 0.018)


def test_entropy_at_the_paper_point():
    entropy, variance = conditional_entropy(*PAPER)
    assert entropy == pytest.approx(0.1569, abs=5e-5)  # eta_inf, Nadlinger 2022, S6
    outcomes = [(1 - 13 / 256, 0.018), (13 / 256, 0.17)]
    slow = sum(
        share * p * (-np.log2(p) - h) ** 2
        for share, error in outcomes
        for h in [-error * np.log2(error) - (1 - error) * np.log2(1 - error)]
        for p in (error, 1 - error)
    )
    assert variance == pytest.approx(slow)


def test_paper_point_needs_less_than_271_000_bits():
    tight = tight_syndrome_length(1_500_000, *PAPER)
    assert 1_500_000 * conditional_entropy(*PAPER)[0] < tight < 271_000 < paper_syndrome_length(1_500_000, *PAPER)


def test_overhead_falls_with_the_cube_root_and_grows_as_failures_become_rare():
    def overhead(n, failure=1e-3):
        return tight_syndrome_length(n, *PAPER, failure=failure) / (n * conditional_entropy(*PAPER)[0]) - 1

    assert overhead(1_600_000) == pytest.approx(overhead(200_000) / 2, rel=1e-4)
    assert overhead(1_600_000) / 2 < overhead(12_800_000) < overhead(1_600_000)  # no longer the cube root
    assert overhead(1_000_000, 1e-6) > overhead(1_000_000, 1e-3) > overhead(1_000_000, 0.5)


@pytest.mark.parametrize(
    ("n", "statistics"), [(300_000, PAPER), (300_000, (0.5, 2.7, 0.015)), (500_000, (13 / 256, 2.75, 0.005))]
)
def test_codes_of_this_length_decode(n, statistics):
    gamma, score, qber = statistics
    priors = priors_from_score(score, qber)
    plan = TrialPlan(n, tight_syndrome_length(n, *statistics), gamma, priors, priors)
    assert run_batch(plan, 0, 3).failures == 0


@pytest.mark.slow
@pytest.mark.parametrize(("n", "samples"), [(500_000, 100), (1_500_000, 100), (5_000_000, 40)])
@pytest.mark.parametrize("statistics", [PAPER, (13 / 256, 2.75, 0.005), (13 / 256, 2.5, 0.04)])
def test_few_failures_in_a_longer_run(n, samples, statistics):
    gamma, score, qber = statistics
    priors = priors_from_score(score, qber)
    plan = TrialPlan(n, tight_syndrome_length(n, *statistics), gamma, priors, priors)
    assert run_batch(plan, 0, samples, threads=2).failures <= 1


def test_half_the_noise_more_than_expected_is_reported_honestly():
    n = 300_000
    priors = priors_from_score(2.64, 0.018)
    plan = TrialPlan(n, tight_syndrome_length(n, *PAPER), 13 / 256, priors_from_score(2.5, 0.027), priors)
    counts = run_batch(plan, 0, 2)
    assert (counts.failures, counts.undetected) == (2, 0)


@pytest.mark.parametrize(
    "arguments",
    [(0, *PAPER), (1000, 1.5, 2.64, 0.018), (1000, 0.1, 2.64, -0.1), (1000, *PAPER, 0.0), (1000, 0.0, 2.64, 0)],
)
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(InvalidInput):
        tight_syndrome_length(*arguments)


def test_rule_never_asks_for_a_length_without_a_code_at_common_sizes():
    for n in (20_000, 100_000, 1_000_000):
        assert make_code(n, tight_syndrome_length(n, *PAPER), 1).m == tight_syndrome_length(n, *PAPER)
