"""From the first block to the last: what an experiment does each time its kernel has returned, apparatus left open.

Experiments that measure rounds (key generation, link characterisation) share this loop; it knows the acquisition and a
station that can measure, pause and recover, and nothing of ARTIQ.
"""

from __future__ import annotations

from typing import Protocol

from postprocess.acquisition import Acquisition, Next
from postprocess.errors import DiqkdError


class KernelHost(Protocol):
    """What the loop needs of a node's apparatus."""

    def measure(self) -> int:
        """Stay in the kernel until it leaves; returns why, a KernelLeft."""

    def pause(self, why: str) -> None:
        """Let the scheduler run what is more urgent."""

    def recover_ion(self) -> None:
        """Return when there is an ion again."""

    def wait_for_laser(self) -> None:
        """Return when the 674 nm laser is locked again."""


class OperatorNeeded(DiqkdError):
    """The rounds cannot go on by themselves; nothing is lost, the same session resumes."""


def measure_all_rounds(acquisition: Acquisition, kernels: KernelHost) -> None:
    """Measure until all rounds of the session are stored on both nodes.

    Raises:
        SessionAborted: PARAMETER_MISMATCH or BLOCK_MISMATCH, named on both nodes.
        PeerLost: the peer went silent; a new start resumes.
        OperatorNeeded: the same fault came again and again.
    """
    acquisition.agree_on_parameters()
    following = acquisition.resume()
    while following is not Next.FINISHED:
        if following is Next.PAUSE:
            kernels.pause(acquisition.why)
        elif following is Next.RECOVER_ION:
            kernels.recover_ion()
        elif following is Next.WAIT_FOR_LASER:
            kernels.wait_for_laser()
        elif following is Next.OPERATOR:
            raise OperatorNeeded(f"{acquisition.why}; put it right, then start the session again to resume")
        following = acquisition.kernel_left(kernels.measure())
