"""What the methods of models, querysets, rows, cursors and schema editors do to the database."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from zero_downtime.lint.python_code.facts import Blindness, Kind
from zero_downtime.lint.python_code.record import Record
from zero_downtime.lint.python_code.values import (
    NONE,
    UNKNOWN,
    VENDOR,
    Apps,
    Collection,
    Constant,
    Cursor,
    Member,
    Model,
    Pages,
    Row,
    Rows,
    SchemaEditor,
    Several,
    Text,
    Truth,
    Value,
    element_of,
    is_many,
    source_of,
    text_of,
)

FEW_KEYS = 10_000
"""A condition such as `pk__lte=10` names few rows up to this number."""
SOME_MODEL = Model(None)

INSERTS_ONE = {"create", "get_or_create", "update_or_create", "create_user", "create_superuser"}
CHANGES_ALL = {"update", "delete", "_raw_delete"}
CHANGES_GIVEN = {"bulk_create", "bulk_update"}
CHANGES_RELATED = {"add", "set", "remove", "clear"}
CHANGES_ROW = {"save", "delete", "save_base"}
READS_ONE = {"get", "first", "last", "latest", "earliest"}
READS_ALL = {"count", "aggregate", "contains", "explain"}
RETURNS_MANAGER = {"get_queryset", "get_query_set"}
NARROWS = {"filter", "exclude", "complex_filter"}
CHAINS = frozenset(
    (
        "all annotate alias defer distinct dates datetimes difference extra in_bulk intersection "
        "iterator none only order_by prefetch_related raw reverse select_for_update select_related "
        "union using values values_list db_manager"
    ).split()
)
QUERYSET_METHODS = frozenset().union(
    INSERTS_ONE, CHANGES_ALL, CHANGES_GIVEN, READS_ONE, READS_ALL, NARROWS, CHAINS, {"exists"}
)
SCHEMA_CHANGES = ("add_", "alter_", "create_", "delete_", "remove_", "rename_")


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call."""

    positional: Sequence[Value] = ()
    keywords: dict[str, Value] = field(default_factory=dict)
    """Those given as `**mapping` have the name "**"."""

    def get(self, index: int, name: str) -> Value:
        """Return an argument by place or name; UNKNOWN if it is not given."""
        if index < len(self.positional):
            return self.positional[index]
        return self.keywords.get(name, UNKNOWN)

    def all(self) -> list[Value]:
        return [*self.positional, *self.keywords.values()]


def get_model(apps: Apps, arguments: Arguments, record: Record) -> Model:
    """`apps.get_model("shop", "Order")`, or `apps.get_model("shop.Order")`."""
    first, second = arguments.get(0, "app_label"), arguments.get(1, "model_name")
    parts = [first] if "." in text_of(first) else [first, second]
    if not all(isinstance(each, Constant) for each in parts):
        record.blind(Blindness.MODEL, "The name of a model is computed.")
        return Model(None, apps.imported)
    app_label, _, name = ".".join(map(text_of, parts)).partition(".")
    return Model((app_label, name.lower()), apps.imported)


def call_apps(apps: Apps, name: str, arguments: Arguments, record: Record) -> Value:
    """Call a method of the registry of models."""
    if name == "get_model":
        return get_model(apps, arguments, record)
    return Collection(element=Model(None, apps.imported)) if name == "get_models" else UNKNOWN


def call_rows(rows: Rows, name: str, arguments: Arguments, record: Record) -> Value:
    """Call a method of a manager or queryset."""
    model = rows.model
    if name in CHANGES_ALL:
        record.access(Kind.WRITE, name, model, many=rows.many, filtered=rows.filtered)
        return UNKNOWN
    if name in CHANGES_GIVEN:
        return _change_given(rows, name, arguments, record)
    if name in INSERTS_ONE:
        record.access(Kind.WRITE, name, model)
        return Several((Row(model), UNKNOWN)) if "_or_" in name else Row(model)
    if name in READS_ONE or (name.startswith("get_") and name not in RETURNS_MANAGER):
        record.access(Kind.READ, name, model)
        return Row(model)
    if name in READS_ALL:
        record.access(Kind.READ, name, model, many=rows.many, filtered=rows.filtered)
        return UNKNOWN
    if name == "exists":
        # Without a condition, the first row there is answers it.
        many = rows.many and rows.filtered
        record.access(Kind.READ, name, model, many=many, filtered=rows.filtered)
        return UNKNOWN
    if name == "iterator":
        return replace(rows, streamed=True)
    if name == "none":
        return replace(rows, many=False)
    if name == "in_bulk" and arguments.positional:
        return replace(rows, many=is_many(arguments.positional[0]))
    if name in NARROWS:
        return narrow(rows, name, arguments, record)
    return rows


def _change_given(rows: Rows, name: str, arguments: Arguments, record: Record) -> Value:
    objects = arguments.get(0, "objs")
    many, source = is_many(objects), source_of(objects)
    record.access(Kind.WRITE, name, rows.model, many=many, source=source if many else None)
    return objects


def narrow(rows: Rows, name: str, arguments: Arguments, record: Record) -> Rows:
    """Return the rows that meet a condition."""
    if not (arguments.positional or arguments.keywords):
        return rows
    few = name == "filter" and (
        _names_keys(arguments.keywords) or (record.in_many and _depends_on_row(arguments))
    )
    return replace(rows, many=rows.many and not few, filtered=True)


def _names_keys(conditions: dict[str, Value]) -> bool:
    """Tell whether conditions name the primary keys of few rows, or both ends of a range."""
    ends = set()
    for condition, value in conditions.items():
        key, _, lookup = condition.partition("__")
        if key not in ("pk", "id"):
            continue
        if lookup in ("", "exact", "range") or (lookup == "in" and not is_many(value)):
            return True
        if lookup in ("lt", "lte") and _is_small_number(value):
            return True
        ends.add(lookup.rstrip("e"))
    return {"gt", "lt"} <= ends


def _is_small_number(value: Value) -> bool:
    number = value.value if isinstance(value, Constant) else None
    return isinstance(number, int) and number <= FEW_KEYS


def _depends_on_row(arguments: Arguments) -> bool:
    """Tell whether a condition, in a loop over rows, differs from row to row."""
    return bool(arguments.positional) or any(
        not isinstance(value, Constant) and not condition.startswith(("pk__", "id__"))
        for condition, value in arguments.keywords.items()
    )


def slice_rows(rows: Rows, upper: Value | None) -> Rows:
    """Take `rows[:upper]`. One slice is a few, even if the next one follows."""
    return replace(rows, many=rows.many and upper is None, filtered=True)


def load(value: Value, record: Record) -> None:
    """Go over all of `value`, as `list()` does."""
    rows = value.rows if isinstance(value, Pages) else value
    if not isinstance(rows, Rows):
        return
    kept = rows.many and not rows.streamed and rows is value
    kind = Kind.LOAD if kept else Kind.READ
    record.access(kind, "iterate", rows.model, many=rows.many, filtered=rows.filtered)


def collect(value: Value, record: Record) -> Value:
    """Make a list (or the like) of `value`."""
    if isinstance(value, Rows) and value.streamed:
        value = replace(value, streamed=False)
    load(value, record)
    items = value.items if isinstance(value, Collection | Several) else None
    return Collection(record.depth, element_of(value), items, is_many(value), source_of(value))


def call_row(row: Row, name: str, arguments: Arguments, record: Record) -> Value:
    """Call a method of a row."""
    if name in CHANGES_ROW:
        record.access(Kind.WRITE, name, row.model)
    return UNKNOWN


def call_related(member: Member, name: str, arguments: Arguments, record: Record) -> Value:
    """Call a method of what a row's attribute is: a related row, a manager, or a plain value."""
    related = Rows(SOME_MODEL, many=False)
    if name in CHANGES_ROW or name in CHANGES_RELATED or name in INSERTS_ONE | CHANGES_GIVEN:
        record.access(Kind.WRITE, name, SOME_MODEL)
        return Row(SOME_MODEL)
    if name == "update" and arguments.keywords and not arguments.positional:
        record.access(Kind.WRITE, name, SOME_MODEL)
        return UNKNOWN
    if name in NARROWS or (name in CHAINS and name not in ("values", "reverse")):
        return related
    if name in READS_ONE - {"get"} or (name == "get" and arguments.keywords):
        return Row(SOME_MODEL)
    return Member(member, name)


def call_collection(
    collection: Collection, name: str, arguments: Arguments, record: Record
) -> Value:
    """Call a method of a list, set or dict."""
    value = arguments.positional[-1] if arguments.positional else UNKNOWN
    if name in ("append", "add", "appendleft", "insert", "setdefault"):
        grow(collection, value, record)
    elif name in ("extend", "update"):
        load(value, record)
        grow(collection, element_of(value), record)
        if is_many(value):
            collection.many = True
    elif name == "items":
        pair = Several((UNKNOWN, collection.element))
        return replace(collection, element=pair, items=None)
    elif name in ("values", "copy"):
        return replace(collection, items=None)
    elif name == "keys":
        return replace(collection, element=UNKNOWN)
    elif name in ("pop", "popleft", "get"):
        return collection.element
    return UNKNOWN if name != "setdefault" else collection.element


def grow(collection: Collection, value: Value, record: Record) -> None:
    """Put `value` into a collection."""
    if value is not UNKNOWN:
        collection.element = value
    collection.items = None
    record.grow(collection)


def call_pages(pages: Pages, name: str) -> Value:
    """Call a method of a paginator."""
    return replace(pages.rows, many=False) if name in ("page", "get_page") else UNKNOWN


def call_schema_editor(name: str, arguments: Arguments, record: Record) -> Value:
    """Call a method of the schema editor."""
    if name == "quote_name":
        return quote_name(arguments)
    if name == "execute":
        execute(arguments.get(0, "sql"), record, has_params=arguments.get(1, "params") != NONE)
    elif name.startswith(SCHEMA_CHANGES):
        model = arguments.get(0, "model")
        record.access(Kind.SCHEMA, name, model if isinstance(model, Model) else SOME_MODEL)
    return UNKNOWN


def call_connection(name: str) -> Value:
    """Call a method of a connection."""
    if name in ("cursor", "create_cursor", "chunked_cursor"):
        return Cursor()
    return SchemaEditor() if name == "schema_editor" else UNKNOWN


def call_cursor(name: str, arguments: Arguments, record: Record) -> Value:
    """Call a method of a cursor."""
    if name in ("execute", "executemany"):
        has_params = len(arguments.positional) > 1 or "params" in arguments.keywords
        execute(arguments.get(0, "sql"), record, has_params=has_params)
    elif name in ("callproc", "copy", "copy_expert", "copy_from"):
        record.blind(Blindness.SQL, f"What cursor.{name}() does is not known.")
    elif name in ("fetchall", "stream"):
        return Collection(record.depth, many=True)
    return UNKNOWN


def quote_name(arguments: Arguments) -> Value:
    """Quote the name of a table or column."""
    name = arguments.get(0, "name")
    if not isinstance(name, Constant | Text):
        return UNKNOWN
    return replace_text(name, f'"{text_of(name)}"')


def execute(statement: Value, record: Record, *, has_params: bool) -> None:
    """Run SQL; note its text, as far as it is known."""
    if not isinstance(statement, Constant) or not isinstance(statement.value, str):
        record.blind(Blindness.SQL, "A statement of SQL is computed.")
    if isinstance(statement, Constant | Text):
        record.access(
            Kind.SQL, "execute", SOME_MODEL, sql=text_of(statement), has_params=has_params
        )


def call_string(value: Constant | Text, name: str, arguments: Arguments) -> Value:
    """Call a method of a string."""
    text = text_of(value)
    if name == "startswith" and value is VENDOR:
        return Truth(text.startswith(text_of(arguments.get(0, "prefix"))))
    if name == "format":
        return _format(text, arguments)
    if name in ("strip", "lower", "upper", "lstrip", "rstrip") and not arguments.positional:
        return replace_text(value, getattr(text, name)())
    if name == "split" and isinstance(value, Constant) and len(arguments.positional) == 1:
        separator = text_of(arguments.positional[0])
        return Several(tuple(map(Constant, text.split(separator)))) if separator else UNKNOWN
    return UNKNOWN


def _format(template: str, arguments: Arguments) -> Value:
    """Put what is known into `template.format(...)`."""
    text, unnamed = "", 0
    try:
        for literal, name, _, _ in string.Formatter().parse(template):
            text += literal
            if name is None:
                continue
            if not name:
                name, unnamed = str(unnamed), unnamed + 1
            value = arguments.get(int(name), "") if name.isdigit() else arguments.get(99, name)
            text += text_of(value)
    except ValueError:
        return UNKNOWN
    known = all(isinstance(each, Constant) for each in arguments.all())
    return Constant(text) if known else Text(text)


def percent(template: Constant | Text, value: Value) -> Value:
    """Put what is known into `template % value`."""
    text = text_of(template)
    values = value.items if isinstance(value, Several) else (value,)
    for each in values:
        text = text.replace("%s", text_of(each), 1)
    return Constant(text) if all(isinstance(each, Constant) for each in values) else Text(text)


def replace_text(value: Constant | Text, text: str) -> Value:
    """Return a string that is known as well as `value` is."""
    return Constant(text) if isinstance(value, Constant) else Text(text)
