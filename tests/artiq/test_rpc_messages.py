"""How long the message with a block's records is, against the slots of the core device's queue (docs/laboratory.md)."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import compiler

ROOT = Path(__file__).resolve().parents[2]
SLOT_BYTES = 4096 - 4  # of the firmware's rpc_queue, behind its length word

pytestmark = pytest.mark.skipif(not compiler.is_real_artiq(), reason=compiler.REASON)


def message_bytes(tag, list_words):
    """As the firmware's rpc_proto::send_args writes a call with tags: one list of int32 among int32 and objects."""
    arguments, result = tag.split(b":")
    size = {ord("O"): 5, ord("i"): 5}
    scalars = sum(size[kind] for kind in arguments.replace(b"li", b""))
    return 4 + scalars + arguments.count(b"li") * (1 + 4 + 1 + 4 * list_words) + 1 + 4 + len(result)


def test_a_block_of_records_is_as_long_as_the_documentation_says(monkeypatch, tmp_path):
    from contract.record_layout import RECORD_WORDS

    monkeypatch.setenv("DIQKD_NODE", "bob")
    monkeypatch.setenv("DIQKD_APPARATUS", "kasli")
    file = ROOT / "repository" / "generate_key.py"
    with compiler.experiment(file, None, ROOT / "device_db.py", tmp_path) as instance:
        blocks = instance.node.blocks
        library = blocks.core.compile(type(blocks).run, [blocks], {}, set_result=lambda result: None)[1]
    (tag,) = set(re.findall(rb"Oi+li:n", bytes(library)))  # of the one async call, keep_block
    assert tag == b"Oiiili:n"
    usual = message_bytes(tag, RECORD_WORDS * 1000)
    fitting = max(rounds for rounds in range(1, 1000) if message_bytes(tag, RECORD_WORDS * rounds) <= SLOT_BYTES)
    text = " ".join((ROOT / "docs" / "laboratory.md").read_text().split())
    assert f"{usual:,} bytes".replace(",", " ") in text and f"up to {fitting} rounds" in text
