"""How things are measured: alternating runs, medians, and peak memory in a process of its own."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

PAPER_OVERHEAD = 296_517 / 1_500_000
"""Syndrome bits per round of the paper's session."""


@dataclass(frozen=True)
class Scale:
    """Sizes of the inputs: `PAPER` is the paper's session, `QUICK` shows in a minute that everything works.

    Attributes:
        rounds, ell: the session, its extractor and its single steps.
        ldpc_rounds, ldpc_overhead: for the comparison with PyPI's ldpc, so that it ends within a minute; syndrome bits
            per round, None for the paper's rule.
        pyldpc_rounds: for the comparison with pyldpc, whose matrices are dense.
        cryptomite_rounds: for the comparison with cryptomite.
        scaling: numbers of rounds for the scaling of the decoder.
        runs: repetitions whose median counts; peers that take many seconds get fewer.
    """

    rounds: int
    ell: int
    ldpc_rounds: int
    ldpc_overhead: float | None
    pyldpc_rounds: int
    cryptomite_rounds: int
    scaling: tuple[int, ...]
    runs: int


PAPER = Scale(
    rounds=1_500_000,
    ell=95_884,
    ldpc_rounds=300_000,
    ldpc_overhead=PAPER_OVERHEAD,
    pyldpc_rounds=1200,
    cryptomite_rounds=150_000,
    scaling=(20_000, 100_000, 500_000, 1_500_000, 5_000_000, 10_000_000),
    runs=5,
)
QUICK = Scale(
    rounds=50_000,
    ell=2000,
    ldpc_rounds=20_000,
    ldpc_overhead=None,
    pyldpc_rounds=420,
    cryptomite_rounds=5000,
    scaling=(20_000, 50_000),
    runs=3,
)


@dataclass(frozen=True)
class Row:
    """One line of the table: ours, the reference, and their ratio.

    Attributes:
        what: what was measured.
        ours: its median in `unit`.
        reference: what it is compared with.
        theirs: the reference's median in `unit`; None where it could not be measured, the note says why.
        unit: "s", "MB", "ns/bit" or "B/bit".
        note: sizes and conditions.
    """

    what: str
    ours: float
    reference: str
    theirs: float | None
    unit: str = "s"
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Reference divided by ours: above 1, ours is faster or smaller."""
        return None if self.theirs is None else self.theirs / self.ours

    def as_dict(self) -> dict[str, Any]:
        """For JSON, ratio included."""
        return {**asdict(self), "ratio": self.ratio}


def seconds(action: Callable[[], Any]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def alternate(runs: int, *actions: Callable[[], Any]) -> list[float]:
    """Median seconds of each action, run in turns so that a disturbance hits all alike; a first turn warms up."""
    for action in actions:
        action()
    turns = [[seconds(action) for action in actions] for _ in range(runs)]
    return [median(times) for times in zip(*turns, strict=True)]


def peak_megabytes(work: Callable[..., Callable[[], Any]], *arguments: Any) -> float:
    """Memory that an action adds at its peak, in MB (10^6 bytes), measured in a fresh process (Linux).

    Args:
        work: module-level function that prepares and warms up and returns the action.
        arguments: for `work`.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report_peak, args=(sender, work, arguments))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        raise RuntimeError(f"the process that measured the memory of {work.__name__} died") from None
    finally:
        process.join()


def _report_peak(sender: Any, work: Callable[..., Callable[[], Any]], arguments: tuple[Any, ...]) -> None:
    action = work(*arguments)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _status_kilobytes("VmRSS")
    action()
    sender.send((_status_kilobytes("VmHWM") - before) * 1024 / 1e6)


def _status_kilobytes(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {name}")
