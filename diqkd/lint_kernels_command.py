"""`diqkd lint-kernels`: find what ARTIQ's compiler would reject, without ARTIQ."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from diqkd import arguments
from diqkd.printing import counted
from postprocess.errors import ExitStatus, InvalidInput

DESCRIPTION = """\
Check every @kernel and @portable function for what ARTIQ's compiler rejects or silently gets wrong (parsed as
Python 3.6; no f-strings, no starred arguments, nothing but `parallel` in its `with`, ...). Needs no ARTIQ.
Without PATH, the folders of this repository that hold kernels are checked."""

PACKAGES = ("node", "node_alice", "node_bob", "procedures")  # with kernels; those of repository/ beside them


def add_parser(subparsers: Any) -> None:
    """Register `diqkd lint-kernels`."""
    parser = subparsers.add_parser(
        "lint-kernels", help="check the real-time code for what ARTIQ's compiler rejects", description=DESCRIPTION
    )
    parser.add_argument("paths", nargs="*", type=arguments.path, metavar="PATH", help="files or folders")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one line per finding; exit status 1 when there are any."""
    from diqkd.linting.kernel_rules import lint
    from diqkd.places import checkout

    # Installed from a wheel, the packages lie here, repository/ elsewhere.
    own = [Path(__file__).resolve().parents[1] / package for package in PACKAGES]
    paths = args.paths or [*own, checkout() / "repository"]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise InvalidInput(f"{missing[0]}: no such file or folder; name files or folders that hold kernels")
    files = [file for path in paths for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    findings = [finding for file in files for finding in lint(file)]
    for finding in findings:
        print(finding)
    print(f"{counted(len(files), 'file')}, {counted(len(findings), 'finding')}")
    return ExitStatus.CRASHED if findings else ExitStatus.DONE
