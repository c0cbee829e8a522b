"""Slices that are over leave no row: a ledger stays as small after millions of keys, and still gives none twice."""

import asyncio

import pytest
from kme_pair import NODES, KmePair, checks, fill, quick, run

from kme.key_manager import RequestRefused
from postprocess.keystore import Keystore
from postprocess.keystore.served_keys import SERVER

KEYS = 96  # of Alice's masters, 64 bits each
ELL = {"s1": 256 + 2 * 64 * KEYS}
TRIES = 60_000


@pytest.fixture
def homes(tmp_path, monkeypatch):
    quick(monkeypatch)
    return fill(tmp_path / "homes", ELL)


def rows(pair, node):
    return pair.rows(node, "SELECT state, count(*) FROM slices GROUP BY state ORDER BY state")


async def until(true):
    for _ in range(TRIES):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never")


async def hand_over(pair, number):
    keys = await pair.enc("a1", "b1", number, 64)
    assert await pair.dec("b1", "a1", keys) == keys
    return keys


def test_a_ledger_keeps_nothing_of_what_both_ends_have(homes):
    async def scenario():
        given, pages = {}, []
        async with KmePair(homes) as pair:
            await pair.ready()
            for _ in range(KEYS // 16):
                given |= await hand_over(pair, 16)
                await until(lambda: rows(pair, "alice") == rows(pair, "bob") == [])
                pages.append([pair.rows(node, "PRAGMA page_count")[0][0] for node in NODES])
            for key_id in given:
                with pytest.raises(RequestRefused, match="cannot be served") as refused:
                    await pair.dec("b1", "a1", [key_id])
                assert refused.value.status == 400
        assert len(given) == KEYS and len(set(given.values())) == KEYS
        assert all(late <= first + 2 for first, late in zip(pages[1], pages[-1], strict=True)), pages

    run(scenario())
    assert checks(homes) == []
    for node, side in zip(NODES, ("master", "slave"), strict=True):
        with Keystore.open(homes / node / "keystore.sqlite") as keystore:
            (account,) = keystore.slices.accounts()
            assert (account.side, account.state, account.keys, account.bits) == (side, "delivered", KEYS, 64 * KEYS)
            assert keystore.balance().delivered == 64 * KEYS
            if side == "master":
                assert keystore.slices.bits_taken("a1", 0.0) == 64 * KEYS


def test_a_key_of_which_nothing_is_left_is_closed_on_both_nodes(homes):
    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            await hand_over(pair, KEYS)
            for _ in range(KEYS // 2):
                back = await pair.enc("b1", "a1", 2, 64)
                assert await pair.dec("a1", "b1", back) == back
            await until(lambda: all(rows(pair, node) == [] for node in NODES))
            await until(lambda: all(pair.rows(node, "SELECT state FROM keys") == [("delivered",)] for node in NODES))

    run(scenario())
    for node in NODES:
        with Keystore.open(homes / node / "keystore.sqlite") as keystore:
            assert keystore.key("s1").destination == SERVER and keystore.served_keys.shares() == []
            assert keystore._database.row("SELECT count(*) FROM pieces") == (0,)
    assert checks(homes) == []


def test_what_its_master_has_waits_for_its_slave_though_the_masters_ledger_has_forgotten_it(homes):
    async def first():
        async with KmePair(homes) as pair:
            await pair.ready()
            keys = await pair.enc("a1", "b1", 3, 64)
            await until(lambda: rows(pair, "alice") == [])
            assert rows(pair, "bob") == [("confirmed", 3)]
            return keys

    async def second(keys):
        async with KmePair(homes) as pair:
            await pair.ready()
            greeted = []
            pair.place = lambda node, what: greeted.append(node) if what == "send hello" else None
            await until(lambda: greeted.count("bob") > 2)
            assert await pair.dec("b1", "a1", keys) == keys

    run(second(run(first())))


def test_what_is_on_its_way_is_neither_confirmed_nor_erased(homes):
    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            alice, bob = (pair.managers[node].supply for node in NODES)
            reserved = pair.managers["bob"].supply.dialogue._handlers["reserve"]
            seen = []

            async def greeting_first(body):
                answer = await reserved(body)
                assert len(alice.in_flight) == 2
                await bob.greet()
                seen.extend(rows(pair, "bob"))
                return answer

            bob.dialogue._handlers["reserve"] = greeting_first
            keys = await pair.enc("a1", "b1", 2, 64)
            assert seen == [("reserved", 2)]
            await until(lambda: rows(pair, "bob") == [("confirmed", 2)])
            assert await pair.dec("b1", "a1", keys) == keys

    run(scenario())


def test_expired_slices_leave_no_row_either(homes):
    async def scenario():
        async with KmePair(homes, expire_hours=1.0) as pair:
            await pair.ready()
            await pair.enc("a1", "b1", 4, 64)
            await until(lambda: rows(pair, "alice") == [])
            bob = pair.managers["bob"]
            bob.supply.in_flight.add("of Bob's own masters")  # under load there always is one
            await bob.supply.tidy(bob._clock() + 3601)
            assert rows(pair, "bob") == []
            assert pair.rows("bob", "SELECT state, keys, bits FROM accounts") == [("void", 4, 256)]

    run(scenario())
    assert checks(homes) == []
