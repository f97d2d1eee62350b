"""Which names the statements of a module bind and use; taking out and adding imports."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

import libcst as cst
from libcst.helpers import get_full_name_for_node

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Import = cst.Import | cst.ImportFrom


def used_in(nodes: Iterable[cst.CSTNode]) -> set[str]:
    """Return the names, with dots if they have some, that are used in `nodes`."""
    collector = _Collector()
    for node in nodes:
        node.visit(collector)
    return collector.names


def without_unused(
    body: Sequence[Statement], kept: Statement, droppable: set[str] | None = None
) -> list[Statement]:
    """Return the statements of a module but for definitions and imports that nothing uses.

    `kept` stays, and what it needs. With `droppable`, only those go that bind these names, or
    that nothing but they have used.
    """
    statements = list(body)
    candidates = None if droppable is None else set(droppable)
    while True:
        remaining: list[Statement] = []
        for index, statement in enumerate(statements):
            if statement is kept:
                remaining.append(statement)
                continue
            others = used_in(each for i, each in enumerate(statements) if i != index)
            left = _without(statement, others, candidates)
            if left is not None:
                remaining.append(left)
            elif candidates is not None:
                candidates |= used_in([statement])
        if len(remaining) == len(statements) and all(
            new is old for new, old in zip(remaining, statements, strict=True)
        ):
            return remaining
        statements = remaining


def with_imports(body: Sequence[Statement], imports: Iterable[str]) -> list[Statement]:
    """Return the statements of a module with these import statements, unless they are there."""
    statements = list(body)
    for line in sorted(imports):
        wanted = cst.parse_statement(line)
        assert isinstance(wanted, cst.SimpleStatementLine)
        for binding in _new_bindings(line, statements):
            statements = _with_binding(statements, binding, wanted)
    return statements


def _new_bindings(line: str, statements: Sequence[Statement]) -> Iterator[tuple[str, ast.alias]]:
    """Yield (module, alias) of what the line imports, but for what is imported already."""
    [node] = ast.parse(line).body
    assert isinstance(node, ast.Import | ast.ImportFrom)
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    there = {(_module(each), name) for each in _imports(statements) for name in _imported(each)}
    for alias in node.names:
        if (module, (alias.name, alias.asname)) not in there:
            yield module, alias


def _with_binding(
    statements: list[Statement], binding: tuple[str, ast.alias], line: cst.SimpleStatementLine
) -> list[Statement]:
    """Add a name to the import of its module, or a line after the last import."""
    module, alias = binding
    for index, statement in enumerate(statements):
        for node in _imports([statement]) if module and not alias.asname else ():
            if _module(node) == module and not isinstance(node.names, cst.ImportStar):
                new = _sorted([*node.names, cst.ImportAlias(cst.Name(alias.name))])
                changed = statement.deep_replace(node, node.with_changes(names=new))
                assert isinstance(changed, cst.SimpleStatementLine)
                return [*statements[:index], changed, *statements[index + 1 :]]
    last = max((i for i, each in enumerate(statements) if list(_imports([each]))), default=-1)
    return [*statements[: last + 1], line, *statements[last + 1 :]]


def _sorted(aliases: Iterable[cst.ImportAlias]) -> list[cst.ImportAlias]:
    """Return names as isort has them, on one line."""
    ordered = sorted(aliases, key=lambda each: (each.evaluated_name, each.evaluated_alias or ""))
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    return [
        each.with_changes(comma=comma if each is not ordered[-1] else cst.MaybeSentinel.DEFAULT)
        for each in ordered
    ]


def _without(statement: Statement, used: set[str], candidates: set[str] | None) -> Statement | None:
    """Return the statement without what it binds in vain; None if nothing is left of it."""

    def in_vain(name: str) -> bool:
        if _is_used(name, used):
            return False
        return candidates is None or _is_used(name, candidates)

    if isinstance(statement, cst.FunctionDef | cst.ClassDef):
        return None if in_vain(statement.name.value) else statement
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return statement
    [small] = statement.body
    if isinstance(small, Import):
        return _without_aliases(statement, small, in_vain)
    if isinstance(small, cst.Assign | cst.AnnAssign):
        names = list(_targets(small))
        return None if names and all(map(in_vain, names)) else statement
    if isinstance(small, cst.Expr):  # a docstring, a call: only the file itself needs them
        return None if candidates is None else statement
    return statement


def _without_aliases(
    statement: cst.SimpleStatementLine, node: Import, in_vain: object
) -> Statement | None:
    assert callable(in_vain)
    if isinstance(node.names, cst.ImportStar) or _module(node) == "__future__":
        return statement
    left = [each for each in node.names if not in_vain(_bound(each))]
    if len(left) == len(node.names):
        return statement
    if not left:
        return None
    left[-1] = left[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return statement.with_changes(body=[node.with_changes(names=left)])


def _is_used(name: str, used: set[str]) -> bool:
    return any(each == name or each.startswith(f"{name}.") for each in used)


def _targets(node: cst.Assign | cst.AnnAssign) -> Iterator[str]:
    targets = (
        [each.target for each in node.targets] if isinstance(node, cst.Assign) else [node.target]
    )
    for target in targets:
        yield from used_in([target])


def _imports(statements: Iterable[Statement]) -> Iterator[Import]:
    for statement in statements:
        if isinstance(statement, cst.SimpleStatementLine):
            yield from (each for each in statement.body if isinstance(each, Import))


def _imported(node: Import) -> Iterator[tuple[str, str | None]]:
    if not isinstance(node.names, cst.ImportStar):
        yield from ((each.evaluated_name, each.evaluated_alias) for each in node.names)


def _module(node: Import) -> str:
    """Return the module that names are imported from; "" if it is itself imported."""
    if isinstance(node, cst.Import):
        return ""
    dots = "." * len(node.relative)
    return dots + (get_full_name_for_node(node.module) or "" if node.module else "")


def _bound(alias: cst.ImportAlias) -> str:
    return alias.evaluated_alias or alias.evaluated_name


class _Collector(cst.CSTVisitor):
    """Collects names and dotted names, but for those that only say what is bound."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        name = get_full_name_for_node(node)
        if name is None or not _is_dotted(node):
            node.value.visit(self)
        else:
            self.names.add(name)
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def visit_Arg_keyword(self, node: cst.Arg) -> None:
        self._before = set(self.names)

    def leave_Arg_keyword(self, node: cst.Arg) -> None:
        self.names = self._before


def _is_dotted(node: cst.BaseExpression) -> bool:
    """Tell whether the node is nothing but names with dots between them."""
    if isinstance(node, cst.Attribute):
        return _is_dotted(node.value)
    return isinstance(node, cst.Name)
