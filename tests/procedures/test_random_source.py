"""The check of a node's random source: healthy, stuck, and how much of a generator's file it takes."""

import json
import os

import pytest

from postprocess.errors import DiqkdError
from postprocess.randomness import FileSource


def use_file(home, data):
    path = home.parent / "generator.bin"
    path.write_bytes(data)
    (home / "random.json").write_text(json.dumps({"kind": "file", "path": str(path)}))
    return path


def test_a_healthy_generator_passes_and_its_bits_are_used_up(calibrate):
    made = calibrate("bob", "check_random_source.py", samples=4)
    path = use_file(made.home, os.urandom(12_000))
    made.run()
    assert "of 4 samples fail" in made.dataset("diqkd.random_source.result")
    assert "generator.bin" in made.dataset("diqkd.random_source.description")
    assert made.dataset("diqkd.random_source.insecure") is False
    assert FileSource(path).left == 2_000


@pytest.mark.parametrize("byte", [0x00, 0x55, 0x0F])
def test_a_stuck_generator_fails_with_one_line(calibrate, byte):
    made = calibrate("alice", "check_random_source.py", samples=2)
    use_file(made.home, bytes([byte]) * 5_000)
    made.worker.prepare()
    with pytest.raises(DiqkdError, match=r"not random, .* \(2 of 2 samples fail \(.*\)\); do not start a session"):
        made.worker.run()
    assert made.dataset("diqkd.random_source.result").startswith("2 of 2 samples fail")
