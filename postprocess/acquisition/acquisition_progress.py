"""How far the rounds are; public numbers only."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from postprocess.rounds import RoundStore
from postprocess.rounds.record_log import stored_records
from postprocess.rounds.round_records import RoundRecords


@dataclass(frozen=True)
class AcquisitionProgress:
    """What dashboard and terminal may show.

    Attributes:
        rounds_done, rounds: decided rounds and n.
        blocks_done, blocks: whole blocks.
        rounds_lost: rounds that count with outcome 0 after a fault or crash.
        herald_rate_hz: heralds per second of machine time over the latest block; 0.0 while unknown.
        pattern_counts: how often each herald pattern 0 to 15 came, bit k = APD k.
        rates_known: stored blocks whose herald rate is known, those of earlier runs included.
        remaining_s: estimate of the wall-clock time to the end; None while unknown.
    """

    rounds_done: int
    rounds: int
    blocks_done: int
    blocks: int
    rounds_lost: int
    herald_rate_hz: float
    pattern_counts: tuple[int, ...]
    rates_known: int
    remaining_s: float | None


class ProgressMeter:
    """Keeps the running numbers, so that a report costs nothing with the number of rounds.

    Attributes:
        rates_hz: herald rate of every block, or part of one, that is stored; those of one round have none.
    """

    def __init__(
        self, store: RoundStore, *, seconds_per_mu: float = 1e-9, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._seconds_per_mu, self._clock = store, seconds_per_mu, clock
        self._patterns = np.bincount(store.patterns(0, store.decided), minlength=16)
        self._began: tuple[float, int] | None = None
        self.rates_hz = _stored_rates(store, seconds_per_mu)

    def start(self) -> None:
        """The kernel gets its first rounds: from here on the speed is measured."""
        if self._began is None:
            self._began = (self._clock(), self._store.decided)

    def add(self, records: RoundRecords) -> None:
        """Count the records of a block."""
        self._patterns += np.bincount(records.patterns, minlength=16)
        rate_hz = _herald_rate(records, self._seconds_per_mu)
        if rate_hz is not None:
            self.rates_hz.append(rate_hz)

    def report(self) -> AcquisitionProgress:
        """The numbers of now."""
        store, remaining = self._store, None
        if self._began is not None and store.decided > self._began[1]:
            per_round = (self._clock() - self._began[0]) / (store.decided - self._began[1])
            remaining = per_round * (store.parameters.rounds - store.decided)
        done = store.decided == store.parameters.rounds
        remaining = 0.0 if done else remaining
        return AcquisitionProgress(
            rounds_done=store.decided,
            rounds=store.parameters.rounds,
            blocks_done=store.parameters.blocks if done else store.block_of(store.decided),
            blocks=store.parameters.blocks,
            rounds_lost=len(store.zeroed),
            herald_rate_hz=self.rates_hz[-1] if self.rates_hz else 0.0,
            pattern_counts=tuple(int(count) for count in self._patterns),
            rates_known=len(self.rates_hz),
            remaining_s=remaining,
        )


def _stored_rates(store: RoundStore, seconds_per_mu: float) -> list[float]:
    rates = (_herald_rate(records, seconds_per_mu) for _, records in stored_records(store.folder))
    return [rate for rate in rates if rate is not None]


def _herald_rate(records: RoundRecords, seconds_per_mu: float) -> float | None:
    if len(records) < 2:
        return None
    elapsed_mu = int(records.timestamps_mu[-1] - records.timestamps_mu[0])
    return (len(records) - 1) / (elapsed_mu * seconds_per_mu) if elapsed_mu > 0 else 0.0
