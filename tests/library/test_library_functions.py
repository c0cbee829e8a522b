"""The public functions: known answers, refusals in one line, and a whole session on two strings."""

from fractions import Fraction

import numpy as np
import pytest

import diqkd
from postprocess.estimation.score_and_qber import chsh_score, qber
from tests.session.session_nodes import draw_rounds, rehearsal


@pytest.fixture(scope="module")
def strings():
    parameters = rehearsal()
    rounds = draw_rounds(parameters)
    return parameters, rounds["alice"], rounds["bob"]


def test_the_papers_plan():
    plan = diqkd.plan(rounds=1_500_000, gamma="13/256", score=2.64, qber=0.018)
    assert (plan.ell, plan.syndrome_bits, plan.gamma) == (95_885, 296_517, Fraction(13, 256))
    assert diqkd.syndrome_length(rounds=1_500_000, gamma="13/256", score=2.64, qber=0.018) == 296_517
    threshold = diqkd.acceptance_threshold(rounds=1_500_000, gamma=13 / 256, score=2.64)
    assert threshold == pytest.approx(plan.omega_thr, abs=1e-9)
    assert diqkd.passing_probability(plan) == pytest.approx(0.9986, abs=1e-4)
    assert diqkd.passing_probability(plan, score=2.5) < 1e-6


@pytest.mark.parametrize(
    ("rule", "extractor", "bases", "ell"),
    [
        ("proposition-2", "", 1, 95_885),
        ("counting", "", 1, 181_338),
        ("renyi", "trevisan", 1, 353_633),
        ("renyi", "toeplitz", 1, 422_105),
        ("two-bases", "toeplitz", 2, 630_370),
    ],
)
def test_lengths_of_each_rule_are_those_of_the_security_page(rule, extractor, bases, ell):
    session = {"rounds": 1_500_000, "gamma": "13/256", "omega_thr": 0.8255376, "syndrome_bits": 296_517}
    found = diqkd.key_length(**session, rule=rule, extractor=extractor, bases=bases)
    assert found == pytest.approx(ell, abs=3)
    assert rule in diqkd.key_length_rules()


def test_no_key_is_an_error_with_a_remedy_or_a_rehearsal():
    short = {"rounds": 20_000, "gamma": "1/2", "score": 2.64, "qber": 0.018}
    with pytest.raises(diqkd.InvalidInput, match="needs about 1 030 000 rounds"):
        diqkd.plan(**short)
    assert diqkd.plan(**short, rehearsal=True).insecure
    assert diqkd.key_length(rounds=20_000, gamma="1/2", omega_thr=0.8, syndrome_bits=9000) == 0


def test_gamma_is_a_number_of_256ths():
    with pytest.raises(diqkd.InvalidInput, match="the nearest is '26/256'"):
        diqkd.plan(rounds=1_500_000, gamma=0.1, score=2.64, qber=0.018)
    with pytest.raises(diqkd.InvalidInput, match="not a number"):
        diqkd.key_length(rounds=1000, gamma="much", omega_thr=0.8, syndrome_bits=9000)


def test_counts_give_the_s_and_q_of_the_strings(strings):
    _, alice, bob = strings
    columns = (alice.settings, bob.settings, alice.outcomes, bob.outcomes)
    counts = diqkd.count_rounds(*columns)
    found = diqkd.score_and_qber(counts)
    for estimate, expected in zip(found, (chsh_score(*columns), qber(*columns)), strict=True):
        assert estimate.value == pytest.approx(expected.value, rel=1e-12)
        assert estimate.standard_error == pytest.approx(expected.standard_error, rel=1e-12)
        assert estimate.rounds == expected.rounds
    assert diqkd.score_and_qber(np.stack((counts, counts)))[0].rounds == 2 * found[0].rounds


def test_a_second_key_basis_is_left_out(strings):
    """As characterise_link writes them: results files of two key bases have Y = 3, too."""
    _, alice, bob = strings
    counts = diqkd.count_rounds(alice.settings, bob.settings, alice.outcomes, bob.outcomes)
    wider = np.full((4, 2, 4, 2, 2), 7)
    wider[:, :, :3] = 0
    wider[0, :, :3] = counts
    assert diqkd.score_and_qber(wider) == diqkd.score_and_qber(counts)


def test_counts_without_a_setting_are_unknown():
    counts = np.zeros((2, 3, 2, 2), int)
    counts[0, 2, 0, 0] = 10
    score, rate = diqkd.score_and_qber(counts)
    assert np.isnan(score.value) and score.rounds == 0 and rate.value == 0 and 0 < rate.standard_error < 0.2


@pytest.mark.parametrize("bad", [np.zeros((2, 3, 2)), np.zeros((2, 3, 2, 2)), -np.ones((2, 3, 2, 2), int)])
def test_counts_that_are_none_are_refused(bad):
    with pytest.raises(diqkd.InvalidInput, match="counts: "):
        diqkd.score_and_qber(bad)


def test_settings_out_of_range_are_refused():
    with pytest.raises(diqkd.InvalidInput, match=r"y: found 0\.\.3, must lie in 0\.\.2"):
        diqkd.count_rounds([0, 0], [0, 3], [0, 0], [1, 1])
    with pytest.raises(diqkd.InvalidInput, match="equally long"):
        diqkd.count_rounds([0, 0], [0], [0, 0], [1, 1])


def test_decoding_finds_alices_string(strings):
    parameters, alice, bob = strings
    syndrome = diqkd.syndrome(alice.outcomes, parameters.syndrome_bits)
    found = diqkd.decode(bob.outcomes, alice.settings, bob.settings, syndrome)
    assert found.converged and np.array_equal(found.bits, alice.outcomes)


@pytest.mark.parametrize("extractor", ["trevisan", "toeplitz"])
def test_extraction_has_the_length_asked_for(strings, extractor):
    source = strings[1].outcomes[:2000]
    sizes = {"extractor": extractor, "eps_pa": 1e-6}
    seed = np.random.default_rng(3).integers(0, 2, diqkd.extractor_seed_bits(2000, 64, **sizes), dtype=np.uint8)
    key = diqkd.extract(source, seed, 64, **sizes)
    assert key.shape == (64,) and key.dtype == np.uint8 and 0 < key.sum() < 64


def test_tags_tell_messages_apart():
    key, pad = diqkd.tag_key(), bytes(range(8))
    made = diqkd.tag(key, b"A", pad)
    assert len(made) == 8 and diqkd.is_tag_of(made, key, b"A", pad) and not diqkd.is_tag_of(made, key, b"B", pad)


def test_two_strings_give_the_same_key_on_both_nodes(strings):
    parameters, alice, bob = strings
    pair = diqkd.post_process(parameters, alice, bob)
    assert pair.alice.accepted and pair.bob.accepted and len(pair.alice_key) == parameters.ell - 256
    assert np.array_equal(pair.alice_key, pair.bob_key)
    assert "both nodes ran in one process" in pair.bob.insecure_because
    assert "alice_key" not in repr(pair)


def test_strings_of_strangers_give_no_key(strings):
    parameters, alice, bob = strings
    noise = diqkd.RawRounds(bob.settings, bob.test, bob.outcomes[::-1].copy())
    pair = diqkd.post_process(parameters, alice, noise)
    assert pair.alice_key is None and pair.alice.abort_reason is not None


def test_strings_of_another_length_are_refused(strings):
    parameters, alice, bob = strings
    short = diqkd.RawRounds(bob.settings[1:], bob.test[1:], bob.outcomes[1:])
    with pytest.raises(diqkd.InvalidInput, match="bob: 19999 rounds, the plan has 20000"):
        diqkd.post_process(parameters, alice, short)
