"""Table I of the paper for a ledger: one set of rows, whoever prints them (Nadlinger 2022, table I)."""

from __future__ import annotations

from typing import Any

from postprocess.keystore.balance import Balance

ROWS = (
    ("Initial shared key K0", "K0", 0),
    ("Consumed", "consumed", 1),
    ("validation of error correction", "consumed_error_correction", 2),
    ("authentication", "consumed_authentication", 2),
    ("key activation", "consumed_activation", 2),
    ("Reusable", "reusable", 1),
    ("hash key", "reusable_vhash", 2),
    ("extractor seed", "reusable_trevisan", 2),
    ("Generated", "generated", 0),
    ("Final shared key K1", "K1", 0),
    ("Net gain", "net", 0),
)
EMULATED = "Made on the emulated apparatus: not a secret key."


def table_rows(numbers: dict[str, Any]) -> list[tuple[str, str, int]]:
    """(name, bits, depth) of each row, from `Balance.as_dict`."""
    return [(name, f"{numbers[key]:,} bits".replace(",", " "), depth) for name, key, depth in ROWS]


def table_text(balance: Balance) -> str:
    """Table I, one line per row; says which apparatus made the bits and whether they are worth anything."""
    rows = table_rows(balance.as_dict())
    width = max(len(name) + 2 * depth for name, _, depth in rows) + 2
    lines = [f"{'  ' * depth + name:<{width}}{bits:>14}" for name, bits, depth in rows]
    if balance.apparatus == "emulated":
        lines.append(EMULATED)
    lines += [f"INSECURE: {reason}" for reason in balance.insecure_because]
    return "\n".join(lines)
