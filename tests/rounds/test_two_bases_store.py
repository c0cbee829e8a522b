"""Rounds with two announced key bases on disk: X is the announced basis in key rounds, also where Bob had to say so."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from test_round_formats import session

from postprocess.acquisition.meeting import _packed, _types
from postprocess.audit.claims_of_strings import records_are_faithful
from postprocess.errors import InvalidInput
from postprocess.estimation.priors import with_second_key
from postprocess.link import codec
from postprocess.plans.paper import PAPER_PRIORS
from postprocess.randomness import SeededSource
from postprocess.rounds import RoundStore
from postprocess.rounds.round_records import Flag, RoundRecords, announced_by

BLOCK = 400
ONE = session(block_rounds=BLOCK)
TWO = replace(ONE, bases=2, qber2=0.05, priors=with_second_key(PAPER_PRIORS, 0.05))


@pytest.fixture
def stores(tmp_path):
    made = {n: RoundStore.create(tmp_path / n, TWO, n, SeededSource(1, n)) for n in ("alice", "bob")}
    yield made
    for store in made.values():
        store.close()


def words(settings, types, flags=0):
    count = len(settings)
    return RoundRecords(
        timestamps_mu=np.arange(count) * 10_000_000,
        attempts=np.full(count, 6000),
        patterns=np.full(count, 5, np.uint8),
        outcomes=np.ones(count, np.uint8),
        settings=np.asarray(settings, np.uint8),
        types=np.asarray(types, np.uint8),
        flags=np.full(count, flags, np.uint8),
        counts=np.full(count, 9, np.int32),
    ).to_words()


def handed_out(stores, block):
    for store in stores.values():
        store.burn(block)
    return stores["alice"].settings_of(block), stores["bob"].settings_of(block)


def as_measured(x, y):
    """Alice's records of faithful kernels."""
    return words(np.where(y < 2, x, y - 2), y < 2)


def test_what_bob_announces():
    assert announced_by(np.arange(4, dtype=np.uint8)).tolist() == [1, 1, 0, 2]


def test_x_is_her_own_bit_in_tests_and_the_announced_basis_in_key_rounds(stores):
    x, y = handed_out(stores, 0)
    assert set(y) == {0, 1, 2, 3}
    stores["alice"].keep(0, 0, as_measured(x, y))
    stores["bob"].keep(0, 0, words(y, y < 2))
    alice, bob = (stores[node].portion(0, BLOCK) for node in ("alice", "bob"))
    assert (alice.settings == np.where(y < 2, x, y & 1)).all() and (bob.settings == y).all()
    assert (alice.announced(2) == bob.announced(2)).all()


def test_rounds_without_a_record_get_what_bob_announced(stores):
    """Lost and flagged rounds: his answer crosses as two bits a round, and survives reopening."""
    x, y = handed_out(stores, 0)
    stores["alice"].keep(0, 0, as_measured(x[:100], y[:100]))
    stores["alice"].keep(0, 100, words([0], [0], Flag.ROUND_TYPE))
    stores["bob"].keep(0, 0, words(y[:101], y[:101] < 2))
    for store in stores.values():
        store.fill_lost(BLOCK)
    lacking = stores["alice"].untyped
    assert lacking == list(range(100, BLOCK))
    content = codec.encode({"types": _packed(stores["bob"].types_of(lacking), 2)})
    assert len(_packed(stores["bob"].types_of(lacking), 2)) == -(-2 * len(lacking) // 8)
    stores["alice"].learn_types(lacking, _types(content, len(lacking), 2))
    stores["alice"].close()
    stores["alice"] = RoundStore.open(stores["alice"].folder)
    alice, bob = (stores[node].portion(0, BLOCK) for node in ("alice", "bob"))
    assert (alice.announced(2) == bob.announced(2)).all()
    assert (alice.settings == np.where(y < 2, x, y & 1)).all()


def test_an_announcement_that_there_is_none_of_is_refused(stores):
    handed_out(stores, 0)
    stores["alice"].fill_lost(4)
    with pytest.raises(InvalidInput, match="round types"):
        stores["alice"].learn_types([0, 1, 2, 3], np.array([0, 1, 2, 3], np.uint8))
    with pytest.raises(codec.NotUnderstood):
        _types(codec.encode({"types": bytes([0b00011011])}), 4, 2)


@pytest.mark.parametrize("setting", ["the other bit in a test", "2 in a key round"])
def test_a_record_of_another_x_is_refused(stores, setting):
    x, y = handed_out(stores, 0)
    test = setting.endswith("test")
    place = int(np.flatnonzero((y < 2) == test)[0])
    bad = as_measured(x, y)
    bad[place, 3] ^= 1 << 5 if test else 1 << 6
    with pytest.raises(InvalidInput, match=f"record of round {place}: the setting, type"):
        stores["alice"].keep(0, 0, bad)


def test_with_one_basis_x_is_0_in_key_rounds(tmp_path):
    store = RoundStore.create(tmp_path / "one", ONE, "alice", SeededSource(1, "alice"))
    store.burn(0)
    with pytest.raises(InvalidInput, match="record of round 0: the setting, type"):
        store.keep(0, 0, words([1], [0]))
    store.close()


def test_the_audit_takes_the_announced_basis_for_x(stores):
    """What the store accepts, `diqkd audit` accepts, too."""
    x, y = handed_out(stores, 0)
    stores["alice"].keep(0, 0, as_measured(x, y))
    evidence = SimpleNamespace(
        node="alice",
        folder=stores["alice"].folder,
        parameters=TWO,
        store=stores["alice"],
        page=SimpleNamespace(outcome=None),
        require_strings=lambda: None,
        require_readable=lambda: None,
    )
    assert records_are_faithful(evidence).startswith("400 rounds decided")
