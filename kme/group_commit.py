"""One thread writes to the ledger: what is asked for while it commits goes into the next transaction, all at once.

A commit costs several syncs of the disk, however much is in it. An operation that fails takes back its own writes and
no others; none is answered before its commit is on disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from postprocess.errors import DiqkdError
from postprocess.keystore import Keystore
from postprocess.keystore.database import Execute

MOST_AT_ONCE = 256
T = TypeVar("T")


class GroupCommit:
    """A ledger, written by one thread; usable from one event loop.

    Args:
        keystore: opened; from here on used by the thread alone.
    """

    def __init__(self, keystore: Keystore) -> None:
        self.keystore = keystore
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    def write(self, operation: Callable[[Execute], T]) -> asyncio.Future[T]:
        """Queue an operation at once; the future has its result when that is on disk, or its error."""
        return self._queued(_Job(operation, True))

    def read(self, operation: Callable[[], T]) -> asyncio.Future[T]:
        """Queue what only reads, or has transactions of its own."""
        return self._queued(_Job(lambda _: operation(), False))

    def _queued(self, job: _Job) -> asyncio.Future[Any]:
        self._queue.put(job)
        return job.future

    async def close(self) -> None:
        """End the thread once everything queued is done, and release the ledger."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self.keystore.close()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            jobs: list[_Job | None] = [job]
            while len(jobs) < MOST_AT_ONCE and jobs[-1] is not None:
                try:
                    jobs.append(self._queue.get_nowait())
                except Empty:
                    break
            self._do([job for job in jobs if job is not None])
            if jobs[-1] is None:
                return

    def _do(self, jobs: list[_Job]) -> None:
        """In the order in which they came; neighbours that write share a transaction."""
        while jobs:
            count = next((n for n, job in enumerate(jobs) if not job.writes), len(jobs))
            now, jobs = jobs[: max(count, 1)], jobs[max(count, 1) :]
            if now[0].writes:
                self._commit(now)
            else:
                now[0].run(None)
            for job in now:
                job.answer()

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            with self.keystore.transaction("deliver keys") as write:
                for job in jobs:
                    write("SAVEPOINT operation")
                    if not job.run(write):
                        write("ROLLBACK TO operation")
                    write("RELEASE operation")
        except Exception as problem:
            for job in jobs:
                job.problem = problem


class _Job:
    """An operation and where its outcome goes."""

    def __init__(self, operation: Callable[[Any], Any], writes: bool) -> None:
        self._operation, self.writes = operation, writes
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

    def answer(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        if self.future.done():  # cancelled
            return
        if self.problem is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.problem)
