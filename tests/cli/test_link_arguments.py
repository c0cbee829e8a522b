"""A link to play with: S, Q, herald rate and every kind of fault from the command line; aborts in words."""

import argparse
from fractions import Fraction

import pytest
from command_runs import diqkd

from diqkd import link_arguments
from diqkd.abort_words import WORDS, explained
from diqkd.link_arguments import add_link_arguments, fault_list, instability_of, link_of
from diqkd.main import build_parser
from postprocess.errors import AbortReason, InvalidInput
from postprocess.plans.presets import Choice, session_parameters
from postprocess.storage.node_home import NodeHome
from testbed.physics.faults import KINDS, Fault
from testbed.physics.instability import Instability
from testbed.physics.laboratory import open_laboratory


def link(*words):
    parser = argparse.ArgumentParser()
    add_link_arguments(parser)
    return link_of(parser.parse_args(words))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("phase error=0.3", Fault("phase error", value=0.3)),
        ("phase error=300 mrad, node=alice", Fault("phase error", "alice", value=0.3)),
        ("laser unlocked = 20 ms, round=140", Fault("laser unlocked", round=140, value=0.02)),
        ("ion lost, node=alice, round=1e3", Fault("ion lost", "alice", 1000)),
        ("stuck apd=2", Fault("stuck apd", value=2.0)),
    ],
)
def test_faults_are_read(text, fault):
    assert link_arguments.fault(text) == fault


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("coffee", "--fault list"),
        ("phase error", "say how much"),
        ("phase error=40 kHz", "not a number of rad"),
        ("phase error=100", "angle from -7 to 7"),
        ("ion lost=3", "has no value"),
        ("phase error=0.1, round=3", "node=alice or bob"),
        ("ion lost, node=carol", "node=alice or bob, round=N"),
        ("ion lost, round=0", "round=0': round: '0' is not"),
        ("ion lost, round=abc", "round: 'abc' is not a number"),
        ("link dead, node=alice", "takes round=N"),
        ("ion lost, value=1", "node=alice or bob, round=N"),
    ],
)
def test_what_is_no_fault_is_one_line(text, says):
    end = diqkd("demo", "--fault", text)
    assert end.status == 2 and says in end.err and end.err.count("\n") == 1


def test_every_kind_of_fault_is_listed_and_can_be_chosen():
    listed = fault_list(60)
    assert max(map(len, listed.splitlines())) <= 60
    for name, kind in KINDS.items():
        assert f"\n{name}\n" in listed
        needed = kind.what and kind.usual is None
        assert link_arguments.fault(f"{name}=0.1" if needed else name).kind == name
    assert diqkd("demo", "--fault", "list").out == diqkd("run", "--fault", "list").out


def test_link_from_the_command_line():
    assert link("--score", "2.5", "--qber", "3 %").qber == 0.03
    assert link("--qber", "3%").score == 2.64
    assert link("--visibility", "0.9").qber == pytest.approx(0.05)
    assert link("--herald-rate", "20").score is None and link("--herald-rate", "20").herald_rate_hz == 20


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), Instability()),
        (("--drift",), Instability(drift=1.0)),
        (("--drift", "75", "--ion-lifetime", "30min"), Instability(75.0, 1800.0)),
    ],
)
def test_a_laboratory_that_does_not_keep_by_itself(tmp_path, words, expected):
    from diqkd.demo_command import demonstration

    demo = demonstration(tmp_path, build_parser().parse_args(["demo", "--rounds", "2000", "--gamma", "1/2", *words]))
    assert demo.instability == expected
    demo._build_laboratory()
    assert open_laboratory(demo.laboratory).instability == expected
    assert instability_of(build_parser().parse_args(["lab", "up", "--home", str(tmp_path), *words])) == expected


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--drift", "fast"), "number from 0.001 to 1000"),
        (("--ion-lifetime", "0"), "is not a time from 1 s"),
        (("--score", "2.8", "--qber", "5%"), "S lies from 1.2728 to 2.6163, not 2.8"),
        (("--visibility", "0.9", "--qber", "1%"), "leave --score and --qber out"),
        (("--herald-rate", "20000"), "from 0.1 to 500 Hz"),
        (("--plan-for-link",), "say which"),
        (("--plan-for-link", "--preset", "paper", "--score", "2.6"), "planned for the paper's link"),
    ],
)
def test_links_that_cannot_be_are_one_line(words, says):
    end = diqkd("demo", *words)
    assert end.status == 2 and says in end.err and end.err.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "most"),
    [(("demo", "--rounds", "2000", "--gamma", "1/2"), 2000), (("campaign", "--sessions", "2", "--rounds", "1e5"), 2e5)],
)
def test_a_fault_that_never_comes_is_one_line(command, most):
    end = diqkd(*command, "--fault", f"underflow, round={most + 1:.0f}")
    said = f"--fault 'underflow', round={most + 1:.0f}: never comes, there are {most:.0f} rounds"
    assert end.status == 2 and said in end.err and end.err.count("\n") == 1


def test_a_session_is_planned_for_its_link_when_asked(tmp_path):
    from diqkd.demo_command import demonstration

    words = ["demo", "--preset", "long", "--rounds", "300000", "--score", "2.6", "--qber", "2%"]
    for extra, expected in (([], (2.64, 0.018)), (["--plan-for-link"], (2.6, 0.02))):
        demo = demonstration(tmp_path, build_parser().parse_args(words + extra))
        assert (demo.parameters.score, demo.parameters.qber) == expected
        assert (demo.arguments["score"], demo.arguments["qber"]) == expected
        assert (demo.link.score, demo.link.qber) == (2.6, 0.02)


def test_a_kept_session_knows_its_link_and_faults(tmp_path):
    from diqkd.demo_command import demonstration

    def made(*words):
        line = ["demo", "--rounds", "2000", "--gamma", "1/2", *words]
        return demonstration(tmp_path / "kept", build_parser().parse_args(line))

    assert made("--fault", "ion lost").set_up() is False
    assert made("--fault", "ion lost").set_up() is True
    for other in (
        (),
        ("--fault", "underflow"),
        ("--fault", "ion lost", "--score", "2.5"),
        ("--fault", "ion lost", "--drift"),
    ):
        with pytest.raises(InvalidInput, match="another session"):
            made(*other).set_up()


def test_every_abort_has_words():
    assert set(WORDS) == set(AbortReason)
    report = {"abort_reason": "Bell threshold", "measured_score": 2.41234, "measured_qber": 0.0182}
    words = explained(report, 0.8255376, 0.018)
    assert words.startswith("Too many Bell tests") and "S = 2.4123 was measured, and S = 2.6043 is needed" in words
    report["abort_reason"] = "reconciliation failed"
    assert "Q = 1.82 % was measured, and Q = 1.8 % was planned for" in explained(report, 0.8, 0.018)


@pytest.mark.parametrize("extra", [("--preset", "long", "--rounds", "300000"), ("--rounds", "6000", "--gamma", "1/2")])
def test_the_nodes_compute_the_same_parameters_for_such_a_plan(tmp_path, extra):
    from diqkd.demo_command import demonstration

    words = ["demo", *extra, "--score", "2.6", "--qber", "2%", "--plan-for-link"]
    demo = demonstration(tmp_path, build_parser().parse_args(words))
    given = demo.arguments
    choice = Choice(
        given["rounds"], Fraction(given["gamma_256"], 256), given["score"], given["qber"], 1e-10, given["syndrome"],
        given["rule"], "" if given["extractor"] == "usual" else given["extractor"], given["allowance"],
        given["block_rounds"],
    )  # fmt: skip
    (tmp_path / "alice").mkdir(mode=0o700)
    home = NodeHome("alice", tmp_path)
    computed = session_parameters(
        home, "emulated", given["session"], preset=given["preset"], choice=choice, min_response_s=0.0
    )
    assert computed == demo.parameters
