"""Where the machine time of a session's rounds went: measuring, and pauses by their public causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from postprocess.rounds.herald_times import HeraldTimes
from postprocess.rounds.pause_log import PauseCause

RESTART = "node restarted"
NO_CAUSE = "no cause noted"


@dataclass(frozen=True)
class Downtime:
    """Machine time in s.

    Attributes:
        measuring_s: with heralds coming in.
        seconds: by cause, without pauses of unknown length. pauses: how many, those included.
    """

    measuring_s: float
    seconds: Mapping[str, float]
    pauses: Mapping[str, int]


def downtime_of(times: HeraldTimes, causes: Iterable[PauseCause]) -> Downtime:
    """The pauses that a session's heralds show, each with the causes that the nodes noted at that round.

    Where the core's clock began anew and no cause is noted, a node was started again.
    """
    noted: dict[int, set[str]] = {}
    for each in causes:
        noted.setdefault(each.after_round, set()).update(filter(None, each.kinds))
    seconds: dict[str, float] = {}
    pauses = Counter[str]()
    for pause in times.pauses:
        unnamed = RESTART if pause.seconds is None else NO_CAUSE
        name = " and ".join(sorted(noted.get(pause.after_round, ()))) or unnamed
        seconds[name] = seconds.get(name, 0.0) + (pause.seconds or 0.0)
        pauses[name] += 1
    return Downtime(times.measuring_s, seconds, dict(pauses))


def sum_of(parts: Iterable[Downtime]) -> Downtime:
    """Of several sessions together."""
    measuring_s, pauses = 0.0, Counter[str]()
    seconds: dict[str, float] = {}
    for part in parts:
        measuring_s += part.measuring_s
        pauses.update(part.pauses)
        for cause, lost in part.seconds.items():
            seconds[cause] = seconds.get(cause, 0.0) + lost
    return Downtime(measuring_s, seconds, dict(pauses))
