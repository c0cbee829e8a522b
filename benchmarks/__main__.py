"""Run the benchmarks, one group after the other, each in a process of its own; print one table and write JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

from postprocess.storage.whole_files import write_whole

GROUPS = ("decoder", "scaling", "extractor", "steps", "session", "emulation", "compiled", "key_delivery")
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "pyldpc", "ldpc", "cryptomite")


def main() -> int:
    """Entry point of `python -m benchmarks`."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; default all")
    parser.add_argument(
        "--quick", action="store_true", help="small inputs: shows that it works, says nothing about speed"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: benchmarks/results/DATE[-quick].json")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    unknown = set(args.groups) - set(GROUPS)
    if unknown:
        parser.error(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    groups = args.groups or GROUPS
    if args.child:
        print(json.dumps(measured(groups[0], args.quick)))
        return 0
    lines = []
    for group in groups:
        print(f"measuring: {group} ...", file=sys.stderr, flush=True)
        lines += in_a_process(group, args.quick)
    report = {"date": date.today().isoformat(), "quick": args.quick, "machine": machine(), "rows": lines}
    path = args.json or RESULTS / f"{report['date']}{'-quick' if args.quick else ''}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(report, indent=1) + "\n").encode())
    show(report)
    print(f"written: {path}", file=sys.stderr)
    return 0


def measured(group: str, quick: bool) -> list[dict[str, Any]]:
    """All lines of a group, measured in this process."""
    from benchmarks.measure import PAPER, QUICK

    rows = importlib.import_module(f"benchmarks.{group}").rows(QUICK if quick else PAPER)
    return [{"group": group, **row.as_dict()} for row in rows]


def in_a_process(group: str, quick: bool) -> list[dict[str, Any]]:
    """All lines of a group from a fresh process, so that no group inherits another's memory or compiled code."""
    command = [sys.executable, "-m", "benchmarks", "--child", group, *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"benchmarks: {group} failed, see above")
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> dict[str, Any]:
    """What the numbers depend on; nothing that names the machine."""
    from postprocess.support.revision import source_revision

    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    load = os.getloadavg()[0]
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(load, 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": installed,
        "software": source_revision(),
    }


def processor() -> str:
    """Model name as the kernel gives it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def show(report: dict[str, Any]) -> None:
    """The table."""
    from rich.console import Console
    from rich.table import Table

    where = report["machine"]
    title = f"{where['processor']}, {where['cores']} cores, {report['date']}, numba {where['packages']['numba']}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), caption_justify="left",
                  caption="ratio: reference divided by ours, medians of the same run on the same input")  # fmt: skip
    for name in ("measured", "ours", "reference", "theirs", "ratio"):
        table.add_column(name, justify="left" if name in ("measured", "reference") else "right", no_wrap=True)
    group = None
    for row in report["rows"]:
        if row["group"] != group:
            group = row["group"]
            table.add_row(f"[bold]{group}[/bold]")
        theirs = "-" if row["theirs"] is None else quantity(row["theirs"], row["unit"])
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.3g}" if row["ratio"] < 1000 else f"{row['ratio']:.0f}"
        table.add_row(f"  {row['what']}", quantity(row["ours"], row["unit"]), row["reference"], theirs, ratio)
    for row in report["rows"]:
        if row["theirs"] is None:
            table.caption = f"{table.caption}\n{row['reference']}: {row['note']}"
    Console(width=132).print(table)


def quantity(value: float, unit: str) -> str:
    """0.0123 s as 12.3 ms."""
    if unit != "s":
        return f"{value:.3g} {unit}"
    factor, name = (1, "s") if value >= 1 else (1e3, "ms") if value >= 1e-3 else (1e6, "us")
    return f"{value * factor:.3g} {name}"


if __name__ == "__main__":
    sys.exit(main())
