"""In which order checks are updated: two waves from the chain's ends inwards, and a fallback over the whole graph.

Inside a coupled code nothing happens until the wave of decoded positions arrives (Kudekar, Richardson, Urbanke 2013),
so only a window of positions behind its front is swept, in the direction of travel. The two waves touch disjoint
variables, one thread each, until they are close; the rest between them is swept as a whole. Whatever is unsatisfied
afterwards, and every short or uncoupled code, goes through sweeps over the whole graph. The outcome does not depend on
how threads interleave.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from postprocess.reconciliation.matrix import ParityMatrix
from postprocess.reconciliation.sweep_kernels import sweep

_CERTAIN = 30.0  # ratio of variables without a bit: known to be 0


@dataclass(frozen=True)
class Limits:
    """How the decoder spends its time.

    `window`: positions swept behind each front; a front that stands still for `patience` sweeps widens it by as many
    positions, up to `widest`. A wave or the whole graph is given up after `stagnation` sweeps without progress, the
    whole graph also after `whole_sweeps`. `threads`: 1 or 2.
    """

    window: int = 12
    widest: int = 48
    patience: int = 8
    whole_sweeps: int = 500
    stagnation: int = 60
    threads: int = 2


@dataclass(frozen=True)
class DecodeResult:
    """Outcome of decoding.

    `bits` uint8 (n,) in natural order; `converged`: they have exactly the given syndrome; `iterations`: updates of each
    edge on average, rounded up. On a real apparatus all three depend on A and B and stay private.
    """

    bits: np.ndarray
    converged: bool
    iterations: int


class _Decoder:
    """Belief-propagation state of one decoding."""

    def __init__(self, code: ParityMatrix, llr: np.ndarray, syndrome: np.ndarray, limits: Limits):
        self.code, self.syndrome, self.limits = code, syndrome, limits
        self.posterior = np.full(code.graph.lifted_bits, _CERTAIN, np.float32)
        self.posterior[code.place] = np.clip(llr, -_CERTAIN, _CERTAIN, out=np.empty(code.n, np.float32))
        self.messages = np.zeros(code.messages, np.int16)
        self.unsatisfied = np.ones(code.graph.check_positions, np.int64)
        self.visits = np.zeros(code.graph.check_positions, np.int64)

    def sweep(self, first: int, last: int) -> None:
        """Sweep from one position to another, in that direction, both inclusive."""
        step = 1 if last >= first else -1
        code = self.code
        sweep(
            self.posterior, self.messages, self.syndrome, code.segments, code.edges, code.first_segments,
            code.graph.lift, first, last, step, self.unsatisfied,
        )  # fmt: skip
        self.visits[min(first, last) : max(first, last) + 1] += 1

    def travel(self, front: int, stop: int) -> int:
        """Drive a wave from `front` towards `stop` until its window arrives, or it stands; first position undone."""
        step = 1 if stop > front else -1
        window, waited = self.limits.window, 0
        while (stop - front) * step + 1 >= window and waited < self.limits.stagnation:
            self.sweep(front, front + step * (window - 1))
            reached = front
            while (stop - reached) * step > 0 and self.unsatisfied[reached] == 0:
                reached += step
            if reached != front:
                front, waited, window = reached, 0, max(window - 1, self.limits.window)
            else:
                waited += 1
                if waited % self.limits.patience == 0:
                    window = min(window + self.limits.patience, self.limits.widest)
        return front

    def meet(self, low: int, high: int) -> None:
        """Sweep all that lies between the two fronts, to and fro, until it is satisfied or has stopped to improve."""
        best, waited = self.code.m + 1, 0
        upwards = True
        while low <= high and waited < self.limits.stagnation:
            self.sweep(*((low, high) if upwards else (high, low)))
            upwards = not upwards
            while low <= high and self.unsatisfied[low] == 0:
                low += 1
            while low <= high and self.unsatisfied[high] == 0:
                high -= 1
            left = int(self.unsatisfied[low : high + 1].sum())
            best, waited = (left, 0) if left < best else (best, waited + 1)

    def waves(self) -> None:
        """Both waves from the ends of the chain, then what is left between them."""
        last = self.code.graph.check_positions - 1
        middle = last // 2
        # a check reaches w = d_v - 1 positions back: with w positions between them, the waves share no variable
        routes = ((0, middle), (last, middle + self.code.graph.degree))
        if self.limits.threads > 1:
            with ThreadPoolExecutor(2) as pool:
                low, high = pool.map(lambda route: self.travel(*route), routes)
        else:
            low, high = (self.travel(*route) for route in routes)
        self.meet(low, high)

    def whole(self) -> None:
        """Sweeps over the whole graph until the bits are right or nothing improves."""
        last = self.code.graph.check_positions - 1
        best, waited = self.code.m + 1, 0
        for _ in range(self.limits.whole_sweeps):
            self.sweep(0, last)
            left = int(self.unsatisfied.sum())
            if left == 0 and self.satisfied():
                return
            best, waited = (left, 0) if left < best else (best, waited + 1)
            if waited >= self.limits.stagnation:
                return

    def satisfied(self) -> bool:
        """Whether the bits as they stand have exactly the syndrome: every check, computed anew."""
        return bool(np.array_equal(self.code.parities(self.decisions()), self.syndrome))

    def decisions(self) -> np.ndarray:
        """Hard decisions in graph order, uint8."""
        return np.signbit(self.posterior).view(np.uint8)

    def result(self) -> DecodeResult:
        spent = 0
        for position, visits in enumerate(self.visits):
            first, end = self.code.first_segments[position : position + 2]
            rows = self.code.segments[first:end]
            spent += int(visits) * int(((rows[:, 1] - rows[:, 0]) * rows[:, 2]).sum())
        rows = self.code.segments
        edges = int(((rows[:, 1] - rows[:, 0]) * rows[:, 2]).sum())
        return DecodeResult(self.decisions()[self.code.place], self.satisfied(), -(-spent // edges))


def decode(code: ParityMatrix, llr: np.ndarray, syndrome: np.ndarray, limits: Limits) -> DecodeResult:
    """Decode with checked arguments; see `Code.decode`."""
    decoder = _Decoder(code, llr, syndrome, limits)
    if code.graph.check_positions >= 2 * limits.window + code.graph.degree:
        decoder.waves()
        if decoder.satisfied():
            return decoder.result()
    decoder.whole()
    return decoder.result()
