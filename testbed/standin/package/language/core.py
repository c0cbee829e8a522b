"""Decorators and time functions of the ARTIQ language, executed by the host's Python.

A kernel called from the host goes to `core.run`, as in ARTIQ. A kernel called by a running kernel, outside `parallel`,
is a plain call: the time manager says so by its attribute `straight`, and its cursor is then its attribute `now`.
"""

from collections import namedtuple
from functools import wraps
from inspect import signature
from typing import Any

__all__ = [
    "TerminationRequested",
    "at_mu",
    "delay",
    "delay_mu",
    "host_only",
    "interleave",
    "kernel",
    "kernel_from_string",
    "now_mu",
    "parallel",
    "portable",
    "rpc",
    "sequential",
    "set_time_manager",
    "set_watchdog_factory",
    "subkernel",
    "syscall",
    "watchdog",
]  # fmt: skip

_Embedding = namedtuple("_Embedding", "core_name portable function syscall forbidden destination flags")


def _embedding(function=None, flags=(), core_name=None, portable=False, syscall=None, forbidden=False, dest=None):
    return _Embedding(core_name, portable, function, syscall, forbidden, dest, set(flags))


def kernel(arg=None, flags={}):  # noqa: B006 - the signature is ARTIQ's
    """Runs on the core device whose driver is the attribute `core` (or the one named) of the object."""
    if arg is not None and not isinstance(arg, str):
        return _kernel(arg, "core", flags)
    return lambda function: _kernel(function, arg or "core", flags)


def _kernel(function, core_name, flags):
    if any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in signature(function).parameters.values()):
        raise TypeError(f"kernel {function.__qualname__}: starred and keyword-only parameters do not compile")

    @wraps(function)
    def run_on_core(*args, **kwargs):
        if _current.now.straight:
            return function(*args, **kwargs)
        return getattr(args[0], core_name).run(run_on_core, args, kwargs)

    marked: Any = run_on_core
    marked.artiq_embedded = _embedding(function, flags, core_name)
    return marked


def subkernel(arg=None, destination=0, flags={}):  # noqa: B006
    """Runs on a satellite, which the stand-in does not have: refused with a clear error when called."""
    if arg is None or isinstance(arg, str):
        return lambda function: subkernel(function, destination, flags)

    @wraps(arg)
    def refuse(self, *k_args, **k_kwargs):
        raise NotImplementedError("subkernels need ARTIQ itself and a satellite core device")

    marked: Any = refuse
    marked.artiq_embedded = _embedding(arg, flags, "core", dest=destination)
    return marked


def _marked(arg, mark, **fields):
    """Decorator with or without arguments that leaves the function as it is and adds its `artiq_embedded`."""

    def decorate(function):
        function.artiq_embedded = mark(function)
        return function

    return decorate if arg is None else decorate(arg)


def portable(arg=None, flags={}):  # noqa: B006
    """Runs wherever its caller runs."""
    return _marked(arg, lambda function: _embedding(function, flags, portable=True))


def rpc(arg=None, flags={}):  # noqa: B006
    """Runs on the host; flag "async" if the kernel does not wait for it."""
    return _marked(arg, lambda function: _embedding(function, flags))


def syscall(arg=None, flags={}):  # noqa: B006
    """Is a function of the core device's runtime."""
    if isinstance(arg, str):
        return _marked(None, lambda function: _embedding(None, flags, syscall=arg))
    return _marked(arg, lambda function: _embedding(None, flags, syscall=function.__name__))


def host_only(function):
    """May not be called from a kernel."""
    function.artiq_embedded = _embedding(None, {}, forbidden=True)
    return function


def kernel_from_string(parameters, body_code, decorator=kernel):
    """A kernel (or portable function) from its source; parameters are names or (name, annotation)."""
    names = ", ".join(p if isinstance(p, str) else f"{p[0]}: {p[1]}" for p in parameters)
    body = "\n".join("    " + line for line in body_code.split("\n"))
    source = f"def kernel_from_string_fn({names}):\n{body}\n"
    namespace: dict[str, Any] = {}
    try:
        exec(source, namespace)
    except SyntaxError as problem:
        raise SyntaxError(f"Error parsing kernel function: '{source}'") from problem
    function = decorator(namespace["kernel_from_string_fn"])
    function.artiq_embedded = function.artiq_embedded._replace(function=source)
    return function


class _NoTimeManager:
    straight = False
    now = 0

    def _refuse(self, *args):
        raise NotImplementedError("Attempted to interpret kernel without a time manager")

    enter_sequential = enter_parallel = exit = take_time_mu = get_time_mu = set_time_mu = take_time = _refuse


class _Current:
    """Where the time manager of this process is found."""

    now = _NoTimeManager()


_current = _Current()


def set_time_manager(time_manager):
    """The object that keeps the timeline of this process."""
    if not hasattr(time_manager, "straight"):
        time_manager.straight = False
    _current.now = time_manager


class _Sequential:
    """Statements one after another."""

    def __enter__(self):
        _current.now.enter_sequential()

    def __exit__(self, exc_type, value, traceback):
        _current.now.exit()


class _Parallel:
    """Top-level statements all start at the same time; the block lasts as long as the longest of them."""

    def __enter__(self):
        _current.now.enter_parallel()

    def __exit__(self, exc_type, value, traceback):
        _current.now.exit()


sequential = _Sequential()
parallel = _Parallel()
interleave = _Parallel()


def delay_mu(duration):
    """Advance the cursor by machine units."""
    manager = _current.now
    if manager.straight:
        manager.now += int(duration)
    else:
        manager.take_time_mu(duration)


def now_mu():
    """The timeline cursor in machine units; not the counter, see `Core.get_rtio_counter_mu`."""
    manager = _current.now
    return manager.now if manager.straight else manager.get_time_mu()


def at_mu(time):
    """Put the cursor at an absolute time in machine units."""
    manager = _current.now
    if manager.straight:
        manager.now = int(time)
    else:
        manager.set_time_mu(time)


def delay(duration):
    """Advance the cursor by seconds."""
    _current.now.take_time(duration)


class _NoWatchdog:
    def __init__(self, timeout):
        pass

    def __enter__(self):
        pass

    def __exit__(self, exc_type, value, traceback):
        pass


_watchdog_factory = _NoWatchdog


def set_watchdog_factory(f):
    """Class of the objects that `watchdog` returns."""
    global _watchdog_factory
    _watchdog_factory = f


def watchdog(timeout):
    """Context that must be left within `timeout` seconds; not enforced unless a factory was set."""
    return _watchdog_factory(timeout)


class TerminationRequested(Exception):
    """Raised by `scheduler.pause()` when the user wants the experiment to end."""
