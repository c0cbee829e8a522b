"""The environment of experiments: arguments, devices, datasets."""

from collections import OrderedDict
from contextlib import contextmanager
from inspect import isclass
from types import SimpleNamespace

from artiq.language import units
from artiq.language.core import rpc

__all__ = [
    "BooleanValue",
    "CancelledArgsError",
    "DefaultMissing",
    "EnumerationValue",
    "EnvExperiment",
    "Experiment",
    "HasEnvironment",
    "NoDefault",
    "NumberValue",
    "PYONValue",
    "StringValue",
]  # fmt: skip


class NoDefault:
    """No default value."""


class DefaultMissing(Exception):
    """An argument without default was not supplied."""


class CancelledArgsError(Exception):
    """The user cancelled a request for interactive arguments."""


class _Processor:
    """What all kinds of arguments have in common; `process` checks and converts."""

    described: tuple[str, ...] = ()

    def __init__(self, default=NoDefault):
        if isinstance(default, list):
            raise NotImplementedError
        if default is not NoDefault:
            self.default_value = self.process(default)

    def default(self):
        if not hasattr(self, "default_value"):
            raise DefaultMissing
        return self.default_value

    def process(self, x):
        return x

    def describe(self):
        d = {"ty": type(self).__name__}
        if hasattr(self, "default_value"):
            d["default"] = self.default_value
        return d | {name: getattr(self, name) for name in self.described}


class PYONValue(_Processor):
    """Any value that PYON can express, as text."""

    def __init__(self, default=NoDefault):
        if default is not NoDefault:
            self.default_value = default

    def process(self, x):
        from testbed.standin.pyon import decode

        return decode(x)

    def describe(self):
        from testbed.standin.pyon import encode

        d = {"ty": "PYONValue"}
        if hasattr(self, "default_value"):
            d["default"] = encode(self.default_value)
        return d


class BooleanValue(_Processor):
    """True or False."""

    def process(self, x):
        if type(x) is not bool:
            raise ValueError("Invalid BooleanValue value")
        return x


class EnumerationValue(_Processor):
    """One of several strings."""

    described = ("choices", "quickstyle")

    def __init__(self, choices, default=NoDefault, quickstyle=False):
        self.choices, self.quickstyle = choices, quickstyle
        super().__init__(default)

    def process(self, x):
        if x not in self.choices:
            raise ValueError("Invalid EnumerationValue value")
        return x


class NumberValue(_Processor):
    """A number; an int if precision = 0, scale = 1 and step is whole (or by type="int"), else a float."""

    valid_types = ["auto", "float", "int"]  # noqa: RUF012 - ARTIQ's
    described = ("unit", "scale", "step", "min", "max", "precision", "type")

    def __init__(self, default=NoDefault, unit="", *, scale=None, step=None, min=None, max=None, precision=2,
                 type="auto", ndecimals=None):  # fmt: skip
        if ndecimals is not None:
            print("DeprecationWarning: 'ndecimals' is deprecated. Please use 'precision' instead.")
            precision = ndecimals
        if scale is None:
            if unit and not hasattr(units, unit):
                raise KeyError(f"Unit {unit} is unknown, you must specify the scale manually")
            scale = getattr(units, unit) if unit else 1.0
        if type not in self.valid_types:
            raise TypeError("type must be 'float', 'int' or 'auto'")
        self.unit, self.scale, self.step = unit, scale, scale / 10.0 if step is None else step
        self.min, self.max, self.precision, self.type = min, max, precision, type
        if type == "int" and not self._whole():
            raise ValueError(
                "Value marked as integer but settings are not compatible. "
                "Please set precision = 0, scale = 1 and step to an integer"
            )
        super().__init__(default)

    def _whole(self):
        return self.precision == 0 and int(self.step) == self.step and self.scale == 1

    def process(self, x):
        whole = self.type == "int" or (self.type == "auto" and self._whole())
        return int(x) if whole else float(x)


class StringValue(_Processor):
    """A string."""


class TraceArgumentManager:
    """Notes which arguments an experiment asks for, and gives None."""

    def __init__(self):
        self.requested_args = OrderedDict()

    def get(self, key, processor, group, tooltip):
        self.requested_args[key] = processor, group, tooltip

    def get_interactive(self, interactive_arglist, title):
        raise NotImplementedError


class ProcessArgumentManager:
    """Gives supplied values, or defaults."""

    def __init__(self, unprocessed_arguments):
        self.unprocessed_arguments = unprocessed_arguments
        self._processed_arguments = set()

    def get(self, key, processor, group, tooltip):
        if key not in self.unprocessed_arguments:
            return processor.default()
        value = processor.process(self.unprocessed_arguments[key])
        self._processed_arguments.add(key)
        return value

    def check_unprocessed_arguments(self):
        left = set(self.unprocessed_arguments) - self._processed_arguments
        if left:
            raise AttributeError("Supplied argument(s) not queried in experiment: " + ", ".join(left))

    def get_interactive(self, interactive_arglist, title):
        raise NotImplementedError


class HasEnvironment:
    """Has arguments, devices and datasets; parts are children of the object they are built with."""

    def __init__(self, managers_or_parent, *args, **kwargs):
        self.children = []
        if isinstance(managers_or_parent, tuple):
            self.__devices, self.__datasets, self.__arguments, self.__scheduling = managers_or_parent[:4]
        else:
            parent = managers_or_parent
            self.__devices, self.__datasets = parent.__devices, parent.__datasets
            self.__arguments, self.__scheduling = parent.__arguments, {}
            parent.register_child(self)
        self.__in_build = True
        self.build(*args, **kwargs)
        self.__in_build = False

    def register_child(self, child):
        self.children.append(child)

    def call_child_method(self, method, *args, **kwargs):
        """Call a method of every child that has it, in the order of registration."""
        for child in self.children:
            if hasattr(child, method):
                getattr(child, method)(*args, **kwargs)

    def build(self):
        """Ask for arguments and devices here."""

    def __only_in_build(self, what):
        if not self.__in_build:
            raise TypeError(f"{what}() should only be called from build()")

    def __invariant(self, key):
        self.kernel_invariants = getattr(self, "kernel_invariants", set()) | {key}

    def get_argument(self, key, processor, group=None, tooltip=None):
        self.__only_in_build("get_argument")
        return self.__arguments.get(key, processor, group, tooltip)

    def setattr_argument(self, key, processor=None, group=None, tooltip=None):
        setattr(self, key, self.get_argument(key, processor, group, tooltip))
        self.__invariant(key)

    @contextmanager
    def interactive(self, title=""):
        """Ask the user for more arguments while running."""
        asked = []
        namespace = SimpleNamespace(
            setattr_argument=lambda key, processor=None, group=None, tooltip=None: asked.append(
                (key, processor, group, tooltip)
            )
        )
        yield namespace
        del namespace.setattr_argument
        answers = self.__arguments.get_interactive(asked, title)
        if answers is None:
            raise CancelledArgsError
        for key, value in answers.items():
            setattr(namespace, key, value)

    def get_device_db(self):
        return self.__devices.get_device_db()

    def get_device(self, key):
        return self.__devices.get(key)

    def setattr_device(self, key):
        setattr(self, key, self.get_device(key))
        self.__invariant(key)

    @rpc(flags={"async"})
    def set_dataset(self, key, value, *, unit=None, scale=None, precision=None, broadcast=False, persist=False,
                    archive=True):  # fmt: skip
        given = {"unit": unit, "scale": scale, "precision": precision}
        metadata = {name: entry for name, entry in given.items() if entry is not None}
        self.__datasets.set(key, value, metadata, broadcast, persist, archive)

    @rpc(flags={"async"})
    def mutate_dataset(self, key, index, value):
        self.__datasets.mutate(key, index, value)

    @rpc(flags={"async"})
    def append_to_dataset(self, key, value):
        self.__datasets.append_to(key, value)

    def get_dataset(self, key, default=NoDefault, archive=True):
        try:
            return self.__datasets.get(key, archive)
        except KeyError:
            if default is NoDefault:
                raise
            return default

    def get_dataset_metadata(self, key, default=NoDefault):
        try:
            return self.__datasets.get_metadata(key)
        except KeyError:
            if default is NoDefault:
                raise
            return default

    def setattr_dataset(self, key, default=NoDefault, archive=True):
        setattr(self, key, self.get_dataset(key, default, archive))

    def set_default_scheduling(self, priority=None, pipeline_name=None, flush=None):
        self.__only_in_build("set_default_scheduling")
        priority = None if priority is None else int(priority)
        given = {"priority": priority, "pipeline_name": pipeline_name, "flush": flush}
        self.__scheduling.update({name: entry for name, entry in given.items() if entry is not None})


class Experiment:
    """A top-level experiment: prepare, run, analyze."""

    def prepare(self):
        """Compute ahead, without hardware."""

    def run(self):
        """Use the hardware."""
        raise NotImplementedError

    def analyze(self):
        """Work on the results, without hardware."""


class EnvExperiment(Experiment, HasEnvironment):
    """An experiment with an environment."""

    def prepare(self):
        """Prepare the children."""
        self.call_child_method("prepare")


def is_experiment(o):
    return isclass(o) and issubclass(o, Experiment) and o not in (Experiment, EnvExperiment)


def is_public_experiment(o):
    return is_experiment(o) and not o.__name__.startswith("_")
