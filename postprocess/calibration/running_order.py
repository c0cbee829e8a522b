"""The running order of calibrations, and the page of what is calibrated: when, with what result, and what is stale.

A result is stale when it is older than some hours, or when something that it rests on was measured later: a new
frequency turns the phase against the herald, and isolation is counted in the gates of the APDs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contract.nodes import BOB, NODES
from postprocess.errors import InvalidInput
from postprocess.storage.bounded_files import MissingFile, read_object

LOG, SETTINGS = "calibrations.json", "calibration.json"
GOOD, NEVER = "good", "never measured"
HAND_S = 5.0  # an entry of the calibration file that is so much newer than its result came from elsewhere
REMEDY = "correct or delete it"


@dataclass(frozen=True)
class CalibrationStep:
    """One experiment of the order.

    Attributes:
        experiment: name of the file in repository/.
        given: its arguments, where they are not the defaults.
        writes: the setting that it calibrates, empty for none.
        needs_peer: both nodes measure together; laser: the pulsed laser is shared, nodes take turns.
        rests_on: settings whose newer values make the result stale.
        node: where the result is kept; None for both.
    """

    experiment: str
    given: tuple[tuple[str, Any], ...] = ()
    writes: str = ""
    needs_peer: bool = False
    laser: bool = False
    rests_on: tuple[str, ...] = ()
    node: str | None = None

    @property
    def key(self) -> str:
        """Name in a node's log of calibrations."""
        line = dict(self.given).get("line")
        return f"{self.experiment} {line}" if line else self.experiment

    def arguments(self, alone: bool) -> dict[str, Any]:
        """Arguments of the experiment; `alone`: the other node does not measure."""
        return dict(self.given) | ({"take_turns": False} if self.laser and alone else {})


def random_range(start: float, stop: float, points: int) -> dict[str, Any]:
    """A scan argument as ARTIQ's clients submit one: evenly spaced points, SI, in random order."""
    return {"ty": "RangeScan", "start": start, "stop": stop, "npoints": points, "randomize": True, "seed": None}


def _line(experiment: str, line: str, **given: Any) -> CalibrationStep:
    writes = f"qubit.{line}.{'pi_time' if experiment == 'calibrate_pi_time' else 'frequency'}"
    return CalibrationStep(experiment, (("line", line), *given.items()), writes)


FREQUENCIES = tuple(f"qubit.{line}.frequency" for line in ("mapping", "analysis", "shelving"))
NARROW: dict[str, Any] = {"detuning": random_range(-20e3, 20e3, 41), "amplitude": 0.1}
MAPPING_RAMSEY = _line("ramsey", "mapping", wait=random_range(10e-6, 2.01e-3, 81), beat=2000)
RUNNING_ORDER = (
    CalibrationStep("check_random_source"),
    _line("calibrate_frequency", "mapping"),
    _line("calibrate_pi_time", "mapping"),
    _line("calibrate_frequency", "shelving"),
    _line("calibrate_pi_time", "shelving"),
    CalibrationStep("calibrate_readout", writes="readout.threshold"),
    _line("calibrate_frequency", "analysis"),
    _line("calibrate_pi_time", "analysis"),
    _line("calibrate_frequency", "mapping", **NARROW),
    _line("calibrate_frequency", "shelving", **NARROW),
    _line("calibrate_frequency", "analysis", **NARROW),
    MAPPING_RAMSEY,
    _line("ramsey", "analysis"),
    CalibrationStep("calibrate_deshelving"),
    CalibrationStep("calibrate_apd_gates", writes="attempts.gate", laser=True),
    CalibrationStep("calibrate_shuttle", (("windows", 500),), laser=True, rests_on=("attempts.gate",)),
    CalibrationStep(
        "measure_leakage", (("windows", 1000), ("readouts", 100)), laser=True, rests_on=("readout.threshold",)
    ),
    CalibrationStep(
        "calibrate_herald_phase", writes="qubit.pattern_phase", needs_peer=True, rests_on=FREQUENCIES, node=BOB
    ),
)

# What a session may measure again in its pauses: one node's work, without the pulsed laser, and so fine that the phase
# against the herald stays (a line off by 0.2 kHz turns it by 5 degrees). The order is that in which they rest on each
# other.
LINES_AGAIN = (
    *(_line("calibrate_frequency", line, **NARROW) for line in ("mapping", "shelving", "analysis")),
    *(_line("calibrate_pi_time", line) for line in ("mapping", "shelving", "analysis")),
    MAPPING_RAMSEY,
    _line("ramsey", "analysis"),
)
READOUT_AGAIN = (CalibrationStep("calibrate_readout", writes="readout.threshold"),)
UPKEEP = {"all": LINES_AGAIN + READOUT_AGAIN, "lines": LINES_AGAIN, "readout": READOUT_AGAIN}


@dataclass(frozen=True)
class CalibrationRow:
    """One line of the page.

    Attributes:
        step: what was to be measured.
        result: in words, with errors; empty when never measured.
        measured: when, in UTC; None when never.
        state: GOOD, NEVER, or why it is stale.
    """

    step: CalibrationStep
    result: str
    measured: datetime | None
    state: str


def page(
    homes: Path, nodes: Sequence[str] = NODES, oldest: timedelta = timedelta(hours=12), now: datetime | None = None
) -> dict[str, list[CalibrationRow]]:
    """What is calibrated on each node, in the running order.

    Raises:
        InvalidInput: a file of the homes is damaged.
    """
    now = now or datetime.now(UTC)
    settings = {node: _times(homes / node / SETTINGS) for node in NODES}
    steps = {step.key: step for step in RUNNING_ORDER}
    found = {}
    for node in nodes:
        log, path = _entries(homes / node / LOG), homes / node / LOG
        rows = [step for step in steps.values() if step.node in (None, node)]
        found[node] = [_row(step, node, log.get(step.key), path, settings, oldest, now) for step in rows]
    return found


def _row(
    step: CalibrationStep,
    node: str,
    entry: Any,
    path: Path,
    settings: dict[str, dict[str, datetime]],
    oldest: timedelta,
    now: datetime,
) -> CalibrationRow:
    if entry is None:
        return CalibrationRow(step, "", None, NEVER)
    measured = _time(entry, path)
    newer = [
        f"{whose}'s {name}"
        for whose in (NODES if step.needs_peer else (node,))
        for name in step.rests_on
        if settings[whose].get(name, measured) > measured
    ]
    by_hand = step.writes and settings[node].get(step.writes, measured) - measured > timedelta(seconds=HAND_S)
    state = GOOD
    if newer:
        state = f"stale: {newer[0]} is newer"
    elif by_hand and not _is_remeasured(step):
        state = f"stale: {step.writes} was changed since"
    elif now - measured > oldest:
        state = f"stale: older than {oldest.total_seconds() / 3600:g} h"
    return CalibrationRow(step, str(entry.get("result", "")), measured, state)


def _is_remeasured(step: CalibrationStep) -> bool:
    """Whether another step of the order writes the same setting, as Ramsey fringes do after a scan of the line."""
    return sum(other.writes == step.writes for other in {each.key: each for each in RUNNING_ORDER}.values()) > 1


def _times(path: Path) -> dict[str, datetime]:
    return {name: _time(entry, path) for name, entry in _entries(path).items()}


def _entries(path: Path) -> dict[str, Any]:
    try:
        return read_object(path, REMEDY)
    except MissingFile:
        return {}


def _time(entry: Any, path: Path) -> datetime:
    try:
        found = datetime.fromisoformat(entry["measured"])
    except (KeyError, TypeError, ValueError):
        raise InvalidInput(f"{path}: an entry does not say when it was measured; {REMEDY}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
