"""Which version of this software made a result."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path


def source_revision() -> str:
    """Git commit of the checkout this package lies in (with '+changes' if files differ), else the installed version."""
    folder = Path(__file__).resolve().parents[2]
    if (folder / ".git").exists():
        try:
            commit = _git(folder, "rev-parse", "HEAD")
            return commit + ("+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
        except (OSError, subprocess.SubprocessError):
            pass
    try:
        return f"diqkd {metadata.version('diqkd')}"
    except metadata.PackageNotFoundError:
        return "unknown"


def _git(folder: Path, *command: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *command], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
