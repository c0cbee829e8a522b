"""Monte-Carlo of whole reconciliations: how often does decoding fail at given sizes and statistics?

Each sample has fresh outcomes and settings drawn from the plan's joint distributions: syndrome, log-likelihood ratios,
decoding and comparison run as in a session. Sample k of a plan is the same whoever computes it, so counts can be
interrupted, continued, and spread over any `concurrent.futures` executor (local processes, or a Dask client's
`get_executor()`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from postprocess.errors import InvalidInput
from postprocess.estimation.priors import Priors, log_likelihood_ratios
from postprocess.storage.bounded_files import MissingFile, read_object
from postprocess.storage.private_files import lock_file, write_private

if TYPE_CHECKING:
    from postprocess.reconciliation.code import Code

_BATCH = 8
REMEDY = "name another file or remove this one"


@dataclass(frozen=True)
class TrialPlan:
    """What is tried: the code, the true statistics, and the priors that the decoder believes.

    `gamma` is the probability of a Bell-test round; `statistics` the true P(A, B) and `priors` the decoder's (both with
    Bob flipped for X = Y = 1); `noise_seed` names the sequence of samples; `decoder` one of `reference_decoder`.
    """

    n: int
    syndrome_bits: int
    gamma: float
    statistics: Priors
    priors: Priors
    code_seed: int = 1
    noise_seed: int = 1
    family: str = "sc-ldpc"
    decoder: str = "own"

    def digest(self) -> str:
        """SHA-256 over all fields, hexadecimal; counts of this project's decoder keep the digest that they had."""
        fields = asdict(self)
        if self.decoder == "own":
            del fields["decoder"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()

    def code(self) -> Code:
        """The code that is tried; raises InvalidInput when there is none of this size."""
        from postprocess.reconciliation.code import make_code

        return make_code(self.n, self.syndrome_bits, self.code_seed, family=self.family)

    def short_name(self) -> str:
        """For files of counts: first digits of the plan's digest and of its code's fingerprint."""
        return f"{self.digest()[:10]}-{self.code().fingerprint[:10]}"


@dataclass(frozen=True)
class TrialCounts:
    """What came out.

    `failures` samples whose decoder did not meet the syndrome or (`undetected`, contained in failures) met it with a
    wrong string; `failed` their numbers; `iterations` and `decode_s` are sums over all samples.
    """

    samples: int = 0
    failures: int = 0
    undetected: int = 0
    iterations: int = 0
    decode_s: float = 0.0
    failed: tuple[int, ...] = ()

    def __add__(self, other: TrialCounts) -> TrialCounts:
        return TrialCounts(
            self.samples + other.samples,
            self.failures + other.failures,
            self.undetected + other.undetected,
            self.iterations + other.iterations,
            self.decode_s + other.decode_s,
            tuple(sorted(self.failed + other.failed)),
        )

    @property
    def is_plausible(self) -> bool:
        """Whether one batch can have given these counts."""
        whole = (self.samples, self.failures, self.undetected, self.iterations, *self.failed)
        return (
            all(type(number) is int and number >= 0 for number in whole)
            and self.undetected <= self.failures == len(set(self.failed)) <= self.samples
            and self.samples > 0
            and isinstance(self.decode_s, float | int)
            and self.decode_s >= 0
        )

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Clopper-Pearson interval of the failure probability."""
        from scipy.stats import beta

        if self.samples == 0:
            return 0.0, 1.0
        tail = (1.0 - confidence) / 2.0
        k, n = self.failures, self.samples
        low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
        high = 1.0 if k == n else float(beta.ppf(1.0 - tail, k + 1, n - k))
        return low, high


def draw_rounds(plan: TrialPlan, sample: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One sample of rounds: Alice's bits, Bob's bits as recorded, X and Y, uint8 (n,) each."""
    name = f"diqkd-trials-1/{plan.noise_seed}/{sample}"
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
    rng = np.random.Generator(np.random.Philox(key=key))
    is_test = rng.random(plan.n) < plan.gamma
    x = np.where(is_test, rng.integers(0, 2, plan.n, dtype=np.uint8), 0).astype(np.uint8)
    y = np.where(is_test, rng.integers(0, 2, plan.n, dtype=np.uint8), 2).astype(np.uint8)
    outcome = rng.random(plan.n)
    pair = np.zeros(plan.n, np.uint8)
    tables = (plan.statistics.key, plan.statistics.test)
    steps = np.cumsum([np.ravel(table) / np.sum(table) for table in tables], axis=1)
    for step in range(3):
        pair += outcome >= steps[:, step][is_test.view(np.uint8)]
    return pair >> 1, (pair & 1) ^ (x & (y == 1)), x, y


def run_batch(plan: TrialPlan, first: int, count: int, threads: int = 1, fingerprint: str | None = None) -> TrialCounts:
    """Samples first .. first + count - 1, one after the other, in this process.

    Raises InvalidInput when the code built here does not have the given fingerprint.
    """
    from postprocess.reconciliation.decoding_schedule import Limits
    from postprocess.reconciliation.reference_decoder import decode_by

    code = plan.code()
    if fingerprint not in (None, code.fingerprint):
        raise InvalidInput("a worker builds another code than this process; install the same diqkd for all workers")
    total = TrialCounts()
    for sample in range(first, first + count):
        alice, bob, x, y = draw_rounds(plan, sample)
        syndrome = code.syndrome(alice)
        llr = log_likelihood_ratios(bob, x, y, plan.priors)
        start = time.perf_counter()
        result = decode_by(plan.decoder, code, llr, syndrome, Limits(threads=threads))
        seconds = time.perf_counter() - start
        right = bool(np.array_equal(result.bits, alice))
        total += TrialCounts(
            samples=1,
            failures=int(not (result.converged and right)),
            undetected=int(result.converged and not right),
            iterations=result.iterations,
            decode_s=seconds,
            failed=() if result.converged and right else (sample,),
        )
    return total


class TrialRecord:
    """Counts of one plan with one code, batch by batch, in a JSON file replaced whole after every batch (None: memory
    only).

    Counts belong to the code's fingerprint and not only to its size and seed: those of an earlier construction must
    never be added to those of a newer one.
    """

    def __init__(self, plan: TrialPlan, path: Path | None = None):
        self.plan, self.path, self.fingerprint = plan, path, plan.code().fingerprint
        self._batches: dict[int, TrialCounts] = {}
        if path is None:
            return
        with contextlib.suppress(MissingFile):
            self._take(path, read_object(path, f"it is no file of counts, {REMEDY}", most=1 << 28))

    def _take(self, path: Path, stored: dict[str, Any]) -> None:
        try:
            if stored["digest"] != self.plan.digest():
                raise InvalidInput(f"{path} counts samples of another plan; {REMEDY}")
            if stored["code"] != self.fingerprint:
                raise InvalidInput(
                    f"{path} counts samples of a code built by another version; name another file or remove this one"
                )
            for first, batch in stored["batches"].items():
                self._batches[int(first)] = TrialCounts(**{**batch, "failed": tuple(batch["failed"])})
            if not all(batch.is_plausible for batch in self._batches.values()):
                raise ValueError("counts that cannot be")
        except InvalidInput:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise InvalidInput(f"{path}: not a file of counts ({problem}); {REMEDY}") from problem

    @property
    def counts(self) -> TrialCounts:
        return sum(self._batches.values(), TrialCounts())

    def missing(self, samples: int) -> Iterator[tuple[int, int]]:
        """Batches (first, count) still to do for samples 0 .. samples - 1."""
        done = sorted((first, batch.samples) for first, batch in self._batches.items())
        position = 0
        for first, count in [*done, (samples, 0)]:
            while position < min(first, samples):
                size = min(_BATCH, min(first, samples) - position)
                yield position, size
                position += size
            position = max(position, first + count)

    def keep(self, first: int, batch: TrialCounts) -> None:
        """Add one batch and store everything."""
        self._batches[first] = batch
        if self.path is None:
            return
        stored = {
            "plan": asdict(self.plan),
            "digest": self.plan.digest(),
            "code": self.fingerprint,
            "batches": {str(start): asdict(counts) for start, counts in sorted(self._batches.items())},
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_private(self.path, json.dumps(stored).encode())


def run_trials(
    plan: TrialPlan,
    samples: int,
    *,
    record: Path | None = None,
    executor: Executor | None = None,
    parallel: int | None = None,
    progress: Callable[[TrialCounts], None] | None = None,
) -> TrialCounts:
    """Run (or continue) a plan up to `samples` samples; the counts of all of them.

    `record`: JSON file to continue from and to store into; `executor`: where batches run, by default one local process
    per core; `parallel`: batches under way at once, by default the number of cores (give the cluster's own); `progress`
    is called with the counts so far after every batch. Raises InvalidInput when the file belongs to another plan or
    code, or when a worker builds another code than this process.
    """
    if samples < 1:
        raise InvalidInput(f"samples = {samples}: must be 1 or more")
    with _sole_writer(record):
        return _run(TrialRecord(plan, record), samples, executor, parallel, progress)


@contextlib.contextmanager
def _sole_writer(record: Path | None) -> Iterator[None]:
    """One process at a time fills a file of counts: another's samples would be lost."""
    if record is None:
        yield
        return
    record.parent.mkdir(parents=True, exist_ok=True)
    refusal = f"{record}: another process is counting into this file; wait for it or stop it, or {REMEDY}"
    lock = lock_file(record.with_name(f".{record.name}.lock"), refusal)
    try:
        yield
    finally:
        os.close(lock)


def _run(
    kept: TrialRecord,
    samples: int,
    executor: Executor | None,
    parallel: int | None,
    progress: Callable[[TrialCounts], None] | None,
) -> TrialCounts:
    plan = kept.plan
    parallel = parallel or os.cpu_count() or 1
    spawn = multiprocessing.get_context("spawn")
    with nullcontext(executor) if executor else ProcessPoolExecutor(parallel, mp_context=spawn) as pool:
        assert pool is not None
        under_way: dict[Future[TrialCounts], int] = {}
        todo = kept.missing(samples)
        while True:
            while len(under_way) < 2 * parallel and (batch := next(todo, None)) is not None:
                under_way[pool.submit(run_batch, plan, *batch, 1, kept.fingerprint)] = batch[0]
            if not under_way:
                return kept.counts
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                kept.keep(under_way.pop(done), done.result())
                if progress is not None:
                    progress(kept.counts)
