"""Fixtures for ledger tests."""

import pytest
from ledger_cases import small, source

from postprocess.keystore import Keystore, draw_k0


@pytest.fixture
def keystore(tmp_path):
    with Keystore.create(tmp_path / "alice" / "keystore.sqlite", "alice") as keystore:
        keystore.provision(draw_k0(source(), small(), 2), small())
        yield keystore
