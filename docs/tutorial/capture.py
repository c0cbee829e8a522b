"""Text captures of docs/tutorial: types every command of the tutorial in an empty folder and keeps what it printed.

    python docs/tutorial/capture.py [FOLDER]     some minutes; FOLDER is docs/tutorial unless given

tests/test_tutorial.py types the same commands with few rounds.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LONGEST_S = 3600
CHAPTERS = {
    "1-key": (
        "diqkd --version",
        "diqkd demo --preset long --rounds 150000 --keep lab",
        "diqkd keys show --home lab/homes --node alice",
        "diqkd audit long-run --home lab/homes --node alice",
    ),
    "2-plan": (
        "diqkd run characterise_link -o rounds=20000 -o window=5000 --score 2.6 --qber 2% --herald-rate 55",
        "diqkd show results/*characterise_link/alice.h5 -o drawings",
        "diqkd plan --from results/*characterise_link/alice.h5 --preset long",
        "diqkd plan --score 2.3 --qber 5% --herald-rate 55",
    ),
    "3-report": (
        "diqkd results",
        "diqkd report long-run --home lab/homes --node alice",
        "diqkd show long-run --home lab/homes --node alice -o drawings",
        "diqkd calibrate --keep lab --only calibrate_readout",
        "diqkd status --home lab",
    ),
    "4-aborts": (
        "diqkd demo --fault list",
        "diqkd demo --rounds 20000 --gamma 1/2 --fault 'phase error=1.2'",
    ),
}
REHEARSAL = "--preset custom --rounds 1000 --gamma 1/2"
SMALL = {
    "--preset long --rounds 150000": REHEARSAL,
    "--rounds 20000 --gamma 1/2": REHEARSAL,
    "long-run": "rehearsal",  # as a session without a proven key is called
    "rounds=20000": "rounds=1000",
    "window=5000": "window=500",
}


def small(command: str) -> str:
    """The same command with few rounds."""
    for long, short in SMALL.items():
        command = command.replace(long, short)
    return command


def words_of(command: str, folder: Path) -> list[str]:
    """A command as a shell in `folder` would pass it on: quotes taken off, patterns replaced by the files they name."""
    words: list[str] = []
    for word in shlex.split(command):
        found = sorted(str(each.relative_to(folder)) for each in folder.glob(word)) if "*" in word else []
        words += found or [word]
    return words


def typed(command: str, folder: Path) -> tuple[str, int]:
    """(command and what it printed, into a pipe, with 80 columns and without colours; exit status)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DIQKD_")}
    environment |= {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(folder / ".run")}
    (folder / ".run").mkdir(mode=0o700, exist_ok=True)  # where `diqkd status` finds what runs: nothing but these
    done = subprocess.run(
        [sys.executable, "-m", *words_of(command, folder)],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=LONGEST_S, check=False,
    )  # fmt: skip
    printed = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
    return f"$ {command}\n{printed.replace(str(folder), '.')}", done.returncode


def capture(into: Path, *, short: bool = False) -> dict[str, int]:
    """Type all chapters, one after the other in one new folder; gives the exit status of each command."""
    statuses: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        for chapter in CHAPTERS:
            statuses |= capture_chapter(chapter, Path(name).resolve(), into, short=short)
    return statuses


def capture_chapter(chapter: str, folder: Path, into: Path, *, short: bool = False) -> dict[str, int]:
    """Type one chapter in `folder`, where those before it were typed; keeps the text and gives the exit statuses."""
    parts, statuses = [], {}
    for command in map(small, CHAPTERS[chapter]) if short else CHAPTERS[chapter]:
        text, statuses[command] = typed(command, folder)
        parts.append(text)
    (into / f"{chapter}.txt").write_text("\n".join(parts))
    return statuses


if __name__ == "__main__":
    for command, status in capture(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE).items():
        print(f"{status:4}  {command}")
