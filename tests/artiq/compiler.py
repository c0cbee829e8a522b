"""ARTIQ's own compiler without hardware: every kernel of an experiment and of all parts it holds."""

import inspect
import os
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

REASON = "ARTIQ is not installed here: its compiler has not seen the kernels, only our linter has"


def is_real_artiq() -> bool:
    """Whether `artiq` is ARTIQ and not the stand-in."""
    from testbed import standin

    return not standin.install()


class Unreachable:
    """Scheduler and ccb: only their names and annotations matter to the compiler."""

    expid = {}  # noqa: RUF012 - as ARTIQ's own

    def pause(self) -> None: ...

    def check_pause(self, rid=None) -> bool:
        return False


@contextmanager
def experiment(path: Path, class_name: str | None, device_db: Path, folder: Path):
    """The built experiment of a file; only build() runs, and nothing is ever sent to a core device."""
    from artiq.coredevice import core
    from artiq.coredevice.comm_kernel import CommKernelDummy
    from artiq.language.environment import ProcessArgumentManager, is_public_experiment
    from artiq.master.databases import DatasetDB, DeviceDB
    from artiq.master.worker_db import DatasetManager, DeviceManager
    from artiq.tools import file_import

    CommKernelDummy.close = lambda self: None  # missing upstream
    core._DiagnosticEngine.render_diagnostic = lambda self, diagnostic: None
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the linker beside Python
    module = file_import(str(path), prefix="compiled_")
    classes = dict(inspect.getmembers(module, is_public_experiment))
    chosen = classes[class_name] if class_name else next(c for c in classes.values() if c.__module__ == module.__name__)
    datasets = DatasetDB(str(folder / "datasets.mdb"))
    devices = DeviceManager(
        DeviceDB(str(device_db)), virtual_devices={"scheduler": Unreachable(), "ccb": Unreachable()}
    )
    devices.devarg_override["core"] = {"host": None}
    try:
        yield chosen((devices, DatasetManager(datasets), ProcessArgumentManager({}), {}))
    finally:
        devices.close_devices()
        datasets.close_db()


def parts(instance):
    """The experiment and every HasEnvironment object it holds, directly or through others."""
    from artiq.language.environment import HasEnvironment

    seen, todo = [], [instance]
    while todo:
        part = todo.pop(0)
        if not any(part is other for other in seen):
            seen.append(part)
            todo += [value for value in vars(part).values() if isinstance(value, HasEnvironment)]
    return seen


def entry_points(part):
    """(method, arguments) of every kernel whose arguments are all annotated."""
    for name, method in inspect.getmembers(type(part), callable):
        info = getattr(method, "artiq_embedded", None)
        if info is None or info.core_name is None or info.forbidden:
            continue
        parameters = list(inspect.signature(info.function).parameters.values())[1:]
        if all(parameter.annotation is not parameter.empty for parameter in parameters):
            yield name, method, [sample(parameter.annotation) for parameter in parameters]


def sample(annotation):
    """Some value of an annotated type."""
    from artiq.compiler import builtins

    if builtins.is_float(annotation):
        return 0.0
    if builtins.is_bool(annotation):
        return False
    if builtins.is_int64(annotation):
        return np.int64(1)
    if builtins.is_list(annotation):
        return [sample(annotation.find()["elt"])]
    return np.int32(1)


def compile_kernel(part, method, arguments) -> None:
    """Compile and link one entry point; raises ARTIQ's CompileError, or whatever its compiler crashes with."""
    getattr(part, method.artiq_embedded.core_name).compile(
        method, [part, *arguments], {}, set_result=lambda result: None
    )
