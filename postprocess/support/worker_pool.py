"""Where many independent computations run: processes on this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from postprocess.errors import DiqkdError, InvalidInput


@dataclass(frozen=True)
class Workers:
    """An executor, how many tasks it runs at once, and its name for the operator."""

    executor: Executor
    parallel: int
    description: str


@contextmanager
def local_workers(count: int | None = None) -> Iterator[Workers]:
    """Processes on this machine, by default one per core; an error or an interruption ends them at once."""
    count = count or len(os.sched_getaffinity(0))
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=spawn, initializer=_leave_interrupts_to_the_parent)
    others = set(multiprocessing.active_children())
    try:
        yield Workers(pool, count, f"{count} local process{'es' if count > 1 else ''}")
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def dask_workers(address: str, timeout_s: float = 30.0) -> Iterator[Workers]:
    """The workers behind a Dask scheduler; each must have the same diqkd installed.

    Args:
        address: of the scheduler, such as tcp://10.0.0.1:8786.
        timeout_s: longest wait for the scheduler and for a first worker.

    Raises:
        InvalidInput: dask.distributed is not installed, or no scheduler or no worker answers.
        DiqkdError: workers died again and again.
    """
    try:
        import distributed
    except ImportError:
        raise InvalidInput(
            "a scheduler needs dask.distributed, which is not installed: pip install 'diqkd[cluster]'"
        ) from None
    try:
        client = distributed.Client(address, timeout=timeout_s, set_as_default=False)
    except (OSError, ValueError) as problem:
        raise InvalidInput(
            f"{address}: no Dask scheduler answers ({problem}); start one with `dask scheduler`"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=timeout_s)
        except TimeoutError:
            raise InvalidInput(
                f"{address}: the scheduler has no workers; start some with `dask worker {address}`"
            ) from None
        threads = sum(client.nthreads().values())
        try:
            yield Workers(client.get_executor(), threads, f"{threads} threads of the cluster at {address}")
        except distributed.KilledWorker as problem:
            raise DiqkdError(
                f"{address}: workers keep dying ({problem}); look at their logs, then run again"
            ) from problem


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches all processes of a terminal; only the parent says so, and ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
