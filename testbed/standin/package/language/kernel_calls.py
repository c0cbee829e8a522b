"""Kernels as Python functions: in a running kernel a call runs the body at once, else it goes to the core device.

Kernels calling kernels is most of what an emulated round does, so that the question stands in the body itself, as its
first statement, where the source is at hand: a wrapper around the body takes longer to call than most bodies to run.
"""

import ast
import textwrap
from inspect import getsource, signature

STARTS = "__kernel_starts__"  # in the globals of kernels


def callable_kernel(function, start, current):
    """A function with the parameters of a kernel.

    Args:
        function: the kernel's body.
        start: runs it by the core device; called with the same arguments.
        current: its attribute `now` is the time manager, whose attribute `straight` says that a kernel is running.
    """
    parameters = list(signature(function).parameters.values())
    if any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in parameters):
        raise TypeError(f"kernel {function.__qualname__}: starred and keyword-only parameters do not compile")
    names = ", ".join(p.name for p in parameters)
    return _with_question(function, names, start, current) or _wrapper(function, names, start, current)


def _with_question(function, names, start, current):
    """The body with the question as its first statement; None for one whose source does not say all of it."""
    try:
        definition = ast.parse(textwrap.dedent(getsource(function))).body[0]
    except (OSError, SyntaxError, TypeError):
        return None
    if not isinstance(definition, ast.FunctionDef) or len(definition.decorator_list) != 1 or function.__closure__:
        return None
    if any(_is_mangled(node) for node in ast.walk(definition)):
        return None
    starts = function.__globals__.setdefault(STARTS, [current])
    starts.append(start)
    question = f"if not {STARTS}[0].now.straight: return {STARTS}[{len(starts) - 1}]({names})"
    definition.body[:0] = ast.parse(question).body
    definition.decorator_list, definition.returns, definition.args.defaults = [], None, []
    for argument in definition.args.args:
        argument.annotation = None
    code = function.__code__
    ast.increment_lineno(definition, code.co_firstlineno - 1)  # tracebacks name the lines of the source
    found: dict = {}
    exec(compile(ast.Module([definition], []), code.co_filename, "exec"), function.__globals__, found)
    found[function.__name__].__defaults__ = function.__defaults__
    return found[function.__name__]


def _is_mangled(node):
    """Whether a name stands for another one in its class."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.startswith("__") and not name.endswith("__")


def _wrapper(function, names, start, current):
    source = f"def run_on_core({names}):\n return __function({names}) if __current.now.straight else __start({names})\n"
    namespace = {"__function": function, "__start": start, "__current": current}
    exec(source, namespace)
    namespace["run_on_core"].__defaults__ = function.__defaults__
    return namespace["run_on_core"]
