"""The controllers as processes: conventions of the ecosystem, loopback only, one line for whatever is wrong."""

import importlib.util
import os
import socket
import subprocess
import sys
import time

import pytest

from controllers.serving import NO_SIPYCO, only_loopback
from postprocess.errors import InvalidInput

SIPYCO = importlib.util.find_spec("sipyco") is not None
needs_sipyco = pytest.mark.skipif(not SIPYCO, reason="sipyco is not installed here: no controller was served")
KEYSTORE, QRNG = "controllers.aqctl_diqkd_keystore", "controllers.aqctl_diqkd_qrng"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def command(module, homes, *more):
    return [sys.executable, "-m", module, "--node", "alice", "--home", str(homes), *more]


@pytest.mark.parametrize("addresses", [["127.0.0.1", "::1"], ["localhost"], ["127.0.0.53"]])
def test_loopback_is_allowed(addresses):
    assert only_loopback(addresses) == addresses


@pytest.mark.parametrize("addresses", [None, ["127.0.0.1", "0.0.0.0"], ["::"], ["192.168.1.7"], ["nodeA"], ["*"]])
def test_whatever_others_could_reach_is_refused(addresses):
    with pytest.raises(InvalidInput, match="other hosts could reach it"):
        only_loopback(addresses)


@pytest.mark.skipif(SIPYCO, reason="sipyco is installed here")
@pytest.mark.parametrize("module", [KEYSTORE, QRNG])
def test_without_sipyco_it_says_so(module, homes):
    done = subprocess.run(command(module, homes), capture_output=True, text=True)
    assert done.returncode == 2
    assert NO_SIPYCO in done.stderr
    assert len(done.stderr.splitlines()) == 1


@needs_sipyco
@pytest.mark.parametrize(("module", "target"), [(KEYSTORE, "diqkd_keystore"), (QRNG, "diqkd_qrng")])
def test_served_pinged_asked_and_terminated(module, target, homes):
    from sipyco.pc_rpc import Client

    port = free_port()
    process = subprocess.Popen(command(module, homes, "-p", str(port), "--bind", "127.0.0.1"))
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                client = Client("127.0.0.1", port, target, timeout=5)
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert client.ping() is True
        assert client.node() == "alice"
        answer = client.balance() if module == KEYSTORE else client.health()
        assert answer["consumed"] == 256 if module == KEYSTORE else not answer["insecure"]
        client.terminate()
        client.close_rpc()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


@needs_sipyco
@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--bind", "*"], "other hosts could reach it"),
        (["--bind", "10.0.0.1"], "other hosts could reach it"),
        (["--node", "bob"], "no home of bob"),
    ],
)
def test_bad_input_is_one_line(homes, more, complaint):
    done = subprocess.run(command(KEYSTORE, homes, *more), capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


@needs_sipyco
def test_a_port_in_use_is_one_line(homes):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        done = subprocess.run(command(QRNG, homes, "-p", port), capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert f"port {port}:" in done.stderr


@needs_sipyco
def test_without_a_home_it_says_what_to_give():
    clean = {key: value for key, value in os.environ.items() if not key.startswith("DIQKD")}
    done = subprocess.run([sys.executable, "-m", KEYSTORE], capture_output=True, text=True, env=clean, timeout=30)
    assert done.returncode == 2
    assert "node = : must be 'alice' or 'bob'" in done.stderr
