"""--help at any width: wrapped between words, commands whole (case 23)."""

import argparse
import json
import re

import pytest
from command_runs import diqkd

from diqkd import lint_kernels_command
from diqkd.help_text import HelpFormatter
from diqkd.main import build_parser


def parsers(parser, words=()):
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from parsers(child, (*words, name))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal_but_a_command(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    for words, parser in parsers(build_parser()):
        for line in parser.format_help().splitlines():
            is_command = re.match(r"\s+(diqkd|--peer-key) ", line) or " " not in line.strip()
            is_usage = line.lstrip().startswith(("[", "("))  # argparse does not break inside an option
            assert len(line) <= width or is_command or is_usage, f"{' '.join(words)}: {line}"


def test_no_word_of_a_description_is_lost(monkeypatch):
    whole = {}
    for width in (50, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        whole[width] = [
            HelpFormatter("diqkd")._fill_text(f"{parser.description or ''}\n\n{parser.epilog or ''}", width, "").split()
            for _, parser in parsers(build_parser())
        ]
        for words, (_, parser) in zip(whole[width], parsers(build_parser()), strict=True):
            assert words == f"{parser.description or ''} {parser.epilog or ''}".split()
    assert whole[50] == whole[200]


def test_examples_are_not_joined():
    text = (
        "One line.\nAnother one.\n\nexamples:\n  diqkd demo      the paper's session, on an emulated lab\n  diqkd run"
    )
    wide = HelpFormatter("diqkd")._fill_text(text, 70, "")
    assert wide == (
        "One line. Another one.\n\nexamples:\n  diqkd demo      the paper's session, on an emulated lab\n  diqkd run\n"
    )
    narrow = HelpFormatter("diqkd")._fill_text(text, 30, "").splitlines()
    assert narrow[3:] == ["  diqkd demo", "      the paper's session, on", "      an emulated lab", "  diqkd run"]


def test_kernels_are_found_where_an_installation_has_them(tmp_path, monkeypatch, capsys):
    """Case 28: repository/ lies in share/diqkd, the packages in site-packages."""
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "empty.py").write_text("")
    monkeypatch.setattr("diqkd.places.checkout", lambda: tmp_path)
    args = build_parser().parse_args(["lint-kernels"])
    assert lint_kernels_command.run(args) == 0
    assert int(capsys.readouterr().out.split()[0]) > 40


def test_no_help_calls_a_default_none():
    """`diqkd plan --help` said of the score that its default is None."""
    for words, parser in parsers(build_parser()):
        assert "default: None" not in " ".join(parser.format_help().split()), " ".join(words)


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize(
    "words", ["run", "run characterise_link --arguments", "run generate_key --arguments", "figure list",
              "demo --fault list", "results"]
)  # fmt: skip
def test_lists_are_wrapped_to_the_terminal(width, words, monkeypatch, tmp_path):
    """Case 23: up to 290 columns were printed into 60."""
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "results" / "2026-01-02-030405-demo"
    kept.mkdir(parents=True)
    outcome = "a new key of 1 000 bits, rule proposition-2: published bound; " + 9 * "INSECURE: too few rounds; "
    kept.joinpath("report.json").write_text(json.dumps({"what": "demo", "outcome": outcome, "apparatus": "emulated"}))
    monkeypatch.setenv("COLUMNS", str(width))
    narrow = diqkd(*words.split()).out
    assert narrow and max(map(len, narrow.splitlines())) <= width
    monkeypatch.setenv("COLUMNS", "100")
    assert diqkd(*words.split()).out.split() == narrow.split()
