"""Kernels linked into one program: what ARTIQ's compiler does for a core device, for Python.

Kernels call each other over chains of attributes that do not change while they run; `kernel_invariants` says which.
Linking follows them once. In what it makes of a kernel's source an invariant is a global name, and so is its method if
that is not Python; the call of a kernel is that kernel's statements or its linked function; `at_mu`, `delay_mu` and
`now_mu` are the cursor itself; and numpy's integers, which tell compilers their width, are Python's. A start reads the
values of invariants anew. Driver methods marked `linkable` are linked like kernels: linked code never stands directly
in `parallel`, so that time only passes.

Who begins to listen, or starts a log, while a kernel runs, may hear of nothing before the next start; a local that a
call has left unassigned has its value of the call before.

Kernels with contexts (`with parallel`), in a closure or without source are not linked: calling them is as usual.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from types import FunctionType, MethodDescriptorType, MethodType
from typing import Any

import numpy as np
from artiq.language.core import at_mu, delay_mu, now_mu

from testbed.drivers.kernel_source import (
    assigned_once,
    copy_tree,
    kernel_of,
    parameters,
    parsed,
    returns_last,
    stored_names,
)

CURSOR = "_cursor"
BUILTINS = vars(builtins)
MOST_INLINED = 8  # of kernels inside each other


def to_int32(value: int) -> int:
    """What a core device keeps of an integer in 32 bits."""
    return (int(value) + (1 << 31) & 0xFFFFFFFF) - (1 << 31)


INTEGERS = {np.int64: int, np.int32: to_int32}


def is_invariant(owner: Any, attribute: str) -> bool:
    """Whether an object's attribute stays what it is while a kernel runs."""
    named = attribute in getattr(owner, "kernel_invariants", ()) or attribute in getattr(owner, "linked_invariants", ())
    return named and hasattr(owner, attribute)


def is_method_in_c(owner: Any, attribute: str) -> bool:
    """Whether an object's attribute is a method of its type that is not Python."""
    if type(owner) is dict:  # stands for names here
        return False
    own = getattr(owner, "__dict__", {})
    return isinstance(getattr(type(owner), attribute, None), MethodDescriptorType) and attribute not in own


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
        self._integers: set[str] = set()  # values that linked code takes for Python's integers
        name = self.link(body, owner)
        self.start: Callable[..., Any] = self._space[name] if name else MethodType(body, owner)

    def holds(self) -> bool:
        """Whether all attributes still lead where they led; reads all values anew."""
        if any(getattr(o, name, None) is not found for o, name, found in self._ways.values()):
            return False
        if any(kernel_of(o, name, self.core) is not found for o, name, found in self._calls.values()):
            return False
        for name, holder, attribute in self._values:
            self._space[name] = _value(holder, attribute)
        return all(type(self._space[name]) is int for name in self._integers)

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

    def is_int(self, node: ast.expr) -> bool:
        """Whether linked code that is a name or a number is one of Python's integers."""
        if isinstance(node, ast.Constant):
            return type(node.value) is int
        if not isinstance(node, ast.Name) or type(self._space.get(node.id)) is not int:
            return False
        self._integers.add(node.id)
        return True

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
        arguments = ast.arguments([], [ast.arg(name) for name in parameters(definition)[1:]], None, [], [], None, [])
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
    `arguments`: what stands for parameters that keep their value.
    """

    def __init__(
        self,
        program: LinkedProgram,
        body: FunctionType,
        definition: ast.FunctionDef,
        owner: Any,
        depth: int = 0,
        arguments: dict[str, ast.expr] | None = None,
    ) -> None:
        self._arguments = arguments or {}
        self._program, self._globals, self._owner = program, body.__globals__, owner
        self._definition, self._self, self._depth = definition, parameters(definition)[0], depth
        self._locals = {*stored_names(definition), *parameters(definition)}
        self._objects = {self._self: owner}  # what locals stand for that never stand for anything else
        for node in assigned_once(definition):
            found, name = self._object(node.value), node.targets[0]
            if found is not None and isinstance(name, ast.Name):
                self._objects[name.id] = found

    def statements(self) -> list[ast.stmt]:
        """The body, linked."""
        return self.linked(self._definition.body)

    def linked(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Some of its statements, linked."""
        found: list[ast.stmt] = []
        for statement in copy_tree(statements):
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
            if owner is not None and is_invariant(owner, node.attr):
                return self._program.follow(owner, node.attr)
        return None

    def _global(self, node: ast.expr) -> Any:
        """What a name, or an attribute of one, means in the kernel's module."""
        if isinstance(node, ast.Name) and node.id not in self._locals:
            return self._globals.get(node.id, BUILTINS.get(node.id))
        if isinstance(node, ast.Attribute) and self._global(node.value) is np:
            return getattr(np, node.attr, None)
        return None

    def _constant(self, node: ast.expr, holder: Any, attribute: str = "") -> ast.expr:
        return ast.copy_location(ast.Name(self._program.constant(holder, attribute), ast.Load()), node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._arguments:
            return copy_tree(self._arguments[node.id])
        if isinstance(node.ctx, ast.Load) and node.id in self._objects:
            return self._constant(node, self._objects[node.id])
        if node.id in self._locals:
            return ast.copy_location(ast.Name(self.local(node.id), node.ctx), node)
        if node.id in self._globals:
            return self._constant(node, self._globals, node.id)
        return self._constant(node, BUILTINS, node.id) if node.id in BUILTINS else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        meant = self._global(node)
        if isinstance(meant, type) and meant in INTEGERS:
            return self._constant(node, INTEGERS[meant])
        owner = self._object(node.value)
        if isinstance(node.ctx, ast.Load) and owner is self._program.core.timeline and node.attr == "straight":
            return ast.copy_location(ast.Constant(True), node)
        if isinstance(node.ctx, ast.Load) and node.attr in getattr(owner, "linked_options", ()):
            option = self._program.follow(owner, node.attr)
            if option is None or isinstance(option, bool):
                return ast.copy_location(ast.Constant(option), node)
        never_changes = owner is not None and (is_invariant(owner, node.attr) or is_method_in_c(owner, node.attr))
        if isinstance(node.ctx, ast.Load) and never_changes:
            return self._constant(node, owner, node.attr)
        self.generic_visit(node)
        return node

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:
        """What can never run is left out."""
        node.test = self.visit(node.test)
        if isinstance(node.test, ast.Constant):
            return self.linked(node.body if node.test.value else node.orelse) or ast.copy_location(ast.Pass(), node)
        node.body, node.orelse = self.linked(node.body), self.linked(node.orelse)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        left, right = node.left, node.comparators[0]
        if isinstance(node.ops[0], ast.IsNot) and isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
            return ast.copy_location(ast.Constant(left.value is not right.value), node)
        return node

    def _kernel(self, call: ast.Call) -> tuple[FunctionType, Any] | None:
        """The kernel and its object that a call leads to."""
        if not isinstance(call.func, ast.Attribute):
            return None
        owner = self._object(call.func.value)
        body = None if owner is None else self._program.kernel(owner, call.func.attr)
        return None if body is None or parsed(body) is None else (body, owner)

    def _inside(self, call: ast.Call) -> tuple[_Linker, ast.FunctionDef, list[ast.stmt]] | None:
        """For the kernel of a call whose statements can stand in its place, with what they need to be told before."""
        kernel = self._kernel(call)
        if kernel is None or self._depth == MOST_INLINED:
            return None
        body, owner = kernel
        definition = parsed(body)
        assert definition is not None
        names, defaults = parameters(definition)[1:], list(body.__defaults__ or ())
        given: list[ast.expr] = [self.visit(copy_tree(argument)) for argument in call.args]
        missing = len(names) - len(given)
        if (
            call.keywords
            or any(isinstance(part, (ast.Starred, ast.NamedExpr)) for part in ast.walk(call))
            or not 0 <= missing <= len(defaults)
        ):
            return None
        late = defaults[len(defaults) - missing :]
        if not all(type(value) in (bool, int, float, str) for value in late):
            return None
        given += [ast.Constant(value) for value in late]
        stored = stored_names(definition)
        bound = dict(zip(names, given, strict=True))
        kept: dict[str, ast.expr] = {
            n: v for n, v in bound.items() if n not in stored and isinstance(v, (ast.Constant, ast.Name))
        }
        linker = _Linker(self._program, body, definition, owner, self._depth + 1, kept)
        told: list[ast.stmt] = [
            ast.Assign([ast.Name(linker.local(n), ast.Store())], v) for n, v in bound.items() if n not in kept
        ]
        return linker, definition, told

    def visit_Call(self, node: ast.Call) -> ast.expr:
        kernel = self._kernel(node)
        if kernel is None:
            if self._global(node.func) is now_mu:
                return ast.copy_location(_cursor(ast.Load()), node)
            is_int = self._global(node.func) is int and len(node.args) == 1
            self.generic_visit(node)
            return node.args[0] if is_int and self._program.is_int(node.args[0]) else node
        inside = self._inside(node)
        result = inside[1].body[0] if inside else None
        if inside and not inside[2] and isinstance(result, ast.Return) and result.value:
            return self._here(node, inside[0].visit(copy_tree(result.value)))
        name = self._program.link(*kernel)
        arguments = [self.visit(argument) for argument in node.args]
        keywords = [self.visit(keyword) for keyword in node.keywords]
        assert name is not None
        return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), arguments, keywords), node)

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | list[ast.stmt]:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id in self._objects:
            return ast.copy_location(ast.Pass(), node)
        found = self._in_place(node.value)
        if found is None or found[1] is None:
            self.generic_visit(node)
            return node
        targets = [self.visit(target) for target in node.targets]
        return [*found[0], self._here(node, ast.Assign(targets, found[1]))]

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | list[ast.stmt]:
        call = node.value
        if not isinstance(call, ast.Call):
            self.generic_visit(node)
            return node
        time = self._time_passed(call)
        if time is not None:
            return self._here(node, time)
        found = self._in_place(call)
        if found is None:
            self.generic_visit(node)
            return node
        statements, result = found
        if result is not None and not isinstance(result, (ast.Name, ast.Constant)):
            statements = [*statements, self._here(node, ast.Expr(result))]
        return statements or ast.copy_location(ast.Pass(), node)

    def _time_passed(self, call: ast.Call) -> ast.stmt | None:
        """What a call does that moves the cursor and nothing else."""
        meant, by = self._global(call.func), call.func
        if isinstance(by, ast.Attribute) and by.attr == "take_time_mu":
            meant = delay_mu if self._object(by.value) is self._program.core.timeline else None
        if meant not in (at_mu, delay_mu) or len(call.args) != 1:
            return None
        time = self.visit(call.args[0])
        if not self._program.is_int(time):
            time = ast.Call(self._constant(call, BUILTINS, "int"), [time], [])
        if meant is delay_mu:
            time = ast.BinOp(time, ast.Add(), _cursor(ast.Load()))  # the cursor last: finding the time may move it
        return ast.Assign([_cursor(ast.Store())], time)

    def _here(self, place: Any, tree: Any) -> Any:
        """The tree as if it stood in one line of the source, as tracebacks and coverage see it."""
        if not self._depth:
            for node in ast.walk(tree):
                ast.copy_location(node, place)
        return tree

    def _in_place(self, call: ast.expr) -> tuple[list[ast.stmt], ast.expr | None] | None:
        """Statements and result of a call whose kernel returns at its end or not at all."""
        inside = self._inside(call) if isinstance(call, ast.Call) else None
        if inside is None:
            return None
        linker, definition, told = inside
        if not returns_last(definition):
            return None
        statements, last = definition.body, definition.body[-1]
        returns = isinstance(last, ast.Return)
        linked = [*told, *linker.linked(statements[:-1] if returns else statements)]
        value = copy_tree(last.value) if isinstance(last, ast.Return) else None
        if isinstance(value, ast.Compare):  # its left side comes first, and may be such a call as well
            first = linker._in_place(value.left)
            if first is not None and first[1] is not None:
                linked, value.left = linked + first[0], first[1]
                value.comparators = [linker.visit(side) for side in value.comparators]
                return [self._here(call, statement) for statement in linked], self._here(call, value)
        result = None if value is None else self._here(call, linker.visit(value))
        return [self._here(call, statement) for statement in linked], result


def _cursor(context: ast.expr_context) -> ast.Attribute:
    return ast.Attribute(ast.Name(CURSOR, ast.Load()), "now", context)
