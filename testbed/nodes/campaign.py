"""Sessions back to back on the emulated laboratory, as a night of a link that runs by itself.

The rounds of each overlap the post-processing of the one before, as under a master, while ions get lost, the laser
unlocks and a node restarts.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from contract.nodes import NODES
from postprocess.errors import ExitStatus
from postprocess.plans.presets import Choice, planned
from postprocess.randomness.choice import SEEDED
from testbed.nodes.demonstration import Demonstration, experiment_arguments
from testbed.nodes.two_nodes import POLL_S, NodePair, OnLine, cause
from testbed.physics.emulated_link import PUBLISHED, EmulatedLink
from testbed.physics.instability import STABLE, Instability

PATIENCE_S = 600.0  # a node's with one that restarts or calibrates
ROUNDS_OVER = ("analyze", "finished")

OnSession = Callable[[str, str, dict[str, Any]], None]


@dataclass(frozen=True)
class Mishaps:
    """What befalls every session, evenly at random: so many lost ions, unlocks of the 674 nm laser, kills of a node."""

    ion_losses: int = 20
    laser_unlocks: int = 3
    restarts: int = 1


@dataclass(frozen=True)
class Campaign:
    """A folder with homes, laboratory and the sessions of a campaign.

    Attributes:
        choice, preset: of every session.
        sessions: how many.
        upkeep: arguments of GenerateKey by which a session keeps running.
        seed: repeats nature and settings, which marks all keys insecure.
        faults: of the laboratory, beyond the mishaps.
    """

    folder: Path
    choice: Choice
    sessions: int
    upkeep: dict[str, Any]
    preset: str = "long"
    mishaps: Mishaps = Mishaps()
    instability: Instability = STABLE
    link: EmulatedLink = PUBLISHED
    seed: int | None = None
    faults: tuple[dict[str, Any], ...] = ()

    @cached_property
    def parts(self) -> tuple[Demonstration, ...]:
        """Every session, in one folder and laboratory."""
        return tuple(self._part(f"campaign-{number}") for number in range(1, self.sessions + 1))

    def _part(self, session_id: str) -> Demonstration:
        because = () if self.seed is None else (SEEDED,)
        public = planned(session_id, "emulated", self.choice, min_response_s=0.0, insecure_because=because)
        arguments = experiment_arguments(public, self.preset, self.choice)
        arguments |= {"peer_timeout": PATIENCE_S, **self.upkeep}
        return Demonstration(
            self.folder.resolve(),
            public,
            arguments,
            self.seed,
            self._faults(),
            self.sessions,
            link=self.link,
            instability=self.instability,
        )

    def _faults(self) -> tuple[dict[str, Any], ...]:
        """Lost ions and unlocks of the whole campaign, by herald of the laboratory, and what else was asked for."""
        chance = random.Random(f"mishaps {self.seed}")
        rounds, found = self.choice.rounds, list(self.faults)
        for number in range(self.sessions):
            places = chance.sample(range(1, rounds), self.mishaps.ion_losses + self.mishaps.laser_unlocks)
            for index, place in enumerate(places):
                herald = number * rounds + place
                if index < self.mishaps.ion_losses:
                    found.append({"kind": "ion lost until reloaded", "node": NODES[index % 2], "round": herald})
                else:
                    found.append({"kind": "laser unlocked", "round": herald})
        return tuple(found)

    def restarts(self, number: int) -> list[tuple[str, int]]:
        """Which node is killed in a session, and after how many rounds."""
        chance = random.Random(f"restarts {self.seed} {number}")
        first, last = self.choice.rounds // 10, self.choice.rounds // 2
        places = sorted(chance.sample(range(first, last), self.mishaps.restarts))
        return [(NODES[(number + index) % 2], place) for index, place in enumerate(places)]


@dataclass
class SessionRun:
    """One session under way.

    Attributes:
        statuses: exit status of each node that has ended.
        killed: (node, rounds over) of every restart.
    """

    part: Demonstration
    pair: NodePair
    restarts: list[tuple[str, int]]
    lifecycle: dict[str, str] = field(default_factory=dict)
    rounds_done: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    killed: list[tuple[str, int]] = field(default_factory=list)

    def has_left_apparatus(self, node: str) -> bool:
        """Whether the next session may begin on a node."""
        return node in self.statuses or self.lifecycle.get(node) in ROUNDS_OVER


class CampaignRun:
    """Starts, restarts and watches the nodes of all sessions.

    Args:
        checkout: folder of repository/ and device_db.py.
        on_session: called as on_session(session id, node, status) whenever a node shows something new.
        on_line: gets each line that a node writes to stderr.
    """

    def __init__(self, campaign: Campaign, checkout: Path, on_session: OnSession, on_line: OnLine | None = None):
        self.campaign, self.checkout = campaign, checkout
        self.on_session, self.on_line = on_session, on_line
        self.runs: list[SessionRun] = []

    def run(self) -> list[SessionRun]:
        """All sessions that have not ended yet; both nodes are ended in order if this is interrupted."""
        try:
            for number, part in enumerate(self.campaign.parts):
                if part.ended():
                    continue
                while self.runs and not all(self.runs[-1].has_left_apparatus(node) for node in NODES):
                    self._look()
                self._begin(number, part)
            while any(len(run.statuses) < len(NODES) for run in self.runs):
                self._look()
        except BaseException:
            for run in self.runs:
                run.pair.stop()
            raise
        return self.runs

    def _begin(self, number: int, part: Demonstration) -> None:
        shown = part.folder / "status" / part.parameters.session_id
        shown.mkdir(mode=0o700, parents=True, exist_ok=True)
        pair = NodePair(part.laboratory, self.on_line, status_folder=shown)
        # One that is resumed may have had its kill, and its allowance bears no second.
        self.runs.append(SessionRun(part, pair, [] if part.begun() else self.campaign.restarts(number)))
        for node in NODES:
            self._start(self.runs[-1], node)

    def _start(self, run: SessionRun, node: str) -> None:
        experiment, device_db = self.checkout / "repository" / "generate_key.py", self.checkout / "device_db.py"
        run.pair.start(node, experiment, "GenerateKey", run.part.arguments, run.part.homes, device_db)

    def _look(self) -> None:
        for run in self.runs:
            self._look_at(run)
        time.sleep(POLL_S)

    def _look_at(self, run: SessionRun) -> None:
        if len(run.statuses) == len(NODES):
            return

        def on_status(node: str, status: dict[str, Any]) -> None:
            run.lifecycle[node] = str(status.get("lifecycle", ""))
            run.rounds_done[node] = int(status.get("rounds.done", 0))
            self.on_session(run.part.parameters.session_id, node, status)

        run.pair.step(on_status)
        for node, process in run.pair.processes.items():
            if process.returncode is not None:
                run.statuses[node] = process.returncode
        if run.restarts and run.rounds_done.get(run.restarts[0][0], 0) >= run.restarts[0][1]:
            self._restart(run, run.restarts.pop(0)[0])

    def _restart(self, run: SessionRun, node: str) -> None:
        """Kill a node inside a block and start it again, as if its computer had lost power for a moment."""
        process = run.pair.processes[node]
        if process.poll() is None and run.lifecycle.get(node) == "run":
            process.kill()
            process.wait()
            run.killed.append((node, run.rounds_done[node]))
            self._start(run, node)


def exit_status_of(runs: list[SessionRun]) -> int:
    """Of a campaign: done only if every session was."""
    return max((abs(cause(run.statuses)) for run in runs), default=ExitStatus.DONE)
