"""The same rounds over the links that are used: in memory and encrypted TCP."""

import threading
import time

import pytest
from emulated_rounds import NODES, Crash, Laboratory, Trap, check_laws

from postprocess.acquisition import Next
from postprocess.link import memory_pair, open_link


def live_together(lab, lives):
    ends = {}

    def run(node):
        ends[node] = lives[node]()

    threads = [threading.Thread(target=run, args=(node,), daemon=True) for node in NODES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a node hangs"
    return ends


def test_in_memory(tmp_path):
    lab = Laboratory(tmp_path, no_herald_s=5.0)
    links = dict(zip(NODES, memory_pair(), strict=True))
    ends = live_together(lab, {node: lambda node=node: lab._life(node, links[node], Trap()) for node in NODES})
    assert ends == dict.fromkeys(NODES, Next.FINISHED)
    check_laws(lab)


@pytest.mark.parametrize("killed", NODES)
def test_over_tcp_with_a_node_that_dies(tmp_path, homes, killed):
    """A node is killed inside a block; its next incarnation connects anew and its peer has lived on."""
    lab = Laboratory(tmp_path, no_herald_s=0.1, timeout_s=20.0)

    class TrappedLink:
        def __init__(self, node):
            self.link, self.trap = open_link(homes[node], node, "test", "rounds", 20.0), Trap()

        def send(self, kind, payload):
            self.trap.step("send")
            self.link.send(kind, payload)

        def receive(self, kind, timeout):
            return self.link.receive(kind, timeout)

        def close(self):
            self.link.close()

    def live(node):
        steps = [18, None] if node == killed else [None]
        for step in steps:
            link = TrappedLink(node)
            end = lab._life(node, link, Trap(step))
            link.close()
            if isinstance(end, Crash):
                time.sleep(0.2)
        return end

    ends = live_together(lab, {node: lambda node=node: live(node) for node in NODES})
    assert ends == dict.fromkeys(NODES, Next.FINISHED)
    assert lab.lives == {killed: 2, next(node for node in NODES if node != killed): 1}
    check_laws(lab)
