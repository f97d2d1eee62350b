"""Going through the source of a function, with a value in mind for every name."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from zero_downtime.lint.python_code import queries
from zero_downtime.lint.python_code.expressions import Expressions
from zero_downtime.lint.python_code.queries import Arguments
from zero_downtime.lint.python_code.sources import parameters
from zero_downtime.lint.python_code.values import (
    UNKNOWN,
    Atomic,
    Collection,
    Function,
    Imported,
    Scope,
    Several,
    Value,
    element_of,
    is_many,
    join,
    source_of,
)

MOST_ITEMS = 12
"""A loop over that many things that are written down is gone through once for each."""
MOST_CALLS = 12
"""Depth of calls to follow."""


class _Stop(Exception):
    """The rest of a block is not reached."""


class Interpreter(Expressions):
    """Goes once through every way of a function. Nothing is run."""

    # Functions

    def call_function(self, function: Function, arguments: Arguments) -> Value:
        """Follow a call. A function that is being followed already is not entered again."""
        if function.node in self._called or len(self._called) >= MOST_CALLS:
            return UNKNOWN
        outer, scope = self.scope, Scope(function.module, parent=function.scope)
        self._bind_parameters(scope, function, arguments)
        self._called.append(function.node)
        self.scope = scope
        try:
            with ExitStack() as around:
                if self._commits_as_one(function):
                    around.enter_context(self.record.transaction())
                if isinstance(function.node, ast.Lambda):
                    return self.visit(function.node.body)
                self._block(function.node.body)
                return self.scope.result
        finally:
            self.scope = outer
            self._called.pop()

    def _commits_as_one(self, function: Function) -> bool:
        if isinstance(function.node, ast.Lambda):
            return False
        return any(_is_atomic(self.visit(each)) for each in function.node.decorator_list)

    def _bind_parameters(self, scope: Scope, function: Function, arguments: Arguments) -> None:
        positional = [*function.arguments, *arguments.positional]
        names = [each.arg for each in parameters(function.node)]
        scope.names.update(dict.fromkeys(names, UNKNOWN))
        if function.node.args.vararg:
            scope.names[function.node.args.vararg.arg] = Several(tuple(positional[len(names) :]))
        scope.names.update(zip(names, positional, strict=False))
        for name, value in {**function.keywords, **arguments.keywords}.items():
            if name in scope.names:
                scope.names[name] = value

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Value:
        self.scope.names[node.name] = Function(node, self.scope.module, self.scope)
        return UNKNOWN

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> Value:
        return Function(node, self.scope.module, self.scope)

    def visit_ClassDef(self, node: ast.ClassDef) -> Value:
        return UNKNOWN

    def visit_Return(self, node: ast.Return) -> Value:
        if node.value is not None:
            self.scope.result = join(self.scope.result, self.visit(node.value))
        raise _Stop

    def visit_Yield(self, node: ast.Yield) -> Value:
        value = self.visit(node.value) if node.value else UNKNOWN
        if not isinstance(self.scope.result, Collection):
            self.scope.result = Collection()
        queries.grow(self.scope.result, value, self.record)
        return UNKNOWN

    def visit_YieldFrom(self, node: ast.YieldFrom) -> Value:
        self.scope.result = join(self.scope.result, self.visit(node.value))
        return UNKNOWN

    # Blocks

    def _block(self, statements: Iterable[ast.stmt]) -> bool:
        """Go through statements; tell whether the end is reached."""
        try:
            for statement in statements:
                self.visit(statement)
        except _Stop:
            return False
        return True

    def _branches(self, *branches: Iterable[ast.stmt]) -> None:
        """Go through blocks of which one is run; go on with what any of them leaves behind."""
        before = self.scope
        ends = []
        for branch in branches:
            self.scope = before.copy()
            if self._block(branch):
                ends.append(self.scope)
            else:
                before.result = join(before.result, self.scope.result)
        self.scope = before
        if not ends:
            raise _Stop
        before.names = ends[0].names
        for end in ends:
            before.join(end)

    def visit_If(self, node: ast.If) -> Value:
        match self._truth(node.test):
            case True:
                self._go_on(node.body)
            case False:
                self._go_on(node.orelse)
            case _:
                self._branches(node.body, node.orelse)
        return UNKNOWN

    def _go_on(self, statements: Iterable[ast.stmt]) -> None:
        if not self._block(statements):
            raise _Stop

    def visit_Try(self, node: ast.Try | ast.TryStar) -> Value:
        handlers = [handler.body for handler in node.handlers]
        try:
            self._branches([*node.body, *node.orelse], *handlers)
        finally:
            self._block(node.finalbody)
        return UNKNOWN

    visit_TryStar = visit_Try

    def visit_Match(self, node: ast.Match) -> Value:
        self.visit(node.subject)
        self._branches(*(case.body for case in node.cases), [])
        return UNKNOWN

    def visit_Raise(self, node: ast.Raise) -> Value:
        raise _Stop

    def visit_Continue(self, node: ast.Continue | ast.Break) -> Value:
        raise _Stop

    visit_Break = visit_Continue

    def visit_With(self, node: ast.With | ast.AsyncWith) -> Value:
        with ExitStack() as around:
            for item in node.items:
                value = self.visit(item.context_expr)
                if _is_atomic(value):
                    around.enter_context(self.record.transaction())
                if item.optional_vars is not None:
                    self._bind(item.optional_vars, value)
            self._go_on(node.body)
        return UNKNOWN

    visit_AsyncWith = visit_With

    # Loops

    def visit_For(self, node: ast.For | ast.AsyncFor) -> Value:
        for element in self._elements(self.visit(node.iter)):
            self._mark_emptied(node)
            self._bind(node.target, element)
            self._branches(node.body, [])
        self._go_on(node.orelse)
        return UNKNOWN

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> Value:
        with self.record.loop(many=True):
            self._mark_emptied(node)
            self._truth(node.test)
            self._branches(node.body, [])
        self._go_on(node.orelse)
        return UNKNOWN

    def _elements(self, value: Value) -> Iterator[Value]:
        """Yield what a loop over `value` meets, inside of the loop."""
        queries.load(value, self.record)
        items = getattr(value, "items", None) or ()
        for element in items if 0 < len(items) <= MOST_ITEMS else [element_of(value)]:
            with self.record.loop(is_many(value), source_of(value)):
                yield element

    def _mark_emptied(self, loop: ast.For | ast.AsyncFor | ast.While) -> None:
        """Mark the lists that the loop begins anew now and then: they hold a batch."""
        for node in ast.walk(loop):
            for name in _emptied_names(node):
                value = self.scope.names.get(name)
                if isinstance(value, Collection):
                    value.emptied = True


def _is_atomic(value: Value) -> bool:
    if isinstance(value, Imported):
        return value.name.endswith("transaction.atomic")
    return isinstance(value, Atomic)


def _emptied_names(node: ast.AST) -> list[str]:
    """Return the names that a statement binds to an empty list or dict, or clears."""
    match node:
        case (
            ast.Assign(targets=targets, value=ast.List(elts=[]) | ast.Dict(keys=[]))
            | ast.Delete(targets=targets)
        ):
            pass
        case ast.Assign(targets=targets, value=ast.Call(func=ast.Name(id=kind), args=[])):
            if kind not in ("list", "dict", "set"):
                return []
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="clear")):
            return [name]
        case _:
            return []
    roots = [each.value if isinstance(each, ast.Subscript) else each for each in targets]
    return [each.id for each in roots if isinstance(each, ast.Name)]
