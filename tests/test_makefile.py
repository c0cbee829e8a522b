"""`make setup` in a checkout that was moved."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("moved", [False, True])
def test_a_renamed_checkout_is_set_up_anew(tmp_path, moved):
    """Case L8: programs in a virtual environment name its absolute path."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, checkout / name)
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".ready").write_text(f"{tmp_path / 'former name' if moved else checkout}\n")
    command = ["make", "--dry-run", "--no-print-directory", "setup"]
    end = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    assert ("-m venv --clear .venv" in end.stdout) is moved
