"""Two nodes with the stored rounds and the ended session that a report is made of; any apparatus."""

import numpy as np

from postprocess.keystore import open_ledger
from postprocess.rounds import RoundStore
from postprocess.rounds.pause_log import note_pause
from postprocess.rounds.round_records import RoundRecords
from postprocess.session.transcript import write_transcript
from postprocess.storage.node_home import NodeHome
from postprocess.support.clock import Clock
from tests.cli.command_runs import Prepared
from tests.session.session_nodes import ROLES, TwoNodes, draw_rounds, rehearsal

PATTERNS = np.array([3, 5, 10, 12], np.uint8)
BLOCK = 1000
PAUSE_AFTER, PAUSE_S = 2000, 300.0


def ended_session(homes, apparatus="kasli", *, visibility=1.0, session_id="s1", rounds=6000):
    """Both nodes' homes after a session, accepted or (visibility well below 1) not; returns its parameters."""
    parameters = rehearsal(session_id, rounds=rounds, apparatus=apparatus, ell=400, min_response_s=15.0)
    strings = draw_rounds(parameters, visibility=visibility)
    no_time = Clock(monotonic=lambda: 0.0, sleep=lambda seconds: None)  # Bob's response time passes at once
    nodes = TwoNodes(homes, parameters, strings, clock=no_time)
    for node in ROLES:
        (homes / node).mkdir(mode=0o700, parents=True)
    nodes.provision()
    for node in ROLES:
        (homes / node / "keystore.sqlite").chmod(0o600)
        store_strings(NodeHome(node, homes), parameters, strings)
    found = nodes.run()
    for node, result in found.items():
        assert not isinstance(result, BaseException), result
        write_transcript(nodes.keystores[node].session(session_id), node)
    nodes.close()
    return parameters


def store_strings(home, parameters, strings):
    """The strings as a node's kernel would have left them, with a pause after PAUSE_AFTER rounds."""
    own, test, n = strings[home.node], strings["bob"].test, parameters.rounds
    random = np.random.default_rng(3)
    coins = random.integers(0, 2, n, dtype=np.uint8)
    half = np.where(test == 1, own.settings, coins).astype(np.uint8)
    bits = half
    if home.node == "bob":
        bits = np.concatenate((np.repeat(1 - test[:, None], 8, axis=1), half[:, None]), axis=1).reshape(-1)
    with open_ledger(home, checked=False) as keystore:
        store = RoundStore.create(
            home.session_folder(parameters.session_id), parameters, home.node, Prepared(bits), keystore.ledger_id
        )
    times = np.cumsum(random.exponential(0.02, n)) + np.where(np.arange(n) >= PAUSE_AFTER, PAUSE_S, 0.0)
    nothing = np.zeros(n, np.int64)
    records = RoundRecords(
        (times * 1e9).astype(np.int64), nothing + 7, PATTERNS[np.arange(n) % 4], own.outcomes, own.settings, test,
        nothing.astype(np.uint8), nothing + 9,
    )  # fmt: skip
    words = records.to_words()
    for block in range(parameters.blocks):
        first, end = store.span(block)
        store.burn(block)
        store.keep(block, first, words[first:end])
    store.close()
    note_pause(store.folder, PAUSE_AFTER, "alice: recalibration, bob: recalibration")
