"""The ring between two processes: meeting at heralds, messages, absence, kill -9 and return."""

import multiprocessing
import os
import signal
import time

import pytest

from testbed.physics.partner import SLOTS, UNMEASURED, IdealPartner, Outcome, SharedPartner, make_ring

FORK = multiprocessing.get_context("fork")
OUTCOME = Outcome(0.7, 0.2, 0.1, -0.3, 1.0, 0.004)


@pytest.fixture
def ring(tmp_path):
    make_ring(tmp_path / "ring")
    return tmp_path / "ring"


def in_process(target, *args):
    process = FORK.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def wait_until_running(partner):
    deadline = time.monotonic() + 20
    while not partner.is_running():
        assert time.monotonic() < deadline, "the partner's kernel did not start"
        time.sleep(0.002)


def bob_of(ring, rounds, speak=True, patience_s=5.0):
    bob = SharedPartner(ring, "bob", patience_s)
    bob.kernel(True)
    herald = bob.first()
    deadline = time.monotonic() + 60
    while rounds and time.monotonic() < deadline:
        met = bob.meet(herald)
        if met != herald:
            herald = met or herald
            continue
        if speak:
            bob.announce(herald, [(herald % 2, 68_000 + herald)])
            bob.tell(herald, OUTCOME._replace(e00=herald / 1000))
        herald += 1
        rounds -= 1
    bob.kernel(False)
    bob.close()


def alice_at(ring, patience_s=5.0):
    alice = SharedPartner(ring, "alice", patience_s)
    alice.kernel(True)
    return alice


def test_rounds_and_messages(ring):
    process = in_process(bob_of, ring, 300)
    alice = alice_at(ring)
    wait_until_running(alice)
    herald = alice.first()
    assert herald == 1
    for expected in range(1, 301):
        assert alice.meet(expected) == expected
        assert alice.edges(expected) == [(expected % 2, 68_000 + expected)]
        assert alice.outcome(expected).e00 == expected / 1000
    process.join(10)
    assert process.exitcode == 0


def test_an_absent_partner_is_noticed_at_once(ring):
    alice = alice_at(ring)
    start = time.monotonic()
    assert alice.meet(1) == 0
    assert time.monotonic() - start < 0.5
    alice.close()


def test_a_partner_outside_its_kernel_gets_some_patience_once(ring):
    def idle(ring, ready):
        bob = SharedPartner(ring, "bob", 1.0)
        ready.set()
        time.sleep(30)
        bob.close()

    ready = FORK.Event()
    process = in_process(idle, ring, ready)
    ready.wait(10)
    alice = alice_at(ring, patience_s=0.4)
    start = time.monotonic()
    assert alice.meet(1) == 0
    assert 0.3 < time.monotonic() - start < 5
    start = time.monotonic()
    assert alice.meet(1) == 0
    assert time.monotonic() - start < 0.1
    process.kill()
    process.join()


def test_a_partner_without_messages_is_unmeasured(ring):
    process = in_process(bob_of, ring, 20, False)
    alice = alice_at(ring)
    wait_until_running(alice)
    for herald in range(1, 21):
        assert alice.meet(herald) == herald
        assert alice.edges(herald) == []
        assert alice.outcome(herald) is UNMEASURED
    process.join(10)


@pytest.mark.parametrize("repeat", range(3))
def test_kill_nine_and_return(ring, repeat):
    """A killed round is gone; the two agree on the next herald, never on one twice."""
    process = in_process(bob_of, ring, 10**9)
    alice = alice_at(ring)
    wait_until_running(alice)
    herald, met = alice.first(), []
    restarts = 0
    deadline = time.monotonic() + 20
    while len(met) < 400 and time.monotonic() < deadline:
        answer = alice.meet(herald)
        if answer == herald:
            met.append(herald)
            alice.edges(herald)
            alice.outcome(herald)
            herald += 1
        elif answer:
            herald = answer
        elif restarts < 3:
            process.join(1)
            process = in_process(bob_of, ring, 10**9)
            restarts += 1
            wait_until_running(alice)
            alice._tired_of = None
        if len(met) in (50, 150, 250) and process.is_alive() and restarts == (50, 150, 250).index(len(met)):
            os.kill(process.pid, signal.SIGKILL)
            process.join()
    process.kill()
    process.join()
    assert len(met) == 400
    assert restarts == 3
    assert met == sorted(set(met))
    assert met[-1] < 420


def test_both_killed_and_both_return(ring):
    first = in_process(bob_of, ring, 5)
    alice = alice_at(ring)
    wait_until_running(alice)
    for herald in range(1, 6):
        assert alice.meet(herald) == herald
    first.join(5)
    assert alice.meet(6) == 0  # she stands there alone
    alice.close()  # the process ends; what the file holds stays
    again = in_process(bob_of, ring, 3)
    alice = alice_at(ring)
    wait_until_running(alice)
    herald = alice.first()
    assert herald == 6  # nobody has had it
    for k in range(3):
        assert alice.meet(herald + k) == herald + k
    again.join(5)
    assert again.exitcode == 0


@pytest.mark.parametrize("victim", ["alice", "bob"])
def test_where_a_killed_node_stood_counts_for_nothing(ring, victim):
    """Both killed, one while it waited a herald ahead: neither may have a herald without the other afterwards."""

    def wait_at(ring, node, herald, ready):
        partner = SharedPartner(ring, node, 30.0)
        partner.kernel(True)
        partner._words[partner._mine + 2] = herald - 1
        ready.set()
        partner.meet(herald)

    other = "alice" if victim == "bob" else "bob"
    ready = [FORK.Event(), FORK.Event()]
    ahead = in_process(wait_at, ring, victim, 8, ready[0])
    ready[0].wait(10)
    time.sleep(0.1)
    ahead.kill()
    ahead.join()
    back = SharedPartner(ring, other, 0.3)
    back.kernel(True)
    assert back.first() == 8
    assert back.meet(8) == 0  # the killed node still seems to stand there
    back.close()


def promised_alice(ring, herald, last):
    alice = alice_at(ring)
    alice.promise(herald, last)
    return alice


def as_bob(ring, act):
    """What `act` returns about a new kernel of Bob's, who waits for nobody; in a process of its own."""

    def run(ring, result):
        bob = SharedPartner(ring, "bob", 0.0)
        bob._await = lambda there: there()
        bob.kernel(True)
        result.put(act(bob))

    result = FORK.Queue()
    process = in_process(run, ring, result)
    found = result.get(timeout=60)
    process.join(60)
    return found


def test_bob_goes_through_with_what_alice_has_promised(ring):
    def act(bob):
        for herald in range(1, 6):
            assert bob.meet(herald, False) == herald
            bob.announce(herald, [(herald % 2, herald)])
            bob.tell(herald, OUTCOME._replace(e00=herald))
        return bob.meet(6, False)

    alice = promised_alice(ring, 1, 5)
    assert as_bob(ring, act) == 0
    for herald in range(1, 6):
        assert alice.meet(herald) == herald
        assert alice.edges(herald) == [(herald % 2, herald)]
        assert alice.outcome(herald).e00 == herald


def test_bob_never_overwrites_a_message_that_alice_has_not_had(ring):
    alice = promised_alice(ring, 1, 1000)
    assert as_bob(ring, lambda bob: [h for h in range(1, 200) if bob.meet(h, False)]) == list(range(1, SLOTS))
    assert alice.meet(1) == 1


def test_where_he_may_have_asked_his_host_bob_waits_until_alice_is_on_her_way(ring):
    alice = promised_alice(ring, 1, 5)
    assert as_bob(ring, lambda bob: (bob.meet(1, True), bob.meet(2, True))) == (1, 0)
    assert alice.meet(1) == 1
    alice.promise(2, 6)
    assert as_bob(ring, lambda bob: (bob.meet(2, True), bob.meet(3, True), bob.meet(3, False))) == (2, 0, 3)


@pytest.mark.parametrize("end", ["left", "killed"])
def test_a_promise_ends_with_the_kernel(ring, end):
    if end == "left":
        promised_alice(ring, 1, 9).kernel(False)
    else:
        in_process(promised_alice, ring, 1, 9).join(60)
    assert as_bob(ring, lambda bob: bob.meet(1, False)) == 0


def test_one_kernel_at_a_time_but_several_processes(ring):
    def second(ring, result):
        other = SharedPartner(ring, "alice", 1.0)  # a master prepares the next experiment
        try:
            other.kernel(True)
        except RuntimeError as problem:
            result.put(str(problem))

    alice = alice_at(ring)
    result = FORK.Queue()
    process = in_process(second, ring, result)
    assert "another process runs a kernel on alice's core device" in result.get(timeout=10)
    process.join()
    assert not alice.is_alive()


def test_ideal_partner_sends_both_round_types():
    partner = IdealPartner("alice", 1)
    lines = [partner.edges(k)[0][0] for k in range(1, 200)]
    assert 60 < sum(lines) < 140
    assert partner.meet(5) == 5
    assert partner.first() == 6


def test_damaged_ring(tmp_path):
    (tmp_path / "ring").write_bytes(b"x" * 5000)
    with pytest.raises(ValueError, match="not the ring"):
        SharedPartner(tmp_path / "ring", "bob", 1.0)
    with pytest.raises(FileNotFoundError, match="no ring"):
        SharedPartner(tmp_path / "missing", "bob", 1.0)
