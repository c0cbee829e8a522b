"""Instructions per call of the firmware, counted: where the numbers of testbed.drivers.cpu_time come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import mean, median
from typing import Any, NamedTuple

from testbed.drivers.cpu_time import INPUTS, OUTPUTS

RUN = 1  # address of the entangler that begins a window of attempts
CHANNEL_ARGUMENT = {"rtio_input_data": 0, "rtio_input_timestamp": 2, "rtio_input_timestamped_data": 3}


class CountedCall(NamedTuple):
    """One call: the firmware's function, target of an output or channel of an input (-1: neither), and the
    instructions executed and charged up to its end."""

    name: str
    place: int
    instructions: int


def instructions_per_call(calls: Sequence[CountedCall], table: dict[str, Any]) -> dict[str, float]:
    """Instructions by kind of call, as in `cpu_time.INSTRUCTIONS`: the mean over the windows and rounds of a block, and
    for what they do not call the median over the whole kernel, which computes much before some of its first calls.

    Args:
        calls: of one kernel.
        table: the device table.
    """
    classes = {
        entry["arguments"]["channel"]: entry["class"]
        for entry in table.values()
        if isinstance(entry, dict) and "channel" in entry.get("arguments", {})
    }
    spent = [(_kind(call, classes), used) for call, used in _between(calls)]
    windows = [i for i, call in enumerate(calls) if _begins_window(call, classes)]
    whole, block = _by_kind(spent), _by_kind(spent[windows[0] : windows[-1]])
    return {kind: median(used) for kind, used in whole.items()} | {kind: mean(used) for kind, used in block.items()}


def _between(calls: Sequence[CountedCall]) -> Iterable[tuple[CountedCall, int]]:
    """Each call with the instructions since the one before; arithmetic belongs to the call that follows it."""
    before = 0
    for call in calls:
        yield call, call.instructions - before
        before = call.instructions


def _begins_window(call: CountedCall, classes: dict[int, str]) -> bool:
    return call.name == "rtio_output" and classes.get(call.place >> 8) == "Entangler" and call.place & 0xFF == RUN


def _kind(call: CountedCall, classes: dict[int, str]) -> str:
    if call.name.startswith("rtio_output"):
        return OUTPUTS.get((classes.get(call.place >> 8, ""), call.place & 0xFF), "ttl")
    if call.name in CHANNEL_ARGUMENT:
        return INPUTS[classes[call.place]][call.name == "rtio_input_timestamp"]
    return {"rtio_get_counter": "read_clock", "rpc_send_async": "send"}.get(call.name, "")


def _by_kind(spent: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    kinds: dict[str, list[int]] = defaultdict(list)
    for kind, used in spent:
        if kind:
            kinds[kind].append(used)
    return kinds
