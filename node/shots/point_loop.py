"""Scans in one long-running kernel: the program of a point in by one RPC, its counts out by one async RPC.

A call from the host into a kernel compiles and uploads it anew, so the points of a scan loop inside one kernel, as the
blocks of a session do (node.rounds.block_loop). What is done at a point is its task's concern: node.shots.probe or
node.shots.attempt_counter.
"""

from typing import Protocol

from artiq.coredevice.exceptions import RTIOOverflow, RTIOUnderflow
from artiq.experiment import TBool, TInt32, TList, kernel, rpc

from contract.codes import LEFT_BY_HOST, OVERFLOW, UNDERFLOW
from node.hosted_loop import HostedLoop
from node.settings import NodeSettings
from node.station import Station

POINT_WORDS = 24
INDEX, REPETITIONS, FIRST_WORD = 0, 1, 2  # of a point's program; the words from FIRST_WORD on are the task's


class PointHost(Protocol):
    """The host's side of the point loop."""

    def next_point(self):
        """Program of the next point, up to POINT_WORDS numbers (int32); empty to leave the kernel."""

    def keep_point(self, index, counts):
        """Counts of a complete point; the list is the kernel's buffer, copy it."""


class NoPoints:
    """Nothing to measure: the host's side until an experiment sets its own."""

    def next_point(self):
        return []

    def keep_point(self, index, counts):
        raise RuntimeError(f"point {index} was measured, but no experiment asked for it")


class PointLoop(HostedLoop):
    """Measures point after point until the host has no more, or a fault ends it.

    `task` has a kernel `measure_point(point)`, which returns one of contract.codes and leaves its results in the list
    `counts`. A point is kept whole or not at all: one during which the kernel was late is measured again from
    its start.
    """

    kernel_invariants = {"station", "task", "point", "tries"}

    def build(self, station: Station, task, settings: NodeSettings):
        self.setattr_device("core")
        self.station = station
        self.task = task
        self.host: PointHost = NoPoints()
        self.point = [0] * POINT_WORDS
        self.configure(settings)

    def configure(self, settings: NodeSettings):
        self.tries = settings.probe.tries

    def next_point(self) -> TList(TInt32):
        """RPC: program of the next point; all zeros (leave) when the host has none or failed."""
        words = self.ask(self._next_words)
        return words + [0] * (POINT_WORDS - len(words))

    def _next_words(self):
        words = self.host.next_point()
        if len(words) > POINT_WORDS:
            raise RuntimeError(f"point of {len(words)} words for a buffer of {POINT_WORDS}")
        return words

    @rpc(flags={"async"})
    def keep_point(self, index, counts):
        """RPC: counts of the point just measured."""
        self.tell(self.host.keep_point, index, counts)

    def counts_have_arrived(self) -> TBool:
        """RPC: returns after all counts sent before it were kept."""
        return self.problem is None

    @kernel
    def run(self) -> TInt32:
        """Measure point after point; returns why the loop was left (contract.codes)."""
        self.station.initialise()
        code = LEFT_BY_HOST
        self._take_point()
        while code == LEFT_BY_HOST and self.point[REPETITIONS] > 0:
            code = self._measure_point()
            if code == LEFT_BY_HOST:
                self.keep_point(self.point[INDEX], self.task.counts)
                self._take_point()
        self.station.stand_by()
        self.counts_have_arrived()
        return code

    @kernel
    def _take_point(self):
        words = self.next_point()
        for i in range(len(self.point)):
            self.point[i] = words[i]

    @kernel
    def _measure_point(self) -> TInt32:
        """Measure the point, anew if the kernel was late; a reset in between drops input that nobody has read."""
        code = self._try_point()
        tries = 1
        while (code == UNDERFLOW or code == OVERFLOW) and tries < self.tries:
            self.station.initialise()
            code = self._try_point()
            tries += 1
        return code

    @kernel
    def _try_point(self) -> TInt32:
        code = UNDERFLOW
        try:
            self.core.break_realtime()
            code = self.task.measure_point(self.point)
        except RTIOUnderflow:
            code = UNDERFLOW
        except RTIOOverflow:
            code = OVERFLOW
        return code
