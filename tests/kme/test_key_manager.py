"""Two KMEs on one pool: the same key at both ends, once, to nobody else."""

import asyncio
import shutil

import pytest
from kme_pair import ALLOWED, KmePair, accept, checks, deliverable, fill, key_bytes, quick, run

from kme.key_manager import RequestRefused
from kme.key_supply import Permissions
from postprocess.errors import InvalidInput
from postprocess.keystore import Keystore
from postprocess.keystore.delivery import deliver

ELL = {"s1": 3000, "s2": 2500}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("filled"), ELL)


@pytest.fixture
def homes(filled, tmp_path, monkeypatch):
    quick(monkeypatch)
    return shutil.copytree(filled, tmp_path / "homes")


def test_master_and_slave_get_the_same_key_once(homes):
    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            keys = await pair.enc("a1", "b1", number=3)
            assert await pair.dec("b1", "a1", keys) == keys
            assert len(set(keys.values())) == 3 and all(len(key) == 32 for key in keys.values())
            truth = key_bytes("s1", ELL["s1"])
            assert list(keys.values()) == [truth[start : start + 32] for start in (0, 32, 64)]
            with pytest.raises(RequestRefused) as refused:
                await pair.dec("b1", "a1", keys)
            assert refused.value.status == 400
            back = await pair.enc("b2", "a2")
            half = deliverable(ELL["s1"]) // 16
            assert list(back.values()) == [truth[half : half + 32]], "Bob's masters take the other half"
            for slave, master in (("a1", "b2"), ("a2", "b1")):
                with pytest.raises(RequestRefused):
                    await pair.dec(slave, master, back)
            assert await pair.dec("a2", "b2", back) == back

    run(scenario())
    assert checks(homes) == []
    for node in ("alice", "bob"):
        with Keystore.open(homes / node / "keystore.sqlite") as keystore:
            assert keystore.key("s1").state == "serving" and keystore.key("s2").state == "active"
            assert keystore.balance().delivered == 4 * 256
            with pytest.raises(InvalidInput, match="in use"):
                keystore.abandon("s1")
            with pytest.raises(InvalidInput, match="hands it out, in slices"):
                deliver(keystore, "s1", homes / "file", allow_emulated=True, allow_insecure=True)


def test_bits_are_erased_where_they_have_left(homes):
    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            return await pair.enc("a1", "b1"), pair

    keys, pair = run(scenario())
    (key,) = keys.values()
    alice = (homes / "alice" / "keystore.sqlite").read_bytes()
    assert key not in alice
    assert key in (homes / "bob" / "keystore.sqlite").read_bytes(), "it waits for its slave"
    assert pair.rows("alice", "SELECT state, data FROM slices") == [("delivered", None)]

    async def later():
        async with KmePair(homes) as pair:
            await pair.ready()
            assert await pair.dec("b1", "a1", keys) == keys

    run(later())
    assert key not in (homes / "bob" / "keystore.sqlite").read_bytes()


def test_sixteen_masters_at_once_never_get_the_same_bits(homes):
    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            asked = [pair.enc(*pairing, bits=64) for pairing in (("a1", "b1"), ("b1", "a2")) for _ in range(16)]
            return await asyncio.gather(*asked)

    found = [key for keys in run(scenario()) for key in keys.values()]
    assert len(found) == len(set(found)) == 32
    assert checks(homes) == []


def test_the_whole_pool_leaves_and_no_bit_more(tmp_path, monkeypatch):
    """Both halves of both keys: what one node lacks the other hands over."""
    quick(monkeypatch)
    small = {"s1": 256 + 8 * 61, "s2": 256 + 8 * 90}
    homes = fill(tmp_path, small)

    async def scenario():
        found = {}
        async with KmePair(homes) as pair:
            await pair.ready()
            with pytest.raises(RequestRefused, match="not enough keys"):
                while True:
                    keys = await pair.enc("a1", "b1", bits=64)
                    assert await pair.dec("b1", "a1", keys) == keys
                    found |= keys
            await pair.manager("a1").supply.tidy(0.0)
            await pair.manager("b1").supply.tidy(0.0)
        return found

    found = run(scenario())
    whole = sum(deliverable(ell) // 16 * 2 // 8 for ell in small.values())
    assert whole - 8 <= len(found) <= whole, "a few bytes at the ends of shares are lost"
    assert len(set(found.values())) == len(found)
    assert checks(homes) == []
    with Keystore.open(homes / "bob" / "keystore.sqlite") as keystore:
        assert {record.state for record in keystore.keys()} == {"delivered"}  # noqa: SIM118
        assert keystore.balance().delivered == 64 * len(found)
    key = key_bytes("s1", small["s1"]) + key_bytes("s2", small["s2"])
    assert all(each in key for each in found.values())


def test_another_share_and_none_handed_over(homes):
    async def scenario():
        async with KmePair(homes, share=0.9, hand_over=False) as pair:
            await pair.ready()
            stored = {name: pair.manager(name).status(pair.sae(name), partner)["stored_key_count"]
                      for name, partner in (("a1", "b1"), ("b1", "a1"))}  # fmt: skip
            count = 0
            with pytest.raises(RequestRefused, match="not enough keys"):
                while True:
                    count += len(await pair.enc("b1", "a1"))
            return stored, count

    stored, count = run(scenario())
    assert count == stored["b1"] and stored["a1"] > 8 * stored["b1"]


def test_nodes_with_different_shares_serve_nothing(homes):
    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            rules = pair.managers["bob"].supply._rules
            object.__setattr__(rules, "share", 0.25)
            with pytest.raises(RequestRefused, match="not enough keys"):
                await pair.enc("a1", "b1")

    run(scenario())
    with Keystore.open(homes / "alice" / "keystore.sqlite") as keystore:
        assert [record.state for record in keystore.keys()] == ["active", "active"]  # noqa: SIM118


def test_a_key_that_went_to_a_file_is_never_served(homes):
    """Alice's operator was quicker: Bob's ledger still calls it active, and asks."""
    with Keystore.open(homes / "alice" / "keystore.sqlite") as keystore:
        deliver(keystore, "s1", homes / "file", allow_emulated=True, allow_insecure=True)

    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            pair.managers["bob"].supply._peer_active = frozenset(ELL)  # as told a moment before
            return await pair.enc("b1", "a1")

    (key,) = run(scenario()).values()
    assert key in key_bytes("s2", ELL["s2"]) and key not in (homes / "file").read_bytes()
    with Keystore.open(homes / "bob" / "keystore.sqlite") as keystore:
        assert keystore.key("s1").state == "active", "and may go to a file here as well"


@pytest.mark.parametrize("permissions", [Permissions(), Permissions(emulated=True), Permissions(insecure=True)])
def test_emulated_and_insecure_keys_only_by_name(homes, permissions):
    async def scenario():
        async with KmePair(homes, permissions) as pair:
            await pair.ready()
            status = pair.manager("a1").status(pair.sae("a1"), "b1")
            assert (status["stored_key_count"], "status_extension" in status) == (0, False)
            with pytest.raises(RequestRefused, match="not enough keys"):
                await pair.enc("a1", "b1")

    run(scenario())


def test_they_are_marked(homes):
    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            manager = pair.manager("a1")
            delivered = await manager.keys_for_master(pair.sae("a1"), "b1")
            return manager.status(pair.sae("a1"), "b1")["status_extension"]["warnings"], delivered.warnings

    status, delivered = run(scenario())
    assert status == delivered == ["emulated apparatus: protects nothing", "insecure: a test"]


def test_reserved_slices_of_such_keys_wait_for_the_permission_too(homes):
    async def first():
        async with KmePair(homes) as pair:
            await pair.ready()
            return await pair.enc("a1", "b1")

    async def second(keys, permissions):
        async with KmePair(homes, permissions) as pair:
            await pair.ready()
            return await pair.dec("b1", "a1", keys)

    keys = run(first())
    with pytest.raises(RequestRefused, match="cannot be served"):
        run(second(keys, Permissions()))
    assert run(second(keys, ALLOWED)) == keys


def test_a_peer_that_is_away_costs_nothing(homes):
    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            await pair.enc("a1", "b1")
            await pair.stop("bob")
            before = pair.manager("a1").supply.pool.free
            with pytest.raises(RequestRefused, match="away") as refused:
                await pair.enc("a1", "b1")
            assert refused.value.status == 503 and pair.manager("a1").supply.pool.free == before

    run(scenario())


def test_a_peer_that_does_not_answer_costs_the_slice(homes):
    """It may have the slice: the bits are nobody's, and when the two meet again the peer erases them."""

    async def scenario():
        async with KmePair(homes, peer_timeout_s=0.3) as pair:
            await pair.ready()
            await pair.enc("a1", "b1")
            line = pair.lines["bob"]
            really, line.send = line.send, lambda *_: None
            with pytest.raises(RequestRefused, match="away"):
                await pair.enc("a1", "b1")
            assert len(pair.rows("bob", "SELECT 1 FROM slices WHERE side = 'slave'")) == 2
            line.send = really
            await pair.ready()
            while pair.managers["bob"].supply.unconfirmed:
                await asyncio.sleep(0.001)
            keys = await pair.enc("a1", "b1")
            assert await pair.dec("b1", "a1", keys) == keys

    run(scenario())
    pair = KmePair(homes)
    accounts = "SELECT side, state, keys FROM accounts ORDER BY state"
    assert pair.rows("bob", accounts) == [("slave", "delivered", 1), ("slave", "void", 1)]
    assert pair.rows("bob", "SELECT state FROM slices") == [("confirmed",)]
    assert pair.rows("alice", accounts) == [("master", "delivered", 2), ("master", "void", 1)]
    assert checks(homes) == []


def test_unclaimed_keys_expire_by_option(homes):
    async def scenario():
        async with KmePair(homes, expire_hours=1.0) as pair:
            await pair.ready()
            keys = await pair.enc("a1", "b1")
            supply = pair.managers["bob"].supply
            await supply.tidy(pair.managers["bob"]._clock() + 3599 - 10)
            await supply.tidy(pair.managers["bob"]._clock() + 3601)
            with pytest.raises(RequestRefused, match="cannot be served"):
                await pair.dec("b1", "a1", keys)

    run(scenario())
    assert checks(homes) == []


def test_who_is_not_a_partner_gets_nothing_and_costs_nothing(homes):
    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            supply = pair.manager("a1").supply
            before = supply.free_bits
            for slave in ("a2", "nobody", ""):
                with pytest.raises(RequestRefused) as refused:
                    await pair.enc("a1", slave)
                assert refused.value.status == 401
            supply._peer_saes = {"b1": ("a2",)}  # Bob's kme.toml does not let b1 speak to a1
            with pytest.raises(RequestRefused) as refused:
                await pair.enc("a1", "b1")
            assert refused.value.status == 401 and supply.free_bits == before

    run(scenario())


@pytest.mark.parametrize(
    ("number", "bits", "message"),
    [(1, 12, "multiple of 8"), (1, 56, "from 64 to 1024"), (1, 1032, "from 64 to 1024"), (0, 64, "from 1 to 128"),
     (129, 64, "from 1 to 128")],
)  # fmt: skip
def test_sizes_and_numbers_out_of_range(homes, number, bits, message):
    async def scenario():
        async with KmePair(homes) as pair:
            with pytest.raises(RequestRefused, match=message) as refused:
                await pair.enc("a1", "b1", number, bits)
            assert refused.value.status == 400

    run(scenario())


def test_a_daily_quota(homes):
    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            object.__setattr__(pair.sae("a1"), "bits_per_day", 512)
            asked = [pair.enc("a1", "b1") for _ in range(4)]
            found = await asyncio.gather(*asked, return_exceptions=True)
            served = [keys for keys in found if isinstance(keys, dict)]
            assert len(served) <= 2
            while len(served) < 2:
                served.append(await pair.enc("a1", "b1"))
            with pytest.raises(RequestRefused, match="no more than 512 bits in 24 hours"):
                await pair.enc("a1", "b1")
            await pair.enc("a2", "b1")

    run(scenario())


def test_keys_of_later_sessions_are_found(homes):
    async def scenario():
        async with KmePair(homes) as pair:
            await pair.ready()
            before = pair.manager("a1").status(pair.sae("a1"), "b1")
            for node in ("alice", "bob"):
                with Keystore.open(homes / node / "keystore.sqlite") as keystore:
                    accept(keystore, "s3", 4096 + 256)
            for _ in range(60_000):
                status = pair.manager("a1").status(pair.sae("a1"), "b1")
                if status["stored_key_count"] == before["stored_key_count"] + 8:
                    return
                await asyncio.sleep(0.001)
            raise AssertionError(status)

    run(scenario())
