"""Scans: one-dimensional sweeps and the argument that carries one."""

import random
from itertools import product
from typing import Any

from artiq.language import units
from artiq.language.environment import DefaultMissing, NoDefault

__all__ = ["CenterScan", "ExplicitScan", "MultiScanManager", "NoScan", "RangeScan", "ScanObject", "Scannable"]


class ScanObject:
    """Iterate to scan; every iteration gives the same values."""

    fields: tuple[str, ...] = ()
    sequence: Any
    randomize = False
    seed: int | None = None

    def __iter__(self):
        return iter(self.sequence)

    def __len__(self):
        return len(self.sequence)

    def describe(self):
        """As clients submit it."""
        return {"ty": type(self).__name__} | {name: getattr(self, name) for name in self.fields}

    def _shuffle(self):
        if self.randomize:
            random.Random(self.seed).shuffle(self.sequence)


class NoScan(ScanObject):
    """One value, `repetitions` times."""

    fields = ("value", "repetitions")

    def __init__(self, value, repetitions=1):
        self.value = value
        self.repetitions = repetitions
        self.sequence = [value] * repetitions


class RangeScan(ScanObject):
    """Evenly spaced points from start to stop, both included."""

    fields = ("start", "stop", "npoints", "randomize", "seed")

    def __init__(self, start, stop, npoints, randomize=False, seed=None):
        self.start, self.stop, self.npoints, self.randomize, self.seed = start, stop, npoints, randomize, seed
        step = (stop - start) / (npoints - 1) if npoints > 1 else 0.0
        self.sequence = [i * step + start for i in range(npoints)]
        self._shuffle()

    def __len__(self):
        return self.npoints  # a negative number of points is told as it was given


class CenterScan(ScanObject):
    """Points `step` apart, from the centre outwards, within `span`."""

    fields = ("center", "step", "span", "randomize", "seed")

    def __init__(self, center, span, step, randomize=False, seed=None):
        self.center, self.span, self.step, self.randomize, self.seed = center, span, step, randomize, seed
        count = 1 + int(span / (2.0 * step)) if step else 0
        self.sequence = [center + sign * i * step for i in range(count) for sign in (-1, 1)][1:]
        self._shuffle()


class ExplicitScan(ScanObject):
    """Points as listed."""

    fields = ("sequence",)

    def __init__(self, sequence):
        self.sequence = sequence


_SCANS = {scan.__name__: scan for scan in (NoScan, RangeScan, CenterScan, ExplicitScan)}


class Scannable:
    """An argument that is a scan; `default` may list several, the first counts."""

    def __init__(self, default=NoDefault, unit="", *, scale=None, global_step=None, global_min=None, global_max=None,
                 precision=2, ndecimals=None):  # fmt: skip
        if scale is None:
            if unit and not hasattr(units, unit):
                raise KeyError(f"Unit {unit} is unknown, you must specify the scale manually")
            scale = getattr(units, unit) if unit else 1.0
        if default is not NoDefault:
            self.default_values = default if isinstance(default, list) else [default]
        self.unit, self.scale = unit, scale
        self.global_step = scale / 10.0 if global_step is None else global_step
        self.global_min, self.global_max = global_min, global_max
        self.precision = precision if ndecimals is None else ndecimals

    def default(self):
        if not hasattr(self, "default_values"):
            raise DefaultMissing
        return self.default_values[0]

    def process(self, x):
        scan = _SCANS[x["ty"]]
        return scan(**{name: x[name] for name in scan.fields if name in x})

    def describe(self):
        described: dict[str, Any] = {"ty": "Scannable"}
        if hasattr(self, "default_values"):
            described["default"] = [scan.describe() for scan in self.default_values]
        names = ("unit", "scale", "global_step", "global_min", "global_max", "precision")
        return described | {name: getattr(self, name) for name in names}


class _ScanPoint:
    """Values of one point by name; `attr` has the names."""

    def __init__(self, **values):
        self.attr = set(values)
        self.__dict__.update(values)

    def __repr__(self):
        return f"<ScanPoint {' '.join(f'{name}={getattr(self, name)}' for name in self.attr)}>"


class MultiScanManager:
    """All combinations of several (name, scan), as points with attributes."""

    def __init__(self, *args):
        self.names = [name for name, _ in args]
        self.scan_objects = [scan for _, scan in args]

    def __iter__(self):
        return (_ScanPoint(**dict(zip(self.names, point, strict=False))) for point in product(*self.scan_objects))
