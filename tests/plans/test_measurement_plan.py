"""Plans of characterisations: what they refuse, and that they never pass for a session's parameters."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postprocess.errors import InvalidInput
from postprocess.plans.measurement_plan import BASES, MeasurementPlan, read_plan
from postprocess.plans.presets import paper
from postprocess.rounds.opening import open_rounds
from postprocess.rounds.private_settings import draw_settings
from postprocess.session.post_processing import post_process
from postprocess.storage.node_home import NodeHome

FOUR_AND_TWO = (("X", "Y", "-X", "-Y"), ("X", "Y"))


@given(
    st.integers(1, 10**8),
    st.sampled_from([{}, {"key_bases": 2}, {"scheme": BASES, "bases": FOUR_AND_TWO}]),
    st.integers(1, 255),
    st.integers(1, 10**6),
)
def test_json_and_back(rounds, scheme, k, block):
    plan = MeasurementPlan("m", "kasli", rounds, gamma=Fraction(k, 256), block_rounds=block, **scheme)
    assert read_plan(plan.to_json()) == plan
    assert plan.differences(read_plan(plan.to_json())) == []


def test_a_session_is_never_a_characterisation():
    session, plan = paper("m", "emulated"), MeasurementPlan("m", "emulated", 1_500_000)
    assert session.differences(plan) == ["purpose"] and plan.differences(session) == ["purpose"]
    assert session.store_folder != plan.store_folder and session.link_name != plan.link_name
    assert session.digest() != plan.digest()
    assert isinstance(read_plan(plan.to_json()), MeasurementPlan) and read_plan(session.to_json()) == session


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"session_id": "a/b"}, "session_id"),
        ({"apparatus": "real"}, "apparatus"),
        ({"rounds": 0}, "rounds"),
        ({"scheme": "other"}, "scheme"),
        ({"gamma": Fraction(1, 3)}, "gamma"),
        ({"scheme": BASES}, "bases"),
        ({"bases": FOUR_AND_TWO}, "bases"),
        ({"block_rounds": 0}, "block_rounds"),
    ],
)
def test_what_does_not_fit_is_named(changes, named):
    with pytest.raises(InvalidInput, match=f"^{named} = "):
        MeasurementPlan(**({"session_id": "m", "apparatus": "kasli", "rounds": 10} | changes))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"purpose": "key"}', '{"purpose": "characterisation"}'])
def test_other_texts_are_refused(text):
    with pytest.raises(InvalidInput):
        read_plan(text)


def test_settings_of_bases_are_uniform():
    class Counting:
        """All two-bit numbers in turn."""

        def bits(self, count):
            import numpy as np

            numbers = np.arange(-(-count // 2), dtype=np.uint8) % 4
            return np.stack((numbers & 1, numbers >> 1), axis=1).reshape(-1)[:count]

    plan = MeasurementPlan("m", "kasli", 40, scheme=BASES, bases=FOUR_AND_TWO)
    assert draw_settings("alice", plan, Counting()).tolist() == [0, 1, 2, 3] * 10
    assert set(draw_settings("bob", plan, Counting()).tolist()) == {0, 1}


def test_rounds_of_a_characterisation_do_not_become_a_key(tmp_path):
    """Neither from their own folder nor when somebody puts them into that of the sessions."""
    (tmp_path / "alice").mkdir()
    home = NodeHome("alice", tmp_path)
    open_rounds(home, MeasurementPlan("m", "emulated", 10)).close()
    with pytest.raises(InvalidInput, match="no such session"):
        post_process(home, "m", timeout_s=1.0)
    (tmp_path / "alice" / "sessions").mkdir()
    (tmp_path / "alice" / "measurements" / "m").rename(tmp_path / "alice" / "sessions" / "m")
    with pytest.raises(InvalidInput, match="makes no key"):
        post_process(home, "m", timeout_s=1.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [("gamma", "1/0"), ("rounds", 1000.0), ("rounds", True), ("block_rounds", 2.5), ("session_id", "x" * 9000),
     ("bases", [[1, 2, 3, 4], [5, 6]]), ("bases", ["abcd", "ef"] * 5000), ("key_bases", 3),
     ("key_bases", 1)],
)  # fmt: skip
def test_a_plan_from_outside_is_refused_in_one_short_line(field, value):
    """Case L1, its brothers in plans of characterisations."""
    scheme = "bases" if field == "bases" else "bell"
    names = (("a", "b", "c", "d"), ("e", "f")) if scheme == "bases" else ()
    values = json.loads(MeasurementPlan("m", "emulated", 1000, scheme=scheme, bases=names).to_json())
    with pytest.raises(InvalidInput) as caught:
        MeasurementPlan.from_json(json.dumps(values | {field: value}))
    assert len(str(caught.value)) < 500


def test_one_key_basis_is_written_as_before_there_were_two():
    assert "key_bases" not in MeasurementPlan("m", "emulated", 10).to_json()
    with pytest.raises(InvalidInput, match="key_bases"):
        MeasurementPlan("m", "emulated", 10, scheme=BASES, bases=FOUR_AND_TWO, key_bases=2)
