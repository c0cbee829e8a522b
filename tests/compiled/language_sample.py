"""Kernels that use what ARTIQ's language has; importable where ARTIQ is installed."""

import numpy as np
from artiq.coredevice.exceptions import RTIOUnderflow
from artiq.experiment import (
    HasEnvironment,
    TArray,
    TBool,
    TFloat,
    TInt32,
    TInt64,
    TList,
    TStr,
    TTuple,
    at_mu,
    delay_mu,
    kernel,
    now_mu,
    rpc,
)


class Odd(Exception):
    """One that only the host knows."""


class Sample(HasEnvironment):
    def build(self):
        for name in ("core", "core_cache", "core_dma", "ttl_round_type_test"):
            self.setattr_device(name)
        self.ttl = self.ttl_round_type_test
        self.count, self.flag, self.numbers, self.fraction = 0, False, [0] * 4, 0.5
        self.wide = np.int64(0)
        self.heard = []

    def words(self, n) -> TList(TInt32):
        return [i * i for i in range(n)]

    def mixture(self, n) -> TTuple([TInt32, TList(TList(TInt64)), TStr, TFloat, TBool]):
        return n, [[10, 11], [], [12]], "hällo", 2.5, True

    def array(self) -> TArray(TFloat):
        return np.array([1.0, 2.0, 4.0])

    def hear(self, *what, **named):
        self.heard.append((what, named))

    @rpc(flags={"async"})
    def hear_later(self, n, words):
        self.heard.append((n, list(words[:n])))

    def refuse(self) -> TInt32:
        raise Odd("the host says no")

    def bad_value(self) -> TInt32:
        raise ValueError("bad value")

    @kernel
    def call_the_host(self) -> TInt32:
        total = 0
        for word in self.words(10):
            total += word
        n, lists, text, number, truth = self.mixture(7)
        self.hear(total, n, lists, text, number, truth)
        array = self.array()
        self.hear(array[2], [True, False], (1, np.int64(2)), range(4), name="x")
        self.hear_later(2, [5, 6, 7])
        return total

    @kernel
    def change_attributes(self):
        self.count += 1
        self.flag = True
        self.numbers[2] = 42
        self.fraction = 1.25
        self.wide = np.int64(1) << 40

    @kernel
    def catch(self) -> TInt32:
        self.core.reset()
        n = 0
        try:
            at_mu(100)
            self.ttl.on()
            n += 5000
        except RTIOUnderflow:
            n += 1
        self.core.break_realtime()
        try:
            try:
                self.refuse()
            finally:
                n += 10
        except Odd:
            n += 100
        try:
            self.bad_value()
        except ZeroDivisionError:
            n += 5000
        except ValueError:
            n += 1000
        try:
            try:
                raise ValueError("first")
            except ValueError:
                try:
                    raise RuntimeError("second")
                except RuntimeError:
                    n += 10000
                raise
        except ValueError:
            n += 100000
        try:
            n += self.numbers[n]
        except IndexError:
            n += 1000000
        return n

    @kernel
    def too_late(self):
        self.core.reset()
        try:
            at_mu(8)
            self.ttl.on()
        finally:
            self.hear(1)

    @kernel
    def from_a_handler(self):
        try:
            raise ValueError("first {0}", np.int64(5))
        except ValueError:
            raise RuntimeError("second")  # noqa: B904 - ARTIQ has no `from`

    @kernel
    def pass_on(self):
        self.refuse()

    @kernel
    def divide(self, a: TInt32) -> TInt32:
        return 5 // a

    @kernel
    def arithmetic(self, a: TInt32, b: TInt32, c: TFloat) -> TFloat:
        return (a // b) + (a % b) + c**2 + c % 0.3 + float(round(c * 10)) + np.sin(c) + c**a

    @kernel
    def use_the_cache(self, name: TStr) -> TInt32:
        n = len(self.core_cache.get("nothing"))
        self.core_cache.put(name, [1, 2, 3])
        for word in self.core_cache.get(name):
            n += word
        return n

    @kernel
    def record(self):
        with self.core_dma.record("two pulses"):
            delay_mu(1000)
            self.ttl.pulse_mu(200)
            delay_mu(800)
            self.ttl.pulse_mu(400)

    @kernel
    def play(self) -> TInt64:
        self.core.reset()
        start = now_mu()
        self.core_dma.playback("two pulses")
        return now_mu() - start

    @kernel
    def play_what_is_not_there(self):
        self.core_dma.playback("nothing")

    @kernel
    def say(self):
        core_log("value", 5, 2.5, [1, 2], "text", True, np.int64(7))  # noqa: F821 - the compiler knows it

    @kernel
    def for_ever(self):
        while True:
            self.core.get_rtio_counter_mu()

    @kernel
    def wait(self) -> TInt64:
        start = self.core.get_rtio_counter_mu()
        self.core.wait_until_mu(start + 1000000)
        return self.core.get_rtio_counter_mu() - start
