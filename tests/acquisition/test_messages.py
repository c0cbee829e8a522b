"""What crosses at a meeting: checked before it is believed; and the codes the kernels use."""

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from contract.codes import KernelLeft
from postprocess.acquisition.meeting import Decision, MeetingStatus, Next, decide
from postprocess.errors import InvalidInput

N = 1000
spans = st.lists(st.integers(0, N), max_size=8).map(lambda ends: tuple(zip(*[iter(sorted(ends))] * 2, strict=False)))
statuses = st.builds(
    MeetingStatus,
    decided=st.integers(0, N),
    resumable=st.integers(0, N),
    asks=st.booleans(),
    code=st.sampled_from(KernelLeft),
    pause_for=st.sampled_from(["", "recalibration"]),
    faults_here=st.integers(0, 4),
    blank=spans,
    untyped=spans,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def _packed(message):
    return msgpack.packb(message)


@given(statuses)
def test_status_survives_the_wire(status):
    assert MeetingStatus.from_message(status.to_message(), N) == status


@given(statuses, st.sampled_from(list(MeetingStatus.__dataclass_fields__)), anything, st.booleans())
def test_a_malformed_status_is_refused_or_harmless(status, field, value, missing):
    """Never another exception, never a number out of range."""
    message = msgpack.unpackb(status.to_message())
    if missing:
        del message[field]
    else:
        message[field] = value
    try:
        got = MeetingStatus.from_message(_packed(message), N)
    except InvalidInput as problem:
        assert "both nodes must run the same version" in str(problem)
        return
    numbers = [got.decided, got.resumable, got.faults_here, *(end for span in got.blank + got.untyped for end in span)]
    assert all(type(number) is int and 0 <= number <= N for number in numbers)


@given(statuses, statuses, st.integers(0, N))
def test_both_nodes_decide_alike(alice, bob, target):
    """They go or leave together, stop for the operator together, finish together."""
    hers, his = decide(alice, bob, target, N, "alice"), decide(bob, alice, target, N, "bob")
    assert hers.go == his.go
    assert hers.faults_here == his.faults_here
    for following in (Next.FINISHED, Next.OPERATOR):
        assert (hers.next is following) == (his.next is following)
    assert (hers.next is Next.FINISHED) == (target == N)
    if hers.go:
        assert alice.asks
        assert bob.asks
        assert {alice.code, bob.code} == {KernelLeft.LEFT_BY_HOST}
        assert not (alice.pause_for or bob.pause_for)
    for mine, decision in ((alice, hers), (bob, his)):
        if mine.code == KernelLeft.ION_LOST:
            assert decision.next in (Next.RECOVER_ION, Next.OPERATOR, Next.FINISHED)


def test_why_names_who_and_what():
    quiet = MeetingStatus(500, 500, True, KernelLeft.LEFT_BY_HOST, "recalibration", 0, (), ())
    lost = MeetingStatus(500, 500, False, KernelLeft.ION_LOST, "", 0, (), ())
    decision = decide(quiet, lost, 500, N, "alice")
    assert decision == Decision(
        go=False,
        next=Next.PAUSE,
        faults_here=1,
        peer_needs_time=True,
        cause="alice: recalibration, bob: ion lost",
        why="round 500: alice: recalibration, bob: ion lost",
    )
    assert decide(quiet, lost, N, N, "alice").cause == ""
