"""What the linker of kernels asks about their source (testbed.drivers.linked_kernels)."""

from __future__ import annotations

import ast
import textwrap
from functools import cache
from inspect import getsource
from types import FunctionType, MethodType
from typing import Any

NOT_LINKED = (ast.With, ast.Lambda, ast.ClassDef, ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom)


@cache
def parsed(body: FunctionType) -> ast.FunctionDef | None:
    """A kernel's definition; None for one that is not linked."""
    try:
        definition = ast.parse(textwrap.dedent(getsource(body))).body[0]
    except (OSError, SyntaxError, TypeError):
        return None
    if not isinstance(definition, ast.FunctionDef) or len(definition.decorator_list) != 1 or body.__closure__:
        return None
    given = definition.args
    if given.posonlyargs or given.kwonlyargs or given.vararg or given.kwarg or hasattr(body, "__wrapped__"):
        return None
    inside = [node for statement in definition.body for node in ast.walk(statement)]
    if any(isinstance(node, (*NOT_LINKED, ast.FunctionDef)) or _is_mangled(node) for node in inside):
        return None
    if any(isinstance(node, ast.ExceptHandler) and node.name for node in inside):
        return None
    if isinstance(definition.body[0], ast.Expr) and isinstance(definition.body[0].value, ast.Constant):
        definition.body[:1] = [] if len(definition.body) > 1 else [ast.Pass()]  # the docstring
    return ast.increment_lineno(definition, body.__code__.co_firstlineno - 1)


def _is_mangled(node: ast.AST) -> bool:
    """Whether a name stands for another one in its class."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.startswith("__") and not name.endswith("__")


@cache
def stored_names(definition: ast.FunctionDef) -> tuple[str, ...]:
    """Every name that a kernel stores, as often as it does."""
    names = (node for node in ast.walk(definition) if isinstance(node, ast.Name))
    return tuple(node.id for node in names if not isinstance(node.ctx, ast.Load))


@cache
def assigned_once(definition: ast.FunctionDef) -> tuple[ast.Assign, ...]:
    """Assignments to names that are stored nowhere else."""
    stored = (*stored_names(definition), *parameters(definition))
    found = (node for node in ast.walk(definition) if isinstance(node, ast.Assign) and len(node.targets) == 1)
    return tuple(n for n in found if isinstance(n.targets[0], ast.Name) and stored.count(n.targets[0].id) == 1)


@cache
def returns_last(definition: ast.FunctionDef) -> bool:
    """Whether a kernel returns at its end or not at all."""
    returns = [part for part in ast.walk(definition) if isinstance(part, ast.Return)]
    return returns in ([], [definition.body[-1]])


def parameters(definition: ast.FunctionDef) -> list[str]:
    """Names of all parameters, the object's first."""
    return [argument.arg for argument in definition.args.args]


def kernel_of(owner: Any, name: str, core: Any) -> FunctionType | None:
    """The body of an object's kernel, or linkable method, on a core device; None if what has this name is none."""
    method = getattr(owner, name, None)
    if not isinstance(method, MethodType) or method.__self__ is not owner:
        return None
    if getattr(method, "is_linkable", False):
        function = method.__func__ if owner is core or getattr(owner, "core", None) is core else None
        return function if isinstance(function, FunctionType) else None
    embedded = getattr(method, "artiq_embedded", None)
    if embedded is None or not embedded.core_name or embedded.portable or embedded.destination is not None:
        return None
    runs_here = getattr(owner, embedded.core_name, None) is core
    return embedded.function if runs_here and isinstance(embedded.function, FunctionType) else None


def copy_tree(node: Any) -> Any:
    """A copy of a syntax tree; deepcopy takes several times as long."""
    if isinstance(node, list):
        return [copy_tree(part) for part in node]
    if not isinstance(node, ast.AST):
        return node
    new = type(node)()
    for name, value in node.__dict__.items():
        new.__dict__[name] = copy_tree(value) if isinstance(value, (list, ast.AST)) else value
    return new
