"""The architecture: who may import whom, no circles, nothing asks whether it is emulated, files stay readable."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "repository", "procedures", "contract", "node", "node_alice", "node_bob", "postprocess", "controllers", "applets",
    "kme", "testbed", "diqkd",
)  # fmt: skip

# What each room may import of ours besides itself.
MAY_IMPORT = {
    "contract": set(),
    "repository": {"contract", "procedures", "node_alice", "node_bob", "node", "postprocess"},
    "procedures": {"contract", "node_alice", "node_bob", "node", "postprocess"},
    "node": {"contract"},
    "node_alice": {"contract", "node"},
    "node_bob": {"contract", "node"},
    "postprocess": {"contract"},
    "controllers": {"contract", "postprocess"},
    "applets": {"postprocess"},  # its shaping alone, see below
    "kme": {"contract", "postprocess"},
    "testbed": {"contract", "postprocess"},
    "diqkd": {"contract", "controllers", "kme", "node", "node_alice", "node_bob", "postprocess", "testbed"},
}
# Inside postprocess a package imports only those of later lines, and on its own line only where no circle results.
LAYERS = (
    ("reports", "figures", "drawing", "results", "characterisation", "calibration"),
    ("audit",),
    ("session",),
    ("acquisition",),
    ("rounds",),
    ("keystore",),
    ("plans",),
    ("link", "security", "reconciliation", "authentication", "privacy", "estimation", "randomness"),
    ("support",),
    ("storage",),
    ("errors", "shaping"),
)
WITHOUT_ARTIQ = ("contract", "postprocess", "kme", "diqkd")
MAX_LINES = 400
STARS = ("repository",)


@cache
def sources(room):
    return sorted((ROOT / room).rglob("*.py"))


@cache
def parse(path):
    return ast.parse(path.read_text(), str(path))


def imported_modules(tree):
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            yield from (alias.name for alias in part.names)
        elif isinstance(part, ast.ImportFrom) and part.level == 0:
            yield from (f"{part.module}.{alias.name}" for alias in part.names)


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_room_has_sources():
    assert all(sources(room) for room in ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_import_rules(room):
    forbidden = set(ROOMS) - MAY_IMPORT[room] - {room}
    if room in WITHOUT_ARTIQ:
        forbidden |= {"artiq", "sipyco"}
    for path in sources(room):
        found = forbidden & {name.split(".")[0] for name in imported_modules(parse(path))}
        assert not found, f"{path.relative_to(ROOT)} imports {sorted(found)}"


def test_applets_see_public_datasets_only():
    """Nothing that an applet imports could open a home: shaping imports nothing of ours but itself."""
    allowed = {"applets": ("applets.", "postprocess.shaping."), "postprocess/shaping": ("postprocess.shaping.",)}
    for room, modules in allowed.items():
        for path in sources(room):
            ours = [name for name in imported_modules(parse(path)) if name.split(".")[0] in ROOMS]
            assert all(name.startswith(modules) for name in ours), path.relative_to(ROOT)


def test_the_public_functions_know_nothing_of_the_command_line():
    for path in sources("diqkd"):
        if path.parent.name == "library":
            ours = {name for name in imported_modules(parse(path)) if name.split(".")[0] in ROOMS}
            assert all(name.startswith(("postprocess.", "contract.")) for name in ours), path.relative_to(ROOT)


def layer_of(package):
    return next((number for number, packages in enumerate(LAYERS) if package in packages), None)


def test_every_package_of_postprocess_has_its_layer():
    packages = {path.relative_to(ROOT / "postprocess").parts[0].removesuffix(".py") for path in sources("postprocess")}
    assert {package for package in packages if layer_of(package) is None} == {"__init__"}


def test_postprocess_has_packages_only():
    assert {path.name for path in (ROOT / "postprocess").glob("*.py")} == {"__init__.py", "errors.py"}


def test_no_arrow_back_up_inside_postprocess():
    arrows = {}
    for path in sources("postprocess"):
        own = module_name(path).split(".")[1:2]
        for name in imported_modules(parse(path)):
            parts = name.split(".")
            if own and parts[0] == "postprocess" and len(parts) > 1 and parts[1] != own[0]:
                arrows.setdefault((own[0], parts[1]), f"{path.relative_to(ROOT)} imports {name}")
    upward = {(a, b): where for (a, b), where in arrows.items() if layer_of(a) > layer_of(b)}
    assert not upward, sorted(upward.values())
    siblings = {arrow for arrow in arrows if layer_of(arrow[0]) == layer_of(arrow[1])}
    assert not {(a, b) for a, b in siblings if (b, a) in siblings}


def test_no_import_circle():
    modules = {module_name(path): path for room in ROOMS for path in sources(room) if path.name != "__init__.py"}
    arrows = {
        name: {target for found in imported_modules(parse(path)) for target in (found, found.rpartition(".")[0])}
        & (modules.keys() - {name})
        for name, path in modules.items()
    }
    done, trail = set(), []

    def visit(name):
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name in done:
            return
        trail.append(name)
        for target in sorted(arrows[name]):
            visit(target)
        done.add(trail.pop())

    for name in sorted(modules):
        visit(name)


def test_no_two_modules_or_classes_share_a_name():
    """Facades and the stand-in, which has ARTIQ's names, apart."""
    seen = {}
    for room in ("contract", "node", "procedures", "postprocess", "kme", "testbed"):
        for path in sources(room):
            if "standin" in path.parts or "drivers" in path.parts or path.name == "__init__.py":
                continue
            classes = [part.name for part in parse(path).body if isinstance(part, ast.ClassDef)]
            for name in (path.stem, *(each for each in classes if not each.startswith("_"))):
                seen.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    twice = {name: places for name, places in seen.items() if len(places) > 1}
    assert not twice


@pytest.mark.parametrize("room", ("repository", "node", "node_alice", "node_bob", "postprocess", "procedures"))
def test_nothing_asks_whether_it_is_emulated(room):
    allowed = {"postprocess/plans", "postprocess/keystore", "postprocess/reports"}  # where a key's apparatus is named
    for path in sources(room):
        if str(path.relative_to(ROOT).parent) in allowed:
            continue
        for part in ast.walk(parse(path)):
            if isinstance(part, ast.Compare | ast.Match):
                words = {node.value for node in ast.walk(part) if isinstance(node, ast.Constant)}
                assert not words & {"emulated", "kasli"}, f"{path.relative_to(ROOT)}:{part.lineno}"


@pytest.mark.parametrize("room", ("repository", "procedures", "node", "node_alice", "node_bob"))
def test_results_go_to_the_log(room):
    """A dashboard shows the log with its levels and sources; see NodeExperiment.log_result."""
    for path in sources(room):
        for part in ast.walk(parse(path)):
            printing = isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "print"
            assert not printing, f"{path.relative_to(ROOT)}:{part.lineno}: log it"


# A probe, files of /proc, and a status that its own writer renames.
WRITTEN_IN_PLACE = {
    "postprocess/storage/whole_files.py",
    "diqkd/output_files.py",
    "testbed/nodes/node_process.py",
    "testbed/physics/partner.py",
    "benchmarks/measure.py",
}


WRITING = {"w", "wb", "r+", "r+b"}


@pytest.mark.parametrize("room", (*ROOMS, "benchmarks"))
def test_files_are_written_whole(room):
    """Case L6: through postprocess.storage, which renames a finished file; logs that grow have their own module."""
    for path in sources(room):
        name = str(path.relative_to(ROOT))
        if name in WRITTEN_IN_PLACE or "standin/package" in name:
            continue
        for part in ast.walk(parse(path)):
            if not isinstance(part, ast.Call) or not isinstance(part.func, ast.Attribute | ast.Name):
                continue
            called = part.func.attr if isinstance(part.func, ast.Attribute) else part.func.id
            words = {each.value for each in part.args if isinstance(each, ast.Constant)}
            in_place = called in ("write_text", "write_bytes") or (called == "open" and words & WRITING)
            assert not in_place, f"{name}:{part.lineno}: use write_whole or write_private"


@pytest.mark.parametrize("room", sorted(set(ROOMS) - set(STARS)))
def test_names_are_imported_one_by_one(room):
    for path in sources(room):
        if "standin" in path.parts:
            continue
        stars = [name for name in imported_modules(parse(path)) if name.endswith(".*")]
        assert not stars, f"{path.relative_to(ROOT)}: {stars}"


@pytest.mark.parametrize("room", (*ROOMS, "tests", "benchmarks"))
def test_files_fit_on_a_screen_or_two(room):
    for path in sources(room):
        lines = len(path.read_text().splitlines())
        assert lines <= MAX_LINES, f"{path.relative_to(ROOT)} has {lines} lines: two concerns in one file?"


def test_no_line_of_documentation_is_too_long():
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert len(line) <= 120 or line.startswith(("|", "    ")) or "](" in line, f"{path.name}:{number}"


def test_importing_the_command_line_is_cheap():
    heavy = "numpy scipy numba h5py jinja2 matplotlib zmq rich pyldpc aiohttp cryptography"
    code = (
        f"import sys, diqkd.main; diqkd.main.build_parser(); print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed.strip() == "[]"


def test_every_test_file_has_a_name_of_its_own():
    """pytest imports them by their base names."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name not in ("conftest.py", "__init__.py")]
    assert sorted(names) == sorted(set(names))


def test_the_wheel_holds_every_package():
    import tomllib

    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    for room in set(ROOMS) - {"repository"}:
        assert any(room.startswith(pattern.rstrip("*")) for pattern in found), room
        folders = {path.parent for path in sources(room)}
        assert all((folder / "__init__.py").exists() for folder in folders), room
