"""Public link keys as files to carry, and fingerprints of them as words to read aloud.

A fingerprint is the first 96 bits of SHA-256("diqkd link key 1" + key) as six proquints, pronounceable words of 16 bits
(Wilkerson, arXiv:0901.4016): consonant, vowel, consonant, vowel, consonant.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from contract.nodes import NODES
from postprocess.errors import InvalidInput
from postprocess.storage.bounded_files import read_object

CONSONANTS, VOWELS = "bdfghjklmnprstvz", "aiou"
WORDS = 6
FORM, VERSION = "diqkd link key", 1
REMEDY = "give the file that `diqkd keys link --write` made on the peer's node"


@dataclass(frozen=True)
class LinkKeyFile:
    """Whose key, and the key (Z85, 40 characters)."""

    node: str
    public_key: str

    def text(self) -> str:
        """The file's content."""
        content = {"form": FORM, "version": VERSION, "node": self.node, "public_key": self.public_key}
        return json.dumps(content | {"fingerprint": fingerprint(self.public_key)}, indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> LinkKeyFile:
        """A file that another node wrote.

        Raises:
            InvalidInput: missing, damaged, or not such a file.
        """
        content = read_object(path, REMEDY)
        node, key = content.get("node"), content.get("public_key")
        if content.get("form") != FORM or content.get("version") != VERSION or node not in NODES:
            raise InvalidInput(f"{path}: no link key of this version of diqkd; {REMEDY}")
        if not isinstance(key, str) or content.get("fingerprint") != fingerprint(key):
            raise InvalidInput(f"{path}: damaged, its key and its fingerprint do not belong together; {REMEDY}")
        return cls(str(node), key)


def fingerprint(public_key: str) -> str:
    """Six words of a public key, 'lusab-babad-...'."""
    digest = hashlib.sha256(FORM.encode() + b" 1" + public_key.encode()).digest()
    return "-".join(_word(int.from_bytes(digest[2 * k : 2 * k + 2], "big")) for k in range(WORDS))


def _word(number: int) -> str:
    """A 16-bit number as a proquint."""
    return (
        CONSONANTS[number >> 12]
        + VOWELS[number >> 10 & 3]
        + CONSONANTS[number >> 6 & 15]
        + VOWELS[number >> 4 & 3]
        + CONSONANTS[number & 15]
    )
