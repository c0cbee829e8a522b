"""Any value for any option of any command: read, or refused with status 2 by one line (case L2)."""

import argparse
import os
from pathlib import Path

import pytest
from command_runs import diqkd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diqkd.main import build_parser

EXAMPLES = int(os.environ.get("DIQKD_SOAK_EXAMPLES", "300"))
NASTY = (
    "", " ", "-1", "-3", "0", "1e9", "1e10", "1e308", "1e400", "1e9999999", "-inf", "nan", "NaN", "1/0", "13/256",
    "1/2", "0x10", "1_0", "9" * 5000, "1." + "1" * 5000, "a" * 256, "Ω" * 200, "a/" * 3000, "\ud800", "\udc80", "nul\0",
    "a\nb", "\x1b[31m", "/dev/zero", "/dev/null", "/dev", "/proc/self/mem", "../..", "--json", "-h-", "tcp://a:99999",
    "tcp://ü:1",
    "٣", "best", "alice", "{}", "[red]",
)  # fmt: skip
VALUES = st.one_of(st.sampled_from(NASTY), st.text(max_size=60), st.integers().map(str), st.floats().map(repr))
QUICK = ("session", "keys show", "keys verify", "keys abandon", "keys deliver", "keys link", "lab status",
         "lint-kernels", "wiring")  # fmt: skip


def leaves(parser, words=()):
    """(words, parser) of every command that does something."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield words, parser
    for action in inner:
        for name, child in action.choices.items():
            yield from leaves(child, (*words, name))


COMMANDS = {" ".join(words): parser for words, parser in leaves(build_parser())}


def taking(parser):
    """Options and positional arguments that take a value."""
    return [action for action in parser._actions if action.nargs != 0]


def word_for(action, value):
    return [f"{action.option_strings[-1]}={value}"] if action.option_strings else [value]


def harmless(action):
    """A value with which a required argument is satisfied."""
    return "x" if action.choices is None else next(iter(action.choices))


@st.composite
def command_lines(draw, names):
    name = draw(st.sampled_from(names))
    parser = COMMANDS[name]
    chosen = draw(st.lists(st.sampled_from(taking(parser)), min_size=1, max_size=3, unique_by=id))
    words = [word for action in chosen for word in word_for(action, draw(VALUES))]
    words += [word for action in taking(parser) if action.required and action not in chosen
              for word in word_for(action, harmless(action))]  # fmt: skip
    return name, words


def assert_refused_in_one_line(status, err):
    lines = err.split("\n")
    assert status == 2 and len(lines) == 2 and lines[1] == "", err
    assert lines[0].startswith("diqkd") and lines[0].isprintable(), err
    assert "Traceback" not in err and len(err) < 12_000


soak = settings(
    max_examples=EXAMPLES, deadline=None, derandomize="DIQKD_SOAK_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@soak
@given(command_lines(sorted(COMMANDS)))
def test_every_value_is_read_or_refused(capsys, line):
    name, words = line
    try:
        args = build_parser().parse_args([*name.split(), *words])
    except SystemExit as end:
        if end.code:
            assert_refused_in_one_line(end.code, capsys.readouterr().err)
        return
    for value in vars(args).values():
        for part in value if isinstance(value, list) else [value]:
            assert not isinstance(part, int | float) or abs(part) < 1 << 63
            assert not isinstance(part, Path) or max(len(os.fsencode(each)) for each in part.parts or ("",)) <= 230


@soak
@given(command_lines(QUICK))
def test_what_was_read_is_done_or_refused(tmp_path_factory, line):
    name, words = line
    home = tmp_path_factory.getbasetemp() / "bad_lines"
    (home / "alice").mkdir(mode=0o700, parents=True, exist_ok=True)
    before = Path.cwd()
    os.chdir(home)
    try:
        node = ["--home", str(home), "--node", "alice"] if name.split()[0] in ("session", "keys") else []
        end = diqkd(*name.split(), *node, *words)
    finally:
        os.chdir(before)
    if end.status != 0 and name != "lint-kernels":
        assert_refused_in_one_line(end.status, end.err)


def test_every_number_has_a_range():
    for name, parser in COMMANDS.items():
        for action in taking(parser):
            assert action.type not in (int, float, Path), f"{name} {action.dest}: take a type of diqkd/arguments.py"


@pytest.mark.parametrize(
    "line",
    [
        ("plan", "--gamma", "1e308"),
        ("plan", "--gamma", "1e400"),
        ("plan", "--gamma", "1e9999999"),
        ("plan", "--eps-snd", "nan"),
        ("plan", "--link", "\ud800"),
        ("demo", "--seed", "-1"),
        ("run", "tomography", "--seed", "-1"),
        ("lab", "up", "--home", "x", "--seed", "-1"),
        ("lab", "up", "--home", "x", "--sessions", "1e9"),
        ("keys", "provision", "--home", "x", "--node", "alice", "--draw", "k0", "--sessions", "1e9"),
        ("keys", "provision", "--home", "x", "--node", "alice", "--take", "/dev/zero"),
        ("keys", "show", "--home", "a" * 256, "--node", "alice"),
        ("keys", "show", "--home", "nul\0", "--node", "alice"),
        ("session", "--home", "x", "--node", "alice", "--session", "Ω" * 200),
        ("bench", "reconciliation", "--samples", "-3"),
        ("lint-kernels", "/dev/zero"),
    ],
)
def test_named_cases(tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    end = diqkd(*line)
    assert_refused_in_one_line(end.status, end.err)


LINK = ("keys", "link", "--node", "alice")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"--peer-key": "own"}, "this is the node's own public key"),
        ({"--peer-key": "ü" * 40}, "has characters that no name here has"),
        ({"--peer-key": "a" * 39 + " "}, "public_key has characters that no key has"),
        ({"--rounds": "tcp://host"}, "write tcp://HOST:PORT with a port from 1 to 65535"),
        ({"--rounds": "tcp://host:99999"}, "write tcp://HOST:PORT with a port from 1 to 65535"),
        ({"--rounds": "tcp://host:0"}, "write tcp://HOST:PORT with a port from 1 to 65535"),
        ({"--rounds": "tcp://host:5711"}, "rounds and post-processing need an address each"),
    ],
)
def test_a_peer_that_cannot_be_is_refused(tmp_path, changed, words):
    """Case L5."""
    own = diqkd(*LINK, "--home", tmp_path).out.splitlines()[0]
    given = {"--peer-key": "a" * 40, "--rounds": "tcp://host:5710", "--post-processing": "tcp://host:5711"} | changed
    given["--peer-key"] = own if given["--peer-key"] == "own" else given["--peer-key"]
    end = diqkd(*LINK, "--home", tmp_path, *(f"{name}={value}" for name, value in given.items()))
    assert_refused_in_one_line(end.status, end.err)
    assert words in end.err
    assert not (tmp_path / "alice" / "link" / "peer.json").exists()
