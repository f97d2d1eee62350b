"""Operations as code, such as stands in the file already."""

from __future__ import annotations

import ast
import textwrap

import libcst as cst
from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import OperationWriter
from libcst.helpers import get_full_name_for_node

from zero_downtime.lint.editing.listing import INDENT
from zero_downtime.operations.online import OnlineChange

OURS = "zero_downtime.operations"
IMPORT_OURS = "from zero_downtime import operations as zd"


class Style:
    """How the file writes things."""

    def __init__(self, module: cst.Module) -> None:
        strings = _Strings()
        module.visit(strings)
        self.double_quotes = strings.double > strings.single
        self.ours_by_full_name = "import zero_downtime.operations\n" in module.code

    def adapt(self, expression: cst.BaseExpression) -> cst.BaseExpression:
        """Return the expression with the file's quotes, and its name for our operations."""
        adapted = expression.visit(_Adaptation(self))
        assert isinstance(adapted, cst.BaseExpression)
        return adapted

    def parse(self, code: str) -> cst.BaseExpression:
        return self.adapt(cst.parse_expression(code))


def rendered(operation: Operation, style: Style) -> tuple[cst.BaseExpression, set[str]]:
    """Return the operation as Django's writer has it, and the import statements it needs."""
    code, imports = OperationWriter(operation, indentation=0).serialize()
    first, *others = code.removesuffix(",").split("\n")
    expression = style.parse(
        "\n".join([first, *(textwrap.indent(each, INDENT) for each in others)])
    )
    needed = {_import_of(each, style) for each in imports}
    # Django's writer imports these for the file as a whole.
    needed |= {
        f"from django.db import {name}"
        for name in ("migrations", "models")
        if any(
            isinstance(n, ast.Name) and n.id == name
            for n in ast.walk(ast.parse(code.removesuffix(",")))
        )
    }
    return expression, needed


def renamed_call(
    value: cst.BaseExpression, old: Operation, new: Operation, style: Style
) -> cst.BaseExpression | None:
    """Return the call that makes `old` as one that makes `new`; None if that takes more.

    So the arguments stay as somebody has written them.
    """
    if not (
        isinstance(new, OnlineChange) and new.twin is type(old) and isinstance(value, cst.Call)
    ):
        return None
    name = get_full_name_for_node(value.func) or ""
    if name.rpartition(".")[2] != type(old).__name__:
        return None
    if _arguments(old) != _arguments(new):
        return None
    return value.with_changes(func=style.parse(f"{OURS}.{type(new).__name__}"))


def import_of_ours(style: Style) -> str:
    return _import_of(f"import {OURS}", style)


def _import_of(line: str, style: Style) -> str:
    return IMPORT_OURS if line == f"import {OURS}" and not style.ours_by_full_name else line


def _arguments(operation: Operation) -> str:
    return OperationWriter(operation, indentation=0).serialize()[0].partition("(")[2]


class _Strings(cst.CSTVisitor):
    """Counts what strings are quoted with."""

    def __init__(self) -> None:
        self.double = self.single = 0

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        if len(node.quote) == 1:
            self.double += node.quote == '"'
            self.single += node.quote == "'"


class _Adaptation(cst.CSTTransformer):
    def __init__(self, style: Style) -> None:
        self._style = style

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.BaseExpression:
        inner = updated_node.raw_value
        plain = updated_node.quote == "'" and '"' not in inner and "\\" not in inner
        if self._style.double_quotes and plain:
            return updated_node.with_changes(value=f'{updated_node.prefix}"{inner}"')
        return updated_node

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        if self._style.ours_by_full_name or get_full_name_for_node(updated_node.value) != OURS:
            return updated_node
        return updated_node.with_changes(value=cst.Name("zd"))
