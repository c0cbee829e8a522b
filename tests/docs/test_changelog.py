"""CHANGELOG.md has the form of Keep a Changelog, and the release it may name is the package's version."""

import re
from pathlib import Path

import diqkd

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CHANGELOG.md").read_text()
SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_headings():
    releases = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    assert releases[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", name) for name in releases[1:])
    assert set(re.findall(r"^### (.+)$", TEXT, re.MULTILINE)) <= SECTIONS
    for release in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        sections = re.findall(r"^### (.+)$", release, re.MULTILINE)
        assert len(sections) == len(set(sections))
        if not release.startswith("[Unreleased]"):
            assert sections


def test_the_newest_release_is_the_packages_version():
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", TEXT, re.MULTILINE)
    assert not released or released[0] == diqkd.__version__


def test_hooks_are_what_make_lint_runs():
    """A hook that CI does not run, or the other way round, would tell a contributor something else."""
    rules = (ROOT / "Makefile").read_text().split("lint: setup\n")[1].split("\n\n")[0]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    commands = [line.split("$(BIN)/")[1] for line in rules.splitlines()]
    assert len(commands) == 4
    for command in commands:
        assert " ".join(command.split()[:2]).removesuffix(" .") in hooks, command
