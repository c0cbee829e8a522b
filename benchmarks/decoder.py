"""Reconciliation: our decoder against PyPI's ldpc and pyldpc on the same code, the same noise, the same priors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.measure import Row, Scale, alternate, peak_megabytes
from postprocess.estimation.priors import log_likelihood_ratios, priors_from_score
from postprocess.reconciliation import Code, make_code, tight_syndrome_length
from postprocess.reconciliation.decoding_schedule import Limits
from postprocess.reconciliation.syndrome_length import paper_syndrome_length
from postprocess.reconciliation.trials import TrialPlan, draw_rounds

GAMMA, SCORE, QBER = 13 / 256, 2.64, 0.018
MAX_ITERATIONS = 300
PYLDPC_ERROR = 0.04


@dataclass(frozen=True)
class Task:
    """One reconciliation: Alice's string, her syndrome, Bob's log-likelihood ratios."""

    code: Code
    alice: np.ndarray
    syndrome: np.ndarray
    llr: np.ndarray

    def ours(self, threads: int = 1) -> np.ndarray:
        """Alice's string as our decoder finds it."""
        return self.checked(self.code.decode(self.llr, self.syndrome, Limits(threads=threads)).bits)

    def checked(self, bits: np.ndarray) -> np.ndarray:
        """The bits, if they are Alice's: a decoder that fails must not count as fast."""
        if not np.array_equal(bits, self.alice):
            raise RuntimeError("a decoder did not find Alice's string; its time means nothing")
        return bits


def task_of(n: int, overhead: float | None = None) -> Task:
    """A reconciliation of n rounds at S = 2.64, Q = 1.8 % with `overhead` syndrome bits per round, by default the
    paper's rule."""
    priors = priors_from_score(SCORE, QBER)
    length = paper_syndrome_length(n, GAMMA, SCORE, QBER) if overhead is None else round(overhead * n)
    plan = TrialPlan(n, length, GAMMA, priors, priors, code_seed=2022)
    code = make_code(n, plan.syndrome_bits, plan.code_seed)
    alice, bob, x, y = draw_rounds(plan, 0)
    return Task(code, alice, code.syndrome(alice), log_likelihood_ratios(bob, x, y, priors))


def rows(scale: Scale) -> Iterator[Row]:
    """All lines of this group."""
    yield from against_ldpc(scale)
    yield against_pyldpc(scale)
    yield from threads(scale)


def against_ldpc(scale: Scale) -> Iterator[Row]:
    """Time and peak memory, one thread each."""
    task = task_of(scale.ldpc_rounds, scale.ldpc_overhead)
    note = f"n = {task.code.n}, m = {task.code.m}, product-sum, one thread each, set-up not counted"
    if find_spec("ldpc") is None:
        (ours,) = alternate(scale.runs, task.ours)
        yield Row("decoding", ours, "PyPI ldpc", None, note="ldpc is not installed: pip install ldpc")
        return
    ours, theirs = alternate(min(3, scale.runs), task.ours, ldpc_decoding(task))
    yield Row("decoding", ours, "PyPI ldpc BpDecoder", theirs, note=note)
    memory = [peak_megabytes(work, task.code.n, scale.ldpc_overhead) for work in (our_memory, ldpc_memory)]
    yield Row("decoding, peak memory", memory[0], "PyPI ldpc BpDecoder", memory[1], "MB", f"{note}; code included")


def ldpc_decoding(task: Task) -> Callable[[], np.ndarray]:
    """The same reconciliation by ldpc: it decodes the error of Bob's best guess from that error's syndrome."""
    from ldpc import BpDecoder
    from scipy.sparse import csr_matrix

    checks, bits = task.code.edge_list().T
    matrix = csr_matrix((np.ones(checks.size, np.uint8), (checks, bits)), shape=(task.code.m, task.code.n))
    guess = (task.llr < 0).astype(np.uint8)
    channel = (1 / (1 + np.exp(np.abs(task.llr)))).tolist()
    decoder = BpDecoder(
        matrix, error_channel=channel, max_iter=MAX_ITERATIONS, bp_method="product_sum", schedule="parallel"
    )
    syndrome = task.syndrome ^ task.code.syndrome(guess)
    return lambda: task.checked(guess ^ np.asarray(decoder.decode(syndrome), np.uint8))


def our_memory(n: int, overhead: float | None = None) -> Callable[[], Any]:
    """Builds the code and decodes, with everything compiled before."""
    task_of(20_000).ours()
    task = task_of(n, overhead)
    inputs = task.alice, task.syndrome, task.llr
    make_code.cache_clear()
    m, task = task.code.m, None  # type: ignore[assignment]
    return lambda: Task(make_code(n, m, 2022), *inputs).ours()


def ldpc_memory(n: int, overhead: float | None = None) -> Callable[[], Any]:
    """Sets ldpc's decoder up from the code and decodes."""
    ldpc_decoding(task_of(20_000))()
    task = task_of(n, overhead)
    return lambda: ldpc_decoding(task)()


def against_pyldpc(scale: Scale) -> Row:
    """A small code, exactly regular as pyldpc wants it; its matrices are dense and it knows no syndromes, so Alice has
    the all-zero codeword."""
    import pyldpc

    n = scale.pyldpc_rounds
    code = make_code(n, n // 2, 1, family="regular")
    random = np.random.default_rng(1)
    bob = (random.random(n) < PYLDPC_ERROR).astype(np.uint8)
    task = Task(code, np.zeros(n, np.uint8), np.zeros(code.m, np.uint8), (1 - 2.0 * bob) * np.log(1 / PYLDPC_ERROR - 1))
    dense = np.zeros((code.m, n), int)
    dense[tuple(code.edge_list().T)] = 1
    received = task.llr / 2  # at 0 dB pyldpc takes 2 y as the log-likelihood ratio
    theirs_bits = lambda: task.checked(pyldpc.decode(dense, received, snr=0.0, maxiter=MAX_ITERATIONS))  # noqa: E731
    ours, theirs = alternate(scale.runs, task.ours, theirs_bits)
    note = f"n = {n}, m = {code.m}, regular code, {100 * PYLDPC_ERROR:.0f} % errors, one thread"
    return Row("decoding, small code", ours, "pyldpc", theirs, note=note)


def threads(scale: Scale) -> Iterator[Row]:
    """What the second thread brings at full size, by both rules for the syndrome: one wave per thread, in turns with
    both waves on one."""
    tight = tight_syndrome_length(scale.rounds, GAMMA, SCORE, QBER)
    for rule, overhead in (("paper's rule", None), ("tight rule", tight / scale.rounds)):
        task = task_of(scale.rounds, overhead)
        two, one = alternate(3 * scale.runs, lambda task=task: task.ours(2), task.ours)
        note = f"n = {task.code.n}, m = {task.code.m}"
        yield Row(f"two threads, {rule}", two, "the same on one thread", one, note=note)
