"""Kernels that break one rule of the linter each, beside kernels that do the same without.

The linter judges them everywhere, and ARTIQ's compiler where it is installed.
"""

import textwrap
from dataclasses import dataclass

EXPERIMENT = """
import numpy as np
from artiq.experiment import *


class Sample(EnvExperiment):
    def build(self):
        self.setattr_device("core")
        self.setattr_device("ttl4")
        self.setattr_device("ttl5")
        self.count = 3
        self.words = [1, 2, 3]
        self.level = 0.5
        self.on = True
{build}
{methods}
    @kernel
    def run(self):
{body}
"""


@dataclass(frozen=True)
class Sample:
    """A rule, a body of `run` that breaks it and one that does not; `silent`: the compiler accepts both.

    `methods` and `build` go with the bad body, `good_methods` and `good_build` with the good one.
    """

    rule: str
    bad: str
    good: str
    methods: str = ""
    good_methods: str = ""
    build: str = ""
    good_build: str = ""
    silent: bool = False

    def source(self, good: bool) -> str:
        parts = (self.good, self.good_methods, self.good_build) if good else (self.bad, self.methods, self.build)
        body, methods, build = (
            textwrap.indent(part, " " * depth) for part, depth in zip(parts, (8, 4, 8), strict=True)
        )
        return EXPERIMENT.format(body=body, methods=methods, build=build)


def method(signature: str, body: str, decorator: str = "@kernel") -> str:
    return f"{decorator}\ndef {signature}:\n{textwrap.indent(body, '    ')}\n".lstrip()


HANDLED = "try:\n    self.count = 1\n"
PULSES = "with parallel:\n    self.ttl4.pulse(1*us)\n    self.ttl5.pulse(1*us)"

SAMPLES = [
    Sample("syntax", "print(f'{self.count}')", "print(self.count)"),
    Sample("syntax", "x: np.int32 = 1", "x = 1"),
    Sample("syntax", "while (x := self.count) > 3:\n    self.count -= 1", "while self.count > 3:\n    self.count -= 1"),
    Sample("syntax", "x = {1: 2}", "x = [1, 2]"),
    Sample("syntax", "x = {1, 2}", "x = [1, 2]"),
    Sample("syntax", "import math", "pass"),
    Sample("syntax", "from math import pi", "pass"),
    Sample("syntax", "x = 1\ndel x", "x = 1"),
    Sample("syntax", "yield 1", "pass"),
    Sample(
        "syntax", "match self.count:\n    case 1:\n        self.count = 2", "if self.count == 1:\n    self.count = 2"
    ),
    Sample("syntax", "global count", "pass"),
    Sample("syntax", "x = [1]\nprint(*x)", "x = [1]\nprint(x[0])"),
    Sample("arguments", "self.f(1)", "self.f(1)", method("f(self, *a)", "pass"), method("f(self, a)", "pass")),
    Sample(
        "arguments",
        "self.f(1, b=2)",
        "self.f(1, 2)",
        method("f(self, a, *, b)", "pass"),
        method("f(self, a, b)", "pass"),
    ),
    Sample("arguments", "self.f(1)", "self.f(1)", method("f(self, a, /)", "pass"), method("f(self, a)", "pass")),
    Sample("arguments", "self.f(a=1)", "self.f(a=1)", method("f(self, **a)", "pass"), method("f(self, a)", "pass")),
    Sample("comprehension if", "x = [i for i in range(3) if i > 1]", "x = [i + 2 for i in range(1)]"),
    Sample(
        "exceptions",
        HANDLED + "except ValueError as problem:\n    raise RuntimeError('x') from problem",
        HANDLED + "except ValueError:\n    raise RuntimeError('x')",
    ),
    Sample(
        "exceptions",
        HANDLED + "except (ValueError, RTIOUnderflow):\n    pass",
        HANDLED + "except ValueError:\n    pass\nexcept RTIOUnderflow:\n    pass",
    ),
    Sample(
        "staticmethod",
        "self.f(1)",
        "self.f(1)",
        "@staticmethod\n" + method("f(a)", "pass"),
        method("f(self, a)", "pass"),
    ),
    Sample(
        "private name", "self.count = self.__x", "self.count = self._x", build="self.__x = 3", good_build="self._x = 3"
    ),
    Sample("builtin", "for i, w in enumerate(self.words):\n    pass", "for i in range(len(self.words)):\n    pass"),
    Sample("builtin", "x = sum(self.words)", "x = 0\nfor w in self.words:\n    x += w"),
    Sample("builtin", "x = isinstance(self.count, int)", "x = True"),
    Sample("builtin", "x = max(self.words)", "x = max(self.words[0], self.words[1])"),
    Sample("builtin", "x = 'a{}'.format(3)", "print('a', 3)"),
    Sample("builtin", "x = str(3)", "x = '3'"),
    Sample("parallel", "with parallel:\n    self.ttl4.on()\n    return", PULSES + "\nreturn"),
    Sample(
        "parallel",
        "for i in range(2):\n    with parallel:\n        self.ttl4.on()\n        break",
        "for i in range(2):\n" + textwrap.indent(PULSES, "    ") + "\n    break",
    ),
    Sample("parallel", "with parallel, sequential:\n    self.ttl4.on()", PULSES),
    Sample(
        "parallel",
        "with parallel:\n    if self.on:\n        self.ttl4.pulse(1*us)\n    self.ttl5.pulse(1*us)",
        "if self.on:\n" + textwrap.indent(PULSES, "    "),
        silent=True,
    ),
    Sample(
        "annotation", "self.f(1)", "self.f(1)", method("f(self, a: int)", "pass"), method("f(self, a: TInt32)", "pass")
    ),
    Sample(
        "annotation",
        "self.f(self.words)",
        "self.f(self.words)",
        method("f(self, a: list)", "pass"),
        method("f(self, a: TList(TInt32))", "pass"),
    ),
    Sample("integer delay", "delay(1)", "delay(1.0)\ndelay(1*us)\ndelay_mu(1)"),
    Sample("boolean arithmetic", "x = (self.count > 1) & (self.count < 5)", "x = self.count > 1 and self.count < 5"),
    Sample("boolean arithmetic", "x = int(self.count > 1)", "x = 1 if self.count > 1 else 0"),
    Sample("integer becomes float", "x = 0\nx += 0.5", "x = 0.0\nx += 0.5"),
    Sample("integer becomes float", "x = 0\nx = x / 2", "x = 0.0\nx = x / 2"),
    Sample("list", "x = []", "x = [0]"),
    Sample("list", "x = [1]\nx.append(2)", "x = [1, 0]\nx[1] = 2"),
    Sample(
        "empty attribute",
        "for x in self.buffer:\n    pass",
        "for x in self.buffer:\n    pass",
        build="self.buffer = []",
        good_build="self.buffer = [0]",
    ),
    Sample(
        "returned list",
        "x = self.f()",
        "self.f(self.words)",
        method("f(self) -> TList(TInt32)", "return [1, 2]"),
        method("f(self, a)", "a[0] = 1"),
    ),
    Sample("negative floor division", "x = -self.count // 2", "x = -(self.count // 2)", silent=True),
    Sample(
        "unassigned variable", "if self.on:\n    x = 1\nself.count = x", "x = 0\nif self.on:\n    x = 1\nself.count = x"
    ),
    Sample(
        "unassigned variable",
        "for i in range(3):\n    x = i\nself.count = x",
        "x = 0\nfor i in range(3):\n    x = i\nself.count = x",
    ),
    Sample(
        "unassigned variable", "for i in range(3):\n    pass\nself.count = i", "for i in range(3):\n    self.count = i"
    ),
    Sample(
        "unassigned variable",
        "try:\n    x = 1\nexcept ValueError:\n    pass\nself.count = x",
        "x = 0\ntry:\n    x = 1\nexcept ValueError:\n    pass\nself.count = x",
        silent=True,
    ),
    Sample(
        "missing return",
        "x = self.f()",
        "x = self.f()",
        method("f(self) -> TInt32", "if self.on:\n    return 1"),
        method("f(self) -> TInt32", "if self.on:\n    return 1\nelse:\n    return 2"),
    ),
    Sample(
        "missing return",
        "x = self.f()",
        "x = self.f()",
        method("f(self) -> TInt32", "while True:\n    if self.on:\n        return 1"),
        method("f(self) -> TInt32", "while not self.on:\n    pass\nreturn 1"),
    ),
    Sample(
        "rpc annotation",
        "x = self.f()",
        "x = self.f()",
        method("f(self)", "return 1", decorator=""),
        method("f(self) -> TInt32", "return 1", decorator=""),
        silent=True,
    ),
]
