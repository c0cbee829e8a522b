"""Control flow as ARTIQ's compiler sees it: variables assigned on every path, bodies that run off their end."""

from __future__ import annotations

import ast

Names = frozenset[str]
NEVER = None  # the state after a statement that control does not leave downwards


def falls_through(body: list[ast.stmt]) -> bool:
    """Whether control can reach the end of these statements; the compiler takes every loop for one that ends."""
    return not any(_stops(statement) for statement in body)


def _stops(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return | ast.Raise | ast.Break | ast.Continue):
        return True
    if isinstance(statement, ast.If):
        return bool(statement.orelse) and not falls_through(statement.body) and not falls_through(statement.orelse)
    if isinstance(statement, ast.With):
        return not falls_through(statement.body)
    if isinstance(statement, ast.Try):
        if not falls_through(statement.finalbody):
            return True
        body = not falls_through(statement.body + statement.orelse)
        return body and all(not falls_through(handler.body) for handler in statement.handlers)
    return False


def unassigned_uses(function: ast.FunctionDef) -> list[ast.Name]:
    """Uses of local variables that are not assigned on every path to them."""
    arguments = function.args
    names = [argument.arg for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]
    names += [argument.arg for argument in (arguments.vararg, arguments.kwarg) if argument]
    flow = _Flow(_stored(function))
    flow.through(function.body, frozenset(names))
    return flow.found


def _stored(function: ast.FunctionDef) -> set[str]:
    """Names the function assigns itself; all others come from outside."""
    stored = set()
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ListComp):
            continue  # scopes of their own
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stored.add(node.id)
        todo += ast.iter_child_nodes(node)
    return stored


class _Flow:
    """Walks statements with the set of names assigned so far."""

    def __init__(self, own: set[str]) -> None:
        self.own = own
        self.found: list[ast.Name] = []

    def through(self, body: list[ast.stmt], assigned: Names | None) -> Names | None:
        """State after the statements; NEVER when control does not come out at their end."""
        for statement in body:
            if assigned is NEVER:
                break
            assigned = self._statement(statement, assigned)
        return assigned

    def _statement(self, statement: ast.stmt, assigned: Names) -> Names | None:
        if isinstance(statement, ast.If):
            self._uses(statement.test, assigned)
            return _both(self.through(statement.body, assigned), self.through(statement.orelse, assigned))
        if isinstance(statement, ast.For):
            self._uses(statement.iter, assigned)
            self.through(statement.body, assigned | _targets(statement.target))
            return self.through(statement.orelse, assigned)
        if isinstance(statement, ast.While):
            self._uses(statement.test, assigned)
            self.through(statement.body, assigned)
            return self.through(statement.orelse, assigned)
        if isinstance(statement, ast.With):
            for item in statement.items:
                self._uses(item.context_expr, assigned)
                assigned |= _targets(item.optional_vars)
            return self.through(statement.body, assigned)
        if isinstance(statement, ast.Try):
            return self._try(statement, assigned)
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            return assigned | {statement.name}
        return self._simple(statement, assigned)

    def _try(self, statement: ast.Try, assigned: Names) -> Names | None:
        after = self.through(statement.orelse, self.through(statement.body, assigned))
        for handler in statement.handlers:
            caught = assigned | ({handler.name} if handler.name else frozenset())
            after = _both(after, self.through(handler.body, caught))
        if not statement.finalbody:
            return after
        finished = self.through(statement.finalbody, assigned)
        return NEVER if after is NEVER or finished is NEVER else after | finished

    def _simple(self, statement: ast.stmt, assigned: Names) -> Names | None:
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            self._check(statement.target, assigned)
        self._uses(statement, assigned)
        if isinstance(statement, ast.Return | ast.Raise | ast.Break | ast.Continue):
            return NEVER
        return assigned | _targets(statement)

    def _uses(self, node: ast.AST, assigned: Names) -> None:
        if isinstance(node, ast.ListComp | ast.Lambda | ast.FunctionDef):
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            self._check(node, assigned)
        for child in ast.iter_child_nodes(node):
            self._uses(child, assigned)

    def _check(self, node: ast.Name, assigned: Names) -> None:
        if node.id in self.own and node.id not in assigned:
            self.found.append(node)


def _both(one: Names | None, other: Names | None) -> Names | None:
    if one is NEVER or other is NEVER:
        return other if one is NEVER else one
    return one & other


def _targets(node: ast.AST | None) -> Names:
    if node is None:
        return frozenset()
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
