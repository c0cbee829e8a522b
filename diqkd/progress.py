"""How a long command says how far it is: to `diqkd status`, and, where there is no terminal, as plain lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from diqkd.plain_progress import PlainProgress
from diqkd.running_notes import RunningNote, running

OnProgress = Callable[[float, str], None]


class Progress:
    """Call it with (share of the work done, what goes on)."""

    def __init__(self, listeners: list[RunningNote | PlainProgress]) -> None:
        self._listeners = listeners
        self._begun = False

    def begin_at(self, share: float) -> None:
        """So much was done before this run; it counts once."""
        if not self._begun:
            self._begun = True
            for listener in self._listeners:
                listener.begin_at(share)

    def __call__(self, share: float, text: str) -> None:
        for listener in self._listeners:
            listener(share, text)


@contextmanager
def progress(name: str, title: str, folder: Path | None = None, *, plain: bool | None = None) -> Iterator[Progress]:
    """For the time of a command.

    Args:
        name: at the head of each plain line; title: what `diqkd status` says.
        folder: the command's laboratory.
        plain: whether lines are printed; by default where stderr is no terminal.
    """
    with ExitStack() as stack:
        listeners: list[RunningNote | PlainProgress] = [stack.enter_context(running(title, folder))]
        if not sys.stderr.isatty() if plain is None else plain:
            listeners.append(stack.enter_context(PlainProgress(name)))
        yield Progress(listeners)
