"""docs/reconciliation.md says what the counts beside it say, and the codes are still the ones that were counted."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from diqkd.printing import spaced
from postprocess.estimation.priors import Priors
from postprocess.reconciliation.trials import TrialPlan

DOCS = Path(__file__).resolve().parents[2] / "docs"
COUNTS = sorted((DOCS / "reconciliation").glob("*.json"))


def plan_of(result):
    fields = dict(result["plan"])
    return TrialPlan(**{**fields, **{name: Priors(**fields[name]) for name in ("statistics", "priors")}})


def entropy(plan):
    """Of Alice's bit given Bob's and the kind of round, in bits: the slow way, from the joint distributions."""
    total = 0.0
    for share, joint in ((plan.gamma, plan.statistics.test), (1 - plan.gamma, plan.statistics.key)):
        p = np.array(joint) / np.sum(joint)
        total -= share * (p * np.log2(p / p.sum(axis=0))).sum()
    return total


def row(file):
    """Line of the table: n, m, f = m / (n h), samples, failures, 95 % interval, updates per edge, seeds, commit."""
    result = json.loads(file.read_text())
    plan = plan_of(result)
    samples, failures = result["samples"], result["failures"]
    interval = binomtest(failures, samples).proportion_ci(0.95, method="exact")
    cells = (
        spaced(plan.n),
        spaced(plan.syndrome_bits),
        f"{plan.syndrome_bits / (plan.n * entropy(plan)):.3f}",
        spaced(samples),
        str(failures),
        f"{interval.low:.1e} … {interval.high:.1e}" if failures else f"0 … {interval.high:.1e}",
        f"{result['mean_iterations']:.1f}",
        f"{plan.code_seed} / {plan.noise_seed}",
        f"{result['software'][:7]}",
    )
    return f"](reconciliation/{file.name}) | " + " | ".join(cells) + " |"


@pytest.mark.parametrize("file", COUNTS, ids=lambda file: file.stem)
def test_the_page_says_what_was_counted(file):
    assert row(file) in (DOCS / "reconciliation.md").read_text()
    result = json.loads(file.read_text())
    assert len(result["failed_samples"]) == result["failures"] and "+changes" not in result["software"]


def test_every_row_of_the_page_has_its_counts():
    linked = [line for line in (DOCS / "reconciliation.md").read_text().splitlines() if "](reconciliation/" in line]
    assert len(linked) == len(COUNTS) > 0


@pytest.mark.parametrize("file", COUNTS, ids=lambda file: file.stem)
def test_the_codes_are_those_that_were_counted(file):
    """Another construction of H needs new counts."""
    result = json.loads(file.read_text())
    assert plan_of(result).code().fingerprint == result["code"]
