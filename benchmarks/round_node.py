"""One emulated node that measures rounds in one kernel, and prints its CPU time per round in s."""

from __future__ import annotations

import importlib
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

SEED = 3
WARM_UP_ROUNDS = 200
PATIENCE_S = 120.0  # with a partner whose kernel is still being compiled


class _TwoBlocks:
    """The host's side: rounds that nobody times, and those that count, with settings from a seed.

    Attributes:
        began: CPU time of this process whenever a block was asked for, s.
    """

    def __init__(self, rounds: int) -> None:
        from postprocess.rounds.private_settings import settings_words

        settings = np.random.default_rng(SEED).integers(0, 2, rounds).astype(np.uint8)
        words = settings_words(settings, max(rounds, WARM_UP_ROUNDS))
        self._blocks = [
            np.concatenate((np.array([number, 0, count, 0], np.int32), words))
            for number, count in enumerate((WARM_UP_ROUNDS, rounds))
        ]
        self.began: list[float] = []
        self.measured = 0

    def next_block(self) -> Any:
        self.began.append(time.process_time())
        return self._blocks.pop(0) if self._blocks else ()

    def keep_block(self, sequence: int, first_round: int, count: int, words: Any) -> None:
        self.measured = count


def cpu_per_round(node: str, apparatus: str, rounds: int) -> float:
    """CPU time of this process from one block of settings to the next, by round; compiling is not in it."""
    from testbed import standin

    standin.install()
    from testbed.nodes.worker import Worker
    from testbed.physics import laboratory

    laboratory.use(replace(laboratory.current(), patience_s=PATIENCE_S))
    os.environ |= {"DIQKD_NODE": node, "DIQKD_APPARATUS": apparatus}
    worker = Worker(Path.cwd(), Path(__file__).resolve().parents[1] / "device_db.py")
    of_node = getattr(importlib.import_module(f"node_{node}.node"), f"{node.capitalize()}Node")
    assembled = of_node((worker.devices, None, None, {}))
    assembled.blocks.allocate(max(rounds, WARM_UP_ROUNDS))
    host = assembled.blocks.host = _TwoBlocks(rounds)
    _await(worker.devices.get("core").physics.partner)
    code = assembled.blocks.measure()
    worker.close()
    if code or host.measured != rounds:
        raise RuntimeError(f"{node}: left with {code} after {host.measured} of {rounds} rounds")
    return (host.began[2] - host.began[1]) / rounds


def _await(partner: Any) -> None:
    """Wait until the other node is in the laboratory, too: who starts first would find no herald otherwise."""
    from testbed.physics.partner import SharedPartner

    deadline = time.monotonic() + PATIENCE_S
    while isinstance(partner, SharedPartner) and not partner.is_alive():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the partner has not come within {PATIENCE_S:.0f} s")
        time.sleep(0.01)


if __name__ == "__main__":
    print(cpu_per_round(sys.argv[1], sys.argv[2], int(sys.argv[3])))
