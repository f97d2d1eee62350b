"""What an expression in the source of a function stands for, and what evaluating it does."""

from __future__ import annotations

import ast
import functools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from zero_downtime.lint.python_code import queries
from zero_downtime.lint.python_code.calls import call
from zero_downtime.lint.python_code.names import attribute, look_up, of_cell, resolve
from zero_downtime.lint.python_code.queries import Arguments
from zero_downtime.lint.python_code.record import Record
from zero_downtime.lint.python_code.sources import imported_name
from zero_downtime.lint.python_code.values import (
    UNKNOWN,
    VENDOR,
    Collection,
    Connection,
    Connections,
    Constant,
    Function,
    Member,
    Row,
    Rows,
    Scope,
    Several,
    Text,
    Truth,
    Value,
    element_of,
    is_many,
    join,
    source_of,
    text_of,
)

MOST_STEPS = 20_000
"""Expressions and statements to look at before giving up."""


class TooMuch(Exception):
    """The function does more than there is patience for."""


class Expressions(ABC, ast.NodeVisitor):
    """Evaluates expressions with a value in mind for every name."""

    def __init__(self, scope: Scope) -> None:
        self.record = Record()
        self.scope = scope
        self._own_module = scope.module
        self._called: list[ast.AST] = []
        self._steps = 0

    def visit(self, node: ast.AST) -> Value:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooMuch
        if isinstance(node, ast.stmt):
            self._note_line(node)
        value = super().visit(node)
        return value if isinstance(value, Value) else UNKNOWN

    def generic_visit(self, node: ast.AST) -> Value:
        for child in ast.iter_child_nodes(node):
            self.visit(child)
        return UNKNOWN

    def _note_line(self, node: ast.stmt | ast.expr) -> None:
        if self.scope.module is self._own_module:
            self.record.line = node.lineno

    @abstractmethod
    def call_function(self, function: Function, arguments: Arguments) -> Value:
        """Follow a call; return what it returns."""

    # Names

    def visit_Assign(self, node: ast.Assign) -> Value:
        value = self.visit(node.value)
        for target in node.targets:
            self._bind(target, value)
        return UNKNOWN

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Value:
        if node.value is not None:
            self._bind(node.target, self.visit(node.value))
        return UNKNOWN

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Value:
        value = self.visit(node.value)
        self._bind(node.target, value)
        return value

    def visit_AugAssign(self, node: ast.AugAssign) -> Value:
        value = self.visit(node.value)
        target = self.visit(node.target) if isinstance(node.target, ast.Name) else UNKNOWN
        if isinstance(target, Collection):
            queries.call_collection(target, "extend", Arguments([value]), self.record)
        elif isinstance(node.target, ast.Name):
            self._bind(node.target, _add(node.op, target, value))
        return UNKNOWN

    def _bind(self, target: ast.expr, value: Value) -> None:
        match target:
            case ast.Name(id=name):
                self.scope.names[name] = value
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for element, item in zip(elements, _unpack(value, len(elements)), strict=True):
                    self._bind(element, item)
            case ast.Starred(value=inner):
                self._bind(inner, UNKNOWN)
            case ast.Subscript(value=container, slice=index):
                self.visit(index)
                collection = self.visit(container)
                if isinstance(collection, Collection):
                    queries.grow(collection, value, self.record)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> Value:
        module = self.scope.module
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self.scope.names[name] = resolve(imported_name(module, node, name), module)
        return UNKNOWN

    visit_ImportFrom = visit_Import

    def visit_Name(self, node: ast.Name) -> Value:
        scope: Scope | None = self.scope
        while scope is not None:
            if node.id in scope.names:
                return scope.names[node.id]
            if node.id in scope.cells:
                return of_cell(scope.cells[node.id], scope.module)
            scope = scope.parent
        return self._global(node.id)

    def _global(self, name: str) -> Value:
        found = look_up(self.scope.module, name)
        if isinstance(found, Value):
            return found
        if found in self._called:
            return UNKNOWN
        with self._at_module_level(found):
            return self.visit(found)

    @contextmanager
    def _at_module_level(self, node: ast.AST) -> Iterator[None]:
        """Evaluate what a global name is given, outside of all functions and loops."""
        outer, record = self.scope, self.record
        self.scope, self.record = Scope(outer.module), Record()
        self._called.append(node)
        try:
            yield
        finally:
            self.scope, self.record = outer, record
            self._called.pop()

    # Expressions

    def visit_Constant(self, node: ast.Constant) -> Value:
        return Constant(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Value:
        values = [self.visit(each) for each in node.values]
        text = "".join(map(text_of, values))
        known = all(isinstance(each, Constant) for each in values)
        return Constant(text) if known else Text(text)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> Value:
        return self.visit(node.value)

    def visit_BinOp(self, node: ast.BinOp) -> Value:
        left, right = self.visit(node.left), self.visit(node.right)
        return _add(node.op, left, right)

    def visit_BoolOp(self, node: ast.BoolOp) -> Value:
        values = [self.visit(each) for each in node.values]
        decides = Truth(isinstance(node.op, ast.Or))
        if decides in values:
            return decides
        if all(isinstance(each, Truth) for each in values):
            return values[0]
        value = functools.reduce(join, values)
        return UNKNOWN if isinstance(value, Constant | Truth) else value

    def visit_IfExp(self, node: ast.IfExp) -> Value:
        known = self._truth(node.test)
        if known is not None:
            return self.visit(node.body if known else node.orelse)
        return join(self.visit(node.body), self.visit(node.orelse))

    def _truth(self, test: ast.expr) -> bool | None:
        """Return what a condition is if that is known: `connection.vendor`, mostly."""
        value = self.visit(test)
        queries.load(value, self.record)
        return value.holds if isinstance(value, Truth) else None

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Value:
        value = self.visit(node.operand)
        if isinstance(node.op, ast.Not):
            queries.load(value, self.record)
            return Truth(not value.holds) if isinstance(value, Truth) else UNKNOWN
        return value if isinstance(value, Constant) else UNKNOWN

    def visit_Compare(self, node: ast.Compare) -> Value:
        left, *others = [self.visit(each) for each in (node.left, *node.comparators)]
        if isinstance(node.ops[0], ast.In | ast.NotIn):
            queries.load(others[0], self.record)
        return _compare(node.ops[0], left, others[0]) if len(others) == 1 else UNKNOWN

    def visit_Attribute(self, node: ast.Attribute) -> Value:
        return attribute(self.visit(node.value), node.attr, self.scope.module)

    def visit_Subscript(self, node: ast.Subscript) -> Value:
        value = self.visit(node.value)
        if isinstance(node.slice, ast.Slice):
            self.visit(node.slice)
            return self._slice(value, node.slice)
        self.visit(node.slice)
        match value:
            case Connections():
                return Connection()
            case Rows(model=model):
                return Row(model)
            case Row():
                return Member(value, "[]")
            case Collection():
                if value.fills_itself:
                    self.record.grow(value)
                return value.element
            case Several(items=items):
                return _item(items, node.slice)
        return UNKNOWN

    def _slice(self, value: Value, part: ast.Slice) -> Value:
        upper = self.visit(part.upper) if part.upper else None
        if isinstance(value, Rows):
            return queries.slice_rows(value, upper)
        if isinstance(value, Collection):
            return replace(value, items=None, many=value.many and upper is None)
        return UNKNOWN

    def _display(self, node: ast.List | ast.Set | ast.Tuple) -> tuple[Value, ...]:
        return tuple(self.visit(each) for each in node.elts)

    def visit_List(self, node: ast.List | ast.Set) -> Value:
        items = self._display(node)
        if any(isinstance(each, ast.Starred) for each in node.elts):
            many = any(map(is_many, items))
            return Collection(self.record.depth, element_of(items[0]), many=many)
        return Collection(self.record.depth, items[0] if items else UNKNOWN, items)

    visit_Set = visit_List

    def visit_Tuple(self, node: ast.Tuple) -> Value:
        return Several(self._display(node))

    def visit_Starred(self, node: ast.Starred) -> Value:
        value = self.visit(node.value)
        queries.load(value, self.record)
        return value

    def visit_Dict(self, node: ast.Dict) -> Value:
        keys = [self.visit(each) if each else UNKNOWN for each in node.keys]
        values = [self.visit(each) for each in node.values]
        element = values[0] if values else UNKNOWN
        return Collection(self.record.depth, element, tuple(keys) or None)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
        return self._comprehension(node.generators, node.elt)

    visit_SetComp = visit_ListComp
    visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> Value:
        return self._comprehension(node.generators, node.value, node.key)

    def _comprehension(self, generators: list[ast.comprehension], *made: ast.expr) -> Value:
        depth, outer = self.record.depth, self.scope
        collection = Collection(depth)
        self.scope = Scope(outer.module, parent=outer)
        try:
            with ExitStack() as loops:
                for generator in generators:
                    value = self.visit(generator.iter)
                    queries.load(value, self.record)
                    many = is_many(value)
                    loops.enter_context(self.record.loop(many, source_of(value)))
                    self._bind(generator.target, element_of(value))
                    for condition in generator.ifs:
                        self.visit(condition)
                collection.element, *_ = [self.visit(each) for each in made]
                self.record.grow(collection)
        finally:
            self.scope = outer
        return collection

    def visit_Call(self, node: ast.Call) -> Value:
        callee = self.visit(node.func)
        positional: list[Value] = []
        for each in node.args:
            value = self.visit(each)
            if isinstance(each, ast.Starred) and isinstance(value, Several):
                positional += value.items
            else:
                positional.append(value)
        keywords = {each.arg or "**": self.visit(each.value) for each in node.keywords}
        self._note_line(node)
        return call(self, callee, Arguments(positional, keywords), node.func)


def _unpack(value: Value, length: int) -> list[Value]:
    items = getattr(value, "items", None)
    if items is not None and len(items) == length:
        return list(items)
    return [Member(value, "[]") if isinstance(value, Row) else UNKNOWN] * length


def _item(items: tuple[Value, ...], index: ast.expr) -> Value:
    if isinstance(index, ast.Constant) and isinstance(index.value, int):
        return items[index.value] if index.value < len(items) else UNKNOWN
    return items[0] if items else UNKNOWN


def _add(operator: ast.operator, left: Value, right: Value) -> Value:
    if (isinstance(left, Constant) and isinstance(left.value, str)) or isinstance(left, Text):
        if isinstance(operator, ast.Mod):
            return queries.percent(left, right)
        if isinstance(operator, ast.Add):
            known = isinstance(left, Constant) and isinstance(right, Constant)
            text = text_of(left) + text_of(right)
            return Constant(text) if known else Text(text)
    if isinstance(left, Rows) or isinstance(right, Rows):
        return join(left, right)
    if isinstance(left, Collection) and isinstance(right, Collection):
        many = left.many or right.many
        element = join(left.element, right.element)
        return Collection(left.depth, element, None, many, left.source or right.source)
    return UNKNOWN


def _compare(operator: ast.cmpop, left: Value, right: Value) -> Value:
    """Compare the vendor of a connection. Other names may have changed since they were bound."""
    if right is VENDOR:
        left, right = right, left
    if left is not VENDOR:
        return UNKNOWN
    choices = getattr(right, "items", None) or (right,)
    if not all(isinstance(each, Constant) for each in choices):
        return UNKNOWN
    match operator:
        case ast.Eq() | ast.In():
            return Truth(VENDOR in choices)
        case ast.NotEq() | ast.NotIn():
            return Truth(VENDOR not in choices)
    return UNKNOWN
