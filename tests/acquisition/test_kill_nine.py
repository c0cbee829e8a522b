"""Two real processes over encrypted TCP, killed with SIGKILL again and again while they measure."""

import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from emulated_rounds import NODES, small_session

from postprocess.randomness import SeededSource
from postprocess.rounds import RoundStore

PROGRAM = textwrap.dedent("""
    import sys, time
    from contextlib import closing
    from pathlib import Path
    import numpy as np
    from postprocess.acquisition import Acquisition, Next
    from postprocess.link import open_link
    from postprocess.rounds.round_records import RoundRecords
    from postprocess.rounds import RoundStore

    folder, home, node = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    bob = RoundStore.open(folder / "bob", read_only=True)
    types = (bob._settings != 2).astype(np.uint8)       # nature and the round-type line
    heralds = np.random.default_rng(1).choice(np.array([3, 5, 10, 12], np.uint8), len(types))
    store = RoundStore.open(folder / node)
    with closing(open_link(home, node, "test", "rounds", 20.0)) as link, (folder / f"{node}.measured").open("a") as log:
        acquisition = Acquisition(store, link, timeout_s=20.0)
        acquisition.agree_on_parameters()
        following = acquisition.resume()
        while following is not Next.FINISHED:
            while True:
                words = acquisition.next_block()
                sequence, first, count = (int(word) for word in words[:3])
                if count == 0:
                    break
                settings = np.array([(int(words[4 + j // 16]) >> 2 * (j % 16)) & 3 for j in range(count)], np.uint8)
                log.write(f"{first} {count}\\n")
                log.flush()
                time.sleep(0.005)
                t, ones = types[first : first + count], np.ones(count, np.uint8)
                used = settings & t if node == "alice" else settings
                numbers = np.arange(first, first + count)
                records = RoundRecords(numbers, ones, heralds[numbers], ones, used, t, 0 * ones, ones)
                acquisition.keep_block(sequence, first, count, records.to_words())
            following = acquisition.kernel_left(0)
""")


def start(folder, home, node):
    return subprocess.Popen([sys.executable, "-c", PROGRAM, folder, home, node], stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("restart", ["the killed one", "both"])
def test_kill_nine(tmp_path, homes, restart):
    parameters = small_session(rounds=10_000, block_rounds=50)
    for node in NODES:
        RoundStore.create(tmp_path / node, parameters, node, SeededSource(1, node)).close()
    running = {node: start(tmp_path, homes[node], node) for node in NODES}
    kills = 0
    for victim in ("alice", "bob", "bob", "alice"):
        blocks = burned_blocks(tmp_path, victim)
        while burned_blocks(tmp_path, victim) < blocks + 10 and running[victim].poll() is None:
            time.sleep(0.005)
        for node in NODES if restart == "both" else (victim,):
            if running[node].poll() is None:
                running[node].send_signal(signal.SIGKILL)
                kills += 1
            running[node].communicate()
            running[node] = start(tmp_path, homes[node], node)
    for node in NODES:
        _, problem = running[node].communicate(timeout=60)
        assert running[node].returncode == 0, problem
    assert kills >= 3
    stores = {node: RoundStore.open(tmp_path / node, read_only=True) for node in NODES}
    np.testing.assert_array_equal(stores["alice"].raw().test, stores["bob"].raw().test)
    heralds = {node: store.patterns(0, 10_000) for node, store in stores.items()}
    both = (heralds["alice"] != 0) & (heralds["bob"] != 0)
    np.testing.assert_array_equal(heralds["alice"][both], heralds["bob"][both])
    for node, store in stores.items():
        assert store.closed
        assert len(store.zeroed) <= kills * parameters.block_rounds
        measured = [tuple(map(int, line.split())) for line in (tmp_path / f"{node}.measured").read_text().splitlines()]
        firsts = [first for first, _ in measured]
        assert len(set(firsts)) == len(firsts), "settings of a block were handed out twice"
        np.testing.assert_array_equal(store.raw().outcomes == 0, heralds[node] == 0)


def burned_blocks(folder, node):
    return (folder / node / "marks.log").stat().st_size // 24
