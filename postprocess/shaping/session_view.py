"""Where a session stands: its rounds, and the post-processing, which may belong to the session before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from postprocess.shaping.apparatus_marks import marks
from postprocess.shaping.dataset_values import Values, flag, number, text, whole
from postprocess.shaping.worded_numbers import estimated_end, spaced

ROUNDS, KEY = "diqkd.rounds", "diqkd.key"
MEASURING = "measuring"
ACCEPTED, ABORTED = "key accepted", "aborted"
RUNNING, GOOD, MARKED, BAD = "running", "good", "marked", "bad"

ORIGIN = ("session", "status", "apparatus", "insecure_because")
DATASETS = (
    *(f"{ROUNDS}.{name}" for name in (*ORIGIN, "total", "done", "lost", "remaining_s")),
    *(f"{KEY}.{name}" for name in (*ORIGIN, "accepted", "bits", "abort_reason")),
)
REMAINING = f"{ROUNDS}.remaining_s"


@dataclass(frozen=True)
class RoundsView:
    """The rounds of the session that is measured.

    Attributes:
        title: name of the session and what it does.
        done, total: rounds; total is 0 while unknown.
        counts: the same in words, with the rounds that were lost.
        end: estimated end in words, empty while no rounds are measured: nobody knows how long a pause is.
        warnings: see shaping.apparatus_marks.
    """

    title: str
    done: int
    total: int
    counts: str
    end: str
    warnings: list[str]


@dataclass(frozen=True)
class KeyView:
    """The post-processing of the latest session that has got so far.

    Attributes:
        title: name of the session.
        verdict: what came out, or what is being done.
        kind: RUNNING, GOOD, BAD, or MARKED for a key that must not be used, because of its warnings.
        warnings: see shaping.apparatus_marks.
    """

    title: str
    verdict: str
    kind: str
    warnings: list[str]


def rounds_view(values: Values, known_since: datetime | None, now: datetime) -> RoundsView | None:
    """What to show of the rounds, None before the first session.

    Args:
        known_since: when the present REMAINING arrived, None if it was there before the applet.
        now: local time.
    """
    session = text(values, f"{ROUNDS}.session")
    if session is None:
        return None
    status = text(values, f"{ROUNDS}.status") or "preparing"
    total, done = whole(values, f"{ROUNDS}.total") or 0, whole(values, f"{ROUNDS}.done") or 0
    lost = whole(values, f"{ROUNDS}.lost") or 0
    running = status == MEASURING and done < total
    return RoundsView(
        title=f"Session {session}{_on(text(values, f'{ROUNDS}.apparatus'))}: {status}",
        done=min(done, total),
        total=total,
        counts=_counts(done, total, lost),
        end=estimated_end(number(values, REMAINING), known_since, now) if running else "",
        warnings=marks(text(values, f"{ROUNDS}.apparatus"), text(values, f"{ROUNDS}.insecure_because")),
    )


def _counts(done: int, total: int, lost: int) -> str:
    if not total:
        return "no block of rounds is complete yet"
    words = f"{spaced(done)} of {spaced(total)} rounds"
    return f"{words}, {spaced(lost)} lost (they count with outcome 0)" if lost else words


def key_view(values: Values) -> KeyView | None:
    """What to show of the post-processing, None before the first.

    A verdict is told only when the status tells it too: the other datasets may still be those of the session before.
    """
    session = text(values, f"{KEY}.session")
    if session is None:
        return None
    status = text(values, f"{KEY}.status") or "waiting for the rounds"
    apparatus, reasons = _origin(values, session)
    warnings = marks(apparatus, reasons)
    kind, verdict = RUNNING, status
    if status.startswith(ACCEPTED) and flag(values, f"{KEY}.accepted"):
        bits = whole(values, f"{KEY}.bits")
        kind = MARKED if warnings else GOOD
        verdict = ACCEPTED if bits is None else f"{ACCEPTED}: {spaced(bits)} bits"
    elif status.startswith(ABORTED):
        reason = text(values, f"{KEY}.abort_reason")
        kind, verdict = BAD, f"{ABORTED}, no key: {reason}" if reason else status
    return KeyView(f"Key of session {session}{_on(apparatus)}", verdict, kind, warnings)


def _origin(values: Values, session: str) -> tuple[str | None, str | None]:
    """Apparatus of the key and why it is insecure; those of the rounds serve only if they are of the same session."""
    source = KEY
    if text(values, f"{KEY}.apparatus") is None and text(values, f"{ROUNDS}.session") == session:
        source = ROUNDS
    return text(values, f"{source}.apparatus"), text(values, f"{source}.insecure_because")


def _on(apparatus: str | None) -> str:
    return f" ({apparatus})" if apparatus else ""
