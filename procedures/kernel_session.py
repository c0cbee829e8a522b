"""Host side of a node's kernels: enters them, pauses for other experiments, waits for ion and laser."""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from contract.codes import DESCRIPTIONS, ION_LOST, LEFT_BY_HOST, NO_HERALD
from node.node_errors import NodeNotReady
from procedures.calibration_file import calibrated
from procedures.upkeep import RELOADS, Upkeep

logger = logging.getLogger(__name__)

GATES_PER_TRY = 2000
LASER_INTERVAL_S = 5.0


class KernelSession:
    """Keeps one node going through a session; used by every experiment that measures rounds.

    Args:
        node: node_alice.node.AliceNode or node_bob.node.BobNode.
        scheduler: ARTIQ's scheduler device.
        calibration: path of the calibration file, read again after every interruption.
        patience_s: longest wait for ion or laser, wall-clock time.
        show: gets one public line whenever something is waited for, and "" when it is over.
        upkeep: has ions reloaded and calibrations measured in the pauses; without, others have to.
        check: measures test shots, for `upkeep`: takes this session, tells whether the node is good.
    """

    def __init__(
        self,
        node,
        scheduler,
        calibration: Path,
        patience_s: float,
        show: Callable[[str], None],
        upkeep: Upkeep | None = None,
        check: Callable[["KernelSession"], bool] = lambda session: True,
    ):
        self.node = node
        self.upkeep, self.check = upkeep, check
        self.scheduler = scheduler
        self.calibration = calibration
        self.patience_s = patience_s
        self.show = show

    def read_calibration(self) -> None:
        """Take over the calibration file.

        Logs nothing: a master passes its log on to every client, and which values changed says what a calibration of a
        session has found, or that it has found nothing.
        """
        self.node.configure(calibrated(self.node.defaults, self.calibration))

    def measure(self) -> int:
        """Stay in the kernel until it leaves; returns one of contract.codes."""
        code = self.node.blocks.measure()
        if code != LEFT_BY_HOST:
            remedied = self.upkeep is not None and self.upkeep.plan.reload and code in (ION_LOST, NO_HERALD)
            logger.log(logging.INFO if remedied else logging.WARNING, "the kernel left: %s", DESCRIPTIONS[code])
        return code

    def pause(self, why: str = "") -> None:
        """Do what is due, and give way to experiments of higher priority; returns at once if there is nothing.

        `why`: shown until rounds are measured again, as the peer may need longer.
        """
        self.show(f"paused: {why}" if why else "paused")
        self.node.core.close()
        if self.upkeep is not None:
            self.upkeep.in_pause(self.show, self._is_good, why)
        self.scheduler.pause()
        self.read_calibration()
        self.show(f"paused: {why}" if why else "")

    def _is_good(self) -> bool:
        try:
            return self.check(self)
        finally:
            self.node.core.close()

    def recover_ion(self) -> None:
        """Have the ion reloaded, or wait until it is back, giving way meanwhile to whoever reloads it.

        Raises:
            NodeNotReady: no ion within `patience_s`.
        """
        remedy = "reload the ion (an experiment of higher priority may do so), then start the session again to resume"
        upkeep = self.upkeep
        reloads = self._reloads(upkeep, remedy) if upkeep is not None and upkeep.plan.reload else iter(())
        self._wait_for(self._ion_is_back, "the ion", remedy, 0.0, lambda: next(reloads, False))

    def _ion_is_back(self) -> bool:
        return self.node.recovery.ion_is_back(GATES_PER_TRY)

    def _reloads(self, upkeep: Upkeep, remedy: str) -> Iterator[bool]:
        """Reload once for each item that is taken; none any more where nobody does it."""
        for number in range(1, RELOADS + 1):
            self.show(f"paused: reloading the ion ({number} of {RELOADS})")
            self.node.core.close()
            if not upkeep.reload():
                return
            yield True
        raise NodeNotReady(f"the ion did not come back in {RELOADS} times of reloading: {remedy}")

    def wait_for_laser(self) -> None:
        """Wait until the 674 nm laser is locked.

        Raises:
            NodeNotReady: not locked within `patience_s`.
        """
        remedy = "lock the 674 nm laser, then start the session again to resume"
        self._wait_for(self.node.recovery.laser_is_locked, "the 674 nm laser", remedy, LASER_INTERVAL_S)

    def _wait_for(
        self,
        is_back: Callable[[], bool],
        what: str,
        remedy: str,
        interval_s: float,
        remedied: Callable[[], bool] = lambda: False,
    ) -> None:
        deadline = time.monotonic() + self.patience_s
        while not is_back():
            if remedied():
                continue
            if time.monotonic() > deadline:
                raise NodeNotReady(f"{what} did not come back within {self.patience_s:.0f} s: {remedy}")
            self.pause(f"waiting for {what}")
            time.sleep(interval_s)
        self.read_calibration()
        self.show("")
