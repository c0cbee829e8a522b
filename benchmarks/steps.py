"""The small steps of a session: tags, syndrome, ratios, parameter estimation; and the start of the command line."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator

import numpy as np

from benchmarks.decoder import GAMMA, QBER, SCORE, task_of
from benchmarks.measure import Row, Scale, alternate
from postprocess.authentication import KEY_BYTES, is_valid_key, vhash
from postprocess.estimation.priors import log_likelihood_ratios, priors_from_score
from postprocess.estimation.score_and_qber import chsh_score, qber
from postprocess.reconciliation import make_code
from postprocess.reconciliation.trials import TrialPlan, draw_rounds
from postprocess.security import key_length


def rows(scale: Scale) -> Iterator[Row]:
    """All lines of this group."""
    yield tag(scale)
    yield from reconciliation(scale)
    yield estimation(scale)
    yield planning(scale)
    yield start_up(scale)


def tag(scale: Scale) -> Row:
    """VHASH of a string as long as the packed outcomes, against SHA-256 of the same bytes."""
    random = np.random.default_rng(1)
    message = random.bytes(-(-scale.rounds // 8))
    key = next(key for key in iter(lambda: random.bytes(KEY_BYTES), None) if is_valid_key(key))
    ours, theirs = alternate(20 * scale.runs, lambda: vhash(key, message), lambda: hashlib.sha256(message).digest())
    return Row("VHASH tag", ours, "SHA-256 (hashlib)", theirs, note=f"{len(message)} bytes")


def reconciliation(scale: Scale) -> Iterator[Row]:
    """Alice's syndrome against scipy's sparse product; code construction and ratios against decoding."""
    from scipy.sparse import csr_matrix

    task = task_of(scale.rounds)
    code = task.code
    checks, bits = code.edge_list().T
    matrix = csr_matrix((np.ones(checks.size, np.uint8), (checks, bits)), shape=(code.m, code.n))
    if not np.array_equal(matrix @ task.alice & 1, task.syndrome):
        raise RuntimeError("two ways to the syndrome differ; their times mean nothing")
    note = f"n = {code.n}, m = {code.m}"
    ours, theirs = alternate(scale.runs, lambda: code.syndrome(task.alice), lambda: matrix @ task.alice & 1)
    yield Row("syndrome", ours, "scipy.sparse H @ a", theirs, note=note)
    priors = priors_from_score(SCORE, QBER)
    _, bob, x, y = draw_rounds(TrialPlan(code.n, code.m, GAMMA, priors, priors), 0)

    def build() -> None:
        make_code.cache_clear()
        make_code(code.n, code.m, 2022)

    built, ratios, decoded = alternate(
        scale.runs, build, lambda: log_likelihood_ratios(bob, x, y, priors), lambda: task.ours(2)
    )
    yield Row("construction of the code", built, "decoding", decoded, note=note)
    yield Row("log-likelihood ratios", ratios, "decoding", decoded, note=note)


def estimation(scale: Scale) -> Row:
    """S and Q from the strings, against one pass that only counts unequal outcomes."""
    priors = priors_from_score(SCORE, QBER)
    alice, bob, x, y = draw_rounds(TrialPlan(scale.rounds, 1000, GAMMA, priors, priors), 0)
    ours, theirs = alternate(
        scale.runs,
        lambda: (chsh_score(x, y, alice, bob), qber(x, y, alice, bob)),
        lambda: np.count_nonzero(alice != bob),
    )
    return Row("S and Q", ours, "counting unequal outcomes", theirs, note=f"n = {scale.rounds}")


def planning(scale: Scale) -> Row:
    """Key length with all free parameters optimised, against a plain search over the same bound."""
    from scipy.optimize import minimize

    from postprocess.security import acceptance_threshold, finite_key_bound
    from postprocess.security.optimise import error_budget

    n, eps = 1_500_000, 1e-10
    omega_thr = acceptance_threshold(n, GAMMA, SCORE)

    def loss(place: np.ndarray) -> float:
        free = error_budget(n, eps - 2**-59, float(np.exp(place[0])), float(place[1]))
        return -finite_key_bound(n, GAMMA, omega_thr, 296_517, free)

    def search() -> None:
        minimize(loss, [np.log(1e-3), 0.81], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-3})

    ours, theirs = alternate(scale.runs, lambda: key_length(n, GAMMA, SCORE, QBER, eps), search)
    return Row("key length of Proposition 2", ours, "Nelder-Mead over alpha' and t", theirs, note="the paper's point")


def start_up(scale: Scale) -> Row:
    """`diqkd --help` against an interpreter that does nothing."""

    def run(*words: str) -> None:
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)

    ours, theirs = alternate(2 * scale.runs, lambda: run("-m", "diqkd", "--help"), lambda: run("-c", "pass"))
    return Row("diqkd --help", ours, "an empty Python script", theirs)
