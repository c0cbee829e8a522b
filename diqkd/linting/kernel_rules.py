"""What ARTIQ's compiler rejects in a kernel, or accepts and gets wrong, found in the syntax tree without ARTIQ.

Kernels are parsed as Python 3.6 and compiled for the core device. A rule has a name, which every finding carries, and a
test with a kernel that breaks it and one that does not; where ARTIQ is installed, its compiler judges the same kernels.
Observed on release-8 and 9-beta.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from diqkd.linting.control_flow import falls_through, unassigned_uses
from postprocess.errors import InvalidInput
from postprocess.storage.bounded_files import read_text

Function = ast.FunctionDef
Found = Iterator[tuple[ast.AST, str]]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

DEVICE_DECORATORS = ("kernel", "portable", "subkernel")
UNKNOWN_BUILTINS = frozenset((
    "all", "any", "divmod", "enumerate", "filter", "frozenset", "getattr", "hasattr", "isinstance", "iter", "map",
    "next", "open", "pow", "reversed", "set", "setattr", "sorted", "sum", "super", "tuple", "type", "vars", "zip",
))  # fmt: skip
LIST_METHODS = frozenset(("append", "extend", "insert", "pop", "remove", "sort"))
SYNTAX = {
    ast.JoinedStr: "f-strings are not in Python 3.6 as kernels are parsed; pass the values to print or an RPC",
    ast.AnnAssign: "annotated assignments are not supported; the type follows from the value",
    ast.NamedExpr: "':=' is not in Python 3.6 as kernels are parsed; assign before",
    ast.Dict: "dicts are not supported; use lists with fixed places",
    ast.DictComp: "dicts are not supported; use lists with fixed places",
    ast.Set: "sets crash the compiler",
    ast.SetComp: "sets crash the compiler",
    ast.Import: "imports belong to the top of the file",
    ast.ImportFrom: "imports belong to the top of the file",
    ast.Delete: "'del' is not supported",
    ast.Yield: "generators are not supported",
    ast.YieldFrom: "generators are not supported",
    ast.AsyncFunctionDef: "coroutines are not supported",
    ast.Match: "'match' is not in Python 3.6 as kernels are parsed; use if and elif",
    ast.Global: "'global' crashes the compiler; use an attribute",
    ast.Nonlocal: "'nonlocal' is not supported; use an attribute",
    ast.Starred: "starred arguments and assignments are not supported",
}


@dataclass(frozen=True)
class Finding:
    """One place in a kernel that breaks a rule."""

    path: Path
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Kernel:
    """A function that runs on the core device, with the class it stands in (None for a plain function)."""

    function: Function
    owner: ast.ClassDef | None

    def nodes(self) -> Iterator[ast.AST]:
        """Every node of the body (not of the decorators)."""
        for statement in self.function.body:
            yield from ast.walk(statement)


def lint(path: Path) -> list[Finding]:
    """Findings in one file, in the order of lines; a file that is no Python gives one finding."""
    try:
        tree = ast.parse(read_text(path, "name a file of Python"), str(path))
    except (ValueError, RecursionError) as problem:
        if isinstance(problem, InvalidInput):
            raise
        return [Finding(path, 1, "syntax", f"not Python: {problem}")]
    except SyntaxError as problem:
        return [Finding(path, problem.lineno or 1, "syntax", f"not Python: {problem.msg}")]
    findings = set()
    for kernel in kernels(tree):
        for name, rule in RULES:
            for node, message in rule(kernel):
                findings.add(Finding(path, getattr(node, "lineno", kernel.function.lineno), name, message))
    return sorted(findings, key=lambda finding: (finding.line, finding.rule))


def kernels(tree: ast.AST, owner: ast.ClassDef | None = None) -> Iterator[Kernel]:
    """All functions of a module that run on the core device."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from kernels(node, node)
        elif isinstance(node, FUNCTIONS):
            if _decorators(node) & set(DEVICE_DECORATORS):
                yield Kernel(node, owner)  # type: ignore[arg-type]
            else:
                yield from kernels(node, owner)


def _decorators(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    bare = (decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in function.decorator_list)
    return {_name(decorator) for decorator in bare}


def _name(node: ast.AST | None) -> str:
    """Last part of a dotted name, '' for anything else."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


RULES: list[tuple[str, Callable[[Kernel], Found]]] = []


def rule(name: str) -> Callable[[Callable[[Kernel], Found]], Callable[[Kernel], Found]]:
    """Register a rule under the name that its findings carry."""

    def register(function: Callable[[Kernel], Found]) -> Callable[[Kernel], Found]:
        RULES.append((name, function))
        return function

    return register


@rule("syntax")
def known_syntax(kernel: Kernel) -> Found:
    for node in kernel.nodes():
        if type(node) in SYNTAX:
            yield node, SYNTAX[type(node)]


@rule("arguments")
def plain_arguments(kernel: Kernel) -> Found:
    arguments = kernel.function.args
    if arguments.vararg or arguments.kwarg:
        yield kernel.function, "starred arguments are not supported; list them"
    if arguments.kwonlyargs or arguments.posonlyargs:
        yield kernel.function, "keyword-only and positional-only arguments are not in Python 3.6 as kernels are parsed"


@rule("comprehension if")
def comprehension_without_condition(kernel: Kernel) -> Found:
    for node in kernel.nodes():
        if isinstance(node, ast.comprehension) and node.ifs:
            yield node.target, "a comprehension must not have a condition; lists have a fixed length"


@rule("exceptions")
def plain_exceptions(kernel: Kernel) -> Found:
    for node in kernel.nodes():
        if isinstance(node, ast.Raise) and node.cause:
            yield node, "'raise ... from' is not supported"
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Tuple):
            yield node, "'except (A, B)' is not supported; write one handler each"


@rule("staticmethod")
def no_static_methods(kernel: Kernel) -> Found:
    if _decorators(kernel.function) & {"staticmethod", "classmethod"}:
        yield kernel.function, "static and class methods are not supported; use a method or a function of the module"


@rule("private name")
def no_mangled_names(kernel: Kernel) -> Found:
    named = [(kernel.function, kernel.function.name)]
    named += [(node, node.attr) for node in kernel.nodes() if isinstance(node, ast.Attribute)]  # type: ignore[misc]
    for node, name in named:
        if name.startswith("__") and not name.endswith("__"):
            yield node, f"'{name}' is mangled by Python and not found by the compiler; use one underscore"


@rule("builtin")
def known_builtins(kernel: Kernel) -> Found:
    for node in kernel.nodes():
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        if isinstance(node.func, ast.Name) and name in UNKNOWN_BUILTINS:
            yield node, f"{name}() does not exist on the core device"
        elif isinstance(node.func, ast.Name) and name in ("max", "min") and len(node.args) != 2:
            yield node, f"{name}() takes two numbers, not a list"
        elif isinstance(node.func, ast.Name) and name == "str":
            yield node, "strings cannot be made on the core device"
        elif isinstance(node.func, ast.Attribute) and name == "format":
            yield node, "strings cannot be formatted on the core device; pass the values to print or an RPC"


@rule("parallel")
def parallel_is_simple(kernel: Kernel) -> Found:
    for node in kernel.nodes():
        if not isinstance(node, ast.With) or not _is_parallel(node):
            continue
        if len(node.items) != 1:
            yield node, "'parallel' must stand alone in its 'with'"
        for inner in ast.walk(node):
            if isinstance(inner, ast.Return | ast.Break | ast.Continue):
                yield inner, "return, break and continue inside 'with parallel' crash the compiler"
        for statement in node.body:
            if isinstance(statement, ast.If | ast.For | ast.While | ast.Try):
                yield statement, "a branch or loop inside 'parallel' runs its body one after another; move it out"


def _is_parallel(node: ast.With) -> bool:
    return any(_name(item.context_expr) in ("parallel", "interleave") for item in node.items)


@rule("annotation")
def known_annotations(kernel: Kernel) -> Found:
    arguments = kernel.function.args
    annotations = [argument.annotation for argument in [*arguments.args, *arguments.kwonlyargs]]
    for annotation in [*annotations, kernel.function.returns]:
        if isinstance(annotation, ast.Name) and annotation.id in ("int", "list", "tuple", "dict"):
            yield annotation, f"'{annotation.id}' is no type of the core device; write TInt32, TInt64, TList(...)"


@rule("integer delay")
def delays_are_floats(kernel: Kernel) -> Found:
    for node in kernel.nodes():
        if _is_call(node, "delay") and _is_int(node.args[0]):  # type: ignore[attr-defined]
            yield node, "delay() takes a float; write delay(1.0), delay(1*us) or delay_mu()"


@rule("boolean arithmetic")
def no_boolean_arithmetic(kernel: Kernel) -> Found:
    for node in kernel.nodes():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr | ast.BitXor):
            if _is_bool(node.left) or _is_bool(node.right):
                yield node, "'&', '|', '^' do not work on booleans; use 'and', 'or', '!='"
        elif _is_call(node, "int", "int32", "int64", "float") and _is_bool(node.args[0]):  # type: ignore[attr-defined]
            yield node, "a boolean cannot be cast; write '1 if condition else 0'"


@rule("integer becomes float")
def numbers_keep_their_type(kernel: Kernel) -> Found:
    """A variable that begins as an integer literal and is later given a float."""
    integers: set[str] = set()
    for node in kernel.nodes():
        if isinstance(node, ast.Assign) and _is_int(node.value):
            integers |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    for node in kernel.nodes():
        if not isinstance(node, ast.Assign | ast.AugAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        becomes_float = _is_float(node.value) or (isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div))
        if becomes_float and integers & {target.id for target in targets if isinstance(target, ast.Name)}:
            yield node, "a variable keeps the type of its first value; begin with 0.0"


@rule("list")
def lists_have_a_fixed_length(kernel: Kernel) -> Found:
    for node in kernel.nodes():
        if isinstance(node, ast.List) and not node.elts and isinstance(node.ctx, ast.Load):
            yield node, "an empty list has no type; give it its full length at once"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LIST_METHODS:
            yield node, f"lists have no {node.func.attr}(); write elements of a preallocated list in place"


@rule("empty attribute")
def attributes_are_never_empty_lists(kernel: Kernel) -> Found:
    used = {node.attr: node for node in kernel.nodes() if _is_own_attribute(node)}  # type: ignore[attr-defined]
    for function in _other_functions(kernel):
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.List) and not node.value.elts:
                for name in {_name(target) for target in node.targets if _is_own_attribute(target)} & set(used):
                    yield used[name], f"self.{name} is set to an empty list, which has no type"


@rule("returned list")
def lists_are_not_returned(kernel: Kernel) -> Found:
    if _mentions_list(kernel.function.returns):
        yield kernel.function, "lists returned from a kernel do not outlive it; write into a preallocated attribute"
    for node in kernel.nodes():
        if isinstance(node, ast.Return) and isinstance(node.value, ast.List | ast.ListComp):
            yield node, "lists returned from a kernel do not outlive it; write into a preallocated attribute"


@rule("negative floor division")
def floor_division_of_non_negatives(kernel: Kernel) -> Found:
    for node in kernel.nodes():
        divides = isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv | ast.Mod)
        if divides and isinstance(node.left, ast.UnaryOp) and isinstance(node.left.op, ast.USub):  # type: ignore
            yield node, "'//' and '%' of negative numbers truncate on the core device and floor on the host"


@rule("unassigned variable")
def variables_are_assigned_on_every_path(kernel: Kernel) -> Found:
    for node in unassigned_uses(kernel.function):
        yield node, f"'{node.id}' is assigned only in a branch or loop; assign it before"


@rule("missing return")
def every_path_returns(kernel: Kernel) -> Found:
    returned = [n for n in kernel.nodes() if isinstance(n, ast.Return) and n.value is not None]
    if returned and falls_through(kernel.function.body):
        yield kernel.function, "not every path returns a value ('while True' counts as a path that ends)"


@rule("rpc annotation")
def rpcs_say_what_they_return(kernel: Kernel) -> Found:
    hosts = {function.name: function for function in _other_functions(kernel)}
    statements = {id(node.value) for node in kernel.nodes() if isinstance(node, ast.Expr)}
    for node in kernel.nodes():
        if not isinstance(node, ast.Call) or id(node) in statements or not _is_own_attribute(node.func):
            continue
        name = _name(node.func)
        if name in hosts and hosts[name].returns is None:
            yield node, f"{name}() runs on the host; without a return annotation its value is lost"


def _other_functions(kernel: Kernel) -> list[Function]:
    """Methods of the same class that stay on the host."""
    if kernel.owner is None:
        return []
    methods = [node for node in kernel.owner.body if isinstance(node, ast.FunctionDef)]
    return [method for method in methods if not _decorators(method) & set(DEVICE_DECORATORS)]


def _is_own_attribute(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _is_call(node: ast.AST, *names: str) -> bool:
    """Whether a node calls a function of such a name with at least one argument."""
    return isinstance(node, ast.Call) and bool(node.args) and _name(node.func) in names


def _is_int(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _is_float(node: ast.AST) -> bool:
    """Whether an expression is a float by its look: a float literal or a division somewhere at its top."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Div) or _is_float(node.left) or _is_float(node.right)
    return isinstance(node, ast.Constant) and type(node.value) is float


def _is_bool(node: ast.AST) -> bool:
    negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    literal = isinstance(node, ast.Constant) and type(node.value) is bool
    return negated or literal or isinstance(node, ast.Compare | ast.BoolOp)


def _mentions_list(annotation: ast.AST | None) -> bool:
    return annotation is not None and any(_name(n) in ("TList", "TArray", "list") for n in ast.walk(annotation))
