"""The mark of driver methods whose statements may stand in linked kernels (testbed.drivers.linked_kernels)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


def linkable(method: Method) -> Method:
    """What kernels do most: one call less each.

    Its parameters may be given by position. `linked_invariants` of the class says which attributes never change,
    `linked_options` which keep their value while a kernel runs.
    """
    method.is_linkable = True  # type: ignore[attr-defined]
    return method
