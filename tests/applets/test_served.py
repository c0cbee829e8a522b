"""Applets as processes: their commands, and one that follows datasets as a master publishes them."""

import asyncio
import importlib
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from applet_values import session

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60


def environment():
    return os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}


@contextmanager
def published(datasets):
    """The two servers of a master that an applet asks; gives their ports and a function that changes the datasets."""
    from sipyco.pc_rpc import Server
    from sipyco.sync_struct import Notifier, Publisher

    notifier = Notifier({name: (False, value, {}) for name, value in datasets.items()})
    servers = (Publisher({"datasets": notifier}), Server({"dataset_db": object()}))
    loop = asyncio.new_event_loop()

    async def start():
        for server in servers:
            await server.start("127.0.0.1", 0)
        return [server.server.sockets[0].getsockname()[1] for server in servers]

    async def stop():
        for server in servers:
            await server.stop()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        notify, control = asyncio.run_coroutine_threadsafe(start(), loop).result(PATIENCE_S)
        yield notify, control, lambda change: loop.call_soon_threadsafe(change, notifier)
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(PATIENCE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)
        loop.close()


def test_an_applet_follows_what_a_master_publishes(qt):
    probe = [sys.executable, str(ROOT / "tests" / "applets" / "applet_probe.py"), "heralds", "HeraldsPanel"]
    with published(session(herald_rate_hz=[])) as (notify, control, change):
        where = ["--server", "127.0.0.1", "--port-notify", str(notify), "--port-control", str(control)]
        with subprocess.Popen(probe + where, stdout=subprocess.PIPE, text=True, env=environment()) as process:
            try:
                assert process.stdout.readline().startswith("No heralds yet")
                change(lambda datasets: datasets["diqkd.rounds.herald_rate_hz"][1].append(123.0))
                printed, _ = process.communicate(timeout=PATIENCE_S)
            finally:
                process.kill()
    assert printed == "Session s2: latest 123.0/s, mean 123.0/s\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    "name", ["session_progress", "heralds", "characterisation", "readout_histogram", "calibration_scan"]
)
def test_every_command_says_what_it_shows(name, qt):
    done = subprocess.run(
        [sys.executable, "-m", f"applets.{name}", "--help"], capture_output=True, text=True, env=environment(), cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    module = importlib.import_module(f"applets.panels.{name}")
    (panel,) = (each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__)
    assert " ".join(panel.__doc__.split()) in " ".join(done.stdout.split())


def test_shaping_needs_neither_qt_nor_artiq():
    code = (
        "import sys, pkgutil, importlib, postprocess.shaping as s; "
        "[importlib.import_module(f'postprocess.shaping.{m.name}') for m in pkgutil.iter_modules(s.__path__)]; "
        "print(sorted({n.split('.')[0] for n in sys.modules} & {'PyQt5', 'PyQt6', 'pyqtgraph', 'artiq', 'sipyco'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
