"""Toeplitz extraction: the public seed is drawn after the first verified G_B and stored before it is sent."""

import msgpack
import numpy as np
import pytest
from session_faults import CrashPoints, PadWitness, install
from session_nodes import TwoNodes, assert_no_key, draw_rounds, rehearsal

from postprocess.errors import AbortReason
from postprocess.privacy import ToeplitzExtractor
from postprocess.session import read_private_record
from tests.handed_out import hand_out


class Bits:
    """A random source that tells how often it was asked."""

    def __init__(self, seed=3):
        self.random, self.asked = np.random.default_rng(seed), 0

    def __call__(self, count):
        self.asked += 1
        return self.random.integers(0, 2, count, dtype=np.uint8)


@pytest.fixture
def nodes(folder):
    parameters = rehearsal(extractor="toeplitz", rounds=5000, ell=400)
    two = TwoNodes(folder, parameters, draw_rounds(parameters)).provision(sessions=1)
    two.bits = Bits()
    two.options = {"random_bits": two.bits}
    yield two
    two.close()


def sent_seed(payload):
    return np.unpackbits(np.frombuffer(msgpack.unpackb(payload)["seed"], np.uint8), count=4999)


def test_k0_is_1536_bits_and_the_key_is_that_of_the_seed_sent(nodes):
    seen = {}
    results = nodes.run(tamper=lambda sender, kind, payload: seen.setdefault(kind, payload) and payload)
    assert results["alice"].accepted and results["bob"].accepted
    extractor = ToeplitzExtractor(5000, 400)
    key = extractor.extract(nodes.rounds["alice"].outcomes, sent_seed(seen["revelation"]))
    for keystore in nodes.keystores.values():
        assert keystore.balance().initial == 1536
        assert np.array_equal(hand_out(keystore, "s1"), key[256:])


def test_the_next_session_starts_from_the_first_ones_pads(nodes):
    nodes.run()
    nodes.parameters = rehearsal("s2", extractor="toeplitz", rounds=5000, ell=400)
    assert all(result.accepted for result in nodes.run().values())
    assert nodes.bits.asked == 2


def test_no_seed_before_a_verified_g_b(nodes):
    """An adversary who plays Bob's round types to Alice gets none."""
    seen = []

    def forge(sender, kind, payload):
        seen.append(kind)
        return bytes(8) if kind == "G_B" else payload

    results = nodes.run(tamper=forge)
    assert {result.abort_reason for result in results.values()} == {AbortReason.AUTHENTICATION}
    assert nodes.bits.asked == 0 and "revelation" not in seen
    assert nodes.keystores["alice"].session("s1").own("seed") is None
    assert_no_key(nodes)


@pytest.mark.parametrize("other", ["flipped", "of another session"])
def test_a_seed_that_alice_did_not_send_ends_the_session(nodes, folder, other):
    def tamper(sender, kind, payload):
        if kind != "revelation":
            return payload
        message = msgpack.unpackb(payload)
        seed = message["seed"]
        changed = (
            bytes([seed[0] ^ 1]) + seed[1:] if other == "flipped" else Bits(9)(8 * len(seed)).tobytes()[: len(seed)]
        )
        return msgpack.packb(message | {"seed": changed})

    results = nodes.run(tamper=tamper)
    assert {result.abort_reason for result in results.values()} == {AbortReason.ACTIVATION}
    assert read_private_record(folder / "bob", "s1")["verdict"] == "authentication"
    assert_no_key(nodes)


def test_a_crash_anywhere_sends_the_seed_that_was_stored(folder, monkeypatch):
    points, witness = install(monkeypatch), PadWitness(monkeypatch)
    assert isinstance(points, CrashPoints)
    parameters = rehearsal(extractor="toeplitz", rounds=5000, ell=400)
    rounds = draw_rounds(parameters)

    def fresh(name):
        two = TwoNodes(folder / name, parameters, rounds, timeout_s=20.0, probe_s=0.02).provision(sessions=1)
        two.options = {"random_bits": Bits()}
        return two

    def run(two, **deadly):
        points.arm(**deadly)
        return two.run(tamper=lambda *message: witness.see(message[0], message[1], points.tamper(*message)))

    whole = fresh("whole")
    run(whole)
    whole.close()
    places = list(points.passed["alice"])
    assert ("before keep own seed", 0) in places and ("after keep own seed", 0) in places
    for number, place in enumerate(places):
        two = fresh(str(number))
        witness.tagged.clear(), witness.sent.clear()
        run(two, alice=place)
        results = run(two)
        assert all(not isinstance(result, BaseException) and result.accepted for result in results.values()), place
        assert two.keystores["alice"].key_records.same_key(two.keystores["bob"].key_records, "s1")
        witness.check()
        two.close()
