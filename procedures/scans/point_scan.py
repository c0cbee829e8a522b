"""The host's side of a scan on one node: hands points to the kernel, keeps what comes back, gives way when asked."""

from collections.abc import Callable

from contract.codes import DESCRIPTIONS, ION_LOST, LASER_UNLOCKED, LEFT_BY_HOST
from node.node_errors import NodeNotReady
from node.shots.point_loop import PointLoop
from procedures.kernel_session import KernelSession

Words = list[int]


class PointScan:
    """One scan, through pauses, a lost ion and a laser out of lock; every point is measured whole, and once.

    Args:
        loop: the kernel.
        kernel_session: of this node; after an interruption it has read the calibration file again.
        should_pause: whether an experiment of higher priority waits (scheduler.check_pause).
    """

    def __init__(self, loop: PointLoop, kernel_session: KernelSession, should_pause: Callable[[], bool]):
        self.loop = loop
        self.kernel_session = kernel_session
        self.should_pause = should_pause

    def measure(self, points: int, words_of: Callable[[int], Words], keep: Callable[[int, Words], None]) -> None:
        """Measure points 0, 1, ..., points - 1.

        Args:
            words_of: program of a point, made when its turn comes, from the settings that hold then.
            keep: called with each complete point's number and counts.

        Raises:
            NodeNotReady: ion or laser do not come back, or the kernel is late again and again.
        """
        self.points, self.words_of, self.keep = points, words_of, keep
        self.kept = 0
        self.loop.host = self
        while self.kept < points:
            settings = self.kernel_session.node.settings
            self.loop.configure(settings)
            self.loop.task.configure(settings)
            self._see_to(self.loop.measure())

    def _see_to(self, code: int) -> None:
        """What the kernel left for."""
        if code == ION_LOST:
            self.kernel_session.recover_ion()
        elif code == LASER_UNLOCKED:
            self.kernel_session.wait_for_laser()
        elif code != LEFT_BY_HOST:
            where = f"point {self.kept + 1} of {self.points}"
            raise NodeNotReady(f"{where}: {DESCRIPTIONS[code]}, {self.loop.tries} times; use fewer or later pulses")
        elif self.kept < self.points:
            self.kernel_session.pause()

    def next_point(self) -> Words:
        """See node.shots.point_loop.PointHost."""
        if self.kept == self.points or self.should_pause():
            return []
        return self.words_of(self.kept)

    def keep_point(self, index: int, counts: Words) -> None:
        """See node.shots.point_loop.PointHost."""
        if index != self.kept:
            raise RuntimeError(f"point {index} came back, {self.kept} was handed out")
        self.keep(index, [int(count) for count in counts])
        self.kept += 1
