"""Numbers and times as words."""

from __future__ import annotations

from datetime import datetime, timedelta


def spaced(number: int) -> str:
    """1500000 as '1 500 000', with spaces that do not break."""
    return f"{number:,}".replace(",", "\u00a0")


def duration(seconds: float) -> str:
    """As exact as one cares: '42 s', '3 min 20 s', '25 min', '4 h 05 min', '2 d 3 h'."""
    whole = round(max(seconds, 0.0))
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(whole / 3600)
    return f"{hours // 24} d {hours % 24} h"


def clock(moment: datetime, now: datetime) -> str:
    """A time of day, with the day when it is not today: '14:35', 'Thu 26 Nov 02:10'."""
    return moment.strftime("%H:%M" if moment.date() == now.date() else "%a %d %b %H:%M")


LONGEST_S = 366 * 86400.0
"""No session is estimated to last longer; a larger figure is no estimate."""


def estimated_end(remaining_s: float | None, known_since: datetime | None, now: datetime) -> str:
    """'about 25 min left, until 14:35'.

    Args:
        remaining_s: time left when it was estimated, None while unknown.
        known_since: when that was, local time; None if nobody saw it, then no time of day is told.
        now: local time.
    """
    if remaining_s is None or not 0 <= remaining_s <= LONGEST_S:
        return "end not known yet"
    if known_since is None:
        return f"about {duration(remaining_s)} left when last told"
    end = known_since + timedelta(seconds=remaining_s)
    left = (end - now).total_seconds()
    if left < 0:
        return f"should have ended at {clock(end, now)}"
    return f"about {duration(left)} left, until {clock(end, now)}"
