"""One thread writes to the ledger: what is asked for while it commits goes into the next transaction, all at once.

A commit costs a sync of the disk, however much is in it. An operation that fails takes back its own writes and no
others; none is answered before its commit is on disk. Once a second, and when there is nothing to do, the ledger's
generation rises and its write-ahead log is emptied, with it what was erased.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from postprocess.errors import DiqkdError
from postprocess.keystore import Keystore
from postprocess.keystore.database import Execute

logger = logging.getLogger("diqkd.kme")

MOST_AT_ONCE = 256
SETTLE_S = 1.0  # at the latest after a commit
IDLE_S = 0.2
AGAIN_S = 5.0
T = TypeVar("T")


class GroupCommit:
    """A ledger, written by one thread; usable from one event loop.

    Args:
        keystore: opened; from here on used by the thread alone.
    """

    def __init__(self, keystore: Keystore) -> None:
        self.keystore = keystore
        keystore.use_write_ahead_log(True)
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._unsettled_since: float | None = None
        self._patience_s = IDLE_S
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    def write(self, operation: Callable[[Execute], T]) -> asyncio.Future[T]:
        """Queue an operation at once; the future has its result when that is on disk, or its error."""
        return self._queued(_Job(operation, "writes"))

    def read(self, operation: Callable[[], T]) -> asyncio.Future[T]:
        """Queue what only reads."""
        return self._queued(_Job(lambda _: operation(), "reads"))

    def alone(self, operation: Callable[[], T]) -> asyncio.Future[T]:
        """Queue what has transactions of its own."""
        return self._queued(_Job(lambda _: operation(), "alone"))

    def _queued(self, job: _Job) -> asyncio.Future[Any]:
        self._queue.put(job)
        return job.future

    async def close(self) -> None:
        """End the thread once everything queued is done, and release the ledger."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self.keystore.close()

    def _work(self) -> None:
        while True:
            try:
                job = self._queue.get(timeout=None if self._unsettled_since is None else self._patience_s)
            except Empty:
                self._settle()
                continue
            jobs = []
            while job is not None:
                jobs.append(job)
                if len(jobs) == MOST_AT_ONCE:
                    break
                try:
                    job = self._queue.get_nowait()
                except Empty:
                    break
            self._do(jobs)
            if job is None:
                self._settle()
                self.keystore.use_write_ahead_log(False)
                return
            if self._unsettled_since is not None and time.monotonic() - self._unsettled_since > SETTLE_S:
                self._settle()

    def _settle(self) -> None:
        """Count what was committed, once for all of it, and empty the log; what fails is tried again."""
        if self._unsettled_since is None:
            return
        self._unsettled_since, self._patience_s = time.monotonic(), AGAIN_S
        try:
            with self.keystore.transaction("count deliveries"):
                pass
            if self.keystore.empty_write_ahead_log():
                self._unsettled_since, self._patience_s = None, IDLE_S
        except DiqkdError as problem:
            logger.error("%s", problem)

    def _do(self, jobs: list[_Job]) -> None:
        """In the order in which they came; neighbours share a transaction."""
        while jobs:
            count = next((n for n, job in enumerate(jobs) if job.kind == "alone"), len(jobs))
            now, jobs = jobs[: max(count, 1)], jobs[max(count, 1) :]
            if any(job.kind == "writes" for job in now):
                self._commit(now)
            else:
                for job in now:
                    job.run(None)
            now[0].answer(now)

    def _commit(self, jobs: list[_Job]) -> None:
        if self._unsettled_since is None:
            self._unsettled_since = time.monotonic()
        try:
            with self.keystore.transaction("deliver keys", counted=False) as write:
                for job in jobs:
                    if job.kind == "reads":
                        job.run(None)
                        continue
                    write("SAVEPOINT operation")
                    if not job.run(write):
                        write("ROLLBACK TO operation")
                    write("RELEASE operation")
        except Exception as problem:
            for job in jobs:
                job.problem = problem


class _Job:
    """An operation and where its outcome goes."""

    def __init__(self, operation: Callable[[Any], Any], kind: str) -> None:
        self._operation, self.kind = operation, kind
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()
        self.result: Any = None
        self.problem: Exception | None = None

    def run(self, write: Execute | None) -> bool:
        try:
            self.result = self._operation(write)
        except sqlite3.Error as problem:
            self.problem = DiqkdError(f"the ledger cannot be written ({problem})")
        except Exception as problem:
            self.problem = problem
        return self.problem is None

    def answer(self, jobs: list[_Job]) -> None:
        """Wake the loop once for all of them."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_resolve_all, jobs)

    def resolve(self) -> None:
        """In the loop: whoever waits goes on."""
        if self.future.done():  # cancelled
            return
        if self.problem is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.problem)


def _resolve_all(jobs: list[_Job]) -> None:
    for job in jobs:
        job.resolve()
