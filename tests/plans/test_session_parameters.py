"""Session parameters: validated at the door, canonical, and never longer than the proof allows."""

import json
from dataclasses import fields, replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.estimation.priors import with_second_key
from postprocess.plans.presets import Choice, paper, planned
from postprocess.plans.session_parameters import SessionParameters

PAPER = paper("run-1", "emulated")


def test_the_paper_preset_has_the_papers_figures():
    assert (PAPER.rounds, PAPER.gamma, PAPER.syndrome_bits, PAPER.ell) == (
        1_500_000,
        Fraction(13, 256),
        296_517,
        95_884,
    )
    assert PAPER.omega_thr == pytest.approx(0.8255376, abs=5e-8)
    assert not PAPER.insecure


def test_bell_limit_is_exact():
    exact = PAPER.rounds * PAPER.gamma * (1 - Fraction(PAPER.omega_thr))
    assert PAPER.bell_limit <= exact < PAPER.bell_limit + 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("session_id", "../elsewhere"),
        ("session_id", ""),
        ("apparatus", "simulated"),
        ("rounds", 10),
        ("gamma", Fraction(1, 1000)),
        ("score", 2.9),
        ("score", 1.9),
        ("qber", 0.5),
        ("omega_thr", 0.7),
        ("syndrome_bits", 0),
        ("ell", 95_886),
        ("eps_pa", 0.0),
        ("code_seed", -1),
        ("block_rounds", 0),
        ("bases", 3),
        ("bases", True),
        ("qber2", 0.02),  # with one basis
    ],
)
def test_a_bad_value_is_named(name, value):
    with pytest.raises(InvalidInput, match=name):
        replace(PAPER, **{name: value})


def test_a_key_longer_than_proven_needs_a_mark():
    marked = replace(PAPER, ell=200_000, insecure_because=("rehearsal",))
    assert marked.insecure


def test_too_few_rounds_become_an_insecure_rehearsal():
    assert planned("x", "emulated", Choice(20_000, Fraction(1, 2))).insecure
    assert not planned("x", "emulated", Choice()).insecure


@settings(max_examples=20)
@given(
    rounds=st.integers(50_000, 5_000_000),
    gamma=st.integers(13, 255).map(lambda k: Fraction(k, 256)),
    score=st.floats(2.45, 2.8),
    qber=st.floats(0.001, 0.05),
)
def test_json_round_trip_and_digest(rounds, gamma, score, qber):
    parameters = planned("x", "emulated", Choice(rounds, gamma, score, qber))
    again = SessionParameters.from_json(parameters.to_json())
    assert again == parameters and again.digest() == parameters.digest()
    assert parameters.insecure or parameters.ell > 0


def test_every_field_changes_the_digest():
    others = {
        "session_id": "run-2", "apparatus": "kasli", "rounds": 1_600_000, "gamma": Fraction(14, 256), "score": 2.65,
        "qber": 0.017, "eps_snd": 2e-10, "omega_thr": 0.826, "syndrome_bits": 296_516, "ell": 95_000, "eps_pa": 1.2e-13,
        "code_seed": 1, "priors": with_second_key(PAPER.priors, 0.03), "block_rounds": 500,
        "allowance": 5, "min_response_s": 20.0, "rule": "renyi",
        "extractor": "toeplitz", "free": (("delta", 0.1),),
        "insecure_because": ("seeded",), "qber2": 0.03, "barrier": True,
    }  # fmt: skip
    assert {*others, "bases"} == {field.name for field in fields(SessionParameters)}
    one = replace(PAPER, insecure_because=("test",))
    rehearsal = replace(one, bases=2, qber2=0.02, priors=with_second_key(one.priors, 0.02))
    assert rehearsal.differences(one) == ["priors", "bases", "qber2"] and rehearsal.digest() != one.digest()
    for name, value in others.items():
        other = replace(rehearsal, **{name: value})
        assert other.digest() != rehearsal.digest()
        assert rehearsal.differences(other) == [name]


def test_two_bases_need_both_error_rates():
    two = replace(PAPER, insecure_because=("test",), bases=2, qber2=0.02, priors=with_second_key(PAPER.priors, 0.02))
    with pytest.raises(InvalidInput, match="priors"):
        replace(two, priors=PAPER.priors)
    assert SessionParameters.from_json(two.to_json()) == two
    assert "bases" not in PAPER.to_json() and '"bases":2' in two.to_json()
    with pytest.raises(InvalidInput, match="left out where there is one"):
        SessionParameters.from_json(json.dumps(json.loads(PAPER.to_json()) | {"bases": 1}))
    for qber2 in (None, -0.1, 0.5):
        with pytest.raises(InvalidInput, match="qber2"):
            replace(two, qber2=qber2)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"gamma": "x"}', PAPER.to_json().replace("rounds", "laps")])
def test_foreign_text_is_refused(text):
    with pytest.raises(InvalidInput):
        SessionParameters.from_json(text)


def test_a_tight_syndrome_is_what_the_plan_says_and_leaves_more_key():
    from postprocess.reconciliation import tight_syndrome_length

    ordinary = planned("t", "kasli", Choice())
    tight = planned("t", "kasli", Choice(syndrome="tight"))
    assert tight.syndrome_bits == tight_syndrome_length(1_500_000, Fraction(13, 256), 2.64, 0.018)
    assert tight.ell - ordinary.ell == pytest.approx(ordinary.syndrome_bits - tight.syndrome_bits, rel=1e-2)
    assert not tight.insecure and tight.differences(ordinary)[:2] == ["syndrome_bits", "ell"]
    with pytest.raises(InvalidInput, match="syndrome = short"):
        planned("t", "kasli", Choice(syndrome="short"))


def test_giant_priors_are_refused_in_one_short_line():
    """Case L1: a text of the peer's is not handed on whole."""
    values = json.loads(PAPER.to_json())
    with pytest.raises(InvalidInput) as caught:
        SessionParameters.from_json(json.dumps(values | {"priors": {"test": [[9]] * 5000, "key": [[9]] * 5000}}))
    assert len(str(caught.value)) < 500
