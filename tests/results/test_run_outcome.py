"""One line on what came out of a run."""

import numpy as np
import pytest

from postprocess.errors import ExitStatus
from postprocess.results.run_outcome import apparatus_of, both_outcomes, end_words, outcome_of

KEY = {
    "diqkd.rounds.total": 3000, "diqkd.rounds.done": 3000, "diqkd.key.status": "key accepted",
    "diqkd.key.accepted": True,
    "diqkd.key.bits": 12_261, "diqkd.key.rule": "renyi", "diqkd.key.label": "own proof", "diqkd.key.abort_reason": "",
    "diqkd.key.insecure_because": "",
}  # fmt: skip
LINK = {
    "diqkd.characterisation.total_score": 2.6751, "diqkd.characterisation.total_score_error": 0.0774,
    "diqkd.characterisation.total_qber": 0.0185, "diqkd.characterisation.total_qber_error": 0.0035,
    "diqkd.characterisation.counts": np.full((4, 2, 3, 2, 2), 25), "diqkd.rounds.total": 5000,
}  # fmt: skip


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (KEY, "a new key of 12 261 bits, rule renyi: own proof"),
        (KEY | {"diqkd.key.insecure_because": "a test"}, "INSECURE: a test"),
        (KEY | {"diqkd.key.accepted": False, "diqkd.key.abort_reason": "activation"}, "no key, aborted: activation"),
        (KEY | {"diqkd.key.accepted": False, "diqkd.key.status": "round types"}, "no key, ended in: round types"),
        (LINK, "S = 2.6751 +- 0.0774, Q = 1.85 +- 0.35 %, 2 400 rounds"),
        (
            {"diqkd.tomography.fractions": [0.96], "diqkd.tomography.fraction_errors": [0.01]},
            "fully entangled fractions 96.0 +- 1.0 %",
        ),
        ({"diqkd.herald_phase.phase": [1.0], "diqkd.herald_phase.standard_error": [0.01]}, "phases 1.000 +- 0.010 rad"),
        ({"diqkd.calibration.scan.result": "threshold 6"}, "threshold 6"),
        ({"diqkd.random_source.description": "x", "diqkd.random_source.result": "0 of 5 samples fail"}, "x: 0 of 5"),
        ({"diqkd.rounds.total": 4000, "diqkd.rounds.done": 1500}, "1 500 of 4 000 rounds"),
        ({}, ""),
    ],
)
def test_every_kind_of_run_says_what_came_out(values, line):
    """Usability case 5: a key, its length, or why there is none; the same for whatever else runs."""
    assert line in outcome_of(values)
    assert "\n" not in outcome_of(values)


def test_both_nodes_speak_once_where_they_agree():
    assert both_outcomes({"alice": KEY, "bob": KEY}, {"alice": 0, "bob": 0}) == outcome_of(KEY)
    aborted = KEY | {"diqkd.key.accepted": False, "diqkd.key.abort_reason": "activation"}
    assert both_outcomes({"alice": aborted, "bob": KEY}, {"alice": 3, "bob": 0}).startswith("alice: aborted, no key")
    assert both_outcomes({}, {"alice": 0}) == "done"
    assert both_outcomes({"alice": {}}, {"alice": -9, "bob": ExitStatus.PEER_LOST}) == "alice: signal 9; bob: peer lost"


def test_ends_have_names_and_only_measurements_an_apparatus():
    """Usability case 21: what measured nothing does not say of which apparatus it is."""
    assert [end_words(status) for status in (0, 4, -15)] == ["done", "peer lost", "signal 15"]
    assert apparatus_of({"diqkd.rounds.apparatus": "emulated"}) == "emulated"
    assert apparatus_of({"diqkd.random_source.result": "fine"}) == apparatus_of({}) == ""
