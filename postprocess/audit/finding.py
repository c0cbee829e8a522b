"""One line of an audit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A claim, whether it holds (None: it cannot be checked, `detail` says why), and what was compared; no private bit.

    `where` is "alice", "bob" or "both".
    """

    where: str
    claim: str
    holds: bool | None
    detail: str


class CannotBeChecked(Exception):
    """The evidence for a claim is not there (any more); the text says why."""


def spaced(number: int) -> str:
    """1500000 as 1 500 000."""
    return f"{number:,}".replace(",", " ")
