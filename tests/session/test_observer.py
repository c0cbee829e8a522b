"""What an observer sees does not depend on Bob's verdict: messages, sizes, times on a clock of its own, public ledgers.

Cases H1 and M4: nothing public depends on the verdict, the decoder's work or a crash before the fixed time.
"""

from dataclasses import replace

import pytest
from session_faults import install
from session_nodes import TwoNodes, draw_rounds, rehearsal

RESPONSE_S = 5.0
OUTCOMES = {"sound": {}, "no decoding": {"visibility": 0.5}, "no violation": {"omega_thr": 0.853}}


class Clock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def public_face(keystore):
    """What `keys show` and the controller tell of a ledger."""
    records = keystore.keys()
    keys = [(key.key_id, key.bits, key.state) for key in records]
    return keys, [(each.session_id, each.outcome, each.detail, each.pads) for each in keystore.sessions()]


def observe(folder, outcome, *, work_s=0.0, crash=None, points=None):
    """Everything an observer sees until F has left, in order: (who, kind, size, Bob's time, Bob's public ledger)."""
    changes = {"omega_thr": OUTCOMES[outcome].get("omega_thr", 0.79)}
    parameters = rehearsal(rounds=5000, ell=400, min_response_s=RESPONSE_S, **changes)
    rounds = draw_rounds(parameters, visibility=OUTCOMES[outcome].get("visibility", 1.0))
    two = TwoNodes(folder, parameters, rounds, timeout_s=20.0, probe_s=5.0).provision(sessions=1)
    seen = []

    def run(deadly=None):
        clock = Clock()

        def session(node, link):
            made = TwoNodes.session(two, node, link)
            if node == "bob":
                made.clock, made.sleep = clock, clock.sleep
                verdict = made.verdict
                made.verdict = lambda: (verdict(), clock.sleep(work_s))[0]
            return made

        def watch(sender, kind, payload):
            if points is not None:
                points.place(sender, f"send {kind}")
            if kind != "status" and not any(each[1] in (kind, "F") for each in seen):  # repetitions are the link's
                face = public_face(two.keystores["bob"]) if kind != "F" else None
                seen.append((sender, kind, len(payload), clock.now, face))
            return payload

        two.session = session
        if points is not None:
            points.arm(**(deadly or {}))
        return two.run(tamper=watch)

    if crash is not None:
        run({"bob": crash})
        del seen[:]
    results = run()
    assert results["bob"].accepted is (outcome == "sound"), results
    two.close()
    return seen, list(results.values())


@pytest.mark.parametrize("work_s", [0.0, 4.0, 8.0])
def test_messages_times_and_ledgers_are_equal_for_every_verdict(folder, work_s):
    """Also when decoding takes longer than the response time, but not twice as long."""
    found = [observe(folder / name.replace(" ", "-"), name, work_s=work_s)[0] for name in OUTCOMES]
    assert found[0] == found[1] == found[2]
    times = {kind: time for _, kind, _, time, _ in found[0]}
    assert times["F"] == (RESPONSE_S if work_s < RESPONSE_S else 2 * RESPONSE_S)


def test_a_decision_that_comes_too_late_is_no(folder):
    parameters = rehearsal(rounds=5000, ell=400, min_response_s=RESPONSE_S)
    two = TwoNodes(folder, parameters, draw_rounds(parameters), timeout_s=20.0).provision(sessions=1)
    clock = Clock()

    def session(node, link):
        made = TwoNodes.session(two, node, link)
        if node == "bob":
            made.clock, made.sleep = clock, clock.sleep
            verdict = made.verdict
            made.verdict = lambda: (verdict(), clock.sleep(11.0))[0]
        return made

    two.session = session
    results = two.run()
    assert not results["alice"].accepted and not results["bob"].accepted
    assert two.keystores["bob"].keys() == []
    two.close()


def test_bob_killed_before_the_fixed_time_shows_nothing(folder, monkeypatch):
    """The key is in no ledger before F is; after a restart the full time is waited again."""
    points = install(monkeypatch)
    faces = []
    for name in OUTCOMES:
        for number, crash in enumerate((("after spend D_F", 0), ("before private record", 0))):
            seen, _ = observe(folder / f"{name}-{number}".replace(" ", "-"), name, crash=crash, points=points)
            assert seen[-1][1:4:2] == ("F", RESPONSE_S)
            faces.append([each[4] for each in seen])
    assert all(face == faces[0] for face in faces)


def test_holding_back_the_end_of_alices_message_tells_nothing(folder):
    """Bob waits for the whole of it whatever he has: nothing of him leaves in between (case H1)."""
    parameters = rehearsal(rounds=5000, ell=400)
    for visibility in (1.0, 0.5):
        two = TwoNodes(folder / str(visibility), parameters, draw_rounds(parameters, visibility=visibility))
        two = replace(two, timeout_s=1.0, probe_s=0.1).provision(sessions=1)
        sent = []

        def hold(sender, kind, payload, sent=sent):
            sent.append((sender, kind))
            return None if kind == "revelation" else payload

        two.run(tamper=hold)
        assert ("bob", "F") not in sent and two.keystores["bob"].keys() == []
        two.close()
