"""What can go wrong between stored rounds and a key: aborts of the protocol, and faults that leave it resumable."""

from __future__ import annotations

import errno
import os
from enum import IntEnum, StrEnum


class AbortReason(StrEnum):
    """Why a session ended without a key; one name per way to end (values are what operators read)."""

    RECONCILIATION_FAILED = "reconciliation failed"
    EC_TAG_MISMATCH = "EC tag mismatch"
    BELL_THRESHOLD = "Bell threshold"
    AUTHENTICATION = "authentication"
    ACTIVATION = "activation"
    PARAMETER_MISMATCH = "parameter mismatch"
    PEER_LOST = "peer lost"
    BLOCK_MISMATCH = "block mismatch"
    ZEROED_ROUNDS = "zeroed rounds"
    ABANDONED = "abandoned by operator"


class DiqkdError(Exception):
    """Base of every error that ends in one clear line for the operator: what happened, where, what to do."""


class InvalidInput(DiqkdError, ValueError):
    """A value from outside does not fit; the message names the value, the place and the remedy."""


class SessionAborted(DiqkdError):
    """The protocol aborted.

    Which reason may be shown, and where, is the session's business: see `postprocess.session`.

    Attributes:
        untouched: both nodes have stated that no tag of this session was made or checked.
    """

    def __init__(self, reason: AbortReason, detail: str = "", *, untouched: bool = False) -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail
        self.untouched = untouched


class NodesDisagree(DiqkdError):
    """The two nodes have ended a session differently; operators have to compare them, nothing is undone by itself."""


class PeerLost(DiqkdError):
    """The peer did not answer in time or closed the link; nothing is lost, the session can be resumed."""


class ExitStatus(IntEnum):
    """How a command or a node's process ends, for scripts."""

    DONE = 0
    CRASHED = 1
    BAD_INPUT = 2
    ABORTED = 3
    PEER_LOST = 4
    INTERRUPTED = 130


def exit_status(problem: BaseException) -> ExitStatus:
    """The exit status that belongs to an error."""
    for kind, status in (
        (SessionAborted, ExitStatus.ABORTED),
        (NodesDisagree, ExitStatus.ABORTED),
        (PeerLost, ExitStatus.PEER_LOST),
        (DiqkdError, ExitStatus.BAD_INPUT),
        (KeyboardInterrupt, ExitStatus.INTERRUPTED),
    ):
        if isinstance(problem, kind):
            return status
    return ExitStatus.CRASHED


DISK_ERRORS = (
    errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR,
    errno.ENAMETOOLONG,
)  # fmt: skip


def disk_problem(problem: OSError) -> str:
    """One line for a disk that refuses: the file, what the system says, what to do."""
    where = os.fsdecode(problem.filename) if problem.filename is not None else "a file of this command"
    return f"{where}: {problem.strerror}; make room, or give a place that can be written, and start again"
