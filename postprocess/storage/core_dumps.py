"""Memory of a process that holds secrets: it is never written to a core file."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def forbid_core_dumps() -> None:
    """No core file of this process, and no look into its memory by others of the same user.

    The limit alone does not bind a handler that the kernel pipes core files to; where the system has prctl, the process
    is not dumpable either, which a program started by it has to say anew.
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
