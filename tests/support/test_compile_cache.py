"""Where compiled kernels lie: apart for each numba, outside the source tree, and somewhere on every machine."""

import ast
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from postprocess.support.compile_cache import cache_folder

ROOT = Path(__file__).resolve().parents[2]
HASH = """
import os
from postprocess.authentication import vhash
print(vhash(bytes(range(160)), b"bytes"))
from postprocess.authentication.hash_kernels import polynomial_of_blocks
folder = polynomial_of_blocks._cache.cache_path
print(folder, len(os.listdir(folder)))
"""


def compile_and_hash(**environment):
    """Folder and number of files of a kernel that a new process has compiled, and what it computed."""
    clean = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    command = [sys.executable, "-c", HASH]
    done = subprocess.run(command, cwd=ROOT, env=clean | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    value, folder, files = done.stdout.split()
    return int(value), Path(folder), int(files)


@pytest.mark.parametrize("one_thing", [("0.61.2", "0.45.0"), ("0.62.0", "0.44.0")])
def test_versions_do_not_share_a_folder(one_thing):
    assert cache_folder(*one_thing) != cache_folder("0.61.2", "0.44.0")


def test_code_lies_with_the_user_and_for_nobody_else(tmp_path):
    _, folder, files = compile_and_hash(HOME=str(tmp_path))
    ours = next((tmp_path / ".cache" / "diqkd").iterdir())
    assert ours.name.startswith("numba-") and "-llvmlite-" in ours.name
    assert folder.is_relative_to(ours) and files > 0
    assert stat.S_IMODE(ours.stat().st_mode) == 0o700


def test_a_cache_folder_that_the_user_chose_is_taken(tmp_path):
    assert compile_and_hash(XDG_CACHE_HOME=str(tmp_path / "xdg"))[1].is_relative_to(tmp_path / "xdg" / "diqkd")
    assert compile_and_hash(NUMBA_CACHE_DIR=str(tmp_path / "numba"))[1].is_relative_to(tmp_path / "numba")


def test_without_a_home_to_write_to_kernels_compile_all_the_same(tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    value, folder, files = compile_and_hash(HOME="/dev/null/nobody", TMPDIR=str(temporary))
    assert value == compile_and_hash(HOME=str(tmp_path))[0]
    assert folder.is_relative_to(temporary) and files > 0
    assert not list(temporary.iterdir())


def test_every_kernel_is_decorated_with_ours():
    compiled = [path for room in ("postprocess", "testbed", "benchmarks") for path in (ROOT / room).rglob("*.py")]
    assert compiled
    for path in compiled:
        if path.name == "compile_cache.py":
            continue
        for part in ast.walk(ast.parse(path.read_text())):
            if isinstance(part, ast.ImportFrom) and part.module == "numba":
                assert not {alias.name for alias in part.names} & {"njit", "jit", "vectorize", "guvectorize"}, path


def test_a_cache_that_cannot_be_read_or_written_costs_no_result(tmp_path):
    """Case M12: every index is a folder, as unreadable as a file can be for any user."""
    value, _, _ = compile_and_hash(NUMBA_CACHE_DIR=str(tmp_path))
    for index in tmp_path.rglob("*.nbi"):
        index.unlink()
        index.mkdir()
    command = [sys.executable, "-c", HASH]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) == value
    assert done.stderr.count("compiled without a cache") == 1
