"""Files that are replaced as a whole: nobody ever sees half of one (case L6)."""

import errno
import os
import threading

import numpy as np
import pytest

from diqkd.output_files import require_writable, write_result
from postprocess.errors import DiqkdError, InvalidInput
from postprocess.figures import catalogue
from postprocess.figures.table import Settings, Table
from postprocess.storage import whole_files
from postprocess.storage.whole_files import write_whole


class FullDisk:
    """An os that writes half of what it is given, then says that the disk is full; `problem` instead of that."""

    def __init__(self, problem=None):
        self._problem, self._half = problem or OSError(errno.ENOSPC, "No space left on device"), False

    def __getattr__(self, name):
        return getattr(os, name)

    def write(self, descriptor, data):
        if self._half:
            raise self._problem
        self._half = True
        return os.write(descriptor, data[: len(data) // 2])


class Killed(BaseException):
    """The process is gone."""


def draw(folder):
    """A figure, to one of its files."""
    Table("new", {"x": np.arange(3)}).write_csv(folder / "result")


WRITERS = {
    "a report": lambda folder: write_result(folder / "result", "new, and longer", "--report"),
    "a figure's numbers": draw,
    "any other": lambda folder: write_whole(folder / "result", b"new, and longer"),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("problem", [None, Killed()], ids=["full disk", "killed"])
def test_the_old_content_stays_until_all_of_the_new_is_there(tmp_path, monkeypatch, writer, problem):
    (tmp_path / "result").write_text("old")
    monkeypatch.setattr(whole_files, "os", FullDisk(problem))
    with pytest.raises((OSError, DiqkdError, Killed)):
        WRITERS[writer](tmp_path)
    assert (tmp_path / "result").read_text() == "old"
    if problem is None:
        assert [path.name for path in tmp_path.iterdir()] == ["result"]
    monkeypatch.undo()
    WRITERS[writer](tmp_path)
    assert (tmp_path / "result").read_text() != "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_an_image_is_whole_too(tmp_path, monkeypatch):
    entry = catalogue.find("visibility")
    monkeypatch.setattr(whole_files, "os", FullDisk())
    (tmp_path / f"{entry.stem}.png").write_bytes(b"old")
    with pytest.raises(DiqkdError, match="figure cannot be written"):
        catalogue.make(entry, tmp_path, Settings(points=2), dpi=20)
    assert (tmp_path / f"{entry.stem}.png").read_bytes() == b"old"


def test_new_files_follow_the_umask_and_links_stay(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "file", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere/file")
    write_whole(tmp_path / "link", b"2")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "elsewhere" / "file").read_bytes() == b"2"


def test_a_pipe_is_written_as_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    heard = []
    reader = threading.Thread(target=lambda: heard.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_whole(tmp_path / "pipe", b"through")
    reader.join(60)
    assert heard == [b"through"] and (tmp_path / "pipe").is_fifo()


def test_a_place_where_no_file_can_be_made_is_refused_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "result").write_text("old")
    really = os.open

    def refused(path, *args):
        if str(path).endswith(".new"):
            raise OSError(errno.EACCES, "Permission denied")
        return really(path, *args)

    monkeypatch.setattr("diqkd.output_files.os.open", refused)
    with pytest.raises(InvalidInput, match="cannot be written"):
        require_writable(tmp_path / "result", "--report")
    monkeypatch.undo()
    require_writable(tmp_path / "result", "--report")
    assert (tmp_path / "result").read_text() == "old" and len(list(tmp_path.iterdir())) == 1
