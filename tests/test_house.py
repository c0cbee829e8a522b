"""The rules of the house: who may import whom, nothing asks whether it is emulated, files stay readable."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "contract",
    "repository", "procedures", "node", "node_alice", "node_bob", "postprocess", "controllers", "applets", "testbed",
    "diqkd",
)  # fmt: skip

# What each room may import of ours besides itself.
MAY_IMPORT = {
    "repository": {"contract", "procedures", "node_alice", "node_bob", "node", "postprocess"},
    "contract": set(),
    "procedures": {"contract", "node_alice", "node_bob", "node", "postprocess"},
    "node": {"contract"},
    "node_alice": {"contract", "node"},
    "node_bob": {"contract", "node"},
    "postprocess": {"contract"},
    "controllers": {"contract", "postprocess"},
    "applets": set(),
    "testbed": {"contract", "postprocess"},
    "diqkd": {"contract", "controllers", "node", "node_alice", "node_bob", "postprocess", "testbed"},
}
WITHOUT_ARTIQ = ("postprocess", "diqkd")
MAX_LINES = 400


def sources(room):
    return sorted((ROOT / room).rglob("*.py"))


def parse(path):
    return ast.parse(path.read_text(), str(path))


def imported_packages(tree):
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            yield from (alias.name.split(".")[0] for alias in part.names)
        elif isinstance(part, ast.ImportFrom) and part.level == 0:
            yield part.module.split(".")[0]


def test_every_room_has_sources():
    assert all(sources(room) for room in ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_import_rules(room):
    forbidden = set(ROOMS) - MAY_IMPORT[room] - {room}
    if room in WITHOUT_ARTIQ:
        forbidden |= {"artiq", "sipyco"}
    for path in sources(room):
        found = forbidden & set(imported_packages(parse(path)))
        assert not found, f"{path.relative_to(ROOT)} imports {sorted(found)}"


@pytest.mark.parametrize("room", ("repository", "node", "node_alice", "node_bob"))
def test_nothing_asks_whether_it_is_emulated(room):
    for path in sources(room):
        for part in ast.walk(parse(path)):
            if isinstance(part, ast.Compare | ast.Match):
                words = {node.value for node in ast.walk(part) if isinstance(node, ast.Constant)}
                assert not words & {"emulated", "kasli"}, f"{path.relative_to(ROOT)}:{part.lineno}"


@pytest.mark.parametrize("room", (*ROOMS, "tests", "benchmarks"))
def test_files_fit_on_a_desk(room):
    for path in sources(room):
        lines = len(path.read_text().splitlines())
        assert lines <= MAX_LINES, f"{path.relative_to(ROOT)} has {lines} lines: two concerns in one room?"


def test_importing_the_command_line_is_cheap():
    import subprocess
    import sys

    heavy = "numpy scipy numba h5py matplotlib zmq rich pyldpc"
    code = (
        f"import sys, diqkd.main; diqkd.main.build_parser(); print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed.strip() == "[]"


def test_every_test_file_has_a_name_of_its_own():
    """pytest imports them by their base names."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name not in ("conftest.py", "__init__.py")]
    assert sorted(names) == sorted(set(names))
