"""Decoding over the number of rounds: time per bit against that of the smallest, and peak memory per bit."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.decoder import our_memory, task_of
from benchmarks.measure import Row, Scale, alternate, peak_megabytes

SHORTEST = 0.1977
"""Syndrome bits per round of the paper's session: longer runs keep it, though the paper's rule would allow fewer."""


def rows(scale: Scale) -> Iterator[Row]:
    """A line for time and one for memory per number of rounds; a ratio of 1 is linear growth."""
    first: dict[str, float] = {}
    for n in scale.scaling:
        task = task_of(n, SHORTEST)
        (decoded,) = alternate(min(3, scale.runs), lambda task=task: task.ours(2))
        memory = peak_megabytes(our_memory, n, SHORTEST)
        for what, value, unit, note in (
            ("decoding", 1e9 * decoded / n, "ns/bit", f"m = {task.code.m}, {decoded:.3g} s"),
            ("peak memory", 1e6 * memory / n, "B/bit", f"m = {task.code.m}, {memory:.3g} MB, code included"),
        ):
            smallest = first.setdefault(what, value)
            yield Row(f"{what}, n = {n}", value, f"n = {scale.scaling[0]}", smallest, unit, note)
