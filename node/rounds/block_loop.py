"""The one long-running kernel: blocks of rounds, settings in by one RPC per block, records out by one async RPC per
block.

A call from the host into a kernel compiles and uploads it anew, so the blocks of a session loop inside one kernel.
Control comes back to the host only for a pause, a fault or the end. RPCs reach the host in the order in which they
were issued: when next_block runs, the records of the block before have been kept. Records of more than 253 rounds do
not fit a slot of the firmware's queue, so that even the async RPC waits until they are sent; it does so where nothing
is due (docs/laboratory.md).
"""

from typing import Protocol

from artiq.coredevice.exceptions import RTIOOverflow, RTIOUnderflow
from artiq.experiment import TBool, TInt32, TList, kernel, rpc

from contract.codes import BARRIER_FAULT, LEFT_BY_HOST, OVERFLOW, ROUND_TYPE_FAULT, UNDERFLOW
from contract.record_layout import (
    FLAG_BARRIER,
    FLAG_OVERFLOW,
    FLAG_ROUND_TYPE,
    FLAG_SHIFT,
    FLAG_UNDERFLOW,
    HEADER_WORDS,
    SETTINGS_PER_WORD,
)
from node.hosted_loop import HostedLoop
from node.rounds.record_buffer import RecordBuffer
from node.station import Station


class BlockHost(Protocol):
    """The host's side of the block loop."""

    def next_block(self): ...

    def keep_block(self, sequence, first_round, count, words): ...


class NoBlocks:
    """Nothing to measure: the host's side until an experiment sets its own."""

    def next_block(self):
        return []

    def keep_block(self, sequence, first_round, count, words):
        raise RuntimeError(f"{count} rounds of block {sequence} were measured, but no experiment asked for them")


class BlockLoop(HostedLoop):
    """Runs blocks of rounds until the host or a fault ends it.

    Settings in and records out have the layout of contract.record_layout; a count of 0 ends the loop. Sequence, first
    round and count go back with the records, so that the host can check that no block is dropped or taken twice.
    """

    kernel_invariants = {"station", "round", "records", "block"}

    def build(self, station: Station, round_, block_rounds: int = 1000):
        self.setattr_device("core")
        self.station = station
        self.round = round_
        self.records = RecordBuffer(self, block_rounds)
        self.host: BlockHost = NoBlocks()
        self.allocate(block_rounds)

    def allocate(self, block_rounds: int):
        """Buffers for blocks of up to so many rounds; call it before `measure`, never while the kernel runs."""
        self.block = [0] * (HEADER_WORDS + -(-block_rounds // SETTINGS_PER_WORD))
        self.records.allocate(block_rounds)

    def next_block(self) -> TList(TInt32):
        """RPC: settings of the next block; all zeros (leave) when the host has none or failed."""
        return self.ask(self._next_words) or [0] * len(self.block)

    def _next_words(self):
        words = self.host.next_block()
        if len(words) not in (0, len(self.block)):
            raise RuntimeError(f"block of {len(words)} words for a buffer of {len(self.block)}")
        return words

    @rpc(flags={"async"})
    def keep_block(self, sequence, first_round, count, words):
        """RPC: records of the block just measured, RECORD_WORDS * count words of the buffer are filled."""
        self.tell(self.host.keep_block, sequence, first_round, count, words)

    def records_have_arrived(self) -> TBool:
        """RPC: returns after all records sent before it were kept."""
        return self.problem is None

    @kernel
    def run(self) -> TInt32:
        """Measure block after block; returns why the loop was left (contract.codes)."""
        self.station.initialise()
        self.round.initialise()
        code = LEFT_BY_HOST
        self._take_block()
        while code == LEFT_BY_HOST and self.block[2] > 0:
            self.core.break_realtime()
            code = self._measure_block()
            if code == LEFT_BY_HOST:
                self._take_block()
        self.station.stand_by()
        self.records_have_arrived()
        return code

    @kernel
    def _take_block(self):
        words = self.next_block()
        for i in range(len(self.block)):
            self.block[i] = words[i]

    @kernel
    def _measure_block(self) -> TInt32:
        """Measure the rounds of the block and send their records, of as many rounds as had a herald.

        An exception that nobody foresaw (a lost DAC, say) ends the kernel, but not before the records are on their way.
        """
        code = LEFT_BY_HOST
        done = 0
        try:
            while code == LEFT_BY_HOST and done < self.block[2]:
                code = self._find_herald()
                if code == LEFT_BY_HOST:
                    code = self._measure_round(done)
                    done += 1
        finally:
            self.keep_block(self.block[0], self.block[1], done, self.records.words)
        return code

    @kernel
    def _find_herald(self) -> TInt32:
        code = UNDERFLOW
        try:
            code = self.station.heralding.until_herald()
        except RTIOUnderflow:
            code = UNDERFLOW
        except RTIOOverflow:
            code = OVERFLOW
        return code

    @kernel
    def _measure_round(self, place: TInt32) -> TInt32:
        """From herald to record; whatever happens, the round is recorded, once."""
        heralding = self.station.heralding
        choice = self._choice(place)
        code = LEFT_BY_HOST
        bits = 0
        counts = 0
        try:
            bits = self.round.perform(heralding.herald_mu, heralding.pattern_index, choice)
            counts = self.station.readout.counts
            if (bits >> FLAG_SHIFT) & FLAG_ROUND_TYPE != 0:
                code = ROUND_TYPE_FAULT
            if (bits >> FLAG_SHIFT) & FLAG_BARRIER != 0:
                code = BARRIER_FAULT
        except RTIOUnderflow:
            bits = self.round.failed(choice, FLAG_UNDERFLOW)
            code = UNDERFLOW
        except RTIOOverflow:
            bits = self.round.failed(choice, FLAG_OVERFLOW)
            code = OVERFLOW
        pattern = heralding.patterns[heralding.pattern_index]
        self.records.keep(place, heralding.herald_mu, heralding.attempts, pattern, bits, counts)
        return code

    @kernel
    def _choice(self, place: TInt32) -> TInt32:
        return (self.block[HEADER_WORDS + (place >> 4)] >> (2 * (place & 15))) & 3
