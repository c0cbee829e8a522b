"""A home with a provisioned ledger and link keys, for a node."""

import json
from fractions import Fraction

import pytest

from postprocess.keystore import Keystore, draw_k0
from postprocess.plans.presets import Choice, planned
from postprocess.randomness import SeededSource

SECRET = 271_828  # seed of K0, so that tests know what must not be seen


@pytest.fixture(scope="session")
def k0():
    parameters = planned("provisioning", "emulated", Choice(20_000, Fraction(1, 2)))
    return parameters, draw_k0(SeededSource(SECRET, "K0"), parameters, 2)


@pytest.fixture
def homes(tmp_path, k0):
    parameters, secret = k0
    folder = tmp_path / "alice"
    folder.mkdir(mode=0o700)
    with Keystore.create(folder / "keystore.sqlite", "alice") as keystore:
        keystore.provision(secret, parameters)
        keystore.reserve("provisioning", parameters)
    return tmp_path


@pytest.fixture
def generator(homes):
    """Alice's hardware generator: a file of 10 000 bytes."""
    path = homes / "generator.bin"
    path.write_bytes(SeededSource(SECRET, "generator").random_bytes(10_000))
    (homes / "alice" / "random.json").write_text(json.dumps({"kind": "file", "path": str(path)}))
    return path
