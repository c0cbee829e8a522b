"""What a person sees of `diqkd run`: how far each node is, what it says, and what it found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from diqkd.printing import spaced
from postprocess.errors import ExitStatus

WARNING = "Emulated apparatus: what was measured here is the emulation's."
ENDS = {status.value: status.name.lower().replace("_", " ") for status in ExitStatus}


class RunDisplay:
    """A bar per node while they run; use as a context manager."""

    def __init__(self, title: str, nodes: Sequence[str]) -> None:
        self.console = Console(highlight=False)
        self.console.print(f"[bold]{title}[/bold]")
        columns = (TextColumn("{task.description:<6}"), BarColumn(24), TextColumn("{task.fields[text]}"))
        self.bars = Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self.console)
        self.tasks = {node: self.bars.add_task(node.capitalize(), total=None, text="starting") for node in nodes}
        self.found: dict[str, list[str]] = {node: [] for node in nodes}

    def __enter__(self) -> RunDisplay:
        if self.console.is_terminal:
            self.bars.start()
        return self

    def __exit__(self, kind: type | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        if self.console.is_terminal:
            self.bars.stop()

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
        text = status.get("lifecycle", "")
        done, total = status.get("rounds.done", 0), status.get("rounds.total")
        if total:
            text = f"{status.get('rounds.session')}: {spaced(done)} of {spaced(total)} rounds"
            self.bars.update(self.tasks[node], completed=done, total=total)
        self.bars.update(self.tasks[node], text=text)

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
