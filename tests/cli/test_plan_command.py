"""`diqkd plan`: the paper's figures, JSON alone on stdout, one clear line for bad input."""

import json
import subprocess
import sys
from fractions import Fraction

import pytest

from diqkd.main import main

PAPER = ["plan", "--rounds", "1500000", "--gamma", "13/256", "--score", "2.64", "--qber", "0.018", "--eps-snd", "1e-10"]


def planned(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_papers_session(capsys):
    plan = planned(capsys, *PAPER)
    assert plan["ell"] == 95_885
    assert round(plan["omega_thr"], 7) == 0.8255376
    assert plan["syndrome_bits"] == 296_517
    assert plan["extractor"].items() >= {"t": 284, "t_plus": 293, "blocks": 14, "seed_bits": 1_201_886}.items()
    assert plan["budget"]["initial_key_bits"] == 1_203_422


def test_defaults_are_the_papers(capsys):
    assert planned(capsys, "plan") == planned(capsys, *PAPER)


def test_a_tight_syndrome_gives_its_bits_to_the_key(capsys):
    paper, tight = planned(capsys, *PAPER), planned(capsys, *PAPER, "--syndrome", "tight")
    assert tight["syndrome_bits"] <= 271_000
    assert tight["ell"] - paper["ell"] == pytest.approx(paper["syndrome_bits"] - tight["syndrome_bits"], rel=1e-3)


@pytest.mark.parametrize("rule", ["paper", "tight"])
def test_the_best_gamma_is_no_worse_than_its_neighbours(capsys, rule):
    best = planned(capsys, *PAPER, "--syndrome", rule, "--gamma", "best")
    k = int(256 * Fraction(best["gamma"]))
    for other in (k - 1, k + 1, 13):
        assert planned(capsys, *PAPER, "--syndrome", rule, "--gamma", f"{other}/256")["ell"] <= best["ell"]
    assert best["ell"] > planned(capsys, *PAPER, "--syndrome", rule)["ell"]


def test_a_reader_that_has_seen_enough_is_no_crash():
    command = f"{sys.executable} -u -m diqkd plan | head -1"
    shown = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert shown.stdout == "Plan of a session\n" and shown.stderr == ""


def test_too_few_rounds_plan_no_key(capsys):
    plan = planned(capsys, "plan", "--rounds", "1e5")
    assert plan["ell"] == 0 and plan["extractor"] is None and plan["budget"] is None
    assert main(["plan", "--rounds", "1e5"]) == 0
    assert "No key" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--gamma", "0.05"], "nearest is 13/256"),
        (["--gamma", "1/0"], "not a fraction"),
        (["--rounds", "many"], "not a number"),
        (["--rounds", "0"], "whole number"),
        (["--syndrome", "short"], "invalid choice"),
    ],
)
def test_arguments_that_do_not_parse(capsys, arguments, says):
    with pytest.raises(SystemExit) as ended:
        main(["plan", *arguments])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--score", "3"], ["--qber", "0.7"], ["--eps-snd", "0"]])
def test_values_out_of_range_are_one_line(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(["plan", *arguments])
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert error.startswith("diqkd plan: error: ") and error.count("\n") == 1


def test_the_long_preset_and_every_rule(capsys):
    long = planned(capsys, "plan", "--preset", "long")
    assert long["ell"] >= 464_000 and long["budget"]["initial_key_bits"] == 1536
    assert (long["rule"], long["label"]) == ("renyi", "own proof, not peer-reviewed")
    counting = planned(capsys, "plan", "--rule", "counting")
    assert counting["ell"] == 181_338 and "own counting step" in counting["label"]
    small = planned(capsys, "plan", "--preset", "long", "--rounds", "1e5")
    assert 1_000 < small["ell"] < 3_000


def test_an_extractor_without_a_proof_is_one_line(capsys):
    assert main(["plan", "--rule", "counting", "--extractor", "toeplitz"]) == 2
    assert "no proof for the extractor toeplitz" in capsys.readouterr().err
