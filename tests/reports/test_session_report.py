"""`diqkd report`: what the page says, and that nothing private is in it."""

import json
import re
import shutil
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest
from reported_sessions import BLOCK, PAUSE_AFTER, ended_session

from contract import record_layout as layout
from postprocess.keystore import open_ledger
from postprocess.reports.calibration_ages import calibration_rows
from postprocess.reports.session_facts import Calibrated, read_session_facts
from postprocess.reports.session_report import session_report
from postprocess.reports.svg_charts import line_chart
from postprocess.rounds.round_files import RECORDS_FILE
from postprocess.rounds.round_store import RECORDS, SPAN
from postprocess.session.bob import PRIVATE_RECORD, read_private_record
from postprocess.storage.framed_log import FramedLog
from postprocess.storage.node_home import NodeHome
from tests.cli.command_runs import diqkd

MADE = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)
NOISE = 0.8  # visibility with which Bob does not accept


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    """Homes after an accepted and a refused session on a real apparatus, and an accepted one on the emulated."""
    folder = tmp_path_factory.mktemp("reported")
    cases = {"real": ("kasli", 1.0), "refused": ("kasli", NOISE), "emulated": ("emulated", 1.0)}
    for name, (apparatus, visibility) in cases.items():
        ended_session(folder / name, apparatus, visibility=visibility)
    return folder


def page_of(homes, node):
    return session_report(read_session_facts(NodeHome(node, homes), "s1"), MADE)


def words_of(page):
    """What a reader sees."""
    words = []

    class Reader(HTMLParser):
        def handle_data(self, data):
            words.append(data.strip())

    Reader().feed(page)
    return " ".join(filter(None, words))


@pytest.mark.parametrize("node", ("alice", "bob"))
def test_the_page_says_what_is_public(sessions, node):
    words = words_of(page_of(sessions / "real", node))
    for part in (
        "Session s1",
        "Key accepted: 400 bits",
        "INSECURE: a test",
        "Apparatus: kasli",
        "proposition-2 published bound",
        "Initial shared key K0",
        "pattern 0101 25.00 ± 0.56 % 1\u00a0500 heralds",
        "pauses and recoveries 1 5 min 00 s together",
        f"{PAUSE_AFTER // 1000}\u00a0000",
        "alice: recalibration, bob: recalibration",
        "pads reserved, session open",
        "closed: accepted",
        "revelation",
        "No calibration file here.",
    ):
        assert part in words, part
    assert "emulated" not in words and "Apparatus: kasli, real" in words
    store = read_session_facts(NodeHome(node, sessions / "real"), "s1")
    for message in store.transcript["messages"]:
        assert message["sha256"] in words


def test_a_refused_session_says_the_public_reason_alone(sessions):
    private = read_private_record(sessions / "refused" / "bob", "s1")
    assert private["verdict"] in ("Bell threshold", "reconciliation failed")
    for node in ("alice", "bob"):
        words = words_of(page_of(sessions / "refused", node))
        assert "Aborted, no key: activation" in words and private["verdict"] not in words


@pytest.mark.parametrize("case", ("real", "refused"))
@pytest.mark.parametrize("node", ("alice", "bob"))
def test_no_private_value_of_a_real_apparatus_is_on_the_page(sessions, case, node):
    page = page_of(sessions / case, node)
    private = read_private_record(sessions / case / "bob", "s1")
    for name in ("score", "qber", "score_standard_error", "qber_standard_error"):
        if private.get(name) is not None:
            forms = {f"{private[name]:.{digits}f}" for digits in (3, 4, 6)} | {f"{100 * private[name]:.3f}"}
            assert not [form for form in forms if form in page], name
    facts = read_session_facts(NodeHome(node, sessions / case), "s1")
    assert facts.measured == {}
    known = {message["sha256"] for message in facts.transcript["messages"]}
    known |= {facts.parameters.digest().hex(), facts.k0_id}
    known |= {version.get("revision", "").removesuffix("+changes") for version in facts.transcript["versions"]}
    assert set(re.findall(r"[0-9a-f]{16,}", page)) <= known
    assert not re.search(r"[01]{12,}|[A-Za-z0-9+/]{65,}", page)
    assert str(sessions) not in page


def flip_private_fields(folder):
    """Outcomes, settings and photon counts of every record, with the right checksums."""
    path = folder / RECORDS_FILE
    frames = list(FramedLog(path, longest_payload=1 << 30, read_only=True).frames())
    path.unlink()
    FramedLog.create(path)
    log = FramedLog(path, longest_payload=1 << 30)
    mask = 1 << layout.OUTCOME_SHIFT | 1 << layout.SETTING_SHIFT | 3 << layout.COUNT_SHIFT
    for kind, payload in frames:
        if kind == RECORDS:
            words = np.frombuffer(payload, "<u4", offset=SPAN.size).reshape(-1, layout.RECORD_WORDS).copy()
            words[:, 3] ^= mask
            payload = payload[: SPAN.size] + words.tobytes()
        log.append(kind, payload)
    log.close()


@pytest.mark.parametrize("node", ("alice", "bob"))
def test_the_page_is_no_function_of_outcomes_settings_and_bobs_record(sessions, node, tmp_path):
    before = page_of(sessions / "real", node)
    homes = tmp_path / "homes"
    shutil.copytree(sessions / "real", homes)
    folder = homes / node / "sessions" / "s1"
    flip_private_fields(folder)
    if node == "bob":
        (folder / PRIVATE_RECORD).write_text(json.dumps({"score": 2.345678, "verdict": "Bell threshold"}))
    assert page_of(homes, node) == before


def test_what_bob_measured_on_the_emulated_apparatus_is_told(sessions):
    private = read_private_record(sessions / "emulated" / "bob", "s1")
    words = words_of(page_of(sessions / "emulated", "bob"))
    assert "Made on the emulated apparatus: not a secret key." in words
    assert f"{private['score']:.4f} ± {private['score_standard_error']:.4f}" in words
    assert f"{private['lost_test_rounds']} at most {private['bell_limit']}" in words
    assert "What Bob measured" not in words_of(page_of(sessions / "emulated", "alice"))


def test_an_open_session_has_no_outcome_no_key_and_no_measurement(sessions, tmp_path):
    homes = tmp_path / "homes"
    shutil.copytree(sessions / "emulated", homes)
    with open_ledger(NodeHome("bob", homes), checked=False) as keystore:
        keystore._database._connection.execute("UPDATE sessions SET outcome = NULL, closed = NULL")
        keystore._database._connection.execute("UPDATE keys SET state = 'pending'")
        facts = read_session_facts(NodeHome("bob", homes), "s1")
    assert facts.key is None and facts.measured == {}
    words = words_of(session_report(facts, MADE))
    assert "Open: not ended yet" in words and "pending" not in words


@pytest.mark.parametrize(
    "content", ("[]", "{}", '{"seconds": 1, "versions": 1, "score": "x", "f": {"by": 1}, "g": 2}', "no")
)
def test_damaged_notes_beside_a_session_are_left_out(sessions, tmp_path, content):
    homes = tmp_path / "homes"
    shutil.copytree(sessions / "emulated", homes)
    for name in (
        "sessions/s1/outcome.json",
        "sessions/s1/transcript.json",
        "sessions/s1/private.json",
        "calibration.json",
    ):
        (homes / "bob" / name).write_text(content)
    words = words_of(page_of(homes, "bob"))
    assert "Key accepted: 400 bits" in words and "closed: accepted" in words and "±" in words


def test_erased_rounds_are_said_to_be(sessions, tmp_path):
    from postprocess.session.erasure import erase_session

    homes = tmp_path / "homes"
    shutil.copytree(sessions / "real", homes)
    home = NodeHome("alice", homes)
    with open_ledger(home, checked=False) as keystore:
        erase_session(home, keystore, "s1")
    words = words_of(page_of(homes, "alice"))
    assert "Erased with the strings" in words and "Key accepted" in words


def test_nothing_comes_from_outside_and_text_is_escaped(sessions):
    facts = read_session_facts(NodeHome("bob", sessions / "refused"), "s1")
    loud = "<script src='http://x'></script>"
    facts = type(facts)(**{**vars(facts), "session": type(facts.session)(**{**vars(facts.session), "detail": loud})})
    page = session_report(facts, MADE)
    assert "<script" not in page and "&lt;script" in page
    assert not re.search(r"<(link|img|iframe|object|script)|<[^>]*(src|href)=|@import|url\(", page)
    assert "default-src 'none'" in page


def test_ages_of_calibrations_are_those_at_the_beginning():
    entries = [
        Calibrated("readout.threshold", "CalibrateReadout", datetime(2026, 5, 17, 8, 30, tzinfo=UTC)),
        Calibrated("qubit.mapping.pi_time", "CalibratePiTime", datetime(2026, 5, 17, 11, 0, tzinfo=UTC)),
        Calibrated("attempts.gate", "", None),
    ]
    rows = calibration_rows(entries, "2026-05-17T10:00:00+00:00", MADE)
    assert [row[3] for row in rows] == ["1 h 30 min", "measured 1 h 00 min after", "unknown"]
    assert rows[0][:3] == ("readout.threshold", "CalibrateReadout", "2026-05-17 08:30")


def test_a_chart_begins_at_zero_and_ends_at_the_last_point():
    chart = line_chart(np.array([0.0, 5.0, 10.0]), np.array([0.0, 50.0, 100.0]), "time (s)", "rounds")
    assert chart.startswith("<svg") and ">10<" in chart and ">100<" in chart and ">0<" in chart
    assert "M92.0 160.0 L280.0 88.6 L468.0 17.1" in chart
    assert ">1<" in line_chart(np.zeros(1), np.zeros(1), "x", "y")


def test_the_command_writes_the_page_and_names_it(sessions, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("--home", sessions / "real", "--node", "bob")
    done = diqkd("report", "s1", *words)
    assert done.status == 0, done.err
    assert done.out.splitlines() == [
        "session s1: Key accepted: 400 bits",
        "report-s1-bob.html",
    ]
    assert (tmp_path / "report-s1-bob.html").read_text().startswith("<!DOCTYPE html>")
    for bad, message in ((("s2", *words), "session 's2': not in"), (("s1", *words, "-o", "none/x"), "no folder none")):
        done = diqkd("report", *bad)
        assert done.status == 2 and message in done.err and done.err.count("\n") == 1


def test_show_draws_the_heralds_of_a_session_and_nothing_else(sessions, tmp_path):
    done = diqkd("show", "s1", "--home", sessions / "real", "--node", "bob", "-o", tmp_path / "out", "--dpi", "40")
    assert done.status == 0, done.err
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {
        "s1_heralds.png", "s1_heralds_rate.csv", "s1_heralds_patterns.csv", "s1_timeline.png", "s1_timeline.csv",
        "s1_timeline_pauses.csv",
    }  # fmt: skip
    lines = (tmp_path / "out" / "s1_timeline.csv").read_text().splitlines()[2:]
    rounds, seconds = np.array([line.split(",") for line in lines], float).T
    at = int(np.flatnonzero(rounds == PAUSE_AFTER)[-1])
    assert rounds[at + 1] == PAUSE_AFTER + 1 and seconds[at + 1] - seconds[at] > 300
    assert rounds[-1] == 6000 and (rounds[1:-1] % BLOCK <= 1).all()
    shares = [line.split(",") for line in (tmp_path / "out" / "s1_heralds_patterns.csv").read_text().splitlines()[2:]]
    assert [int(line[1]) for line in shares] == [1500] * 4
