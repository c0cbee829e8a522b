"""Long-running kernels that ask their host for work: an exception on the host's side ends the kernel in order, and is
raised when it has."""

from collections.abc import Callable, Sequence
from typing import Any

from artiq.experiment import HasEnvironment


class HostedLoop(HasEnvironment):
    """Base of the block loop and of the point loop, which have the kernel `run` and the RPCs."""

    problem: Exception | None = None
    run: Callable[[], Any]

    def measure(self) -> int:
        """Stay in the kernel until it leaves by itself; returns one of contract.codes.

        Raises:
            Exception: whatever the host's side raised in one of its RPCs; the kernel left in order before.
        """
        self.problem = None
        code = self.run()
        if self.problem is not None:
            raise self.problem
        return int(code)

    def ask(self, question: Callable[[], Sequence[int]]) -> list[int]:
        """The host's answer to a question of the kernel; empty when the host has failed, now or before."""
        if self.problem is None:
            try:
                return [int(word) for word in question()]
            except Exception as problem:
                self.problem = problem
        return []

    def tell(self, listener: Callable[..., None], *what: Any) -> None:
        """What the kernel has for the host; dropped when the host has failed before."""
        if self.problem is None:
            try:
                listener(*what)
            except Exception as problem:
                self.problem = problem
