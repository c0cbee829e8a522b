"""When the heralds of stored rounds came: rounds against time, and the pauses in between. Public from the start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from postprocess.rounds.round_files import RECORDS_FILE
from postprocess.rounds.round_records import RoundRecords
from postprocess.rounds.round_store import RECORDS, SPAN
from postprocess.storage.framed_log import FramedLog

PAUSE_S = 1.0
PAUSE_INTERVALS = 30.0  # between two heralds; by chance so long once in 1e13


@dataclass(frozen=True)
class Pause:
    """No herald between `after_round` rounds and the next: for how long, None where the core's clock began anew."""

    after_round: int
    start_s: float
    seconds: float | None


@dataclass(frozen=True)
class HeraldTimes:
    """Rounds with a herald against machine time since the first of them.

    Attributes:
        rounds: int64 (k,), how many rounds were over; one point per stored piece, and both ends of each pause.
        seconds: float64 (k,). Where the core's clock began anew the time in between is unknown and left out.
        pauses: longer than a second and than 30 mean intervals.
        rates_hz: float64, heralds per second in each stored piece, usually a block.
    """

    rounds: NDArray[np.int64]
    seconds: NDArray[np.float64]
    pauses: tuple[Pause, ...]
    rates_hz: NDArray[np.float64]

    @property
    def measuring_s(self) -> float:
        """Time without the pauses."""
        total = float(self.seconds[-1]) if len(self.seconds) else 0.0
        return total - sum(pause.seconds or 0.0 for pause in self.pauses)


def herald_times(folder: Path, seconds_per_mu: float = 1e-9) -> HeraldTimes:
    """Of the rounds stored in a session's or measurement's folder; empty before the first.

    Raises:
        InvalidInput: missing or damaged file of records.
    """
    log = FramedLog(folder / RECORDS_FILE, longest_payload=1 << 30, read_only=True)
    pieces = _Pieces(seconds_per_mu)
    for kind, payload in log.frames():
        if kind == RECORDS:
            records = RoundRecords.from_words(np.frombuffer(payload, "<i4", offset=SPAN.size))
            if len(records):
                pieces.add(SPAN.unpack_from(payload)[0], records.timestamps_mu)
    return pieces.times()


class _Pieces:
    """Takes a session piece by piece, however long it is, and keeps its points and its long intervals."""

    def __init__(self, seconds_per_mu: float) -> None:
        self._seconds_per_mu = seconds_per_mu
        self._last_mu: int | None = None
        self._clock = 0.0
        self._points: list[tuple[int, float]] = []
        self._long: list[tuple[Pause, float]] = []  # with the time of the herald after it
        self._usual: list[float] = []
        self._rates: list[float] = []

    def add(self, first: int, times_mu: NDArray[np.int64]) -> None:
        start_mu = int(times_mu[0]) if self._last_mu is None else self._last_mu
        steps = np.diff(times_mu, prepend=start_mu) * self._seconds_per_mu
        anew = steps < 0
        within = steps[1:][~anew[1:]]
        if len(within) and within.sum() > 0:
            self._usual.append(float(np.median(within)))
            self._rates.append(len(within) / float(within.sum()))
        clock = np.concatenate(([self._clock], self._clock + np.cumsum(np.where(anew, 0.0, steps))))
        for at in np.flatnonzero((steps > PAUSE_S) | anew):
            pause = Pause(first + int(at), float(clock[at]), None if anew[at] else float(steps[at]))
            self._long.append((pause, float(clock[at + 1])))
        self._points += [(first + 1, float(clock[1])), (first + len(steps), float(clock[-1]))]
        self._last_mu, self._clock = int(times_mu[-1]), float(clock[-1])

    def times(self) -> HeraldTimes:
        limit = PAUSE_INTERVALS * float(np.median(self._usual)) / np.log(2) if self._usual else 0.0
        pauses = [each for each in self._long if each[0].seconds is None or each[0].seconds > limit]
        ends = {(pause.after_round, pause.start_s) for pause, _ in pauses}
        ends |= {(pause.after_round + 1, end_s) for pause, end_s in pauses}
        points = np.array(sorted({*self._points, *ends}), np.float64).reshape(-1, 2)
        rounds = points[:, 0].astype(np.int64)
        return HeraldTimes(rounds, points[:, 1], tuple(pause for pause, _ in pauses), np.array(self._rates))
