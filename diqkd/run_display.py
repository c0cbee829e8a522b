"""What a person sees of `diqkd run`: how far each node is, what it says, and what it found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console

from diqkd.bars import bars, is_animated
from diqkd.printing import spaced, wrapped
from diqkd.progress import progress
from postprocess.errors import ExitStatus
from postprocess.results.run_outcome import end_words

if TYPE_CHECKING:
    from diqkd.results_arguments import KeptResults
    from postprocess.results.results_folder import RunFound

EMULATED = "emulated"
RESUMABLE = {ExitStatus.PEER_LOST, ExitStatus.INTERRUPTED}
WARNING = "Emulated apparatus: what was measured here is the emulation's."
TEMPORARY = "The calibration file ends with this temporary laboratory; --keep DIR would keep it for the next run there."


class RunDisplay:
    """A bar per node while they run; use as a context manager."""

    def __init__(self, title: str, nodes: Sequence[str], folder: Path | None = None) -> None:
        self.console = Console(highlight=False)
        self.console.print(f"[bold]{title}[/bold]")
        self.bars = bars(self.console)
        self.tasks = {node: self.bars.add_task(node.capitalize(), total=None, text="starting") for node in nodes}
        self.shares = dict.fromkeys(nodes, 0.0)
        self._told = progress("run", f"run: {title}", folder, plain=not is_animated(self.console))
        self.found: dict[str, list[str]] = {node: [] for node in nodes}

    def __enter__(self) -> RunDisplay:
        self.told = self._told.__enter__()
        self.bars.start()
        return self

    def __exit__(self, kind: type | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.bars.stop()
        self._told.__exit__(kind, problem, trace)

    def say(self, line: str) -> None:
        """A line that a node writes to stderr."""
        if self.console.is_terminal:
            self.console.print(line, markup=False, soft_wrap=True, style="yellow")
        else:
            print(line, file=sys.stderr)

    def collect(self, node: str, line: str) -> None:
        """A line that a node prints: shown at the end, once where both print the same."""
        self.found[node].append(line)

    def follow(self, node: str, status: dict[str, Any]) -> None:
        """Move a node's bar; `status` has its public datasets."""
        text = words = status.get("calibration.status") or status.get("rounds.status") or status.get("lifecycle", "")
        done, total = status.get("rounds.done", 0), status.get("rounds.total")
        if total and done:
            text = f"{spaced(done)}/{spaced(total)}"
            words = f"{status.get('rounds.session')}: {text} rounds, {status.get('rounds.status', '')}"
            if str(status.get("rounds.status", "")).startswith("paused"):
                text += f", {status['rounds.status']}"
            self.shares[node] = done / total
            self.bars.update(self.tasks[node], completed=done, total=total)
            if len(self.shares) == sum(share > 0 for share in self.shares.values()):
                self.told.begin_at(min(self.shares.values()))
        self.bars.update(self.tasks[node], text=text)
        self.told(sum(self.shares.values()) / len(self.shares), f"{node.capitalize()}: {words}")

    def conclude(self, statuses: dict[str, int], found: RunFound, results: KeptResults) -> None:
        """What the nodes found, how they ended, and the files with it."""
        texts = {node.capitalize(): "\n".join(lines) for node, lines in self.found.items()}
        if len(set(texts.values())) == 1:
            texts = {" and ".join(texts): next(iter(texts.values()))}
        for nodes, text in texts.items():
            if text:
                self.console.print(f"\n[bold]{nodes}[/bold]")
                self._tell(text)
        self.console.print()
        for node, status in statuses.items():
            if status:
                print(f"{node}: ended with status {status} ({end_words(status)})", file=sys.stderr)
        if RESUMABLE & set(statuses.values()):
            print(results.resumption("Not finished"), file=sys.stderr)
        if not any(texts.values()) and not any(statuses.values()):
            told = found.outcome if any(found.values.values()) else "done; there are no results, nothing was measured"
            self._tell(told[0].upper() + told[1:])
        if any(found.values.values()):
            self.console.print(results.where(), markup=False, soft_wrap=True)
        if results.loses_calibrations:
            self._tell(TEMPORARY)
        if found.apparatus == EMULATED:
            self.console.print(f"[bold yellow]{WARNING}[/bold yellow]")

    def _tell(self, text: str) -> None:
        """What was found, line by line: in a terminal wrapped between words, elsewhere as it is, for other programs."""
        narrow = self.console.width if self.console.is_terminal else sys.maxsize
        for line in text.splitlines():
            told = wrapped(line, hanging=2) if len(line) > narrow else line
            self.console.print(told, markup=False, soft_wrap=True)
