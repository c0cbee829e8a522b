"""What a person sees of `diqkd campaign`: how far it is, and at the end what the page says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from contract.nodes import NODES
from diqkd.bars import bars, is_animated
from diqkd.printing import spaced
from diqkd.progress import progress

if TYPE_CHECKING:
    from postprocess.reports.campaign_page import CampaignReport
    from testbed.nodes.campaign import Campaign

OnSession = Callable[[str, str, dict[str, Any]], None]
OnLine = Callable[[str], None]
WARNING = "Emulated apparatus: these are not secret keys."


class Display:
    """Everything the campaign writes."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.console = Console(highlight=False)

    def announce(self) -> None:
        """What is about to run."""
        campaign, public = self.campaign, self.campaign.parts[0].parameters
        mishaps = campaign.mishaps
        self.console.print(
            f"[bold]{campaign.sessions} sessions of {spaced(public.rounds)} rounds on the emulated laboratory[/bold]\n"
            f"each: {spaced(public.ell)} bits of key, {mishaps.ion_losses} ions lost, "
            f"{mishaps.laser_unlocks} laser unlocks, {mishaps.restarts} restarts of a node"
        )
        for reason in public.insecure_because:
            self.console.print(f"[bold red]INSECURE[/bold red]: {reason}")
        self.console.print()

    @contextmanager
    def progress(self) -> Iterator[tuple[OnSession, OnLine]]:
        """Bars for the rounds of all sessions and for what each node does; gives what moves them, and what prints."""
        animated = is_animated(self.console)
        names = [part.parameters.session_id for part in self.campaign.parts]
        rounds = self.campaign.choice.rounds
        total = len(names) * rounds
        title = f"campaign of {len(names)} sessions"
        with progress("campaign", title, self.campaign.folder, plain=not animated) as told, bars(self.console) as shown:
            task = shown.add_task("Rounds", total=total, text="starting", begun_at=0)
            nodes = {node: shown.add_task(node.capitalize(), total=None, text="", begun_at=0) for node in NODES}
            begun = False

            def on_session(session_id: str, node: str, status: dict[str, Any]) -> None:
                nonlocal begun
                if status.get("lifecycle") == "run":
                    shown.update(nodes[node], text=f"{session_id}: {status.get('rounds.status', '')}")
                if node != NODES[1] or "rounds.done" not in status:
                    return
                done = names.index(session_id) * rounds + status["rounds.done"]
                if not begun:
                    begun = True
                    shown.reset(task, begun_at=done)
                    told.begin_at(done / total)
                if done >= shown.tasks[0].completed:
                    shown.update(task, completed=done, text=f"{spaced(done)}/{spaced(total)}")
                    told(done / total, f"{session_id}: {spaced(status['rounds.done'])} rounds, "
                         f"{status.get('rounds.status', '')}")  # fmt: skip

            yield on_session, lambda line: self._say(line, animated)

    def _say(self, line: str, animated: bool) -> None:
        if animated:
            self.console.print(line, markup=False, soft_wrap=True, style="yellow")
        else:
            print(line, file=sys.stderr)

    def conclude(self, report: CampaignReport) -> None:
        """The tables of the page."""
        console = self.console
        console.print(f"\n[bold]{report.outcome()}[/bold]\n")
        console.print(_table(("session", "outcome", "heralds/s", "rounds took", "pauses", ""), report.session_lines()))
        console.print()
        console.print(_table(("where the time went", "times", "in all", "share"), report.downtime_lines()))
        console.print(f"\n[bold yellow]{WARNING}[/bold yellow]")

    def where(self, page: Path, kept: Path | None) -> None:
        """Where the page is, and what else was kept."""
        kept_words = f"; homes and laboratory are in {kept}" if kept else ""
        self.console.print(f"Page: {page}{kept_words}", markup=False, soft_wrap=True)


def _table(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> Table:
    table = Table(*head, box=None, padding=(0, 1), header_style="dim")
    for line in lines:
        table.add_row(*line)
    return table
