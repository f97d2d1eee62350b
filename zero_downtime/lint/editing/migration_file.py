"""The file of a migration, cut into the files of the migrations that it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import libcst as cst
from django.db.migrations import Migration

from zero_downtime.lint.editing import listing
from zero_downtime.lint.editing.listing import Item, Listing
from zero_downtime.lint.editing.names import used_in, with_imports, without_unused
from zero_downtime.lint.editing.rendering import Style, import_of_ours, renamed_call, rendered
from zero_downtime.lint.fix import NewPart
from zero_downtime.lint.migration_files import completed
from zero_downtime.lint.rewrite import OWN_TABLES, Key, StageMigration
from zero_downtime.lint.split import Part

_INDENT = " " * 4


class MigrationFile:
    """The source of a migration, parsed.

    Raises:
        cst.ParserSyntaxError: it is no Python that libcst knows.
    """

    def __init__(self, source: str) -> None:
        self._module = cst.parse_module(source)
        self._style = Style(self._module)

    def why_not_editable(self, migration: Migration) -> str | None:
        """Return what is not written down in such a way that it can be edited."""
        if self._class is None:
            return "its file has no class Migration"
        if self._module.default_indent != _INDENT:
            return "its lines are not indented by four spaces, as the lines to be added are"
        operations = self._value("operations")
        if not listing.is_listing(operations):
            return "its operations are not a plain list"
        assert isinstance(operations, cst.List | cst.Tuple)
        if len(operations.elements) != len(migration.operations):
            return "its operations are not a plain list"
        dependencies = self._value("dependencies")
        if dependencies is not None and not listing.is_listing(dependencies):
            return "its dependencies are not a plain list"
        return None

    def depends_plainly_on(self, key: Key) -> bool:
        """Tell whether the dependency is written as a tuple of two strings."""
        return any(_as_key(item.value) == key for item in self._dependencies().items)

    def with_dependencies(self, moved: Mapping[Key, Key]) -> str:
        """Return the source with dependencies that point elsewhere."""
        value = self._value("dependencies")
        assert isinstance(value, cst.List | cst.Tuple)
        new = listing.write(_moved(self._dependencies(), moved, self._style))
        changed = self._module.deep_replace(value, new)
        assert isinstance(changed, cst.Module)
        return changed.code

    def cut(
        self, migration: Migration, parts: Sequence[NewPart], moved: Mapping[Key, Key]
    ) -> list[str]:
        """Return the sources of the migrations that `migration`, which stands here, becomes.

        The first keeps all that is in the file but for the operations of the others.
        """
        items = self._items()
        by_operation = dict(zip(map(id, migration.operations), items, strict=True))
        contents = [_Content.of(part.content, by_operation, self._style) for part in parts]
        dependencies = _moved(self._dependencies(), moved, self._style)
        own = self._first(parts[0].migration, contents[0], dependencies, items)
        others = zip(parts[1:], contents[1:], strict=True)
        return [own, *(self._further(part.migration, content) for part, content in others)]

    def _first(
        self,
        part: Migration,
        content: _Content,
        dependencies: Listing,
        before: Sequence[Item],
    ) -> str:
        """Return this file with another list of operations."""
        assert self._class is not None
        values: dict[str, cst.BaseExpression] = {}
        if isinstance(part, StageMigration):
            if all(_as_key(item.value) != OWN_TABLES for item in dependencies.items):
                dependencies = _adding(dependencies, [OWN_TABLES], self._style)
            if self._value("atomic") is not None:
                values["atomic"] = cst.Name("False")
        values["dependencies"] = listing.write(dependencies)
        values["operations"] = listing.write(replace(content.listing, below=self._below()))
        new_class = _with_values(self._class, values)
        kept = {id(item.value) for item in content.listing.items}
        gone = used_in(item.value for item in before if id(item.value) not in kept)
        module = self._with_class(new_class, content.imports, gone)
        return _completed(module.code, part, has_docstring=bool(new_class.get_docstring()))

    def _further(self, part: Migration, content: _Content) -> str:
        """Return a new file, with what its operations need of this one."""
        assert self._class is not None
        dependencies = _adding(Listing(()), part.dependencies, self._style)
        values = {
            "dependencies": listing.write(dependencies),
            "operations": listing.write(content.listing),
        }
        kept = {*values, *(() if isinstance(part, StageMigration) else ("atomic",))}
        new_class = _with_values(self._class, values)
        statements = [each for each in new_class.body.body if _assigned(each) in kept]
        statements[0] = statements[0].with_changes(leading_lines=())
        new_class = new_class.with_changes(body=new_class.body.with_changes(body=statements))
        module = self._with_class(new_class, content.imports, None)
        return _completed(module.with_changes(header=()).code, part, has_docstring=False)

    def _with_class(
        self, new_class: cst.ClassDef, imports: set[str], droppable: set[str] | None
    ) -> cst.Module:
        """Return the module with another class, what that needs, and without what nothing does."""
        body = [new_class if each is self._class else each for each in self._module.body]
        body = with_imports(without_unused(body, new_class, droppable), imports)
        if body[0] is not self._module.body[0]:
            body[0] = body[0].with_changes(leading_lines=())
        return self._module.with_changes(body=body)

    @cached_property
    def _class(self) -> cst.ClassDef | None:
        for statement in self._module.body:
            if isinstance(statement, cst.ClassDef) and statement.name.value == "Migration":
                return statement
        return None

    def _value(self, name: str) -> cst.BaseExpression | None:
        assert self._class is not None
        for statement in self._class.body.body:
            if _assigned(statement) == name:
                return _assignment(statement).value
        return None

    def _items(self) -> Sequence[Item]:
        value = self._value("operations")
        assert isinstance(value, cst.List | cst.Tuple)
        return listing.read(value).items

    def _below(self) -> Sequence[cst.EmptyLine]:
        value = self._value("operations")
        assert isinstance(value, cst.List | cst.Tuple)
        return listing.read(value).below

    def _dependencies(self) -> Listing:
        value = self._value("dependencies")
        return listing.read(value) if isinstance(value, cst.List | cst.Tuple) else Listing(())


@dataclass(frozen=True)
class _Content:
    """The operations of a part as they stand in a file, and the imports that the new ones need."""

    listing: Listing
    imports: set[str]

    @classmethod
    def of(cls, part: Part, there: dict[int, Item], style: Style) -> _Content:
        """Take operations over from `there`, where their items are by id, or write them anew.

        Comments go where the first of the operations goes that take the place of another.
        """
        items: list[Item] = []
        imports: set[str] = set()
        for piece in part.pieces:
            item = there.get(id(piece.original))
            for operation in piece.operations:
                if operation is piece.original and item is not None:
                    items.append(item)
                    continue
                new = None
                if item is not None:
                    new = renamed_call(item.value, piece.original, operation, style)
                if new is None:
                    new, needed = rendered(operation, style)
                    imports |= needed
                else:
                    imports.add(import_of_ours(style))
                items.append(replace(item, value=new) if item else Item(new))
                if item is not None:
                    item = there[id(piece.original)] = Item(item.value)
        return cls(Listing(items), imports)


def _completed(source: str, part: Migration, *, has_docstring: bool) -> str:
    when = part.when if isinstance(part, StageMigration) and not has_docstring else ()
    return completed(source, when=when, atomic=bool(part.atomic))


def _assigned(statement: cst.BaseStatement | cst.BaseSmallStatement) -> str:
    """Return the name that the statement gives a value; "" if it does not."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return ""
    [small] = statement.body
    if isinstance(small, cst.AnnAssign):
        target = small.target
    elif isinstance(small, cst.Assign) and len(small.targets) == 1:
        target = small.targets[0].target
    else:
        return ""
    return target.value if isinstance(target, cst.Name) else ""


def _assignment(
    statement: cst.BaseStatement | cst.BaseSmallStatement,
) -> cst.Assign | cst.AnnAssign:
    assert isinstance(statement, cst.SimpleStatementLine)
    small = statement.body[0]
    assert isinstance(small, cst.Assign | cst.AnnAssign)
    return small


def _with_values(node: cst.ClassDef, values: Mapping[str, cst.BaseExpression]) -> cst.ClassDef:
    """Return the class with other values of its attributes, and new attributes at its end."""
    statements = []
    missing = dict(values)
    for statement in node.body.body:
        value = missing.pop(_assigned(statement), None)
        if value is not None:
            small = _assignment(statement).with_changes(value=value)
            assert isinstance(statement, cst.SimpleStatementLine)
            statement = statement.with_changes(body=[small])
        statements.append(statement)
    for name, value in missing.items():
        new = cst.Assign([cst.AssignTarget(cst.Name(name))], value)
        statements.append(cst.SimpleStatementLine([new], leading_lines=[cst.EmptyLine()]))
    return node.with_changes(body=node.body.with_changes(body=statements))


def _moved(dependencies: Listing, moved: Mapping[Key, Key], style: Style) -> Listing:
    items = [
        replace(item, value=_key_expression(moved[key], style)) if key and key in moved else item
        for item in dependencies.items
        for key in [_as_key(item.value)]
    ]
    return replace(dependencies, items=items)


def _adding(dependencies: Listing, keys: Sequence[Key], style: Style) -> Listing:
    new = [Item(_key_expression(key, style)) for key in keys]
    return replace(dependencies, items=[*dependencies.items, *new])


def _key_expression(key: Key, style: Style) -> cst.BaseExpression:
    return style.parse(repr(tuple(key)))


def _as_key(value: cst.BaseExpression) -> Key | None:
    """Return the migration that a tuple of two strings names."""
    if not isinstance(value, cst.Tuple) or len(value.elements) != 2:
        return None
    names = [
        element.value.evaluated_value
        for element in value.elements
        if isinstance(element.value, cst.SimpleString)
    ]
    return (str(names[0]), str(names[1])) if len(names) == 2 else None
