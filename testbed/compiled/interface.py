"""What Python and the runtime (runtime/runtime.h) show each other."""

from __future__ import annotations

import ctypes as ct

import numpy as np

DONE, FAILED, ABORT = 0, -1, -2
FINISHED, UNCAUGHT, ABORTED = 0, 1, 2  # how a kernel ended

EVENT = np.dtype([("time", "i8"), ("wall", "i8"), ("target", "i4"), ("data", "u4")])
QUEUE_LENGTH = 65536


class SliceInMemory(ct.Structure):
    """A string or a list in a kernel's memory."""

    _fields_ = (("ptr", ct.c_void_p), ("len", ct.c_int32))


class KernelException(ct.Structure):
    """ARTIQ's C.Exception in this machine's layout."""

    _fields_ = (
        ("id", ct.c_int32),
        ("file", SliceInMemory),
        ("line", ct.c_int32),
        ("column", ct.c_int32),
        ("function", SliceInMemory),
        ("message", SliceInMemory),
        ("param", ct.c_int64 * 3),
    )


class Stamped(ct.Structure):
    """An input event."""

    _fields_ = (("time", ct.c_int64), ("data", ct.c_int32))


# Order and types of struct host.
CALLBACKS = {
    "rpc_send": ct.CFUNCTYPE(ct.c_int64, ct.c_int32, ct.c_void_p, ct.c_int32, ct.c_void_p, ct.c_int32),
    "rpc_recv": ct.CFUNCTYPE(ct.c_int64, ct.c_void_p, ct.POINTER(KernelException)),
    "input": ct.CFUNCTYPE(ct.c_int64, ct.c_int64, ct.c_int32, ct.POINTER(Stamped)),
    "drain": ct.CFUNCTYPE(ct.c_int64),
    "log": ct.CFUNCTYPE(None, ct.c_void_p, ct.c_int32),
    "i2c": ct.CFUNCTYPE(ct.c_int64, ct.c_int32, ct.c_int32, ct.c_int32, ct.c_int32),
    "cache_get": ct.CFUNCTYPE(ct.c_void_p, ct.c_void_p, ct.c_int32),
    "cache_put": ct.CFUNCTYPE(None, ct.c_void_p, ct.c_int32, ct.c_void_p, ct.c_int32),
}


class Host(ct.Structure):
    """struct host: what the runtime calls."""

    _fields_ = tuple(CALLBACKS.items())


# Order of enum own_exception.
OWN_EXCEPTIONS = (
    "RTIOUnderflow",
    "RTIOOverflow",
    "RTIODestinationUnreachable",
    "I2CError",
    "CacheError",
    "DMAError",
)
