"""`-o NAME=VALUE`: arguments of an experiment as a person writes them, checked before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from diqkd.arguments import shown
from diqkd.quantities import base_of, in_unit, quantity
from diqkd.scan_options import SCANNABLE, limits, read_scan
from postprocess.errors import InvalidInput

if TYPE_CHECKING:
    from testbed.standin.experiment_catalogue import Listed

TEXT_KINDS = ("StringValue", "EnumerationValue")  # as the processors of ARTIQ's arguments call themselves


def read_options(listed: Listed, words: list[str]) -> dict[str, Any]:
    """-o words as arguments: text stays text, numbers may have a unit (40 kHz) and must lie in their range.

    Raises:
        InvalidInput: no such argument, or a value that it cannot have.
    """
    known = {argument.name: argument.description for argument in listed.arguments}
    options: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in known:
            raise InvalidInput(f"-o {shown(word)}: write NAME=VALUE with NAME one of {', '.join(known)}")
        try:
            options[name] = _value(known[name], text)
        except ValueError as problem:
            raise InvalidInput(f"-o {shown(word)}: {name} is {problem}") from None
    return options


def range_of(description: dict[str, Any]) -> str:
    """What a value may be, for people: '100 to 1000', '0.1 kHz to 3000 kHz', 'one of paper, long, custom'."""
    if description["ty"] == SCANNABLE:
        return limits(description)
    if description.get("choices"):
        return "one of " + ", ".join(description["choices"])
    unit, scale = description.get("unit", ""), description.get("scale")
    ends = [in_unit(description[end], unit, scale) for end in ("min", "max") if description.get(end) is not None]
    return " to ".join(ends)


def _value(description: dict[str, Any], text: str) -> Any:
    """One value; ValueError completes 'NAME is ...'."""
    kind = description["ty"]
    if kind in TEXT_KINDS:
        word = _unquoted(text)
        if "choices" in description and word not in description["choices"]:
            raise ValueError(range_of(description))
        return word
    if kind == "BooleanValue":
        if text.lower() not in ("true", "false"):
            raise ValueError("True or False")
        return text.lower() == "true"
    if kind == "NumberValue":
        return _number(description, text)
    if kind == SCANNABLE:
        return read_scan(description, text)
    return _pyon(description, text)


def _number(description: dict[str, Any], text: str) -> float | int:
    example = f"write for instance {in_unit(description.get('default', 1), *_unit(description))}"
    try:
        value = quantity(text, base_of(description.get("unit", "")))
    except ValueError as problem:
        raise ValueError(f"{problem}; {example}") from None
    low, high = description.get("min"), description.get("max")
    if (low is not None and value < low) or (high is not None and value > high):
        raise ValueError(f"out of range; write {range_of(description)}")
    if description.get("type") == "int":
        if value != int(value):
            raise ValueError(f"a whole number; {example}")
        return int(value)
    return value


def _unit(description: dict[str, Any]) -> tuple[str, Any]:
    return description.get("unit", ""), description.get("scale")


def _pyon(description: dict[str, Any], text: str) -> Any:
    from testbed.standin import pyon

    try:
        return pyon.decode(text)
    except Exception:
        default = description.get("default")
        raise ValueError(f"not read; write it as artiq_client takes it, by default {default}") from None


def _unquoted(text: str) -> str:
    """Text as it is; quotes around the whole, as artiq_client wants them, are taken off."""
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"" else text
