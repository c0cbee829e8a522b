"""The KME's own conversation over the node link: a peer that is gone is known to be, at either end, and an answer
belongs to the process that asked."""

import asyncio
import time
from contextlib import closing, suppress

import pytest

from benchmarks.key_delivery import free_endpoints
from kme.peer_dialogue import ANSWER, PeerDialogue
from kme.peer_line import NodeLine, memory_lines
from kme.peer_messages import ENVELOPE
from postprocess.errors import PeerLost
from postprocess.link.channel import CHANNELS
from postprocess.link.codec import decode, encode
from postprocess.link.keys import make_link_keys, write_peer

NODES = ("alice", "bob")
PATIENCE_S = 120  # only ends a hang


@pytest.fixture
def homes(tmp_path):
    public = {node: make_link_keys(tmp_path / node) for node in NODES}
    endpoints = dict(zip(CHANNELS, free_endpoints(len(CHANNELS)), strict=True))
    for node, peer in zip(NODES, reversed(NODES), strict=True):
        write_peer(tmp_path / node, public[peer], endpoints)
    return tmp_path


async def until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("gone", NODES)
def test_a_peer_that_is_gone_is_not_there_and_gets_nothing_later(homes, gone):
    """The end that connects would queue messages for nobody, and hand them to the peer's next process."""
    left = next(node for node in NODES if node != gone)

    async def follow():
        with closing(NodeLine(homes / left, left)) as line:
            assert not line.is_there()
            with pytest.raises(PeerLost, match="not there"):
                line.send("hello", b"nobody")
            with closing(NodeLine(homes / gone, gone)) as other:
                await until(lambda: line.is_there() and other.is_there())
                line.send("hello", b"first")
                assert await asyncio.wait_for(other.receive(), PATIENCE_S) == ("hello", b"first")
            await until(lambda: not line.is_there())
            with pytest.raises(PeerLost, match="not there"):
                line.send("reserve", b"stale")
            with closing(NodeLine(homes / gone, gone)) as other:
                await until(lambda: line.is_there() and other.is_there())
                line.send("hello", b"second")
                assert await asyncio.wait_for(other.receive(), PATIENCE_S) == ("hello", b"second")

    asyncio.run(follow())


def test_an_answer_to_an_earlier_process_answers_nothing_here():
    async def follow():
        questions = []
        for _ in range(2):  # two lives of one node; each asks one question first
            line, other = memory_lines()
            dialogue = PeerDialogue(line, {})
            dialogue.ask("reserve", b"", PATIENCE_S).close()
            questions.append((await other.receive())[1])
        running = asyncio.create_task(dialogue.run())
        stale = decode("reserve", questions[0], ENVELOPE)["number"]
        other.send(ANSWER, encode({"number": stale, "refused": "", "body": b"to the dead"}))
        await asyncio.sleep(0.1)
        assert not any(future.done() for future in dialogue._open.values())
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(follow())
