"""The rounds of a session on disk: settings drawn before it starts, burned before they are used, records durable per
block.

Files in the session's folder (0700), all 0600: parameters.json; settings.bin (its presence says that the session
exists); marks.log (burned blocks, end of the rounds); records.log (records, lost rounds, round types learnt later);
lock.

What a crash does. A burned round without a record counts with outcome 0 and is never measured again, because its T
may be public. The class holds this by itself: opening a store forfeits every burned round without a record,
`settings_of` gives out the settings of burned blocks only and never those of a forfeited or decided round, and a lock
keeps a second process away.

`mark_complete` and `mark_closed` are the two durable steps that end the rounds (acquisition/host.py).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contract.nodes import NODES
from contract.record_layout import RECORD_WORDS
from postprocess.errors import InvalidInput
from postprocess.plans.measurement_plan import MeasurementPlan, RoundsPlan, stored_plan
from postprocess.plans.session_parameters import SessionParameters
from postprocess.randomness import RandomSource
from postprocess.rounds.private_settings import barrier_bits, draw_settings, read_settings, settings_to_file
from postprocess.rounds.raw_rounds import RawRounds
from postprocess.rounds.round_files import (
    MARKS_FILE,
    PARAMETERS_FILE,
    RECORDS_FILE,
    SETTINGS_FILE,
    require_not_erased,
)
from postprocess.rounds.round_records import Flag, RoundRecords, announced_by, require_faithful_records
from postprocess.rounds.zeroed import ZeroedRanges
from postprocess.storage.framed_log import FramedLog
from postprocess.storage.ownership import mark_rounds
from postprocess.storage.private_files import lock_folder, private_folder, sync_folder, write_private

_BURNED, _COMPLETE_NOTED, _CLOSED = 1, 2, 3
RECORDS, _LOST, _TYPES = 1, 2, 3
_INDEX = struct.Struct("<Q")
SPAN = struct.Struct("<QQ")


class RoundStore:
    """One node's rounds of one session; use `create` or `open`.

    Attributes:
        folder, parameters, node: as given to `create`.
        burned_blocks: blocks whose settings may have been handed out, counted from 0.
        decided: rounds that have a record or are filled as lost; always the first ones.
        closed: both nodes have compared the last block; nothing is left to exchange.
        complete_noted: this node has everything and has been about to tell its peer so.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = folder
        self.parameters, self.node, drawn = _read_session(folder)
        self._barrier_bits = barrier_bits(self.node, self.parameters, drawn)
        self._settings = drawn - 2 * self._barrier_bits
        self._read_only = read_only
        self._lock = -1 if read_only else lock_folder(folder)
        try:
            self._marks = FramedLog(folder / MARKS_FILE, longest_payload=_INDEX.size, read_only=read_only)
            longest = max(SPAN.size + 4 * RECORD_WORDS * self.parameters.block_rounds, 64)
            self._records = FramedLog(folder / RECORDS_FILE, longest_payload=longest, read_only=read_only)
            self._read_marks()
            self._read_records()
        except BaseException as problem:
            self.close()
            if isinstance(problem, ValueError | IndexError | struct.error) and not isinstance(problem, InvalidInput):
                raise InvalidInput(f"{folder}: damaged ({problem}); restore it from a copy or abandon it") from problem
            raise
        self._forfeited = min(self.burned_blocks * self.parameters.block_rounds, self.parameters.rounds)

    @classmethod
    def create(
        cls, folder: Path, parameters: RoundsPlan, node: str, source: RandomSource, ledger_id: str = ""
    ) -> RoundStore:
        """Draw and store all settings, then open the store; a half-made store of a crashed `create` is made anew.

        Args:
            ledger_id: the ledger that will use these rounds; empty for rounds that make no key.

        Raises:
            InvalidInput: unknown node, the session exists already, or the random source is exhausted.
        """
        if node not in NODES:
            raise InvalidInput(f"node = {node}: must be 'alice' or 'bob'")
        if cls.exists(folder):
            raise InvalidInput(f"{folder}: this session has settings already; resume it, or choose another session id")
        private_folder(folder)
        require_not_erased(folder)
        lock = lock_folder(folder)
        try:
            if cls.exists(folder):
                raise InvalidInput(f"{folder}: another process has just made this session; resume it")
            write_private(folder / PARAMETERS_FILE, parameters.to_json().encode())
            if ledger_id:
                mark_rounds(folder, ledger_id)
            FramedLog.create(folder / MARKS_FILE)
            FramedLog.create(folder / RECORDS_FILE)
            sync_folder(folder)  # where settings are, the logs are
            content = settings_to_file(node, parameters, draw_settings(node, parameters, source))
            write_private(folder / SETTINGS_FILE, content)
        finally:
            os.close(lock)
        return cls(folder)

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False) -> RoundStore:
        """Open a stored session; burned rounds without a record are forfeited. `read_only` takes no lock and changes
        nothing.

        Raises:
            InvalidInput: no such session, damaged files, or another process holds it.
        """
        return cls(folder, read_only=read_only)

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether the folder holds a session whose settings are drawn."""
        return (folder / SETTINGS_FILE).exists()

    def close(self) -> None:
        """Release files and lock; the object is of no further use."""
        for log in ("_marks", "_records"):
            if hasattr(self, log):
                getattr(self, log).close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # What is decided, what may still be measured

    @property
    def complete(self) -> bool:
        """Whether all n rounds are decided and the T of each is known."""
        return self.decided == self.parameters.rounds and not self._untyped

    @property
    def resumable(self) -> int:
        """First round that this node may still measure; below it every burned round is decided or forfeited."""
        return max(self.decided, self._forfeited)

    @property
    def untyped(self) -> list[int]:
        """Rounds among the decided ones whose T Alice has not seen for certain; always empty for Bob."""
        return sorted(self._untyped)

    def position(self) -> tuple[int, int]:
        """(block, round): the first round not yet decided, counted from the start of the session, and its block."""
        return self.block_of(self.decided), self.decided

    def block_of(self, round_index: int) -> int:
        """The block a round belongs to."""
        return round_index // self.parameters.block_rounds

    def span(self, block: int) -> tuple[int, int]:
        """First round of a block and the first one after it."""
        first = block * self.parameters.block_rounds
        return first, min(first + self.parameters.block_rounds, self.parameters.rounds)

    # Settings

    def burn(self, block: int) -> None:
        """Mark a block's settings as used, durably; burning it again changes nothing. Blocks burn in order."""
        if block >= self.parameters.blocks or block > self.burned_blocks:
            raise InvalidInput(
                f"block {block}: cannot be burned, block {self.burned_blocks} of {self.parameters.blocks} is next"
            )
        if block == self.burned_blocks:
            self._marks.append(_BURNED, _INDEX.pack(block))
            self.burned_blocks += 1

    def settings_of(self, block: int, first: int | None = None) -> NDArray[np.uint8]:
        """Settings (X before T is known, with a barrier plus twice its bit; or Y) of a burned block from round `first`
        on, uint8; for the kernel only.

        Raises:
            InvalidInput: the block is not burned, or one of the rounds is decided or forfeited.
        """
        start, end = self.span(block)
        first = start if first is None else first
        if block >= self.burned_blocks:
            raise InvalidInput(f"block {block}: burn it before its settings are handed out")
        if not max(start, self.resumable) <= first < end:
            raise InvalidInput(f"round {first}: decided or given up; settings are never handed out again")
        return self._settings[first:end] + 2 * self._barrier_bits[first:end]

    def types_of(self, rounds: ArrayLike) -> NDArray[np.uint8]:
        """What Bob announced in decided rounds (contract.round_settings), uint8; other rounds are refused."""
        indices = np.asarray(rounds, dtype=np.int64)
        if self.node != "bob":
            raise InvalidInput("round types: only Bob has them before the rounds")
        if len(indices) and not (indices.min() >= 0 and indices.max() < self.decided):
            raise InvalidInput(f"round types: only rounds below {self.decided} are decided")
        return announced_by(self._settings[indices])

    # RoundRecords

    def keep(self, block: int, first: int, words: ArrayLike) -> RoundRecords:
        """Store the records of consecutive rounds of a block durably; they follow the rounds decided so far.

        Args:
            block, first: where they belong; `first` must be the position.
            words: int32, shape (count, 4); see records.py.

        Raises:
            InvalidInput: wrong place, a record without herald pattern, or one whose setting is not the stored one.
        """
        records = RoundRecords.from_words(words)
        start, end = self.span(block)
        if first != self.decided or not start <= first < end or first + len(records) > end:
            raise InvalidInput(
                f"block {block}, round {first}: {len(records)} records do not fit, round {self.decided} is next"
            )
        if block >= self.burned_blocks or first < self._forfeited:
            raise InvalidInput(f"block {block}, round {first}: records of rounds that were never handed out")
        part = slice(first, first + len(records))
        drawn = self._settings[part], self._barrier_bits[part]
        require_faithful_records(self.node, first, records, *drawn, self.parameters.key_bases)
        if len(records):
            data = np.ascontiguousarray(words, dtype="<i4").tobytes()
            self._records.append(RECORDS, SPAN.pack(first, len(records)) + data)
            self._apply_records(first, records)
        return records

    def forfeit(self, end: int) -> None:
        """Give up all rounds before `end` that have no record: their kernel never said what it did."""
        self._forfeited = max(self._forfeited, min(end, self.parameters.rounds))

    def fill_lost(self, end: int) -> int:
        """Decide all rounds before `end` that have no record: outcome 0, flag lost. Their blocks are burned first.
        Returns how many.

        Raises:
            InvalidInput: `end` lies beyond the block in which the position is; nothing that the protocol does leads
            there.
        """
        count = end - self.decided
        if count <= 0:
            return 0
        block = self.block_of(self.decided)
        if end > self.span(block)[1]:
            raise InvalidInput(f"round {end}: beyond block {block}, in which this node stands")
        self.burn(block)
        self.forfeit(end)
        self._records.append(_LOST, SPAN.pack(self.decided, count))
        self._apply_lost(self.decided, count)
        return count

    def learn_types(self, rounds: list[int], types: NDArray[np.uint8]) -> None:
        """Store, durably, what Bob says that he announced in rounds in `untyped`; uint8 (len(rounds),)."""
        if not set(rounds) <= self._untyped or len(rounds) != len(types) or any(types > self.parameters.key_bases):
            raise InvalidInput("round types: for other rounds than those this node lacks")
        for start in range(0, len(rounds), self.parameters.block_rounds):
            part = slice(start, start + self.parameters.block_rounds)
            pairs = np.stack((np.asarray(rounds[part]), types[part]), axis=1).astype("<i8")
            self._records.append(_TYPES, pairs.tobytes())
            self._apply_types(pairs)

    def patterns(self, first: int, end: int) -> NDArray[np.uint8]:
        """Herald patterns of decided rounds, uint8; 0 where the round is lost. Public."""
        return self._patterns[first : min(end, self.decided)].copy()

    @property
    def zeroed(self) -> ZeroedRanges:
        """Decided rounds that count with outcome 0: lost or flagged. Public."""
        return ZeroedRanges.of_rounds(np.flatnonzero(self._flags[: self.decided]))

    @property
    def flagged_rounds(self) -> int:
        """Number of decided rounds whose record carries a flag (underflow, overflow, round type), over all restarts."""
        return self._flagged_rounds

    # The end of the rounds

    def mark_complete(self) -> None:
        """Note durably that this node is complete and is about to tell its peer."""
        self._mark_once("complete_noted", _COMPLETE_NOTED)

    def mark_closed(self) -> None:
        """Note durably that the peer is complete too."""
        self._mark_once("closed", _CLOSED)

    def _mark_once(self, name: str, kind: int) -> None:
        if not self.complete:
            raise InvalidInput(f"the rounds are not over: {self.decided} of {self.parameters.rounds} decided")
        if not getattr(self, name):
            self._marks.append(kind, b"")
            setattr(self, name, True)

    def raw(self) -> RawRounds:
        """The private strings for post-processing; InvalidInput while rounds are missing."""
        if not self.complete:
            raise InvalidInput(
                f"session {self.parameters.session_id}: {self.decided} of {self.parameters.rounds} rounds are stored"
                f" and {len(self._untyped)} lack their type; run generate_key with the same session to complete it"
            )
        return self.portion(0, self.parameters.rounds)

    def portion(self, first: int, end: int) -> RawRounds:
        """The private strings of some of the rounds decided so far."""
        part = slice(first, min(end, self.decided))
        if self.node == "alice":
            test = self._types[part].copy()
            settings = np.where(test == 1, self._settings[part], self._key_bases[part])
        else:
            settings = self._settings[part].copy()
            test = announced_by(settings) & np.uint8(1)
        clean = self._flags[part] == 0
        outcomes = np.where(clean, self._outcomes[part], np.uint8(0))
        zeroed = ZeroedRanges.of_rounds(np.flatnonzero(~clean))
        barrier = None
        if self.parameters.barrier:
            barrier = (self._barrier_bits[part] if self.node == "alice" else self._barrier_seen[part] * clean).copy()
        return RawRounds(settings=settings, test=test, outcomes=outcomes, zeroed=zeroed, barrier=barrier)

    def clean(self, first: int, end: int) -> NDArray[np.bool_]:
        """Which of the decided rounds have a record without any flag. Public."""
        return self._flags[first : min(end, self.decided)] == 0

    # Replay of the files

    def _read_marks(self) -> None:
        self.burned_blocks, self.complete_noted, self.closed = 0, False, False
        for kind, payload in self._marks.frames():
            if kind == _BURNED:
                if payload != _INDEX.pack(self.burned_blocks):
                    raise InvalidInput(
                        f"{self._marks.path}: block {self.burned_blocks} is missing; abandon the session"
                    )
                self.burned_blocks += 1
            self.complete_noted |= kind == _COMPLETE_NOTED
            self.closed |= kind == _CLOSED
        if self._marks.torn and self.burned_blocks < self.parameters.blocks and not self._read_only:
            # An unfinished mark was never acted upon, a damaged one was: one block of zeros is cheaper than the doubt.
            self.burn(self.burned_blocks)

    def _read_records(self) -> None:
        rounds = self.parameters.rounds
        self.decided, self._flagged_rounds = 0, 0
        self._untyped: set[int] = set()
        self._types, self._outcomes = np.zeros(rounds, np.uint8), np.zeros(rounds, np.uint8)
        self._patterns, self._flags = np.zeros(rounds, np.uint8), np.zeros(rounds, np.uint8)
        self._barrier_seen, self._key_bases = np.zeros(rounds, np.uint8), np.zeros(rounds, np.uint8)
        for kind, payload in self._records.frames():
            if kind == _TYPES:
                self._apply_types(np.frombuffer(payload, "<i8").reshape(-1, 2))
                continue
            first, count = SPAN.unpack_from(payload)
            if first != self.decided or first + count > min(self.burned_blocks * self.parameters.block_rounds, rounds):
                raise InvalidInput(
                    f"{self._records.path}: round {self.decided} is missing or unburned; abandon the session"
                )
            if kind == RECORDS:
                self._apply_records(first, RoundRecords.from_words(_span_records(payload)[1]))
            else:
                self._apply_lost(first, count)

    def _apply_records(self, first: int, records: RoundRecords) -> None:
        part = slice(first, first + len(records))
        self._types[part], self._outcomes[part] = records.types, records.outcomes
        self._patterns[part], self._flags[part] = records.patterns, records.flags
        self._barrier_seen[part], self._key_bases[part] = records.barrier, records.settings * (records.types == 0)
        if self.node == "alice":
            self._untyped.update((first + np.flatnonzero(records.flags)).tolist())
        self._flagged_rounds += int(np.count_nonzero(records.flags))
        self.decided = part.stop

    def _apply_lost(self, first: int, count: int) -> None:
        self._flags[first : first + count] = Flag.LOST
        if self.node == "alice":
            self._untyped.update(range(first, first + count))
        self.decided = first + count

    def _apply_types(self, pairs: NDArray[np.int64]) -> None:
        self._types[pairs[:, 0]], self._key_bases[pairs[:, 0]] = pairs[:, 1] & 1, pairs[:, 1] >> 1
        self._untyped.difference_update(pairs[:, 0].tolist())


def _read_session(folder: Path) -> tuple[SessionParameters | MeasurementPlan, str, NDArray[np.uint8]]:
    require_not_erased(folder)
    if not RoundStore.exists(folder):
        raise InvalidInput(f"{folder}: no stored rounds here; give the right --home, --node and --session")
    parameters = stored_plan(folder / PARAMETERS_FILE)
    return parameters, *read_settings(folder / SETTINGS_FILE, parameters)


def _span_records(payload: bytes) -> tuple[int, NDArray[np.int32]]:
    first, count = SPAN.unpack_from(payload)
    return first, np.frombuffer(payload, "<i4", offset=SPAN.size).reshape(count, RECORD_WORDS).astype(np.int32)
