"""PYON, ARTIQ's text form of Python values, as far as arguments and expids need it where sipyco is absent."""

from __future__ import annotations

import base64
from collections import OrderedDict
from fractions import Fraction
from typing import Any

import numpy as np


def encode(x: Any) -> str:
    """Text of numbers, strings, bytes, lists, tuples, sets, dicts, fractions and numpy scalars and arrays.

    Raises:
        TypeError: anything else.
    """
    if x is None or x is True or x is False:
        return {None: "null", True: "true", False: "false"}[x]
    if isinstance(x, np.generic):
        return f"npscalar({encode(x.dtype.str)}, {encode(base64.b64encode(x.tobytes()))})"
    if isinstance(x, np.ndarray):
        return f"nparray({encode(x.shape)}, {encode(x.dtype.str)}, {encode(base64.b64encode(x.tobytes()))})"
    if isinstance(x, str):
        return '"' + x.translate({i: f"\\u{i:04x}" for i in (*range(32), 34, 92)}) + '"'
    if isinstance(x, int | float):
        return repr(x)
    if isinstance(x, bytes):
        return repr(x)
    if isinstance(x, Fraction):
        return f"Fraction({x.numerator}, {x.denominator})"
    if isinstance(x, OrderedDict):
        return f"OrderedDict({encode(list(x.items()))})"
    if isinstance(x, dict):
        return "{" + ", ".join(f"{encode(k)}: {encode(v)}" for k, v in x.items()) + "}"
    if isinstance(x, list):
        return "[" + ", ".join(map(encode, x)) + "]"
    if isinstance(x, tuple):
        return "(" + ", ".join(map(encode, x)) + (",)" if len(x) == 1 else ")")
    if isinstance(x, set):
        return "{" + ", ".join(map(encode, x)) + "}"
    raise TypeError(f"`{x!r}` ({type(x)}) is not PYON serializable")


def _array(shape: tuple, dtype: str, data: bytes) -> Any:
    return np.frombuffer(base64.b64decode(data), dtype).copy().reshape(shape)


_NAMES: dict[str, Any] = {
    "__builtins__": {}, "null": None, "false": False, "true": True, "inf": float("inf"), "nan": float("nan"),
    "slice": slice, "Fraction": Fraction, "OrderedDict": OrderedDict, "nparray": _array,
    "npscalar": lambda dtype, data: np.frombuffer(base64.b64decode(data), dtype)[0],
}  # fmt: skip


def decode(s: str) -> Any:
    """The value of a text; the same names as sipyco's, evaluated without builtins."""
    return eval(s, dict(_NAMES), {})
