"""One page on sessions that followed each other: keys, key per hour, downtime by cause, ages of the calibrations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from postprocess.keystore import ACCEPTED
from postprocess.reports.calibration_ages import calibration_rows
from postprocess.reports.downtime import Downtime, downtime_of, sum_of
from postprocess.reports.page import Page, Section, html_of
from postprocess.reports.session_facts import SessionFacts
from postprocess.reports.session_report import outcome_words, warnings_of
from postprocess.reports.svg_charts import line_chart
from postprocess.rounds.herald_times import HeraldTimes
from postprocess.shaping.worded_numbers import duration, spaced

HOUR_S = 3600.0


class CampaignReport:
    """What a node has stored of the sessions, added up.

    Args:
        sessions: in their order, of one node.
        notes: lines on each session that no home has, by session id: how often a node was killed, for instance.
    """

    def __init__(self, sessions: Sequence[SessionFacts], notes: dict[str, str] | None = None):
        self.sessions, self.notes = sessions, notes or {}
        self.downtimes = [_downtime(each) for each in sessions]
        self.total = sum_of(self.downtimes)

    @property
    def keys(self) -> int:
        """Sessions that ended with a key."""
        return sum(each.session.outcome == ACCEPTED for each in self.sessions)

    @property
    def bits(self) -> int:
        """New bits of all keys together."""
        return sum(each.parameters.ell for each in self.sessions if each.session.outcome == ACCEPTED)

    @property
    def machine_s(self) -> float:
        """Measuring and pauses of known length."""
        return self.total.measuring_s + sum(self.total.seconds.values())

    @property
    def bits_per_hour(self) -> float:
        """New bits per hour of machine time; 0 before the first herald."""
        return HOUR_S * self.bits / self.machine_s if self.machine_s else 0.0

    def outcome(self) -> str:
        """In one line."""
        keys = "key" if self.keys == 1 else "keys"
        return (
            f"{self.keys} {keys} in {self._number_of_sessions()}: {spaced(self.bits)} bits, "
            f"{spaced(round(self.bits_per_hour))} bits per hour of machine time"
        )

    def session_lines(self) -> list[tuple[str, ...]]:
        """Session, outcome, heralds per second, time from first to last herald, pauses, what is noted."""
        lines: list[tuple[str, ...]] = []
        for facts, lost in zip(self.sessions, self.downtimes, strict=True):
            rounds = facts.heralds.decided - facts.heralds.zeroed if facts.heralds else 0
            rate = f"{rounds / lost.measuring_s:.4g}" if lost.measuring_s else "-"
            paused = sum(lost.seconds.values())
            name = facts.session.session_id
            lines.append((name, outcome_words(facts), rate, duration(lost.measuring_s + paused),
                          f"{sum(lost.pauses.values())}, {duration(paused)}", self.notes.get(name, "")))  # fmt: skip
        return lines

    def downtime_lines(self) -> list[tuple[str, str, str, str]]:
        """Cause, how often, how long, share of the machine time; the longest first."""
        total = self.total
        causes = sorted(total.pauses, key=lambda cause: -total.seconds[cause])
        rows = [("measuring", "", total.measuring_s)]
        rows += [(cause, str(total.pauses[cause]), total.seconds[cause]) for cause in causes]
        return [
            (cause, number, duration(seconds), f"{100 * seconds / self.machine_s:.1f} %" if self.machine_s else "-")
            for cause, number, seconds in rows
        ]

    def html(self, made: datetime | None = None) -> str:
        """The page; `made`: when, UTC."""
        made = made or datetime.now(UTC)
        first = self.sessions[0]
        warnings = sorted({warning for each in self.sessions for warning in warnings_of(each)})
        page = Page(
            title=f"Campaign of {self._number_of_sessions()}",
            about="sessions back to back",
            heading=f"Campaign of {self._number_of_sessions()}",
            outcome=self.outcome(),
            good=self.keys == len(self.sessions) and not warnings,
            warnings=warnings,
            apparatus=first.parameters.apparatus,
            sections=(self._sessions(), self._downtime(), self._timeline(), _calibrations(self.sessions[-1], made)),
            source=first.node,
        )
        return html_of(page, made)

    def _number_of_sessions(self) -> str:
        return f"{len(self.sessions)} session{'s' * (len(self.sessions) != 1)}"

    def _sessions(self) -> Section:
        head = ("session", "outcome", "heralds per s", "rounds took", "pauses", "")
        return Section("Sessions", "Times are machine time.", head=head, lines=self.session_lines())

    def _downtime(self) -> Section:
        text = (
            "Pauses that are longer than a second and than thirty intervals between heralds, by what the nodes noted. "
            "How long a node that was started again was away, no clock of the apparatus has measured."
        )
        return Section("Where the time went", text, head=("", "times", "in all", "share"), lines=self.downtime_lines())

    def _timeline(self) -> Section:
        seconds, rounds = joined([facts.heralds.times for facts in self.sessions if facts.heralds])
        if not len(seconds):
            return Section("Time line", "No herald yet.")
        chart = line_chart(seconds / HOUR_S, rounds, "machine time (hours)", "rounds")
        return Section("Time line", "Rounds of all sessions; where the line goes level no herald came.", charts=[chart])


def joined(parts: Sequence[HeraldTimes]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and rounds of sessions one after the other, as if none had waited for the next; float64 each."""
    at_s, done = 0.0, 0
    seconds, rounds = [np.empty(0)], [np.empty(0)]
    for part in parts:
        if len(part.seconds):
            seconds.append(at_s + part.seconds)
            rounds.append(done + part.rounds.astype(np.float64))
            at_s, done = float(seconds[-1][-1]), int(rounds[-1][-1])
    return np.concatenate(seconds), np.concatenate(rounds)


def _downtime(facts: SessionFacts) -> Downtime:
    if facts.heralds is None:
        return Downtime(0.0, {}, {})
    return downtime_of(facts.heralds.times, facts.heralds.causes)


def _calibrations(last: SessionFacts, made: datetime) -> Section:
    lines = calibration_rows(last.calibrations, last.session.closed or last.session.opened, made)
    text = "Ages at the end of the last session." if lines else "No calibration file here."
    return Section("Calibrations", text, head=("setting", "measured by", "UTC", "age") if lines else (), lines=lines)
