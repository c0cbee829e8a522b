"""What a person sees of `diqkd demo`: what runs, how far it is, when it will end, and the balance at the end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from diqkd.abort_words import explained
from diqkd.printing import spaced
from postprocess.reports.table1 import table_rows
from postprocess.security.rules import label_of, rule_named

if TYPE_CHECKING:
    from testbed.nodes.demonstration import Demonstration

OnStatus = Callable[[str, dict[str, Any]], None]
OnLine = Callable[[str], None]

STAGES = {"alice": 6, "bob": 5}
WARNING = "Emulated apparatus: this is not a secret key."


class TimeLeft(ProgressColumn):
    """Expected time to the end, from the mean speed since the start of this run."""

    def render(self, task: Task) -> Text:
        """hh:mm:ss, or dashes before anything is known."""
        if task.finished or not task.started:
            return Text("")
        done = task.completed - task.fields["begun_at"]
        if not task.total or done <= 0 or task.elapsed is None:
            return Text("end in -:--:--", style="cyan", no_wrap=True)
        seconds = int(task.elapsed * (task.total - task.completed) / done)
        return Text(f"end in {seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}", style="cyan", no_wrap=True)


class Display:
    """Everything the demo writes; nothing when `quiet`."""

    def __init__(self, demo: Demonstration, quiet: bool) -> None:
        self.demo = demo
        self.console = Console(quiet=quiet, highlight=False)

    def announce(self) -> None:
        """What is about to run."""
        p = self.demo.parameters
        self.console.print("[bold]Device-independent QKD on the emulated two-node laboratory[/bold]")
        self.console.print(
            f"n = {spaced(p.rounds)}, gamma = {p.gamma}, omega_thr = {p.omega_thr:.7f}, eps_snd = {p.eps_snd:g}\n"
            f"m = {spaced(p.syndrome_bits)} bits of syndrome, ell = {spaced(p.ell)} bits of key"
        )
        self.console.print(f"rule {p.rule}: {label_of(rule_named(p.rule), p.allowance)}; extractor {p.extractor}")
        for reason in p.insecure_because:
            self.console.print(f"[bold red]INSECURE[/bold red]: {reason}")
        self.console.print()

    @contextmanager
    def progress(self, resumed: bool) -> Iterator[tuple[OnStatus, OnLine]]:
        """Bars for the rounds and for each node's post-processing; gives what moves them and what prints above them."""
        if resumed:
            self.console.print(f"Resuming the session in {self.demo.folder}", markup=False, soft_wrap=True)
        columns = (
            TextColumn("{task.description:<13}"),
            BarColumn(16),
            TextColumn("{task.fields[text]:<23}"),
            TimeElapsedColumn(),
            TimeLeft(),
        )
        with Progress(*columns, console=self.console, refresh_per_second=4) as bars:
            rounds = bars.add_task("Rounds", total=self.demo.parameters.rounds, text="starting both nodes", begun_at=0)
            steps = {
                node: bars.add_task(f"{node.capitalize()}'s keys", total=total, text="", begun_at=0, start=False)
                for node, total in STAGES.items()
            }
            yield Follower(bars, rounds, steps), self._say

    def _say(self, line: str) -> None:
        if self.console.quiet:
            print(line, file=sys.stderr)
        else:
            self.console.print(line, markup=False, soft_wrap=True, style="yellow")

    def conclude(self, report: dict[str, Any], kept: Path | None) -> None:
        """How it ended: the key and table I, or the reason why there is none."""
        console = self.console
        console.print()
        if report["measured_score"] is not None:
            console.print(
                f"Measured S = {report['measured_score']:.4f}, Q = {100 * report['measured_qber']:.2f} % "
                "[dim](known because it is emulated)[/dim]"
            )
        if report["accepted"]:
            equal = "[green]identical[/green]" if report["keys_equal"] else "[bold red]DIFFERENT[/bold red]"
            console.print(f"Session accepted: {spaced(report['ell'])} new bits, the two nodes' keys are {equal}")
        elif report["abort_reason"] == "peer lost":
            console.print("[bold red]Peer lost[/bold red]: one node is gone. No key was made, nothing is lost")
        elif report["abort_reason"]:
            console.print(f"[bold red]Session aborted[/bold red]: {report['abort_reason']}. No key was made")
            parameters = self.demo.parameters
            console.print(explained(report, parameters.omega_thr, parameters.qber), markup=False)
        else:
            console.print(
                "[bold red]The session broke off[/bold red]; the nodes' messages above say why. No key was made"
            )
        console.print()
        console.print(balance_table(report["balance"]))
        console.print()
        seconds = report["seconds"]
        stages = ", ".join(
            f"{name} {value:.1f} s" for name, value in seconds.items() if value >= 0.05 and name != "total"
        )
        console.print(f"[dim]{stages}; total {seconds['total']:.0f} s[/dim]")
        if kept is not None:
            shown = f"diqkd keys show --home {shlex.quote(str(kept / 'homes'))} --node alice"
            console.print(f"Homes and laboratory are in {kept}; `{shown}`", markup=False, soft_wrap=True)
        console.print(f"[bold yellow]{WARNING}[/bold yellow]")
        for reason in report["insecure_because"]:
            console.print(f"[bold red]INSECURE[/bold red]: {reason}")


class Follower:
    """Moves the bars as the nodes report; a node's report is a dict of its public progress datasets."""

    def __init__(self, bars: Progress, rounds: Any, steps: dict[str, Any]) -> None:
        self.bars, self.rounds, self.steps = bars, rounds, steps
        self.begun = False
        self.seen: dict[str, list[str]] = {node: [] for node in steps}

    def __call__(self, node: str, status: dict[str, Any]) -> None:
        if "rounds.done" in status and node == "bob":
            self._rounds(status)
        if "key.status" in status and status["key.status"] not in self.seen[node]:
            self._step(node, status["key.status"])

    def _rounds(self, status: dict[str, Any]) -> None:
        done = status["rounds.done"]
        if not self.begun:
            self.begun = True
            self.bars.reset(self.rounds, begun_at=done, text="")
        text = f"{spaced(done)}, {status.get('rounds.herald_rate_hz') or 0:.0f} heralds/s"
        self.bars.update(self.rounds, completed=done, text=text)

    def _step(self, node: str, stage: str) -> None:
        if not self.seen[node]:
            self.bars.start_task(self.steps[node])
        self.seen[node].append(stage)
        total = self.bars.tasks[self.steps[node]].total
        finished = stage.startswith(("key accepted", "aborted"))
        self.bars.update(self.steps[node], completed=total if finished else len(self.seen[node]) - 1, text=stage)


def balance_table(balance: dict[str, int]) -> Table:
    """Table I of the paper."""
    table = Table(
        title="Key balance (table I of the paper)", title_justify="left", box=None, padding=(0, 2), show_header=False
    )
    table.add_column()
    table.add_column(justify="right")
    for name, bits, depth in table_rows(balance):
        style = "bold" if name == "Net gain" else "dim" if depth == 2 else ""
        table.add_row("  " * depth + name, bits, style=style)
    return table
