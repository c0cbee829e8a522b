"""What a person sees of `diqkd run`: how far each node is, what it says, and what it found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console

from diqkd.bars import bars, is_animated
from diqkd.printing import spaced
from diqkd.progress import progress
from postprocess.errors import ExitStatus

WARNING = "Emulated apparatus: what was measured here is the emulation's."
ENDS = {status.value: status.name.lower().replace("_", " ") for status in ExitStatus}


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
        text, words = status.get("lifecycle", ""), status.get("lifecycle", "")
        done, total = status.get("rounds.done", 0), status.get("rounds.total")
        if total:
            text = f"{spaced(done)}/{spaced(total)}"
            words = f"{status.get('rounds.session')}: {text} rounds, {status.get('rounds.status', '')}"
            self.shares[node] = done / total
            self.bars.update(self.tasks[node], completed=done, total=total)
            if len(self.shares) == sum(share > 0 for share in self.shares.values()):
                self.told.begin_at(min(self.shares.values()))
        self.bars.update(self.tasks[node], text=text)
        self.told(sum(self.shares.values()) / len(self.shares), f"{node.capitalize()}: {words}")

    def conclude(self, statuses: dict[str, int], homes: Path | None) -> None:
        """What the nodes found, and how they ended."""
        texts = {node.capitalize(): "\n".join(lines) for node, lines in self.found.items()}
        if len(set(texts.values())) == 1:
            texts = {" and ".join(texts): next(iter(texts.values()))}
        for nodes, text in texts.items():
            if text:
                self.console.print(f"\n[bold]{nodes}[/bold]")
                self.console.print(text, markup=False, soft_wrap=True)
        self.console.print()
        for node, status in statuses.items():
            if status:
                reason = ENDS.get(status, f"signal {-status}")
                print(f"{node}: ended with status {status} ({reason})", file=sys.stderr)
        if homes is not None:
            self.console.print(f"Results are in {homes}/NODE/results", markup=False, soft_wrap=True)
        self.console.print(f"[bold yellow]{WARNING}[/bold yellow]")
