"""The link between the nodes: in memory with faults, and over TCP where only the peer gets in."""

import errno
import json
import os
import signal
import socket
import threading
import time
from contextlib import closing

import pytest
import zmq

from postprocess.errors import InvalidInput, PeerLost
from postprocess.link import Silence, ZmqLink, memory_pair, open_link
from postprocess.link.keys import make_link_keys, read_link_keys, write_peer


def endpoint():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture
def homes(tmp_path):
    endpoints = {"rounds": endpoint(), "session": endpoint()}
    public = {node: make_link_keys(tmp_path / node) for node in ("alice", "bob")}
    write_peer(tmp_path / "alice", public["bob"], endpoints)
    write_peer(tmp_path / "bob", public["alice"], endpoints)
    return tmp_path


@pytest.fixture
def pair(homes):
    links = [open_link(homes / node, node, "s1", "session", 10.0) for node in ("alice", "bob")]
    yield links
    for link in links:
        link.close()


@pytest.fixture(params=["memory", "tcp"])
def ends(request):
    if request.param == "tcp":
        yield request.getfixturevalue("pair")
    else:
        yield memory_pair()


def test_messages_arrive_both_ways_in_order(ends):
    alice, bob = ends
    payloads = [os.urandom(size) for size in (0, 1, 187_500, 3)]
    for payload in payloads:
        alice.send("X", payload)
        bob.send("F", payload)
    assert [bob.receive("X", 5) for _ in payloads] == [("X", payload) for payload in payloads]
    assert [alice.receive(("G_B", "F"), 5) for _ in payloads] == [("F", payload) for payload in payloads]


def test_kinds_not_asked_for_wait_for_their_turn(ends):
    alice, bob = ends
    for kind in ("M", "X", "M"):
        alice.send(kind, kind.encode())
    assert bob.receive("X", 5)[0] == "X"
    assert bob.receive(("X", "M"), 5)[0] == "M" and bob.receive("M", 5)[0] == "M"


def test_silence_ends_in_time_and_says_for_what_it_waited(ends):
    start = time.monotonic()
    with pytest.raises(Silence, match="no G_A or G_B"):
        ends[0].receive(("G_A", "G_B"), 0.2)
    assert 0.19 < time.monotonic() - start < 2
    assert issubclass(Silence, PeerLost)


def test_closing_a_memory_link_is_noticed_after_its_last_message():
    alice, bob = memory_pair()
    alice.send("X", b"last")
    alice.close()
    assert bob.receive("X", 1) == ("X", b"last")
    with pytest.raises(PeerLost, match="closed"):
        bob.receive("X", 60)


def test_fault_hook_changes_and_drops():
    alice, bob = memory_pair(lambda sender, kind, payload: None if kind == "lost" else sender.encode() + payload)
    alice.send("lost", b"")
    alice.send("X", b"1")
    assert bob.receive(("lost", "X"), 1) == ("X", b"alice1")


def test_nobody_there_is_told_apart_from_a_broken_link(homes):
    for node in ("alice", "bob"):
        link = open_link(homes / node, node, "s1", "session", 0.2)
        with pytest.raises(PeerLost, match="X cannot be sent"):
            link.send("X", b"")
        link.close()


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_signals_do_not_make_a_wait_longer(homes, node):
    """Each of them interrupts the system call, which then must not begin its time anew."""
    before = signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        with closing(open_link(homes / node, node, "s1", "session", 10.0)) as link:
            with pytest.raises(Silence):
                link.send("X", b"", 0.4)
            with pytest.raises(Silence):
                link.receive("X", 0.4)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_peer_that_comes_late_is_waited_for(homes):
    bob = open_link(homes / "bob", "bob", "s1", "session", 10.0)
    sender = threading.Thread(target=bob.send, args=("F", b"1"))
    sender.start()
    time.sleep(0.3)
    alice = open_link(homes / "alice", "alice", "s1", "session", 10.0)
    assert alice.receive("F", 10) == ("F", b"1")
    sender.join()
    alice.close()
    bob.close()


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_node_that_starts_again_is_found_again(homes, who):
    links = {node: open_link(homes / node, node, "s1", "session", 10.0) for node in ("alice", "bob")}
    other = "bob" if who == "alice" else "alice"
    links[who].send("X", b"1")
    assert links[other].receive("X", 10) == ("X", b"1")
    links[who].close()
    links[who] = open_link(homes / who, who, "s1", "session", 10.0)
    links[who].send("X", b"2")
    assert links[other].receive("X", 10) == ("X", b"2")
    links[other].send("M", b"3")
    assert links[who].receive("M", 10) == ("M", b"3")
    for link in links.values():
        link.close()


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_the_last_message_of_a_node_that_has_gone_is_still_read(homes, who):
    """It may say why the node ended: an abort in the rounds must reach the peer."""
    links = {node: open_link(homes / node, node, "s1", "rounds", 60.0) for node in ("alice", "bob")}
    other = "bob" if who == "alice" else "alice"
    links[other].send("hello", b"")
    assert links[who].receive("hello", 60) == ("hello", b"")
    links[who].send("X", b"last")
    links[who].close()
    with closing(links[other]) as left:
        while left.peer_is_there(0.1):
            time.sleep(0.02)
        assert left.receive("X", 10) == ("X", b"last")


def test_whether_the_peer_is_there(homes):
    alice = open_link(homes / "alice", "alice", "s1", "session", 10.0)
    assert not alice.peer_is_there(0.2)
    bob = open_link(homes / "bob", "bob", "s1", "session", 10.0)
    assert alice.peer_is_there(10.0)
    assert bob.peer_is_there(10.0)
    alice.send("X", b"")
    assert bob.receive("X", 5.0) == ("X", b"")
    bob.close()
    deadline = time.monotonic() + 10
    while alice.peer_is_there(0.0):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    alice.close()


def test_more_than_a_queue_holds_waits_for_its_reader(pair):
    """Either end sends some thousand messages to a peer that begins to read later."""
    for sender, reader in (pair, pair[::-1]):
        sending = threading.Thread(target=lambda: [sender.send("X", bytes(20_000)) for _ in range(4000)])  # noqa: B023
        sending.start()
        time.sleep(0.5)
        for _ in range(4000):
            reader.receive("X", 60)
        sending.join()


def test_channels_and_sessions_do_not_mix(homes):
    alice = open_link(homes / "alice", "alice", "s1", "session", 10.0)
    stranger = open_link(homes / "bob", "bob", "s2", "session", 10.0)
    stranger.send("X", b"of another session")
    bob = open_link(homes / "bob", "bob", "s1", "session", 10.0)
    bob.send("X", b"right")
    assert alice.receive("X", 10) == ("X", b"right")
    rounds = [open_link(homes / node, node, "s1", "rounds", 10.0) for node in ("alice", "bob")]
    rounds[1].send("X", b"rounds")
    assert rounds[0].receive("X", 10) == ("X", b"rounds")
    with pytest.raises(Silence):
        alice.receive("X", 0.2)
    for link in (alice, stranger, bob, *rounds):
        link.close()


def test_a_peer_at_another_session_is_named_once(homes, caplog):
    alice = open_link(homes / "alice", "alice", "s1", "rounds", 10.0)
    bob = open_link(homes / "bob", "bob", "s2", "rounds", 10.0)
    for _ in range(7):
        bob.send("hello", b"")
    with pytest.raises(Silence):
        alice.receive("hello", 2.0)
    alice.close()
    bob.close()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("bob is at session 's2', this node waits for it at 's1'; submit the same sessions")


@pytest.mark.parametrize("stranger", ["own key", "no key"])
def test_only_the_authenticated_peer_is_accepted(homes, tmp_path, stranger):
    alice = open_link(homes / "alice", "alice", "s1", "session", 10.0)
    keys = read_link_keys(homes / "bob")
    context = zmq.Context()
    with context.socket(zmq.DEALER) as socket_:
        socket_.linger = 0
        if stranger == "own key":
            socket_.curve_publickey, socket_.curve_secretkey = zmq.curve_keypair()
            socket_.curve_serverkey = keys.peer_key
        socket_.connect(keys.endpoints["session"])
        socket_.send_multipart([b"s1", b"session", b"X", b"forged"])
        with pytest.raises(Silence):
            alice.receive("X", 0.7)
    context.term()
    bob = open_link(homes / "bob", "bob", "s1", "session", 10.0)
    bob.send("X", b"right")
    assert alice.receive("X", 10) == ("X", b"right")
    alice.close()
    bob.close()


def test_what_is_said_cannot_be_read_on_the_line(homes):
    """A relay in the middle sees neither the message nor the session id."""
    endpoints = read_link_keys(homes / "alice").endpoints
    front, seen = socket.socket(), []
    front.bind(("127.0.0.1", 0))
    front.listen()
    write_peer(
        homes / "bob",
        read_link_keys(homes / "bob").peer_key.decode(),
        {**endpoints, "session": f"tcp://127.0.0.1:{front.getsockname()[1]}"},
    )
    alice = open_link(homes / "alice", "alice", "a-session", "session", 10.0)
    bob = open_link(homes / "bob", "bob", "a-session", "session", 10.0)
    inner, _ = front.accept()
    host, port = endpoints["session"].removeprefix("tcp://").split(":")
    outer = socket.create_connection((host, int(port)))

    def pump(source, target):
        while data := source.recv(65536):
            seen.append(data)
            target.sendall(data)

    for ends in ((inner, outer), (outer, inner)):
        threading.Thread(target=pump, args=ends, daemon=True).start()
    bob.send("X", b"the quick brown fox")
    assert alice.receive("X", 10) == ("X", b"the quick brown fox")
    line = b"".join(seen)
    assert b"CURVE" in line and b"brown" not in line and b"a-session" not in line
    bob.close()
    alice.close()
    for one in (front, inner, outer):
        one.close()


ERRORS = [zmq.ETERM, zmq.ENOTSOCK, zmq.EFSM, errno.EHOSTUNREACH, errno.EMFILE, errno.ENOMEM, errno.ECONNRESET]


@pytest.mark.parametrize("number", ERRORS)
@pytest.mark.parametrize("call", ["send_multipart", "recv_multipart", "poll"])
def test_an_error_of_libzmq_ends_the_wait_and_not_the_session(pair, monkeypatch, call, number):
    """Whatever it is, in whatever call: one line, PeerLost, and the same link may go on."""
    alice, bob = pair
    bob.send("X", b"1")
    assert alice.receive("X", 60) == ("X", b"1")
    alice.send("F", b"2")

    def fails(*_, **__):
        raise zmq.ZMQError(number)

    uses = {
        "send_multipart": [lambda: bob.send("X", b"")],
        "recv_multipart": [lambda: bob.receive("F", 60)],
        "poll": [lambda: bob.receive("F", 1), lambda: alice.peer_is_there(1), lambda: bob.send("X", b"")],
    }[call]
    with monkeypatch.context() as patch:
        patch.setattr(zmq.Socket, call, fails)
        for use in uses:
            with pytest.raises(PeerLost, match=r"^the link to (alice|bob) at tcp://\S+ failed \(.+\); start") as caught:
                use()
            assert "\n" not in str(caught.value) and not isinstance(caught.value, Silence)
    bob.send("X", b"3")
    assert alice.receive("X", 60) == ("X", b"3") and bob.receive("F", 60) == ("F", b"2")


@pytest.mark.parametrize("what", ["Context", "Context.socket"])
def test_a_link_that_cannot_be_opened_is_one_line(homes, monkeypatch, what):
    def fails(*_, **__):
        raise zmq.ZMQError(errno.EMFILE)

    monkeypatch.setattr(f"zmq.{what}", fails)
    with pytest.raises(InvalidInput, match=r"no link \(Too many open files\); end other programs of"):
        open_link(homes / "bob", "bob", "s1", "rounds")


def test_keys_are_private_and_kept(homes):
    folder = homes / "alice" / "link"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in folder.iterdir())
    keys = read_link_keys(homes / "alice")
    assert make_link_keys(homes / "alice") == keys.public_key.decode()
    assert keys.secret_key.decode() not in repr(keys)


def test_missing_or_damaged_files_are_named(homes):
    peer = homes / "alice" / "link" / "peer.json"
    content = json.loads(peer.read_text())
    for damaged in ("{", "[]", json.dumps({**content, "public_key": "short"}), json.dumps({"public_key": "x" * 40})):
        peer.write_text(damaged)
        with pytest.raises(InvalidInput):
            read_link_keys(homes / "alice")
    peer.unlink()
    with pytest.raises(InvalidInput, match=r"peer\.json: missing"):
        open_link(homes / "alice", "alice", "s1", "session")


def test_an_address_in_use_is_one_clear_line(homes):
    first = open_link(homes / "alice", "alice", "s1", "session", 1.0)
    with pytest.raises(InvalidInput, match="cannot be used"):
        ZmqLink(homes / "alice", "alice", "s2", "session", 1.0)
    first.close()
    with pytest.raises(InvalidInput, match="must be one of rounds, session, keys"):
        ZmqLink(homes / "alice", "alice", "s1", "gossip", 1.0)


def test_events_that_nobody_reads_stop_nothing():
    """While a node decodes it reads no events of its link; somebody who accepts and hangs up must not stop libzmq."""
    from postprocess.link.tcp import _Connection

    accepted, server = [], socket.create_server(("127.0.0.1", 0))

    def hang_up():
        while True:
            try:
                accepted.append(server.accept()[0].close())
            except OSError:
                return

    threading.Thread(target=hang_up, daemon=True).start()
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.linger = 0
    dealer.reconnect_ivl = dealer.reconnect_ivl_max = 1
    public, secret = zmq.curve_keypair()
    dealer.curve_publickey, dealer.curve_secretkey, dealer.curve_serverkey = public, secret, public
    connection = _Connection(dealer)
    dealer.connect(f"tcp://127.0.0.1:{server.getsockname()[1]}")
    deadline, seen = time.monotonic() + 60, -1
    while len(accepted) < 2500 and seen != len(accepted) and time.monotonic() < deadline:
        seen = len(accepted)
        time.sleep(1.5)
    stopped_at = len(accepted)
    assert not connection.stands(0.0)
    connection.close()
    dealer.close()
    context.term()
    server.close()
    assert stopped_at > 2100  # twice libzmq's usual limit of 1000 events
