"""Wheel and sdist: built offline, installed in an empty environment, where the commands find all they need."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = (".ci", ".github", ".pre-commit-config.yaml", ".gitignore")
OF_RUNS = {"results", "lab", "soak-state", "build", "dist"}
BUILD = "from setuptools import build_meta as b; print(b.build_sdist('dist')); print(b.build_wheel('dist'))"
NEEDED = {"setuptools": 77, "pip": 23}


def _has(name, least):
    try:
        return int(metadata.version(name).split(".")[0]) >= least
    except metadata.PackageNotFoundError:
        return False


def done(command, **options):
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert ended.returncode == 0, f"{command}: {ended.stderr[-2000:]}"
    return ended.stdout


def left_out(folder, names):
    """What a clone would not have."""
    made = {name for name in names if name in ("__pycache__", "_build") or name.endswith(".egg-info")}
    at_root = {name for name in names if name in OF_RUNS or (name[0] == "." and name not in PARTS)}
    return made | (at_root if Path(folder) == ROOT else set())


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Paths of sdist and wheel, built from a copy of the checkout."""
    if missing := [f"{name} >= {least}" for name, least in NEEDED.items() if not _has(name, least)]:
        pytest.skip(f"wheel and sdist were NOT built: {' and '.join(missing)} must be installed")
    source = tmp_path_factory.mktemp("build") / "diqkd"
    shutil.copytree(ROOT, source, ignore=left_out)
    done([sys.executable, "-c", BUILD], cwd=source)
    (sdist,), (wheel,) = (source / "dist").glob("*.tar.gz"), (source / "dist").glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


@pytest.fixture(scope="module", params=["wheel", pytest.param("sdist", marks=pytest.mark.slow)])
def installed(request, distributions, tmp_path_factory):
    """bin/ of an environment that holds diqkd alone; its dependencies are borrowed from this one."""
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    install = ["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    lender = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path.endswith("-packages"))}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DIQKD"))}
    pip = [sys.executable, "-m", "pip", "--python", python, *install, distributions[request.param]]
    done(pip, cwd=folder, env=clean | (lender if request.param == "sdist" else {}))
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    # A line of a .pth file is a folder to search last; editable installs in it are not followed.
    lines = [path for path in sys.path if path.endswith("-packages") and Path(path) != packages]
    (packages / "zz_borrowed.pth").write_text("\n".join(lines) + "\n")
    return python.parent, folder, clean


def test_the_sdist_is_a_checkout(distributions):
    with tarfile.open(distributions["sdist"]) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    for room in ("docs", "tests", "examples", "benchmarks", "repository", "diqkd", "postprocess"):
        expected = {str(path.relative_to(ROOT)) for path in (ROOT / room).rglob("*.py")}
        assert {name for name in expected if "__pycache__" not in name} <= names, room
    assert {"Makefile", "flake.nix", "device_db.py", "CITATION.cff", "CHANGELOG.md", "docs/index.md"} <= names
    assert not [name for name in names if name.endswith((".pyc", ".so")) or "_build/" in name]


def test_the_wheel_holds_code_tables_and_experiments_alone(distributions):
    names = zipfile.ZipFile(distributions["wheel"]).namelist()
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))]
    for part in ("diqkd/py.typed", "share/diqkd/device_db.py", "share/diqkd/repository/generate_key.py", "LICENSE.GPL"):
        assert [name for name in names if name.endswith(part)], part


def test_commands_run_in_an_empty_environment(installed):
    bin_, folder, environment = installed
    code = "import diqkd, postprocess, contract; print(diqkd.__file__, postprocess.__file__, contract.__file__)"
    where = done([bin_ / "python", "-c", code], cwd=folder, env=environment)
    assert all(path.startswith(str(folder)) for path in where.split())
    assert "commands:" in done([bin_ / "diqkd", "--help"], cwd=folder, env=environment)
    assert "characterise_link" in done([bin_ / "diqkd", "run"], cwd=folder, env=environment)
    assert "ttl_" in done([bin_ / "diqkd", "wiring"], cwd=folder, env=environment)
    assert (bin_ / "aqctl_diqkd_keystore").is_file() and (bin_ / "aqctl_diqkd_qrng").is_file()
    plan = done([bin_ / "diqkd", "plan", "--json", "--preset", "paper"], cwd=folder, env=environment)
    assert json.loads(plan)["ell"] == 95_884
