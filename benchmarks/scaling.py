"""Decoding over the number of rounds: time per bit against that of the smallest, and peak memory per bit."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.decoder import our_memory, task_of
from benchmarks.measure import PAPER_OVERHEAD, Row, Scale, alternate, peak_megabytes


def rows(scale: Scale) -> Iterator[Row]:
    """A line for time and one for memory per number of rounds; a ratio of 1 is linear growth.

    Short runs have the paper's rule for the syndrome, which is generous there; long ones keep the overhead of the
    paper's session.
    """
    first: dict[str, float] = {}
    for n in scale.scaling:
        overhead = PAPER_OVERHEAD if n >= 1_500_000 else None
        task = task_of(n, overhead)
        (decoded,) = alternate(min(3, scale.runs), lambda task=task: task.ours(2))
        memory = peak_megabytes(our_memory, n, overhead)
        for what, value, unit, note in (
            ("decoding", 1e9 * decoded / n, "ns/bit", f"m = {task.code.m}, {decoded:.3g} s"),
            ("peak memory", 1e6 * memory / n, "B/bit", f"m = {task.code.m}, {memory:.3g} MB, code included"),
        ):
            smallest = first.setdefault(what, value)
            yield Row(f"{what}, n = {n}", value, f"n = {scale.scaling[0]}", smallest, unit, note)
