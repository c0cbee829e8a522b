"""Scans on the command line: START:STOP:POINTS in random order, or what artiq_client takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from diqkd.quantities import NUMBER, base_of, in_unit, quantity
from postprocess.calibration.running_order import random_range

if TYPE_CHECKING:
    from testbed.standin.experiment_catalogue import Listed

SCANNABLE = "Scannable"
FORM = "START:STOP:POINTS"
HELP = (
    f"A scan is {FORM}, both ends included, measured in random order: -20:20kHz:41 (a unit at one end holds for both). "
    "Other orders, centres and lists as artiq_client takes them: "
    """'{"ty": "ExplicitScan", "sequence": [1e-6, 2e-6]}'."""
)
MOST_POINTS = 10_000


def read_scan(description: dict[str, Any], text: str) -> dict[str, Any]:
    """A scan as ARTIQ's clients submit it; ValueError completes 'NAME is ...'."""
    if text.lstrip().startswith("{"):
        return _of_artiq(text, shown_scan(description))
    unit = description.get("unit", "")
    example = f"write {FORM}, for instance {shown_scan(description)}"
    ends, _, points = text.rpartition(":")
    words = ends.split(":")
    if len(words) != 2 or not points.strip().isascii() or not points.strip().isdigit():
        raise ValueError(f"no scan; {example}")
    start, stop = (_end(word, words, unit, example) for word in words)
    if not 1 <= int(points) <= MOST_POINTS:
        raise ValueError(f"a scan of 1 to {MOST_POINTS} points; {example}")
    low, high = description.get("global_min"), description.get("global_max")
    if any((low is not None and end < low) or (high is not None and end > high) for end in (start, stop)):
        raise ValueError(f"out of range; write {limits(description)}")
    return random_range(start, stop, int(points))


def shown_scan(description: dict[str, Any]) -> str:
    """The default scan as it can be typed."""
    scan, unit, scale = description["default"][0], description["unit"], description["scale"]
    start, stop = (in_unit(scan[end], unit, scale).replace(" ", "") for end in ("start", "stop"))
    return f"{start}:{stop}:{scan['npoints']}"


def limits(description: dict[str, Any]) -> str:
    """Range of every point: '0 us to 1000 us'."""
    unit, scale = description["unit"], description["scale"]
    ends = [description.get(end) for end in ("global_min", "global_max")]
    return " to ".join(in_unit(end, unit, scale) for end in ends if end is not None)


def with_order(listed: Listed, options: dict[str, Any], seed: int | None) -> dict[str, Any]:
    """`options`, with the order of every scan from a seed: what repeats bit for bit measures in the same order."""
    if seed is None:
        return options
    scans = {}
    for argument in listed.arguments:
        if argument.description["ty"] == SCANNABLE:
            scan = options.get(argument.name, argument.description["default"][0])
            scans[argument.name] = scan | ({"seed": seed} if scan.get("randomize") and scan.get("seed") is None else {})
    return options | scans


def _end(word: str, words: list[str], unit: str, example: str) -> float:
    """One end in SI units; a unit that only the other end has holds for it, too."""
    base = base_of(unit)
    units = [found[2] if (found := NUMBER.fullmatch(each.strip())) else "" for each in words]
    own = NUMBER.fullmatch(word.strip())
    whole = word.strip() + (next(filter(None, units), "") if own and not own[2] else "")
    try:
        return quantity(whole, base)
    except ValueError as problem:
        raise ValueError(f"no scan: '{whole}' is {problem}; {example}") from None


def _of_artiq(text: str, example: str) -> dict[str, Any]:
    from testbed.standin import pyon

    kinds = {
        "NoScan": {"value"},
        "RangeScan": {"start", "stop", "npoints"},
        "CenterScan": {"center", "span", "step"},
        "ExplicitScan": {"sequence"},
    }
    try:
        scan = pyon.decode(text)
        needed = kinds[scan["ty"]]
    except Exception:
        raise ValueError(f"no scan as artiq_client takes it; write {FORM}, for instance {example}") from None
    if needed - set(scan):
        raise ValueError(f"a {scan['ty']} without {', '.join(sorted(needed - set(scan)))}")
    return dict(scan)
