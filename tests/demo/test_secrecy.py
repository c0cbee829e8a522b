"""Everything that a session leaves behind or shows while it runs is searched for its private strings."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import psutil
import pytest

from postprocess.keystore import open_ledger
from postprocess.storage.node_home import NodeHome
from tests.artiq.lab_kit import WINDOW_BITS, private_strings, seen

ROOT = Path(__file__).resolve().parents[2]
SESSION = "rehearsal"
ITS_OWN = ("keystore.sqlite", "settings.bin", "records.log", "private.json")  # each node's private files
WORDS = ("--rounds", "6000", "--gamma", "1/2", "--block-rounds", "500", "--seed", "5")


def strings_of(kept):
    """Name -> bits of the private strings that are long enough to be looked for."""
    found = private_strings(SimpleNamespace(folder=kept), SESSION)
    return {name: bits for name, bits in found.items() if len(bits) >= WINDOW_BITS}


def shown_by_processes(process):
    """Command lines, environments and names of open files of the command and its nodes, while they run."""
    shown = set()
    while process.poll() is None:
        for each in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
            try:
                shown.add("\0".join([*each.cmdline(), *each.environ().values(), *(f.path for f in each.open_files())]))
            except psutil.Error:
                continue
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    return shown


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory):
    """(folder of everything, kept laboratory, what the processes have shown) of one whole session by `diqkd demo`."""
    folder = tmp_path_factory.mktemp("secrecy")
    places = {name: folder / name for name in ("TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME", "HOME")}
    for place in places.values():
        place.mkdir()
    kept, out = folder / "kept", folder / "output"
    command = [sys.executable, "-m", "diqkd", "demo", *WORDS, "--keep", kept, "--report", folder / "report.json"]
    environment = os.environ | {name: str(place) for name, place in places.items()} | {"PYTHONPATH": str(ROOT)}
    with out.open("wb") as stream:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=stream, stderr=subprocess.STDOUT)
        shown = shown_by_processes(process)
    assert process.returncode == 0, out.read_text()
    assert len(shown) >= 3, "the command and both nodes were seen"
    return folder, kept, shown


def test_private_strings_are_in_their_own_files_and_nowhere_else(left_behind):
    folder, kept, shown = left_behind
    strings = strings_of(kept)
    assert len(strings) >= 8
    own = {path for node in ("alice", "bob") for path in (kept / "homes" / node).rglob("*") if path.name in ITS_OWN}
    found_in_their_own = {name for path in own for name in seen(strings, path.read_bytes())}
    assert found_in_their_own >= {name for name in strings if "secret" in name}, "the search finds what is there"
    others = [path for path in folder.rglob("*") if path.is_file() and path not in own]
    assert len(others) > 20
    for path in others:
        assert not seen(strings, path.read_bytes()), path
    for text in shown:
        assert not seen(strings, text.encode(errors="surrogateescape"))
    for path in kept.rglob("*.h5"):
        with h5py.File(path) as file:
            for name, dataset in file["datasets"].items():
                assert not seen(strings, repr(dataset[()]).encode()), name


def test_neither_node_holds_what_is_private_to_the_other(left_behind):
    """Outcomes stay where they were measured; Bob's settings in key rounds, and Alice's, where they were drawn."""
    _, kept, _ = left_behind
    strings = strings_of(kept)
    for node, other in (("alice", "bob"), ("bob", "alice")):
        foreign = {f"{other}'s outcomes": strings[f"{other}'s outcomes"]}
        if node == "alice":
            foreign["bob's settings"] = strings["bob's settings"]
        for path in (kept / "homes" / node).rglob("*"):
            if path.is_file():
                assert not seen(foreign, path.read_bytes()), path


def test_the_key_is_what_this_is_about(left_behind):
    _, kept, _ = left_behind
    with open_ledger(NodeHome("alice", kept / "homes")) as ledger:
        assert [record.state for record in ledger.key_records.records()] == ["active"]
