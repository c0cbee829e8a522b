"""flake.nix evaluates: every output, offline, with stub inputs. Nothing is built."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NIX = shutil.which("nix-instantiate")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    if NIX is None:
        pytest.skip("no nix-instantiate on this machine: flake.nix was NOT evaluated (Debian's nix-bin serves)")
    state = tmp_path_factory.mktemp("nix")
    environment = {"HOME": str(state), "NIX_STATE_DIR": str(state / "state"), "NIX_STORE_DIR": str(state / "store")}
    command = [NIX, "--eval", "--strict", "--json", "--readonly-mode", str(HERE / "evaluate.nix")]
    printed = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert printed.returncode == 0, printed.stderr
    return json.loads(printed.stdout)


def names(requirements):
    """Names of packages; a group of our own is taken apart."""
    found = set()
    for requirement in requirements:
        name = re.split(r"[<>=~! ]", requirement)[0]
        own = re.fullmatch(r"diqkd\[(.+)\]", name)
        found |= names(PROJECT["optional-dependencies"][own[1]]) if own else {name}
    return found


def test_default_environment_holds_artiq_and_the_project(outputs):
    assert {"artiq", "diqkd", "entangler", "pyldpc"} <= set(outputs["packages"]["default"]["packages"])


def test_numba_uses_the_llvmlite_of_the_artiq_beside_it(outputs):
    assert outputs["packages"]["default"]["llvmlite"] == "0.44"
    assert outputs["packages"]["artiq9"]["llvmlite"] == "0.45"


def test_every_output_is_evaluated(outputs):
    """What evaluate.nix does not ask for would fail on a user's machine alone."""
    assert set(outputs["kinds"]) == {"packages", "devShells", "apps", "checks"} == set(outputs) - {"kinds"}


def test_shells_apps_and_checks_are_all_there(outputs):
    assert set(outputs["packages"]) == {
        "default", "artiq9", "bench", "docs", "diqkd", "pyldpc", "ldpc", "entangler",
    }  # fmt: skip
    assert set(outputs["devShells"]) == {"default", "artiq9"}
    assert set(outputs["apps"]) == {"demo", "lab", "test", "bench", "default"}
    assert {name: "pytest" in script for name, script in outputs["checks"].items()} == {
        "tests": True, "tests-with-artiq": True, "docs": False,
    }  # fmt: skip
    assert "sphinx -W" in outputs["checks"]["docs"]


def test_the_package_depends_on_what_pyproject_says(outputs):
    assert set(outputs["packages"]["diqkd"]["dependencies"]) == names(PROJECT["dependencies"])


# Which environment has the packages of an optional group; whatever group enters pyproject needs its place.
PLACE_OF = {
    "artiq": "packages default",
    "cluster": "packages default",
    "slack": "packages default",
    "docs": "packages default",
    "dev": "devShells default",
    "bench": "packages bench",
}
OUTSIDE_PYTHON = {"ruff", "mypy"}


def test_every_optional_group_has_its_place():
    assert set(PLACE_OF) == set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("group", sorted(PLACE_OF))
def test_environments_hold_what_pyproject_declares(outputs, group):
    kind, name = PLACE_OF[group].split()
    needed = names(PROJECT["optional-dependencies"][group])
    held = set(outputs["packages"]["default" if kind == "devShells" else name]["packages"])
    if kind == "devShells":
        assert needed & OUTSIDE_PYTHON <= set(outputs["devShells"][name])
        needed -= OUTSIDE_PYTHON
    assert needed <= held
    if name == "default":
        assert needed <= set(outputs["packages"]["artiq9"]["packages"])


def test_environments_hold_the_package_and_what_it_needs(outputs):
    for environment in ("default", "artiq9", "bench"):
        assert names(PROJECT["dependencies"]) | {"diqkd"} <= set(outputs["packages"][environment]["packages"])


def test_versions_agree():
    """The flake says a version of its own; a release changes all of them."""
    import diqkd

    text = (ROOT / "flake.nix").read_text()
    flake = re.search(r'pname = "diqkd";\n\s+version = "(.+)"', text)[1]
    assert flake == PROJECT["version"] == diqkd.__version__


OF_ARTIQ = {"artiq", "sipyco"}  # ARTIQ's own flake brings both


def test_the_flake_names_every_dependency_where_nix_is_missing_too():
    flake = (ROOT / "flake.nix").read_text()
    groups = PROJECT["optional-dependencies"].values()
    needed = names(PROJECT["dependencies"]).union(*map(names, groups)) - OF_ARTIQ
    missing = {name for name in needed if not re.search(rf'(\bpy\.|env\.pkgs\.|pname = "){name}\b', flake)}
    assert {name for name in missing if f'pname = "{name.replace("-", "_")}"' not in flake} == set()
