"""The stand-in is held to ARTIQ: the same small experiments give the observations recorded under the real one."""

import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import contract_cases
import pytest

from testbed import standin
from testbed.standin import pyon

RECORDED = json.loads((Path(__file__).parent / "contract.json").read_text())
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def observed():
    return contract_cases.observe()


@pytest.mark.parametrize("case", sorted(RECORDED))
def test_contract(case, observed, monkeypatch):
    assert observed[case] == RECORDED[case]


def test_nothing_was_recorded_twice_or_forgotten(observed):
    assert set(observed) == set(RECORDED)


def test_the_stand_in_comes_only_where_artiq_is_missing(tmp_path):
    (tmp_path / "artiq").mkdir()
    (tmp_path / "artiq" / "__init__.py").write_text("marker = 'real'\n")
    code = "from testbed import standin; print(standin.install()); import artiq; print(artiq.marker)"
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    with_one = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert with_one.stdout.split() == ["False", "real"]


@pytest.mark.skipif(not standin.install(), reason="ARTIQ itself is installed here")
def test_what_the_stand_in_lacks_is_an_import_error():
    for name in ("artiq.compiler", "artiq.coredevice.comm_kernel", "artiq.frontend"):
        with pytest.raises(ImportError):
            importlib.import_module(name)
    assert standin.active()


def test_everything_exported_is_there():
    import artiq.experiment

    for name in artiq.experiment.__all__:
        assert hasattr(artiq.experiment, name), name
    for name in ("us", "MHz", "dB", "V", "Hz", "s", "kernel", "TInt32", "TList", "EnvExperiment", "RTIOUnderflow"):
        assert name in artiq.experiment.__all__


@pytest.mark.parametrize("value", (
    None, True, 3, -2.5, "te\"xt\n", b"\x00", [1, [2.0]], (1,), (1, "a"), {"k": (1, 2), 3: [None]}, {1, 2},
))  # fmt: skip
def test_pyon_round_trip(value):
    assert pyon.decode(pyon.encode(value)) == value


def test_pyon_of_arrays_and_refusals():
    import numpy as np

    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    back = pyon.decode(pyon.encode(array))
    assert back.dtype == array.dtype and (back == array).all()
    assert pyon.decode(pyon.encode(np.float64(1.5))) == 1.5
    with pytest.raises(TypeError, match="not PYON"):
        pyon.encode(object())
    with pytest.raises(NameError):
        pyon.decode("open('x')")
