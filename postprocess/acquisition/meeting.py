"""Where the two nodes meet between blocks: agree on the position, fill what is lost, compare the heralds, decide how
to go on.

A meeting has the same steps on both nodes, and each may be repeated from the start after a crash on either side:

1. exchange of MeetingStatus: the position, public faults and wishes;
2. target = the larger of both `resumable` positions; the side that lacks rounds burns and fills them as lost, durably;
3. Bob sends T of the rounds that Alice lacks; by then they are decided on his disk, so he can never measure them later;
4. exchange of a SHA-256 over the herald patterns of the last block, of the rounds in which both have a herald, and of
   the numbers of zeroed and flagged rounds, which are limited; what is compared is on disk on both sides, so receiving
   it also says that the peer has settled;
5. both compute the same decision from the two MeetingStatus messages.

What crosses: counts, round numbers, fault codes, wishes, digests of public patterns, and T of decided rounds. Nothing
else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from contract.codes import KernelLeft
from contract.nodes import ALICE, BOB, other_node
from postprocess.acquisition.node_dialogue import PATTERNS, STATUS, TYPES, NodeDialogue
from postprocess.errors import AbortReason, SessionAborted
from postprocess.link import codec
from postprocess.plans.session_parameters import MOST_RANGES, SessionParameters
from postprocess.rounds import RoundStore
from postprocess.rounds.zeroed import exceeds

MOST_FAULTS_IN_PLACE = 3
MOST_FLAGGED = 16
MOST_WORDS = 80
ANY_NUMBER = codec.integer(0, 1 << 40)


class Next(StrEnum):
    """What the experiment does after the kernel has returned.

    CONTINUE: enter the kernel again. PAUSE: let the scheduler run others first, or the peer needs time; then enter
    again.
    RECOVER_ION: reload and recalibrate, then enter again. WAIT_FOR_LASER: until it is locked. OPERATOR: the same
    place failed again and again; stop with `Acquisition.why`, a new start resumes. FINISHED: all rounds are stored on
    both nodes.
    """

    CONTINUE = "continue"
    PAUSE = "pause"
    RECOVER_ION = "recover ion"
    WAIT_FOR_LASER = "wait for laser"
    OPERATOR = "operator"
    FINISHED = "finished"


PAUSES = (Next.PAUSE, Next.RECOVER_ION, Next.WAIT_FOR_LASER)
Span = tuple[int, int]


@dataclass(frozen=True)
class MeetingStatus:
    """What a node says about itself at a meeting; all of it is public.

    Attributes:
        decided, resumable: see RoundStore.
        asks: the node's kernel waits for a block (False: it has returned, or has not begun).
        code: why the kernel returned, a KernelLeft.
        pause_for: why the node wants a pause, in public words; empty if it wants none.
        faults_here: faulty returns in a row without a round between them.
        blank: spans (first, end) without herald pattern in the block in which `decided` stands or which it has just
            ended.
        untyped: spans of decided rounds whose T the node lacks (Alice).
    """

    decided: int
    resumable: int
    asks: bool
    code: KernelLeft
    pause_for: str
    faults_here: int
    blank: tuple[Span, ...]
    untyped: tuple[Span, ...]

    def to_message(self) -> bytes:
        """As it travels."""
        return codec.encode({**vars(self), "code": int(self.code)})

    @classmethod
    def from_message(cls, content: bytes, rounds: int) -> MeetingStatus:
        """A checked MeetingStatus; NotUnderstood when a field is missing or out of range."""
        number = codec.integer(0, rounds)
        spans = codec.list_of(codec.list_of(number, 2), rounds)
        message = codec.decode(
            STATUS,
            content,
            {
                "decided": number,
                "resumable": number,
                "asks": codec.flag,
                "code": codec.integer(0, max(KernelLeft)),
                "pause_for": codec.text(MOST_WORDS),
                "faults_here": number,
                "blank": spans,
                "untyped": spans,
            },
        )
        message |= {name: _spans(message[name]) for name in ("blank", "untyped")}
        return cls(**{**message, "code": KernelLeft(message["code"])})


@dataclass(frozen=True)
class Decision:
    """Outcome of a meeting: `go`, both kernels get the next rounds; otherwise they leave and the host does `next`.

    `cause`: of a pause, who and what, in public words; empty when the rounds go on.
    """

    go: bool
    next: Next
    faults_here: int
    peer_needs_time: bool
    cause: str
    why: str


def own_status(
    store: RoundStore, *, asks: bool, code: KernelLeft, pause_for: str, faults_here: int, fault_position: int
) -> MeetingStatus:
    """This node's status from its store; `faults_here` counts only while nothing has moved past `fault_position`."""
    first, _ = store.span(store.block_of(max(store.decided - 1, 0)))
    blank = first + np.flatnonzero(store.patterns(first, store.decided) == 0)
    return MeetingStatus(
        decided=store.decided,
        resumable=store.resumable,
        asks=asks,
        code=code,
        pause_for=pause_for,
        faults_here=faults_here if store.resumable == fault_position else 0,
        blank=_to_spans(blank),
        untyped=_to_spans(np.asarray(store.untyped, dtype=np.int64)),
    )


def settle(
    store: RoundStore, dialogue: NodeDialogue, mine: MeetingStatus, theirs: MeetingStatus, timeout_s: float
) -> int:
    """Bring both stores to the same position, which is returned; Alice gets the T that she lacks.

    Raises:
        SessionAborted: BLOCK_MISMATCH when the positions cannot come from one session (a store restored from an old
        copy).
    """
    target = max(mine.resumable, theirs.resumable)
    for status in (mine, theirs):
        block = store.block_of(status.decided)
        if status.decided > status.resumable or target > min(store.span(block)[1], store.parameters.rounds):
            raise SessionAborted(
                AbortReason.BLOCK_MISMATCH,
                f"block {block}: one node has decided {mine.decided} rounds, the other {theirs.decided}, and the"
                f" session stands at {target}; the stored rounds do not belong together, abandon the session",
            )
    store.fill_lost(target)
    alice = mine if store.node == "alice" else theirs
    lacking = [index for first, end in (*alice.untyped, (alice.decided, target)) for index in range(first, end)]
    if not lacking:
        return target
    if store.node == "bob":
        types = store.types_of(lacking)
        dialogue.send(TYPES, codec.encode({"types": _packed(types, store.parameters.key_bases)}))
    else:
        content = dialogue.receive(TYPES, timeout_s, "with the round types")
        store.learn_types(lacking, _types(content, len(lacking), store.parameters.key_bases))
    return target


def compare_patterns(
    store: RoundStore, dialogue: NodeDialogue, mine: MeetingStatus, theirs: MeetingStatus, target: int, timeout_s: float
) -> None:
    """Compare the heralds of the block that ends at, or contains, the last decided round.

    Raises:
        SessionAborted: BLOCK_MISMATCH naming the block, or ZEROED_ROUNDS, on both nodes.
    """
    block = store.block_of(max(target - 1, 0))
    first, _ = store.span(block)
    blank = np.zeros(target - first, dtype=bool)
    for status in (mine, theirs):
        for start, end in (*status.blank, (status.decided, target)):
            blank[max(start - first, 0) : max(end - first, 0)] = True
    patterns = store.patterns(first, target)[~blank]
    content = {"block": block, "rounds": len(patterns), "sha256": _digest(store, block, patterns)}
    zeroed = store.zeroed
    counts = {"zeroed": len(zeroed), "ranges": zeroed.ranges, "flagged": store.flagged_rounds}
    fields = {"sha256": codec.byte_string(32), **dict.fromkeys(("block", "rounds", *counts), ANY_NUMBER)}
    message = codec.encode({**content, **counts})
    answer = codec.decode(
        PATTERNS, dialogue.exchange(PATTERNS, message, timeout_s, f"to the meeting after block {block}"), fields
    )
    _require_few_zeroed_rounds(store, {store.node: counts, other_node(store.node): answer})
    for name in content:
        if answer[name] != content[name]:
            raise SessionAborted(
                AbortReason.BLOCK_MISMATCH,
                f"block {block} (rounds {first} to {target - 1}): the nodes saw different heralds ({name} differs);"
                " this session is over, check the entangler's lines before the next",
            )


def _require_few_zeroed_rounds(store: RoundStore, counts: dict[str, dict[str, int]]) -> None:
    """End a key session whose devices, or somebody at its cables, decide too often what counts."""
    parameters = store.parameters
    if not isinstance(parameters, SessionParameters):
        return
    allowance = parameters.allowance
    for node in (ALICE, BOB) if parameters.barrier else (ALICE,):  # what Bob has not measured had no barrier either
        its = counts[node]
        if exceeds(its["zeroed"], its["ranges"], allowance):
            raise SessionAborted(
                AbortReason.ZEROED_ROUNDS,
                f"{its['zeroed']} rounds of {node} in {its['ranges']} ranges were not measured or carry a flag, this "
                f"session allows {allowance} (allowance) in {MOST_RANGES}; a session planned with --allowance bears "
                "such losses",
            )
    for node, its in counts.items():
        if its["flagged"] > MOST_FLAGGED:
            raise SessionAborted(
                AbortReason.ZEROED_ROUNDS,
                f"{its['flagged']} rounds of {node} carry a flag (underflow, overflow, round type, barrier), at most "
                f"{MOST_FLAGGED} are allowed; look after its real-time code and the lines between the crates",
            )


def decide(mine: MeetingStatus, theirs: MeetingStatus, target: int, rounds: int, node: str) -> Decision:
    """The same decision on both nodes, each from its own side."""
    other = other_node(node)
    faults = [
        (who, status.code) for who, status in ((node, mine), (other, theirs)) if status.code != KernelLeft.LEFT_BY_HOST
    ]
    faults_here = max(mine.faults_here, theirs.faults_here) + 1 if faults else 0
    pause = bool(mine.pause_for or theirs.pause_for)
    away = (KernelLeft.ION_LOST, KernelLeft.LASER_UNLOCKED)
    reasons = [f"{who}: {code.name.lower().replace('_', ' ')}" for who, code in faults]
    reasons += [f"{who}: {status.pause_for}" for who, status in ((node, mine), (other, theirs)) if status.pause_for]
    cause = ", ".join(sorted(reasons))  # the same words on both nodes
    if target == rounds:
        following = Next.FINISHED
    elif faults_here >= MOST_FAULTS_IN_PLACE:
        following = Next.OPERATOR
    elif mine.code in away:
        following = Next.RECOVER_ION if mine.code == KernelLeft.ION_LOST else Next.WAIT_FOR_LASER
    elif pause or theirs.code in away:
        following = Next.PAUSE
    else:
        following = Next.CONTINUE
    return Decision(
        go=following is Next.CONTINUE and not faults and mine.asks and theirs.asks,
        next=following,
        faults_here=faults_here,
        peer_needs_time=pause or theirs.code in away,
        cause=cause if following in PAUSES else "",
        why=f"round {target}: {cause or 'nothing unusual'}",
    )


def _digest(store: RoundStore, block: int, patterns: NDArray[np.uint8]) -> bytes:
    head = b"diqkd herald patterns" + store.parameters.digest() + block.to_bytes(8, "little")
    return hashlib.sha256(head + patterns.tobytes()).digest()


def _to_spans(indices: NDArray[np.int64]) -> tuple[Span, ...]:
    if not len(indices):
        return ()
    breaks = np.flatnonzero(np.diff(indices) != 1)
    firsts, lasts = indices[np.r_[0, breaks + 1]], indices[np.r_[breaks, len(indices) - 1]]
    return tuple((int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True))


def _spans(value: list[list[int]]) -> tuple[Span, ...]:
    flat = [number for span in value for number in span]
    if any(len(span) != 2 for span in value) or flat != sorted(flat):
        raise codec.NotUnderstood(STATUS)
    return tuple((first, end) for first, end in value)


def _packed(types: NDArray[np.uint8], key_bases: int) -> bytes:
    """Announcements as bits: T, with two key bases r before each."""
    bits = types if key_bases == 1 else np.stack((types >> 1, types & 1), axis=1)
    return np.packbits(bits, bitorder="big").tobytes()


def _types(content: bytes, count: int, key_bases: int = 1) -> NDArray[np.uint8]:
    size = -(-key_bases * count // 8)
    packed = codec.decode(TYPES, content, {"types": codec.byte_string(size)})["types"]
    if len(packed) != size:
        raise codec.NotUnderstood(TYPES)
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=key_bases * count, bitorder="big")
    types = bits if key_bases == 1 else 2 * bits[::2] + bits[1::2]
    if any(types > key_bases):
        raise codec.NotUnderstood(TYPES)
    return types
