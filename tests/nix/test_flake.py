"""flake.nix evaluates: every output, offline, with stub inputs. Nothing is built."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
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


def test_default_environment_holds_artiq_and_the_project(outputs):
    assert {"artiq", "diqkd", "entangler", "pyldpc"} <= set(outputs["packages"]["default"]["packages"])


def test_numba_uses_the_llvmlite_of_the_artiq_beside_it(outputs):
    assert outputs["packages"]["default"]["llvmlite"] == "0.44"
    assert outputs["packages"]["artiq9"]["llvmlite"] == "0.45"


def test_shells_apps_and_checks_are_all_there(outputs):
    assert set(outputs["devShells"]) == {"default", "artiq9"}
    assert {"demo", "lab", "test", "default"} <= set(outputs["apps"])
    assert all("pytest" in script for script in outputs["checks"].values())


@pytest.mark.parametrize("environment", ["default", "artiq9"])
def test_environments_hold_what_pyproject_declares(outputs, environment):
    import tomllib

    project = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text())["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["dev"]
    declared = {requirement.split(">=")[0] for requirement in needed} - {"ruff", "mypy"}
    assert declared <= set(outputs["packages"][environment]["packages"])
    assert {"ruff", "mypy"} <= set(outputs["devShells"]["default"])
