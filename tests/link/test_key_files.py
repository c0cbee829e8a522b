"""Fingerprints of link keys: proquints of a digest."""

import hashlib

import pytest

from postprocess.link.key_files import LinkKeyFile, _word, fingerprint


@pytest.mark.parametrize(
    ("number", "word"), [(0x7F00, "lusab"), (0x0001, "babad"), (0x3F54, "gutih"), (0xDCC1, "tugad")]
)
def test_words_are_those_of_the_published_scheme(number, word):
    """The examples of arXiv:0901.4016: 127.0.0.1 is lusab-babad, 63.84.220.193 gutih-tugad."""
    assert _word(number) == word


def test_a_fingerprint_is_six_words_of_the_digest():
    words = fingerprint("k" * 40).split("-")
    digest = hashlib.sha256(b"diqkd link key 1" + b"k" * 40).digest()
    assert words == [_word(int.from_bytes(digest[2 * k : 2 * k + 2], "big")) for k in range(6)]
    assert fingerprint("k" * 39 + "j") != fingerprint("k" * 40)


def test_a_file_comes_back(tmp_path):
    (tmp_path / "a.link").write_text(LinkKeyFile("alice", "k" * 40).text())
    assert LinkKeyFile.read(tmp_path / "a.link") == LinkKeyFile("alice", "k" * 40)
