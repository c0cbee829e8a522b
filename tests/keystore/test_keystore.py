"""The ledger: table I to the bit, pads spent once, keys handed out once and only where they may be."""

import sqlite3

import numpy as np
import pytest
from ledger_cases import accept, key_of, small, source

from postprocess.authentication import tag
from postprocess.errors import AbortReason, DiqkdError, InvalidInput
from postprocess.keystore import ACCEPTED, SOUND, Keystore, LedgerConflict, Pad, draw_k0, k0_bits
from postprocess.keystore.initial_secret import take_apart
from postprocess.keystore.k0_file import HEADER_BYTES
from postprocess.plans.presets import paper
from postprocess.randomness import SystemSource
from postprocess.reports.table1 import table_text
from tests.handed_out import hand_out

# Table I


def test_table_one_to_the_bit(tmp_path):
    parameters = paper("paper", "emulated", insecure_because=("known seed",))
    assert k0_bits(parameters) == 1_203_422
    with Keystore.create(tmp_path / "keystore.sqlite", "bob") as keystore:
        k0 = draw_k0(source(), parameters)
        assert len(k0) == HEADER_BYTES + 150_428
        keystore.provision(k0, parameters)
        accept(keystore, parameters)
        balance = keystore.balance()
    assert balance.as_dict() == {
        "K0": 1_203_422,
        "consumed": 256,
        "consumed_error_correction": 64,
        "consumed_authentication": 128,
        "consumed_activation": 64,
        "reusable": 1_203_166,
        "reusable_vhash": 1_280,
        "reusable_trevisan": 1_201_886,
        "generated": 95_884,
        "K1": 1_299_050,
        "net": 95_628,
    }
    text = table_text(balance)
    assert "1 299 050" in text and "emulated" in text and "INSECURE: known seed" in text
    assert balance.to_json()["apparatus"] == "emulated"


def test_an_aborted_session_still_costs_its_pads(keystore):
    keystore.reserve("s1", small())
    keystore.abort("s1", AbortReason.BLOCK_MISMATCH, "block 7")
    balance = keystore.balance()
    assert (balance.consumed, balance.generated, balance.net) == (256, 0, -256)
    assert keystore.sessions()[0].outcome == "block mismatch" and keystore.sessions()[0].detail == "block 7"


def test_provisioned_once(keystore):
    with pytest.raises(InvalidInput, match="provisioned already"):
        keystore.provision(draw_k0(source(), small()), small())
    assert keystore.balance().initial == k0_bits(small(), 2)


# Reservation


def test_reserving_again_gives_the_same_pads(keystore):
    first, again = keystore.reserve("s1", small()), keystore.reserve("s1", small())
    assert first.pad_label == again.pad_label == "K0/000000" and keystore.balance().consumed == 256
    assert keystore.reserve("s2", small("s2")).pad_label == "K0/000001"
    with pytest.raises(InvalidInput, match="no pads left"):
        keystore.reserve("s3", small("s3"))


def test_reserving_with_other_parameters_names_the_fields(keystore):
    keystore.reserve("s1", small())
    with pytest.raises(InvalidInput, match=r"other parameters \(block_rounds, code_seed\)|\(code_seed, block_rounds\)"):
        keystore.reserve("s1", small(code_seed=2, block_rounds=10))
    with pytest.raises(InvalidInput, match="its parameters are those of 's1'"):
        keystore.reserve("s2", small())


def test_real_and_rehearsed_bits_do_not_mix(tmp_path, keystore):
    with pytest.raises(InvalidInput, match="serves the apparatus 'emulated'"):
        keystore.reserve("s1", small(apparatus="kasli"))
    sound = paper("s1", "kasli")
    with Keystore.create(tmp_path / "real.sqlite", "alice") as real:
        with pytest.raises(InvalidInput, match="no K0 in this ledger"):
            real.reserve("s1", sound)
        with pytest.raises(InvalidInput, match="cannot come from the fixed seed 1"):
            draw_k0(source(), sound)
        real.provision(draw_k0(SystemSource(), sound), sound)
        with pytest.raises(InvalidInput, match="would expose its seed"):
            real.reserve("s2", small("s2", apparatus="kasli"))
        real.reserve("s1", sound)


def test_a_seed_that_is_too_short_is_refused(keystore):
    with pytest.raises(InvalidInput, match="the extractor needs a seed of"):
        keystore.reserve("s1", small(rounds=100_000, ell=20_000, eps_pa=1e-9))


def test_an_insecure_ledger_taints_its_keys(tmp_path):
    sound = paper("s1", "kasli")
    with Keystore.create(tmp_path / "keystore.sqlite", "alice") as keystore:
        keystore.provision(draw_k0(SystemSource(), sound), sound, insecure_because=("drawn from a fixed seed",))
        accept(keystore, sound)
        with pytest.raises(InvalidInput, match=r"insecure \(drawn from a fixed seed\)"):
            hand_out(keystore, "s1", allow_insecure=False)
        assert keystore.balance().insecure_because == ("drawn from a fixed seed",)


# Pads and messages


def test_a_tag_spends_its_pad_on_one_message_durably(keystore):
    page = keystore.reserve("s1", small())
    pad = take_apart(draw_k0(source(), small(), 2), small()).pads[0][Pad.ALICE]
    first = page.tag(Pad.ALICE, b"C = 1")
    assert first == tag(page.vhash_key, b"C = 1", pad)
    with Keystore.open(keystore.path) as again:
        page = again.session("s1")
        assert page.tag(Pad.ALICE, b"C = 1") == first
        with pytest.raises(LedgerConflict, match="spent on another message"):
            page.tag(Pad.ALICE, b"C = 0")


def test_a_pad_spent_on_checking_is_never_used_for_tagging(keystore):
    page = keystore.reserve("s1", small())
    assert not page.verify(Pad.BOB, b"T", bytes(8))
    with pytest.raises(LedgerConflict, match="spent on another message"):
        page.tag(Pad.BOB, b"T")


def test_the_right_tag_and_no_other_is_accepted(keystore, tmp_path):
    with Keystore.create(tmp_path / "bob" / "keystore.sqlite", "bob") as bob:
        bob.provision(draw_k0(source(), small(), 2), small())
        right = bob.reserve("s1", small()).tag(Pad.BOB, b"T")
    page = keystore.reserve("s1", small())
    assert page.verify(Pad.BOB, b"T", right)
    for wrong in (right[:-1], right + b"\0", b"", bytes([right[0] ^ 1]) + right[1:]):
        assert not page.verify(Pad.BOB, b"T", wrong)
    assert not page.verify(Pad.BOB, b"T'", right)


def test_messages_have_one_version(keystore):
    page = keystore.reserve("s1", small())
    page.keep_sent("G_A", b"1")
    page.keep_sent("G_A", b"1")
    with pytest.raises(LedgerConflict, match="another version of message G_A"):
        page.keep_sent("G_A", b"2")
    page.keep_received("G_B", b"1")
    page.keep_received("G_B", b"2")
    assert page.received("G_B") == b"1" and page.outbox() == {"G_A": b"1"} and page.inbox() == ["G_B"]


def test_the_first_verdict_and_the_first_outcome_stand(keystore):
    page = keystore.reserve("s1", small())
    page.conclude("Bell threshold")
    page.conclude(SOUND, key_of(small()))
    assert page.verdict == "Bell threshold" and keystore.keys() == []
    page.abort(AbortReason.ACTIVATION)
    page.abort(AbortReason.ABANDONED)
    page.accept()
    assert page.outcome == "activation"
    with pytest.raises(InvalidInput):
        page.conclude(SOUND)


def test_a_session_without_a_key_cannot_be_accepted(keystore):
    page = keystore.reserve("s1", small())
    with pytest.raises(LedgerConflict, match="no pending key"):
        page.accept()
    assert page.outcome is None


# Keys


def test_keys_refill_the_pads_and_are_handed_out_once(keystore):
    accept(keystore, small())
    bits = key_of(small())
    record = keystore.key("s1")
    assert (record.bits, record.deliverable, record.state) == (500, 244, "active")
    handed_out = hand_out(keystore, "s1")
    assert np.array_equal(handed_out, bits[256:]) and handed_out.dtype == np.uint8
    with pytest.raises(InvalidInput, match="delivered already"):
        hand_out(keystore, "s1")
    assert keystore.balance().delivered == 244 and keystore.balance().generated == 500
    keystore.reserve("s2", small("s2"))
    page = keystore.reserve("s3", small("s3"))
    assert page.pad_label == "key/s1"
    pads = np.packbits(bits[:256]).tobytes()
    for number, pad in enumerate((Pad.EC, Pad.ALICE, Pad.BOB, Pad.ACTIVATION)):
        assert page.tag(pad, b"m") == tag(page.vhash_key, b"m", pads[8 * number : 8 * number + 8])


def test_a_key_too_short_for_pads_is_delivered_whole(keystore):
    parameters = small(ell=256)
    accept(keystore, parameters)
    assert keystore.key("s1").deliverable == 256
    keystore.reserve("s2", small("s2"))
    with pytest.raises(InvalidInput, match="no pads left"):
        keystore.reserve("s3", small("s3"))


@pytest.mark.parametrize("allowed", [{}, {"allow_emulated": True}, {"allow_insecure": True}])
def test_emulated_and_insecure_keys_only_by_name(keystore, allowed):
    accept(keystore, small())
    with pytest.raises(InvalidInput, match=r"emulated|insecure"):
        hand_out(keystore, "s1", **{"allow_emulated": False, "allow_insecure": False, **allowed})
    assert keystore.key("s1").state == "active"


@pytest.mark.parametrize("end", ["pending", "aborted", "missing"])
def test_no_key_before_its_time(keystore, end):
    if end != "missing":
        page = keystore.reserve("s1", small())
        page.conclude(SOUND, key_of(small()))
    if end == "aborted":
        page.abort(AbortReason.ACTIVATION)
    with pytest.raises(InvalidInput, match={"pending": "pending", "aborted": "discarded", "missing": "not in"}[end]):
        hand_out(keystore, "s1")


def test_comparing_two_ledgers_shows_no_bit(keystore, tmp_path):
    accept(keystore, small())
    for seed, same in ((3, True), (4, False)):
        with Keystore.create(tmp_path / f"{seed}.sqlite", "bob") as other:
            other.provision(draw_k0(source(), small()), small())
            accept(other, small(), seed)
            assert keystore.key_records.same_key(other.key_records, "s1") is same


# The file


def test_secrets_are_erased_when_the_session_ends(keystore):
    page = keystore.reserve("s1", small())
    pads = take_apart(draw_k0(source(), small(), 2), small()).pads[0]
    page.conclude(SOUND, key_of(small()))
    packed = np.packbits(key_of(small())).tobytes()
    content = keystore.path.read_bytes()
    assert packed in content and all(pad in content for pad in pads.values())
    page.abort(AbortReason.ACTIVATION)
    remains = b"".join(file.read_bytes() for file in keystore.path.parent.iterdir() if file.is_file())
    assert packed not in remains and not any(pad in remains for pad in pads.values())


def test_file_and_journal_are_private_and_synchronous(keystore):
    keystore.reserve("s1", small())
    files = [file for file in keystore.path.parent.iterdir() if file.is_file()]
    assert keystore.path in files and all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert keystore.path.parent.stat().st_mode & 0o777 == 0o700
    connection = keystore._database._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("truncate",)
    assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)


def test_opening_what_is_not_a_ledger_is_one_clear_line(tmp_path, keystore):
    other = tmp_path / "notes.sqlite"
    other.write_bytes(b"not a database at all" * 100)
    other.chmod(0o600)
    with pytest.raises(InvalidInput, match=r"notes\.sqlite: .*not a key ledger"):
        Keystore.open(other)
    empty = tmp_path / "empty.sqlite"
    sqlite3.connect(empty).execute("CREATE TABLE t (a)").connection.close()
    empty.chmod(0o600)
    with pytest.raises(InvalidInput, match="not a key ledger of diqkd"):
        Keystore.open(empty)
    empty.chmod(0o640)
    with pytest.raises(InvalidInput, match="others may read it"):
        Keystore.open(empty)
    with pytest.raises(InvalidInput, match="there is a key ledger already"):
        Keystore.create(keystore.path, "alice")
    with pytest.raises(InvalidInput, match="'alice' or 'bob'"):
        Keystore.create(tmp_path / "eve.sqlite", "eve")


def test_a_full_disk_is_one_clear_line_and_spends_nothing(keystore):
    keystore._database._connection.execute("PRAGMA max_page_count = 1")
    page = keystore.reserve("s1", small())
    with pytest.raises(DiqkdError, match=r"cannot keep sent X \(database or disk is full\)"):
        page.keep_sent("X", bytes(1_000_000))
    assert page.sent("X") is None and keystore.check() == []


def test_nothing_secret_in_what_can_be_printed(keystore):
    page = accept(keystore, small())
    printed = f"{keystore!r} {page!r} {keystore.keys()!r} {keystore.sessions()!r} {keystore.balance()!r}"
    printed += repr(take_apart(draw_k0(source(), small()), small()))
    for secret in (page.vhash_key, np.packbits(key_of(small())).tobytes()[32:]):
        assert secret.hex()[:16] not in printed and repr(secret)[2:20] not in printed


def test_abandoning_is_for_open_sessions(keystore):
    with pytest.raises(InvalidInput, match="check the session id"):
        keystore.abandon("s1")
    accept(keystore, small())
    hand_out(keystore, "s1")
    with pytest.raises(InvalidInput, match="in use; it cannot be taken back"):
        keystore.abandon("s1")
    assert keystore.session("s1").outcome == ACCEPTED


def test_an_accepted_key_that_nobody_has_used_can_be_taken_back(keystore):
    accept(keystore, small())
    keystore.abandon("s1")
    assert keystore.session("s1").outcome == "abandoned by operator"
    assert keystore.key("s1").state == "discarded" and keystore.balance().generated == 0


CORRUPTIONS = {
    "UPDATE keys SET state = 'discarded' WHERE id = 's1'": "accepted without an active key",
    "UPDATE sessions SET outcome = 'activation' WHERE id = 's1'": "usable although its session is not accepted",
    "UPDATE keys SET state = 'pending' WHERE id = 's1'": "pending although its session is closed",
    "UPDATE pads SET data = x'00' WHERE session = 's1' AND name = 'D_A'": "closed session but not erased",
    "UPDATE pads SET state = 'available' WHERE session = 's1'": "free, yet used before",
    "UPDATE pads SET session = 'ghost' WHERE session = 's1'": "held without a session",
    "UPDATE pads SET session = 's1' WHERE label = 'K0/000001' AND name = 'D_B'": "pads K0/000001",
    "DELETE FROM pads WHERE label = 'key/s1' AND name = 'D_F'": "not whole",
    "UPDATE sessions SET pads = 'K0/000001' WHERE id = 's1'": "its pads are not in its name",
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_ledger_that_contradicts_itself_is_found_out(keystore, corruption):
    accept(keystore, small())
    keystore.reserve("s2", small("s2"))
    assert keystore.check() == []
    with sqlite3.connect(keystore.path) as connection:
        assert connection.execute(corruption).rowcount
    connection.close()
    assert any(CORRUPTIONS[corruption] in line for line in keystore.check())
