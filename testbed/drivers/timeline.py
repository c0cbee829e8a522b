"""The timeline cursor of this process, in machine units, with ARTIQ's meaning of `parallel` and `sequential`."""

from __future__ import annotations

from testbed.drivers.native import Cursor


class Timeline(Cursor):
    """Time manager of the ARTIQ language.

    In a parallel block every top-level statement starts where the block started, and the block ends with the longest of
    them. `now` is where the next statement is issued; `straight` says that a kernel is running and calls between
    kernels need no context of their own, which is the case everywhere but directly inside `parallel`.
    """

    def __init__(self, ref_period: float = 1e-9):
        self.ref_period = ref_period
        self.now = 0
        self.in_kernel = False
        self.straight = False
        self._parallel = False
        self._end = 0
        self._outer: list[tuple[bool, int, int]] = []

    def enter_sequential(self) -> None:
        self._outer.append((self._parallel, self.now, self._end))
        self._parallel = False
        self.straight = self.in_kernel

    def enter_parallel(self) -> None:
        self._outer.append((self._parallel, self.now, self._end))
        self._parallel = True
        self._end = self.now
        self.straight = False

    def exit(self) -> None:
        end = self._end if self._parallel else self.now
        self._parallel, start, outer_end = self._outer.pop()
        if self._parallel:
            self.now = start
            self._end = max(outer_end, end)
            self.straight = False
        else:
            self.now = end
            self.straight = self.in_kernel

    def get_time_mu(self) -> int:
        return self.now

    def set_time_mu(self, time: int) -> None:
        if self._parallel:
            self._end = max(self._end, int(time))
        else:
            self.now = int(time)

    def take_time_mu(self, duration: int) -> None:
        if self._parallel:
            self._end = max(self._end, self.now + int(duration))
        else:
            self.now += int(duration)

    def take_time(self, duration: float) -> None:
        self.take_time_mu(round(duration / self.ref_period))

    def begin_kernel(self) -> None:
        self.in_kernel = True
        self.straight = not self._parallel

    def end_kernel(self) -> None:
        self.in_kernel = False
        self.straight = False
