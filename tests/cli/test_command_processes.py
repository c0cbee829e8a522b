"""Commands and the processes, folders and environment around them: signals, full disks, files in the user's folder."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import psutil
import pytest

from diqkd.experiment_options import read_options
from postprocess.errors import InvalidInput
from testbed.nodes.two_masters import TwoMasters, demonstration_at
from testbed.standin.experiment_catalogue import Argument, Listed
from tests.demo.emulated_sessions import small_session

ROOT = Path(__file__).resolve().parents[2]
LONG = ("demo", "--rounds", "300000", "--gamma", "1/2", "--block-rounds", "500")
SMALL = ("demo", "--rounds", "3000", "--gamma", "1/2", "--block-rounds", "500")


def hear_signals():
    """The command hears every signal, though the tests may run under nohup or in a shell's background."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def start(*words, cwd, **environment):
    given = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, "-m", "diqkd", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=cwd, env=given, preexec_fn=hear_signals, **pipes)


def nodes_of(process):
    deadline = time.monotonic() + 60
    while len(nodes := psutil.Process(process.pid).children()) < 2:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    return nodes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_node_outlives_the_command_and_no_home_stays(tmp_path, number):
    """Case H4, usability case 8."""
    process = start(*LONG, cwd=tmp_path, TMPDIR=str(tmp_path))
    nodes = nodes_of(process)
    process.send_signal(number)
    try:
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert psutil.wait_procs(nodes, timeout=60)[1] == []
    if number == signal.SIGKILL:
        (left,) = tmp_path.glob("diqkd-demo-*")
        _, told = start(*SMALL, cwd=tmp_path, TMPDIR=str(tmp_path)).communicate(timeout=300)
        assert f"removed {left}" in told
    else:
        assert process.returncode == 130
        assert "nothing resumes" in told and "the same command resumes" not in told  # usability case 7
    assert not list(tmp_path.glob("diqkd-demo-*"))


def test_modules_in_the_users_folder_are_not_pythons(tmp_path):
    """Cases M13 and L7: random.py beside the user; a kept folder with blanks and brackets is printed as it is."""
    for name in ("random.py", "queue.py"):
        (tmp_path / name).write_text("raise RuntimeError('the wrong module')\n")
    kept = tmp_path / "my [bold] lab"
    process = start(*SMALL, "--keep", kept, cwd=tmp_path)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert f"--home '{kept}/homes'" in out


def test_outputs_are_tried_before_the_work(tmp_path):
    """Case M10."""
    (tmp_path / "file").write_text("")
    for words in (
        ("--report", tmp_path),
        ("--keep", tmp_path / "file" / "x"),
        ("--results-folder", tmp_path / "file" / "x"),
    ):
        process = start(*LONG, *words, cwd=tmp_path)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 2 and out == ""
        assert "cannot be" in err and err.count("\n") == 1


@pytest.mark.parametrize("text", ["20260504", "2026-11-26", "1e5", "name=7", "true", '"quoted"'])
def test_text_arguments_stay_text(text):
    """Case M11."""
    listed = Listed(Path("x.py"), "X", "", "", (Argument("session", "", "", {"ty": "StringValue"}),))
    assert read_options(listed, [f"session={text}"]) == {"session": text.strip('"')}


def test_text_for_a_number_is_one_line():
    description = {"ty": "NumberValue", "default": 5}
    listed = Listed(Path("x.py"), "X", "", "", (Argument("rounds", "", "", description),))
    assert read_options(listed, ["rounds=1e5"]) == {"rounds": 1e5}
    with pytest.raises(InvalidInput, match="rounds is not a number; write for instance 5"):
        read_options(listed, ["rounds=true"])


@pytest.mark.parametrize("backend", ["inline", "nonsense"])
def test_figures_do_not_ask_for_the_notebooks_backend(tmp_path, backend):
    """Case M14."""
    process = start("figure", "4", "--points", "3", "--dpi", "50", "--out", tmp_path, cwd=ROOT, MPLBACKEND=backend)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err


def test_drawings_of_results_do_not_ask_for_it_either(tmp_path):
    """Case M14."""
    with h5py.File(tmp_path / "r.h5", "w") as file:
        file["datasets/diqkd.rounds.herald_rate_hz"] = [50.0, 51.0]
    process = start("show", tmp_path / "r.h5", "--dpi", "50", "-o", tmp_path, cwd=tmp_path, MPLBACKEND="nonsense")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err


def test_a_copy_says_once_whose_it_is(tmp_path, caplog):
    """Case M15: of `demo --keep` and of a laboratory alike; a folder that was moved is no copy."""
    demo = small_session(tmp_path / "run")
    demo.set_up()
    shutil.copytree(demo.folder, tmp_path / "copy")
    assert caplog.records == []
    copy = replace(demo, folder=tmp_path / "copy")
    copy.set_up()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == f"{copy.folder}: a copy of {demo.folder}, with the same keys and pads; use one of the two"
    for folder in (copy.folder, demo.folder):
        replace(demo, folder=folder).set_up()
    copy.folder.rename(tmp_path / "moved")
    demonstration_at(tmp_path / "moved").connect()
    assert len(caplog.records) == 1
    shutil.copytree(tmp_path / "moved", tmp_path / "second")
    demonstration_at(tmp_path / "second").connect()  # as `diqkd lab up` and `diqkd run` do
    assert "second: a copy of" in caplog.records[1].getMessage()


def test_a_copied_laboratory_does_not_know_the_processes_of_its_original(tmp_path):
    """Case M15."""
    lab = TwoMasters.open(tmp_path / "lab")
    lab.folder.mkdir()
    lab.ports = {"alice": {"control": 1}}
    lab._save()
    assert TwoMasters.open(lab.folder).ports == lab.ports
    shutil.copytree(lab.folder, tmp_path / "copy")
    copy = TwoMasters.open(tmp_path / "copy")
    assert copy.ports == {} and copy.copy_of == str(lab.folder)
    with pytest.raises(InvalidInput, match="a copy of"):
        copy.node("alice")
