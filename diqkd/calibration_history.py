"""`diqkd calibrate --history`: every value that a node's calibration file remembers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from diqkd.printing import wrapped

if TYPE_CHECKING:
    from postprocess.calibration.history import CalibratedValue

ALL = "all"
REVISION_CHARACTERS = 8


def print_history(homes: Path, nodes: tuple[str, ...], setting: str) -> None:
    """Each node's values, newest first, a paragraph each.

    Args:
        homes: folder with the nodes' homes.
        setting: for instance "qubit.mapping.frequency"; or ALL.
    """
    from postprocess.calibration.history import history

    for node in nodes:
        print(f"{node.capitalize()}'s calibrated values, newest first (SI, rad)")
        found = history(homes / node, "" if setting == ALL else setting)
        last = ""
        for each in found:
            if each.setting != last:
                print(f"  {each.setting}")
                last = each.setting
            print(wrapped(_words(each), 4, hanging=2))
        print() if found else print("  none\n")


def _words(each: CalibratedValue) -> str:
    fit = each.goodness
    source = f"by {each.by}" if each.by else "by hand"
    parts = [f"{_number(each.value)}{f' +- {_number(each.error, 3)}' if each.error is not None else ''}"]
    if {"reduced_chi_square", "p_value"} <= set(fit):
        parts.append(f"chi-square {fit['reduced_chi_square']:.2f} per degree of freedom, p {fit['p_value']:.2g}")
    parts.append(f"{each.measured} {source}" + (f", RID {each.rid}" if each.rid is not None else ""))
    if each.revision:
        changed = "+changes" * each.revision.endswith("+changes")
        parts.append(f"revision {each.revision[:REVISION_CHARACTERS]}{changed}")
    return "; ".join(parts)


def _number(value: Any, digits: int = 10) -> str:
    if isinstance(value, list):
        return f"({', '.join(_number(each, digits) for each in value)})"
    return f"{value:.{digits}g}" if isinstance(value, int | float) else str(value)
