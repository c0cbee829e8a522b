"""Helpers that workers and command lines share."""

import importlib.machinery
import importlib.util
import inspect
import pathlib
import sys

from artiq.language.environment import is_public_experiment

__all__ = ["file_import", "get_experiment", "parse_arguments"]


def parse_arguments(arguments):
    """["key=value", ...] with PYON values, as a dict."""
    from testbed.standin.pyon import decode

    return {name: decode(value) for name, _, value in (argument.partition("=") for argument in arguments)}


def file_import(filename, prefix="file_import_"):
    """Import a file as a module; its own folder is on sys.path meanwhile."""
    path = pathlib.Path(filename)
    name = prefix + path.stem
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        loader = importlib.machinery.SourceFileLoader(name, str(path))
        module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(name, loader, origin=str(path)))
        module.__file__ = str(path)
        loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module


def get_experiment(module, class_name=None):
    """The experiment class of a module, by name or because it is the only one."""
    if class_name:
        found = module
        for name in class_name.split("."):
            found = getattr(found, name)
        return found
    experiments = inspect.getmembers(module, is_public_experiment)
    if not experiments:
        raise ValueError("No experiments in module")
    if len(experiments) > 1:
        raise ValueError("More than one experiment found in module")
    return experiments[0][1]
