"""Kernels linked into one program: what ARTIQ's compiler does for a core device, for Python.

Kernels call each other over chains of attributes that do not change while they run; `kernel_invariants` says which.
Linking follows them once. In what it makes of a kernel's source an invariant is a global name, the call of a kernel is
that kernel's statements or its linked function, `at_mu`, `delay_mu` and `now_mu` are the cursor itself, and numpy's
integers, which tell compilers their width, are Python's. A start reads the values of invariants anew.

Kernels with contexts (`with parallel`), in a closure or without source are not linked: calling them is as usual.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from inspect import getsource
from types import FunctionType, MethodType
from typing import Any

import numpy as np
from artiq.language.core import at_mu, delay_mu, now_mu

NOT_LINKED = (ast.With, ast.Lambda, ast.ClassDef, ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom)
CURSOR = "_cursor"
MOST_INLINED = 8  # of kernels inside each other


def to_int32(value: int) -> int:
    """What a core device keeps of an integer in 32 bits."""
    return (int(value) + (1 << 31) & 0xFFFFFFFF) - (1 << 31)


INTEGERS = {np.int64: int, np.int32: to_int32}


@cache
def parsed(body: FunctionType) -> ast.FunctionDef | None:
    """A kernel's definition; None for one that is not linked."""
    try:
        definition = ast.parse(textwrap.dedent(getsource(body))).body[0]
    except (OSError, SyntaxError, TypeError):
        return None
    if not isinstance(definition, ast.FunctionDef) or len(definition.decorator_list) != 1 or body.__closure__:
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


def _parameters(definition: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in definition.args.args]


def kernel_of(owner: Any, name: str, core: Any) -> FunctionType | None:
    """The body of an object's kernel on a core device; None if what has this name is none."""
    method = getattr(owner, name, None)
    embedded = getattr(method, "artiq_embedded", None)
    if embedded is None or not isinstance(method, MethodType) or method.__self__ is not owner:
        return None
    if not embedded.core_name or embedded.portable or embedded.destination is not None:
        return None
    runs_here = getattr(owner, embedded.core_name, None) is core
    return embedded.function if runs_here and isinstance(embedded.function, FunctionType) else None


class LinkedProgram:
    """A kernel of an object with all that it calls, for one core device.

    Attributes:
        start: the kernel, called without its object.
    """

    def __init__(self, body: FunctionType, owner: Any, core: Any) -> None:
        self.core, self.owner = core, owner
        self._space: dict[str, Any] = {CURSOR: core.timeline}
        self._names: dict[tuple[int, str], str] = {}
        self._values: list[tuple[str, Any, str]] = []  # global name, object or module's globals, attribute
        self._ways: dict[tuple[int, str], tuple[Any, str, Any]] = {}  # object, attribute, the object it leads to
        self._calls: dict[tuple[int, str], tuple[Any, str, Any]] = {}  # object, name, the kernel that this is
        self._linked: dict[tuple[FunctionType, int], str] = {}
        self.refresh()
        name = self.link(body, owner)
        self.start: Callable[..., Any] = self._space[name] if name else MethodType(body, owner)

    def holds(self) -> bool:
        """Whether all attributes still lead where they led."""
        return all(getattr(o, name, None) is found for o, name, found in self._ways.values()) and all(
            kernel_of(o, name, self.core) is found for o, name, found in self._calls.values()
        )

    def refresh(self) -> None:
        """Read all values anew."""
        for name, holder, attribute in self._values:
            self._space[name] = _value(holder, attribute)

    # What the linker asks

    def follow(self, owner: Any, attribute: str) -> Any:
        """The object an invariant leads to."""
        found = getattr(owner, attribute)
        self._ways[id(owner), attribute] = owner, attribute, found
        return found

    def kernel(self, owner: Any, name: str) -> FunctionType | None:
        """The body of an object's kernel."""
        body = kernel_of(owner, name, self.core)
        self._calls[id(owner), name] = owner, name, body
        return body

    def constant(self, holder: Any, attribute: str) -> str:
        """Global name of an invariant, of a module's global or, without attribute, of an object."""
        key = id(holder), attribute
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"_{len(self._names)}_{attribute}"
            if attribute:
                self._values.append((name, holder, attribute))
                self._space[name] = _value(holder, attribute)
            else:
                self._space[name] = holder
        return name

    def link(self, body: FunctionType, owner: Any) -> str | None:
        """Global name of a kernel's linked function; None for one that is not linked."""
        key = body, id(owner)
        if key in self._linked:
            return self._linked[key]
        definition = parsed(body)
        if definition is None:
            return None
        name = self._linked[key] = f"_linked_{len(self._linked)}_{definition.name}"
        linker = _Linker(self, body, definition, owner)
        parameters = [ast.arg(parameter) for parameter in _parameters(definition)[1:]]
        arguments = ast.arguments([], parameters, None, [], [], None, [])
        function: Any = ast.FunctionDef(name, arguments, linker.statements(), [], None)
        function.type_params = []  # since Python 3.12
        ast.copy_location(function, definition)
        module = ast.fix_missing_locations(ast.Module([function], []))
        exec(compile(module, body.__code__.co_filename, "exec"), self._space)
        self._space[name].__defaults__ = body.__defaults__
        return name


def _value(holder: Any, attribute: str) -> Any:
    value = holder[attribute] if type(holder) is dict else getattr(holder, attribute)
    return int(value) if isinstance(value, np.integer) else value


class _Linker(ast.NodeTransformer):
    """Makes the linked statements of one kernel.

    `depth`: of kernels whose statements stand in each other; local names carry it, so that they stay apart.
    """

    def __init__(
        self, program: LinkedProgram, body: FunctionType, definition: ast.FunctionDef, owner: Any, depth: int = 0
    ) -> None:
        self._program, self._globals, self._owner = program, body.__globals__, owner
        self._definition, self._self, self._depth = definition, _parameters(definition)[0], depth
        names = [node for node in ast.walk(definition) if isinstance(node, ast.Name)]
        stored = [node.id for node in names if not isinstance(node.ctx, ast.Load)] + _parameters(definition)
        self._locals = set(stored)
        self._objects = {self._self: owner}  # what locals stand for that never stand for anything else
        for node in ast.walk(definition):
            if isinstance(node, ast.Assign) and isinstance(name := node.targets[0], ast.Name):
                found = self._object(node.value) if stored.count(name.id) == 1 else None
                if found is not None:
                    self._objects[name.id] = found

    def statements(self) -> list[ast.stmt]:
        """The body, linked."""
        found: list[ast.stmt] = []
        for statement in deepcopy(self._definition.body):
            new = self.visit(statement)
            found += new if isinstance(new, list) else [new]
        return found

    def local(self, name: str) -> str:
        return f"{name}__{self._depth}" if self._depth else name

    def _object(self, node: ast.expr) -> Any:
        """What a chain of invariants leads to; None for anything else."""
        if isinstance(node, ast.Name):
            return self._objects.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._object(node.value)
            if owner is not None and node.attr in getattr(owner, "kernel_invariants", ()) and hasattr(owner, node.attr):
                return self._program.follow(owner, node.attr)
        return None

    def _global(self, node: ast.expr) -> Any:
        """What a name, or an attribute of one, means in the kernel's module."""
        if isinstance(node, ast.Name) and node.id not in self._locals:
            return self._globals.get(node.id)
        if isinstance(node, ast.Attribute) and self._global(node.value) is np:
            return getattr(np, node.attr, None)
        return None

    def _constant(self, node: ast.expr, holder: Any, attribute: str = "") -> ast.expr:
        return ast.copy_location(ast.Name(self._program.constant(holder, attribute), ast.Load()), node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self._objects:
            return self._constant(node, self._objects[node.id])
        if node.id in self._locals:
            return ast.copy_location(ast.Name(self.local(node.id), node.ctx), node)
        return self._constant(node, self._globals, node.id) if node.id in self._globals else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        meant = self._global(node)
        if isinstance(meant, type) and meant in INTEGERS:
            return self._constant(node, INTEGERS[meant])
        owner = self._object(node.value)
        is_read = isinstance(node.ctx, ast.Load)
        if is_read and node.attr in getattr(owner, "kernel_invariants", ()) and hasattr(owner, node.attr):
            return self._constant(node, owner, node.attr)
        self.generic_visit(node)
        return node

    def _kernel(self, call: ast.Call) -> tuple[FunctionType, Any] | None:
        """The kernel and its object that a call leads to."""
        if not isinstance(call.func, ast.Attribute):
            return None
        owner = self._object(call.func.value)
        body = None if owner is None else self._program.kernel(owner, call.func.attr)
        return None if body is None or parsed(body) is None else (body, owner)

    def _inside(self, call: ast.Call) -> tuple[_Linker, ast.FunctionDef] | None:
        """For the kernel of a call whose statements can stand in its place."""
        kernel = self._kernel(call)
        if kernel is None or self._depth == MOST_INLINED:
            return None
        body, owner = kernel
        definition = parsed(body)
        assert definition is not None
        if call.keywords or len(call.args) != len(_parameters(definition)) - 1:
            return None
        return _Linker(self._program, body, definition, owner, self._depth + 1), definition

    def visit_Call(self, node: ast.Call) -> ast.expr:
        kernel = self._kernel(node)
        if kernel is None:
            if self._global(node.func) is now_mu:
                return ast.copy_location(_cursor(ast.Load()), node)
            self.generic_visit(node)
            return node
        inside = self._inside(node)
        result = inside[1].body[0] if inside and not node.args else None
        if inside and isinstance(result, ast.Return) and result.value:
            return _at(node, inside[0].visit(deepcopy(result.value)))
        name = self._program.link(*kernel)
        arguments = [self.visit(argument) for argument in node.args]
        keywords = [self.visit(keyword) for keyword in node.keywords]
        assert name is not None
        return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), arguments, keywords), node)

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | list[ast.stmt]:
        call = node.value
        if not isinstance(call, ast.Call):
            self.generic_visit(node)
            return node
        meant = self._global(call.func)
        if meant in (at_mu, delay_mu) and len(call.args) == 1:
            time = ast.Call(ast.Name("int", ast.Load()), [self.visit(call.args[0])], [])
            if meant is at_mu:
                return _at(node, ast.Assign([_cursor(ast.Store())], time))
            return _at(node, ast.AugAssign(_cursor(ast.Store()), ast.Add(), time))
        inside = self._inside(call)
        if inside is None or any(isinstance(part, ast.Return) for part in ast.walk(inside[1])):
            self.generic_visit(node)
            return node
        linker, definition = inside
        assigned = [
            ast.Assign([ast.Name(linker.local(name), ast.Store())], self.visit(argument))
            for name, argument in zip(_parameters(definition)[1:], call.args, strict=True)
        ]
        return [_at(node, statement) for statement in (*assigned, *linker.statements())]


def _cursor(context: ast.expr_context) -> ast.Attribute:
    return ast.Attribute(ast.Name(CURSOR, ast.Load()), "now", context)


def _at(place: Any, tree: Any) -> Any:
    """The tree as if it stood in one line of the source, as tracebacks and coverage see it."""
    for node in ast.walk(tree):
        ast.copy_location(node, place)
    return tree
