"""`diqkd plan`: the paper's figures, JSON alone on stdout, one clear line for bad input."""

import json
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

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


def test_what_leaks_during_readout_is_subtracted(capsys):
    """n h(p) with the published p of either node; a session of the same parameters keeps its length."""
    paper, leaking = planned(capsys, *PAPER), planned(capsys, *PAPER, "--leakage", "0.25 %")
    h = -(0.0025 * math.log2(0.0025) + 0.9975 * math.log2(0.9975))
    assert leaking["leakage"] == {"probability": 0.0025, "bits": math.ceil(1_500_000 * h)}
    assert paper["leakage"] is None
    assert paper["ell"] - leaking["ell"] == leaking["leakage"]["bits"]
    assert leaking["budget"]["generated_bits"] == leaking["ell"]
    assert leaking["fewest"]["rounds"] > paper["fewest"]["rounds"]
    assert leaking["score_needed"] > paper["score_needed"] and leaking["qber_allowed"] < paper["qber_allowed"]
    middle = [plan["sensitivity"]["bits"][2][2] for plan in (paper, leaking)]
    assert middle[0] - middle[1] == pytest.approx(leaking["leakage"]["bits"], abs=16)  # free parameters of their own
    assert main([*PAPER, "--leakage", "0.0025"]) == 0
    assert "a session does not subtract it" in " ".join(capsys.readouterr().out.split())


def test_a_leak_that_takes_all_of_the_key(capsys):
    plan = planned(capsys, *PAPER, "--leakage", "0.02")
    assert plan["ell"] == 0 and plan["budget"] is None and plan["remedy"]


@pytest.mark.parametrize("bad", ["-0.1", "0.6", "nan", "few"])
def test_impossible_leaks(capsys, bad):
    with pytest.raises(SystemExit):
        main(["plan", f"--leakage={bad}"])
    assert "is not a leak probability from 0 to 0.5" in capsys.readouterr().err


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


def test_two_key_bases(capsys, monkeypatch):
    from diqkd.plan_display import show_plan

    monkeypatch.setenv("COLUMNS", "120")
    plan = planned(capsys, "plan", "--preset", "longest", "--gamma", "13/128")
    assert (plan["bases"], plan["rule"], plan["label"]) == (2, "two-bases", "own proof, not peer-reviewed")
    assert plan["qber2"] == pytest.approx(0.0486, abs=1e-4) and plan["ell"] > 540_000
    assert "as secret as T" in plan["hypotheses"]
    table = plan["sensitivity"]
    assert table["bits"][table["score"].index(2.64)][table["qber"].index(0.018)] == plan["ell"]
    show_plan(plan)
    out = capsys.readouterr().out
    assert "second key basis" in out and "Q_1 in proportion to Q;" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--bases", "2"], "rule proposition-2: no proof for sessions with two key bases; choose two-bases or renyi"),
        (["--rule", "two-bases"], "rule two-bases: no proof for sessions with one key basis"),
        (["--qber2", "2%"], "qber2 = 0.02: only a session with two key bases has it"),
    ],
)
def test_a_rule_for_another_number_of_bases_is_one_line(capsys, words, says):
    assert main(["plan", *words]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--bases", "2"], "no proof for sessions with two key bases"),
        (["--rule", "two-bases"], "no proof for sessions with one key basis"),
        (["--rule", "counting", "--extractor", "toeplitz"], "no proof for the extractor toeplitz"),
    ],
)
def test_masters_are_not_asked_for_what_they_would_refuse(capsys, tmp_path, words, says):
    assert main(["lab", "submit", "--home", str(tmp_path / "lab"), "--session", "s1", *words]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_an_extractor_without_a_proof_is_one_line(capsys):
    assert main(["plan", "--rule", "counting", "--extractor", "toeplitz"]) == 2
    assert "no proof for the extractor toeplitz" in capsys.readouterr().err


ROOT = Path(__file__).resolve().parents[2]


def shown(capsys, *arguments):
    assert main(["plan", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--score", "2.0"], ["--score", "1.5"], ["--rounds", "1e8", "--score", "2.0"]])
def test_never_is_said_where_no_number_of_rounds_helps(capsys, arguments):
    """Case 3: more rounds were advised."""
    out = shown(capsys, *arguments, "--qber", "0.02")
    assert "never gives a key" in out and "fewest rounds with a key" in out and "ake more rounds" not in out
    plan = planned(capsys, "plan", *arguments)
    assert plan["ell"] == 0 and plan["fewest"] is None and "never" in plan["remedy"]
    assert plan["score_needed"] is not None and plan["qber_allowed"] is None


def test_other_commands_say_what_would_help(capsys, tmp_path):
    """Case 3, elsewhere: the error of planning names the remedy."""
    words = ["keys", "provision", "--home", str(tmp_path), "--node", "alice", "--draw", str(tmp_path / "k0")]
    words += ["--preset", "custom", "--rounds", "1e5"]
    assert main([*words, "--score", "2"]) == 2
    assert "never gives a key" in capsys.readouterr().err
    assert main([*words, "--score", "2.3", "--gamma", "1/256"]) == 2
    assert "this link needs about" in capsys.readouterr().err


@pytest.mark.parametrize("rule", ["proposition-2", "counting", "renyi"])
def test_the_fewest_rounds_give_a_key_and_fewer_do_not(capsys, rule):
    """Case 3: S = 2.3 and Q = 2 % was said never to give one."""
    link = ["plan", "--rule", rule, "--score", "2.3", "--qber", "0.02"]
    fewest = planned(capsys, *link)["fewest"]
    rounds = ["--rounds", str(fewest["rounds"]), "--gamma", fewest["gamma"]]
    assert planned(capsys, *link, *rounds)["ell"] > 0
    fewer = planned(capsys, *link, "--rounds", str(round(0.985 * fewest["rounds"])), "--gamma", "best")
    assert fewer["ell"] == 0 and fewer["gamma"] == fewest["gamma"]  # case 16: not 1/256


def test_without_any_key_there_is_no_best_gamma(capsys):
    """Case 16."""
    assert planned(capsys, "plan", "--score", "2.05", "--qber", "0.1", "--gamma", "best")["gamma"] is None


def test_both_thresholds_are_printed(capsys, monkeypatch):
    """Case 16."""
    monkeypatch.setenv("COLUMNS", "120")
    assert "omega_thr, on the winning probability; S_thr = 2.6043" in shown(capsys)


def test_the_score_needed_and_the_error_rate_allowed_are_the_edge(capsys):
    plan = planned(capsys, *PAPER)
    score, qber = plan["score_needed"], plan["qber_allowed"]
    for name, edge, beyond in (("--score", score, score - 0.001), ("--qber", qber, qber + 0.0001)):
        assert planned(capsys, *PAPER, name, f"{edge:.4f}")["ell"] > 0
        assert planned(capsys, *PAPER, name, f"{beyond:.4f}")["ell"] == 0


def test_the_table_of_sensitivity_holds_plans(capsys):
    plan = planned(capsys, *PAPER)
    table = plan["sensitivity"]
    centre = table["score"].index(2.64), table["qber"].index(0.018)
    assert table["bits"][centre[0]][centre[1]] == plan["ell"] == 95_885
    row, column = 3, 3
    other = planned(capsys, *PAPER, "--score", str(table["score"][row]), "--qber", str(table["qber"][column]))
    assert table["bits"][row][column] == other["ell"] > 0
    assert table["bell_check"][centre[0]] == plan["passes"]["bell_check"] > table["bell_check"][0]


def test_a_syndrome_below_the_entropy_is_warned_of(capsys):
    """Case 4."""
    plan = planned(capsys, "plan", "--syndrome-bits", "100")
    assert plan["passes"]["decoding"] == 0 and "235 281 bits" in plan["warnings"][0]
    assert "Warning: a syndrome of 100 bits is below the entropy" in shown(capsys, "--syndrome-bits", "100")
    assert not planned(capsys, "plan", "--syndrome-bits", "270638")["warnings"]


def test_a_herald_rate_gives_hours(capsys):
    plan = planned(capsys, "plan", "--herald-rate", "50")
    hours = plan["hours"]
    assert hours["session"] == pytest.approx(1_500_000 / 50 / 3600)
    assert hours["fewest"] == pytest.approx(plan["fewest"]["rounds"] / 50 / 3600)
    assert hours["bits_per_day"] == pytest.approx(24 * hours["bits_per_hour"])
    assert hours["bits_per_hour"] == pytest.approx(95_885 / hours["session"])
    assert "new key per day" in shown(capsys, "--herald-rate", "50")
    assert planned(capsys, "plan")["hours"] is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--qber", "1.8"], "write 0.018 or 1.8%"),
        (["--qber", "nan"], "write 0.018 or 1.8%"),
        (["--score", "nan"], "'nan' is not a number from 0 to 2.82843"),
        (["--score", "-1"], "'-1' is not a number from 0 to 2.82843"),
        (["--eps-snd", "2"], "'2' is not a number from 1e-300 to 1"),
        (["--eps-snd", "1e-18"], "which the tags take"),
        (["--rounds", "999"], "must be at least 1000"),
    ],
)
def test_what_no_link_can_have_is_named(capsys, arguments, says):
    """Case 15."""
    try:
        assert main(["plan", *arguments]) == 2
    except SystemExit as ended:
        assert ended.code == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_the_preset_paper_has_the_printed_length_and_takes_no_other_numbers(capsys):
    """`demo` and `keys provision` knew it, `plan` did not."""
    plan = planned(capsys, "plan", "--preset", "paper")
    assert (plan["ell"], plan["syndrome_bits"], plan["budget"]["net_bits"]) == (95_884, 296_517, 95_628)
    assert plan["omega_thr"] == planned(capsys, "plan")["omega_thr"]
    for words in (["--score", "2.6"], ["--syndrome-bits", "400000"], ["--rounds", "1e6"]):
        assert main(["plan", "--preset", "paper", *words]) == 2
        assert f"{words[0]}: the preset paper chooses that itself" in capsys.readouterr().err


def test_per_cent_may_be_written(capsys):
    assert planned(capsys, "plan", "--qber", "1.8 %") == planned(capsys, "plan")


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("arguments", [[], ["--preset", "long", "--herald-rate", "55"], ["--score", "2"]])
def test_nothing_is_wider_than_the_terminal(capsys, monkeypatch, columns, arguments):
    """Case 23: words are never broken."""
    monkeypatch.setenv("COLUMNS", str(columns))
    out = shown(capsys, *arguments)
    assert max(map(len, out.splitlines())) <= columns
    monkeypatch.setenv("COLUMNS", "500")
    assert set(shown(capsys, *arguments).split()) >= set(out.split())


def test_the_sample_in_the_readme_is_what_is_printed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    sample = (ROOT / "README.md").read_text().split("$ diqkd plan ")[1].split("```")[0]
    options, printed = sample.split("\n", 1)
    assert shown(capsys, *options.split()) == printed


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--preset", "long", "--rule", "counting"),
        ("plan", "--preset", "long", "--allowance", "5", "--syndrome", "tight"),
        ("demo", "--preset", "paper", "--rounds", "2000"),
        ("demo", "--preset", "long", "--gamma", "1/2"),
        ("keys", "provision", "--node", "alice", "--rounds", "2000"),
        ("plan", "--preset", "long", "--qber2", "2%"),
        ("demo", "--preset", "long", "--bases", "2"),
        ("lab", "submit", "--session", "s1", "--preset", "long", "--extractor", "trevisan"),
    ],
)
def test_an_option_without_effect_is_refused(capsys, tmp_path, words):
    more = ["--home", str(tmp_path / "new")] if words[0] in ("keys", "lab") else []
    more += ["--draw", str(tmp_path / "k0")] if words[0] == "keys" else []
    assert main([*words, *more]) == 2
    assert "chooses that itself; leave it out, or --preset custom" in capsys.readouterr().err
