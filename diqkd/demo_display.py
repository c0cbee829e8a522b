"""What a person sees of `diqkd demo`: what runs, how far it is, when it will end, and the balance at the end."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from diqkd.abort_words import explained
from diqkd.bars import bars, is_animated
from diqkd.printing import spaced
from diqkd.progress import Progress as Told
from diqkd.progress import progress
from postprocess.reports.table1 import table_rows
from postprocess.security.rules import label_of, rule_named
from postprocess.support.compile_cache import is_empty
from testbed.nodes.demonstration import MEASURED, MEASURED_SECOND

if TYPE_CHECKING:
    from diqkd.results_arguments import KeptResults
    from testbed.nodes.demonstration import Demonstration

OnStatus = Callable[[str, dict[str, Any]], None]
OnLine = Callable[[str], None]

ROUNDS_SHARE = 0.95  # of the work, roughly
STAGES = {"alice": 6, "bob": 5}
WARNING = "Emulated apparatus: this is not a secret key."


class Display:
    """Everything the demo writes; nothing when `quiet`."""

    def __init__(self, demo: Demonstration, quiet: bool) -> None:
        self.demo = demo
        self.console = Console(quiet=quiet, highlight=False)
        self.compiles = is_empty()
        self.follower: Follower | None = None

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
        if self.compiles:
            self.console.print("First run on this machine: compiling the kernels takes some ten seconds more.")
        self.console.print()

    @contextmanager
    def progress(self, resumed: bool) -> Iterator[tuple[OnStatus, OnLine]]:
        """Bars for the rounds and for each node's post-processing; gives what moves them and what prints above them."""
        if resumed:
            self.console.print(f"Resuming the session in {self.demo.folder}", markup=False, soft_wrap=True)
        animated = is_animated(self.console) and not self.console.quiet
        title = f"demo: session {self.demo.parameters.session_id}"
        with progress("demo", title, self.demo.folder, plain=not animated) as told, bars(self.console) as shown:
            rounds = shown.add_task("Rounds", total=self.demo.parameters.rounds, text="starting both nodes", begun_at=0)
            steps = {
                node: shown.add_task(f"{node.capitalize()}'s keys", total=total, text="", begun_at=0, start=False)
                for node, total in STAGES.items()
            }
            self.follower = follower = Follower(shown, rounds, steps, told)
            yield follower, self._say

    def _say(self, line: str) -> None:
        if self.console.quiet:
            print(line, file=sys.stderr)
        else:
            self.console.print(line, markup=False, soft_wrap=True, style="yellow")

    def conclude(self, report: dict[str, Any], kept: Path | None, results: KeptResults) -> None:
        """How it ended: the key and table I, or the reason why there is none."""
        console = self.console
        console.print()
        if report["measured_score"] is not None:
            score, score_error, qber, qber_error = (report[name] for name in MEASURED)
            console.print(
                f"Measured S = {score:.4f} +- {score_error:.4f}, Q = {100 * qber:.2f} +- {100 * qber_error:.2f} % "
                f"{_second(report)}[dim](known because it is emulated)[/dim]"
            )
        if report["accepted"]:
            equal = "[green]identical[/green]" if report["keys_equal"] else "[bold red]DIFFERENT[/bold red]"
            console.print(f"Session accepted: {spaced(report['ell'])} new bits, the two nodes' keys are {equal}")
        elif report["abort_reason"] == "peer lost":
            console.print(f"[bold red]Peer lost[/bold red]: {results.resumption('one node is gone. No key was made')}")
        elif report["abort_reason"]:
            console.print(f"[bold red]Session aborted[/bold red]: {report['abort_reason']}. No key was made")
            parameters = self.demo.parameters
            console.print(explained(report, parameters.omega_thr, parameters.qber), markup=False)
        else:
            console.print(
                "[bold red]The session broke off[/bold red]; the nodes' messages above say why. "
                f"{results.resumption('No key was made')}"
            )
        console.print()
        console.print(balance_table(report["balance"]))
        console.print()
        self._time(report["seconds"])
        console.print(results.where(), markup=False, soft_wrap=True)
        if kept is not None:
            shown = f"diqkd keys show --home {shlex.quote(str(kept / 'homes'))} --node alice"
            console.print(f"Homes and laboratory are in {kept}; `{shown}`", markup=False, soft_wrap=True)
        console.print(f"[bold yellow]{WARNING}[/bold yellow]")
        for reason in report["insecure_because"]:
            console.print(f"[bold red]INSECURE[/bold red]: {reason}")

    def _time(self, seconds: dict[str, float]) -> None:
        """What took how long, in parts that follow each other."""
        session, rounds = seconds.get("session", 0.0), self.follower.rounds_s if self.follower else None
        parts = [f"set up {seconds['set up']:.1f} s"] if "set up" in seconds else []
        parts += [f"rounds {min(rounds, session):.1f} s, keys {max(0.0, session - rounds):.1f} s"] if rounds else []
        longest = seconds.get("privacy amplification", 0.0)
        of_that = f" (privacy amplification {longest:.1f} s)" if longest >= 0.05 and rounds else ""
        line = f"Time: {', '.join(parts)}{of_that}; in all {seconds['total']:.1f} s"
        self.console.print(f"[dim]{line}[/dim]")
        if self.compiles:
            self.console.print("[dim]The next session is faster: this one compiled its kernels first.[/dim]")


class Follower:
    """Moves the bars as the nodes report; a node's report is a dict of its public progress datasets.

    Attributes:
        rounds_s: how long the rounds took on the wall, until the first node began with the keys; None before.
    """

    def __init__(self, bars: Progress, rounds: Any, steps: dict[str, Any], told: Told) -> None:
        self.bars, self.rounds, self.steps, self.told = bars, rounds, steps, told
        self.begun = False
        self.start = time.monotonic()
        self.rounds_s: float | None = None
        self.seen: dict[str, list[str]] = {node: [] for node in steps}

    def __call__(self, node: str, status: dict[str, Any]) -> None:
        if "rounds.done" in status and node == "bob":
            self._rounds(status)
        if "key.status" in status and status["key.status"] not in self.seen[node]:
            self._step(node, status["key.status"])

    def _rounds(self, status: dict[str, Any]) -> None:
        done, total = status["rounds.done"], self.bars.tasks[self.rounds].total or 1
        if not self.begun:
            self.begun = True
            self.bars.reset(self.rounds, begun_at=done, text="")
            self.told.begin_at(ROUNDS_SHARE * done / total)
        line = str(status.get("rounds.status", ""))
        paused = f", {line}" if line.startswith("paused") else ""
        text = f"{spaced(done)}/{spaced(int(total))}"
        self.bars.update(self.rounds, completed=done, text=text + paused)
        if self.rounds_s is None:
            self.told(ROUNDS_SHARE * done / total, f"{text} rounds{paused}")

    def _step(self, node: str, stage: str) -> None:
        if self.rounds_s is None:
            self.rounds_s = time.monotonic() - self.start
        if not self.seen[node]:
            self.bars.start_task(self.steps[node])
        self.seen[node].append(stage)
        total = self.bars.tasks[self.steps[node]].total
        finished = stage.startswith(("key accepted", "aborted"))
        self.bars.update(self.steps[node], completed=total if finished else len(self.seen[node]) - 1, text=stage)
        done = sum(self.bars.tasks[step].completed for step in self.steps.values()) / sum(STAGES.values())
        self.told(ROUNDS_SHARE + (1 - ROUNDS_SHARE) * done, f"{node.capitalize()}: {stage}")


def _second(report: dict[str, Any]) -> str:
    """Q_1, where there is one."""
    if not all(name in report for name in MEASURED_SECOND):
        return ""
    value, error = (100 * report[name] for name in MEASURED_SECOND)
    return f"and Q_1 = {value:.2f} +- {error:.2f} % "


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
