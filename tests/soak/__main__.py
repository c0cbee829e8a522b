"""`python -m tests.soak`: what is tried on the nodes for as long as one wants; one table at the end."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
import tempfile
from pathlib import Path

from tests.soak.campaign import Shard, merge, table

KINDS = {
    "exchanges": "exchanges.Exchanges",
    "crashes": "crashes.Crashes",
    "parsers": "parsers.Parsers",
    "honest": "honest.Honest",
    "tags": "small_fields.Tags",
    "extractors": "small_fields.Extractors",
}


def shard(text: str) -> tuple[int, int]:
    """k/n."""
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text}: write k/n with 1 <= k <= n")
    return int(found[1]), int(found[2])


def seconds(text: str) -> float:
    """A positive number."""
    if not re.fullmatch(r"\d{1,7}(\.\d*)?", text) or float(text) <= 0:
        raise argparse.ArgumentTypeError(f"{text}: must be seconds above 0")
    return float(text)


def main(argv: list[str] | None = None) -> int:
    """Run, print the table; status 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--budget", type=seconds, default=600.0, help="seconds (600)")
    parser.add_argument("--state", type=Path, default=Path("soak-state"), help="folder that remembers what was tried")
    parser.add_argument("--shard", type=shard, default=(1, 1), help="k/n: one part of n, each started on its own")
    parser.add_argument("--kinds", default=",".join(KINDS), help="which, separated by commas")
    parser.add_argument("--case", help="KIND:NUMBER: repeat one case and print what it finds")
    args = parser.parse_args(argv)
    chosen = [args.case.partition(":")[0]] if args.case else args.kinds.split(",")
    if unknown := [name for name in chosen if name not in KINDS]:
        parser.error(f"kind {unknown[0]}: there are {', '.join(KINDS)}")
    memory = Path("/dev/shm")
    where = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="diqkd-soak-", dir=where) as scratch:
        os.environ["XDG_STATE_HOME"] = scratch
        kinds = [_kind(name, Path(scratch)) for name in chosen]
        if args.case:
            found = kinds[0].case(int(args.case.partition(":")[2]))
            print("\n".join(found) or "held")
            return bool(found)
        try:
            Shard(args.state, *args.shard).run(kinds, args.budget, lambda line: print(line, flush=True))
        except KeyboardInterrupt:
            print("interrupted; the same command goes on", file=sys.stderr)
    tallies = merge(args.state)
    print(table(tallies))
    for name, tally in tallies.items():
        for number, line in tally.faults[:5]:
            print(f"{name}:{number}: {line}")
    return any(tally.faults for tally in tallies.values())


def _kind(name: str, scratch: Path):
    module, _, cls = KINDS[name].partition(".")
    folder = scratch / name
    folder.mkdir()
    return getattr(importlib.import_module(f"tests.soak.{module}"), cls)(folder)


if __name__ == "__main__":
    sys.exit(main())
