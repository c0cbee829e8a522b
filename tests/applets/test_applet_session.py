"""Session and key: whose verdict it is, and that no warning is lost."""

from datetime import datetime

import pytest
from applet_values import key, session

from postprocess.shaping.apparatus_marks import marks
from postprocess.shaping.session_view import BAD, GOOD, MARKED, RUNNING, key_view, rounds_view

NOW = datetime(2026, 11, 25, 12, 0)


def rounds(known_since=NOW, **changes):
    return rounds_view(session(**changes), known_since, NOW)


def test_before_the_first_session_there_is_nothing():
    assert rounds_view({}, None, NOW) is None
    assert key_view({}) is None


def test_rounds_in_their_middle():
    view = rounds(lost=1000)
    assert view.title == "Session s2 (kasli): measuring"
    assert (view.done, view.total) == (600_000, 1_500_000)
    assert view.counts.replace("\u00a0", " ") == "600 000 of 1 500 000 rounds, 1 000 lost (they count with outcome 0)"
    assert view.end == "about 2 h 30 min left, until 14:30"
    assert view.warnings == []


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "paused: waiting for the ion"},
        {"status": "rounds complete", "done": 1_500_000, "remaining_s": 0.0},
        {"status": "measuring", "done": 1_500_000},
    ],
)
def test_no_end_is_estimated_while_nothing_is_measured(changes):
    assert rounds(**changes).end == ""


def test_a_session_that_has_just_begun_has_no_numbers():
    view = rounds_view({"diqkd.rounds.session": "s3", "diqkd.rounds.apparatus": "kasli"}, None, NOW)
    assert view.title == "Session s3 (kasli): preparing"
    assert (view.total, view.end) == (0, "")
    assert "no block" in view.counts


@pytest.mark.parametrize(
    ("apparatus", "insecure", "said"),
    [
        ("kasli", "", []),
        ("emulated", "", ["Emulated apparatus: this is not a secret key"]),
        ("kasli", "too few rounds", ["INSECURE: too few rounds"]),
        ("emulated", "seeded", ["Emulated apparatus: this is not a secret key", "INSECURE: seeded"]),
        ("another", "", ["Another apparatus: this is not a secret key"]),
        (None, "", ["Apparatus unknown: do not use as a secret key"]),
        ("kasli", None, ["Not known whether secure: do not use as a secret key"]),
    ],
)
def test_only_a_real_apparatus_with_sound_parameters_goes_unmarked(apparatus, insecure, said):
    assert marks(apparatus, insecure) == said
    assert rounds(apparatus=apparatus, insecure_because=insecure).warnings == said
    view = key_view(key(apparatus=apparatus, insecure_because=insecure))
    assert view.warnings == said
    assert view.kind == (MARKED if said else GOOD)


def test_a_key_of_the_session_before_does_not_borrow_the_marks_of_this_one():
    values = session() | key()
    del values["diqkd.key.apparatus"], values["diqkd.key.insecure_because"]
    assert len(key_view(values).warnings) == 2
    assert key_view(values | {"diqkd.key.session": "s2"}).warnings == []


def test_a_key_keeps_its_marks_when_a_sound_session_follows():
    assert key_view(session() | key(insecure_because="too few rounds")).warnings == ["INSECURE: too few rounds"]


def test_verdicts():
    accepted = key_view(key())
    assert (accepted.kind, accepted.verdict) == (GOOD, "key accepted: 95\u00a0884 bits")
    aborted = key_view(key(status="aborted: activation", accepted=False, bits=0, abort_reason="activation"))
    assert (aborted.kind, aborted.verdict) == (BAD, "aborted, no key: activation")


@pytest.mark.parametrize("changes", [{"status": "privacy amplification"}, {"accepted": False}])
def test_what_is_left_of_the_session_before_is_no_verdict(changes):
    view = key_view(key(**changes))
    assert view.kind == RUNNING
    assert "bits" not in view.verdict
