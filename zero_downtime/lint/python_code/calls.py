"""What a call does, by what is called."""

from __future__ import annotations

import ast
from typing import Protocol

from zero_downtime.lint.python_code import queries
from zero_downtime.lint.python_code.facts import Blindness, Kind
from zero_downtime.lint.python_code.names import user_model
from zero_downtime.lint.python_code.queries import SOME_MODEL, Arguments
from zero_downtime.lint.python_code.record import Record
from zero_downtime.lint.python_code.values import (
    UNKNOWN,
    Apps,
    Atomic,
    Collection,
    Connection,
    Constant,
    Cursor,
    Function,
    Imported,
    Member,
    Model,
    Pages,
    Row,
    Rows,
    SchemaEditor,
    Several,
    Text,
    Value,
    element_of,
    is_many,
    source_of,
)

COLLECTS = {"list", "tuple", "set", "frozenset", "sorted", "deque", "dict", "OrderedDict"}
PASSES_ON = {"iter", "reversed", "tqdm", "filter", "chain", "cast"}
"""They return their last argument, as far as it matters."""
SPLITS = {"batched", "chunked", "ichunked", "grouper", "Paginator"}
CONSUMES = {"len", "sum", "min", "max", "any", "all", "join"}
HARMLESS = ("builtins.", "django.", "logging.", "typing.", "collections.", "itertools.")
"""What begins like this gets models and querysets, and does no more than is known here."""


class Follower(Protocol):
    """What follows calls of functions whose source is at hand."""

    record: Record

    def call_function(self, function: Function, arguments: Arguments) -> Value: ...


def call(follower: Follower, callee: Value, arguments: Arguments, written: ast.expr) -> Value:
    """Return what a call returns; note what it does. `written` is what is called."""
    match callee:
        case Function():
            return follower.call_function(callee, arguments)
        case Model():
            return Row(callee)
        case Member():
            return _call_member(callee, arguments, written, follower.record)
        case Imported():
            return _call_imported(callee, arguments, written, follower)
    _note_escape(arguments, written, follower.record)
    return UNKNOWN


def _call_member(member: Member, arguments: Arguments, written: ast.expr, record: Record) -> Value:
    name = member.name
    match member.owner:
        case Rows() as rows:
            return queries.call_rows(rows, name, arguments, record)
        case Row() as row:
            return queries.call_row(row, name, arguments, record)
        case Apps() as apps:
            return queries.call_apps(apps, name, arguments, record)
        case Collection() as collection:
            return queries.call_collection(collection, name, arguments, record)
        case Cursor():
            return queries.call_cursor(name, arguments, record)
        case SchemaEditor():
            return queries.call_schema_editor(name, arguments, record)
        case Connection():
            return queries.call_connection(name)
        case Pages() as pages:
            return queries.call_pages(pages, name)
        case Constant() | Text() as string:
            return queries.call_string(string, name, arguments)
        case Member(owner=Row() | Member()) as related:
            return queries.call_related(related, name, arguments, record)
        case Member(owner=Connection() | SchemaEditor()):
            # connection.ops, connection.introspection: nothing in them goes through rows
            return queries.quote_name(arguments) if name == "quote_name" else UNKNOWN
        case Model(imported=True) as model if name.islower():
            record.blind(Blindness.CALL, f"{ast.unparse(written)}() is not read.")
            return Row(model) if name.startswith("get") else UNKNOWN
    _note_escape(arguments, written, record)
    return UNKNOWN


def _call_imported(
    callee: Imported, arguments: Arguments, written: ast.expr, follower: Follower
) -> Value:
    name, record = callee.name.rpartition(".")[2], follower.record
    first = arguments.positional[0] if arguments.positional else UNKNOWN
    if name in COLLECTS:
        return queries.collect(first, record)
    if name in SPLITS:
        return _split(first)
    if name in PASSES_ON:
        return arguments.positional[-1] if arguments.positional else UNKNOWN
    if name in CONSUMES:
        queries.load(first, record)
        return UNKNOWN
    match name:
        case "defaultdict":
            inner = Collection(record.depth) if arguments.positional else UNKNOWN
            return Collection(record.depth, inner, fills_itself=True)
        case "range":
            few = all(isinstance(each, Constant) for each in arguments.positional)
            return Collection(record.depth, many=not few)
        case "islice" if isinstance(first, Rows):
            return queries.slice_rows(first, arguments.positional[-1])
        case "enumerate" | "zip" | "map":
            return _pair(name, arguments, follower)
        case "getattr" if len(arguments.positional) > 1:
            return Member(first, "[]") if isinstance(first, Row) else UNKNOWN
        case "get_user_model":
            return user_model()
        case "Subquery" | "Exists":
            return first
        case "partial":
            return _partial(first, arguments)
        case "call_command":
            return _call_command(first, record)
    if callee.name.endswith("transaction.atomic"):
        # As a decorator, it is called with the function.
        return first if isinstance(first, Function) else Atomic()
    if not callee.name.startswith(HARMLESS):
        _note_escape(arguments, written, record)
    return UNKNOWN


def _split(value: Value) -> Value:
    """Split rows into batches."""
    if isinstance(value, Rows):
        return Pages(value)
    batch = Collection(0, element_of(value))
    return Collection(0, batch, many=is_many(value), source=source_of(value))


def _pair(name: str, arguments: Arguments, follower: Follower) -> Value:
    """`enumerate(rows)`, `zip(rows, others)`, `map(function, rows)`."""
    values = [each for each in arguments.positional if not isinstance(each, Function)]
    for each in values:
        queries.load(each, follower.record)
    many = next((each for each in values if is_many(each)), UNKNOWN)
    source = source_of(many)
    elements = tuple(map(element_of, values))
    element: Value = Several((UNKNOWN, *elements) if name == "enumerate" else elements)
    function = arguments.positional[0] if arguments.positional else UNKNOWN
    if name == "map" and isinstance(function, Function):
        with follower.record.loop(is_many(many), source):
            element = follower.call_function(function, Arguments(elements))
    return Collection(0, element, many=is_many(many), source=source)


def _partial(function: Value, arguments: Arguments) -> Value:
    if not isinstance(function, Function):
        return UNKNOWN
    given = (*function.arguments, *arguments.positional[1:])
    keywords = {**function.keywords, **arguments.keywords}
    return Function(function.node, function.module, function.scope, given, keywords)


def _call_command(command: Value, record: Record) -> Value:
    name = command.value if isinstance(command, Constant) else "?"
    if name in ("migrate", "flush", "sqlflush"):
        record.access(Kind.SCHEMA, f"call_command({name!r})", SOME_MODEL)
    else:
        record.blind(Blindness.CALL, f"What call_command({name!r}) does is not read.")
    return UNKNOWN


def _note_escape(arguments: Arguments, written: ast.expr, record: Record) -> None:
    """Note that code that is not read gets what it can reach rows by."""
    if any(map(_reaches_rows, arguments.all())):
        record.blind(
            Blindness.CALL, f"{ast.unparse(written)}() is not read, and is given models or rows."
        )


def _reaches_rows(value: Value) -> bool:
    if isinstance(value, Rows):
        return value.many
    return isinstance(value, Apps | Model | SchemaEditor | Connection | Cursor)
