"""Reading of damaged files: one line that names the file and the remedy, whatever stands there (case L3)."""

import os
import sys
from pathlib import Path

import pytest

from postprocess.errors import InvalidInput
from postprocess.storage.bounded_files import MissingFile, read_bytes, read_object, read_text


def test_reads_what_is_there(tmp_path):
    path = tmp_path / "file"
    path.write_text('{"Ω": 1.5}')
    assert read_bytes(path, "x") == path.read_bytes()
    assert read_text(path, "x") == '{"Ω": 1.5}'
    assert read_object(path, "x") == {"Ω": 1.5}


def test_missing_is_told_apart(tmp_path):
    with pytest.raises(MissingFile, match="missing; make it"):
        read_bytes(tmp_path / "none", "make it")


def test_sizes_are_bounded_before_anything_is_read(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    for read in (read_bytes, read_text, read_object):
        with pytest.raises(InvalidInput, match="longer than 1048576 bytes; restore it"):
            read(path, "restore it")


def test_devices_pipes_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/zero"), tmp_path / "pipe", tmp_path):
        with pytest.raises(InvalidInput, match="not a regular file; take another"):
            read_bytes(path, "take another")


@pytest.mark.parametrize("name", ["a" * 300, "nul\0", "\udc80\ud800", "file/below"])
def test_names_that_cannot_be(tmp_path, name):
    (tmp_path / "file").write_text("{}")
    with pytest.raises(InvalidInput):
        read_bytes(tmp_path / name, "x")


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 99, b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"[]", b"1e999", b'{"a": 1e999}', b'{"a": NaN}',
     b'{"a": Infinity}', b'{"a": ' + b"9" * (sys.get_int_max_str_digits() + 1) + b"}", b"null"],
)  # fmt: skip
def test_content_that_is_no_object(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        read_object(path, "restore it")
    assert str(caught.value).startswith(f"{path}: ") and str(caught.value).endswith("; restore it")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
