"""Kernels of the stand-in ask the core device, or run at once in a running kernel, however they were made."""

from pathlib import Path

import pytest
from artiq.experiment import TInt32, kernel

from testbed import standin

pytestmark = pytest.mark.skipif(not standin.active(), reason="the real ARTIQ is installed: kernels are its own")


class Manager:
    straight = False


class Asking:
    """Stands in place of a core device that notes who asks."""

    def __init__(self):
        self.core, self.asked = self, []
        self.__hidden = 3

    def run(self, function, args, kwargs):
        self.asked.append(function.__name__)
        return function.artiq_embedded.function(*args, **kwargs)

    @kernel
    def plain(self, a: TInt32, b: TInt32 = 2) -> TInt32:
        """Has a docstring."""
        return a + b

    @kernel(flags={"fast-math"})
    def failing(self):
        raise ValueError("here")

    @kernel
    def mangled(self):
        return self.__hidden


def closing_over(extra):
    @kernel
    def closed_over(self):
        return extra

    return closed_over


Asking.closed_over = closing_over(10)
exec("@kernel\ndef sourceless(self):\n    return 4", found := {"kernel": kernel})
Asking.sourceless = found["sourceless"]


def call_all(asking):
    with pytest.raises(ValueError, match="here") as problem:
        asking.failing()
    line = Path(__file__).read_text().splitlines()[problem.traceback[-1].lineno]
    assert line.strip() == 'raise ValueError("here")'
    return [asking.plain(1), asking.plain(1, b=5), asking.mangled(), asking.closed_over(), asking.sourceless()]


def test_a_kernel_asks_the_core_device_or_runs_at_once(monkeypatch):
    from artiq.language import core

    monkeypatch.setattr(core._current, "now", Manager)
    asking = Asking()
    assert call_all(asking) == [3, 6, 3, 10, 4]
    assert asking.asked == ["failing", "plain", "plain", "mangled", "closed_over", "sourceless"]
    monkeypatch.setattr(Manager, "straight", True)
    assert call_all(asking) == [3, 6, 3, 10, 4]
    assert len(asking.asked) == 6


def test_a_kernel_looks_like_its_source():
    assert (Asking.plain.__doc__, Asking.plain.__qualname__) == ("Has a docstring.", "Asking.plain")
