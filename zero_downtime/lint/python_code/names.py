"""What global names, imports and attributes stand for."""

from __future__ import annotations

import ast
import builtins
import functools
import types
from typing import Any

from django.conf import settings
from django.db.models.base import ModelBase

from zero_downtime.lint.python_code.facts import ModelKey
from zero_downtime.lint.python_code.queries import QUERYSET_METHODS, SOME_MODEL
from zero_downtime.lint.python_code.sources import (
    Module,
    find,
    imported_name,
    is_first_party,
    is_of,
    live_object,
    unwrap,
)
from zero_downtime.lint.python_code.values import (
    UNKNOWN,
    VENDOR,
    Apps,
    Collection,
    Connection,
    Connections,
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
    Scope,
    Several,
    Text,
    Value,
)

WELL_KNOWN: dict[str, Value] = {
    "django.apps.apps": Apps(imported=True),
    "django.apps.registry.apps": Apps(imported=True),
    "django.db.connection": Connection(),
    "django.db.connections": Connections(),
}
PLAIN = (str, int, float, bool, type(None))


def look_up(module: Module, name: str) -> Value | ast.expr:
    """Return what a global name stands for; the expression, if it has yet to be evaluated."""
    match module.names.get(name):
        case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
            return Function(node, module)
        case (ast.Import() | ast.ImportFrom()) as node:
            return resolve(imported_name(module, node, name), module)
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return value
        case ast.ClassDef():
            return UNKNOWN
    for star in module.stars:
        if (found := resolve(f"{star}.{name}", module)) and not isinstance(found, Imported):
            return found
    return Imported(f"builtins.{name}") if hasattr(builtins, name) else UNKNOWN


def resolve(name: str, module: Module) -> Value:
    """Return what the dotted `name` of an import stands for."""
    if name in WELL_KNOWN:
        return WELL_KNOWN[name]
    if name == "django.conf.settings.AUTH_USER_MODEL" and settings.configured:
        return Constant(settings.AUTH_USER_MODEL)
    # Without a name of its own, the file was not imported, and neither was what it imports.
    found = live_object(name) if module.name else None
    if found is not None and not is_of(found, types.ModuleType):
        value = of_object(found, module)
        return Imported(name) if value is UNKNOWN else value
    key = _model_by_name(name)
    return Imported(name) if key is None else Model(key, imported=True)


def _model_by_name(name: str) -> ModelKey | None:
    """Return the model that `shop.models.Order` is, going by its looks."""
    *package, last = name.split(".")
    if "models" not in package[1:] or (name.startswith("django.") and "contrib.gis" in name):
        return None
    if name.startswith("django.db.") or not last[:1].isupper() or last.isupper():
        return None
    return package[package.index("models", 1) - 1], last.lower()


def user_model() -> Model:
    """Return the model that `get_user_model()` returns."""
    name = settings.AUTH_USER_MODEL if settings.configured else "auth.User"
    app_label, _, model_name = name.partition(".")
    return Model((app_label, model_name.lower()), imported=True)


def of_object(found: Any, beside: Module) -> Value:
    """Return the value for an object of a module that is loaded."""
    if is_of(found, *PLAIN):
        return Constant(found)
    if type(found) in (list, tuple) and all(is_of(each, *PLAIN) for each in found):
        return Several(tuple(map(Constant, found)))
    if is_of(found, ModelBase) and (options := getattr(found, "_meta", None)):
        return Model((options.app_label, options.model_name), imported=True)
    if is_of(found, types.FunctionType, types.MethodType, functools.partial):
        return of_callable(found, beside) or UNKNOWN
    return UNKNOWN


def of_callable(code: object, beside: Module | None) -> Function | None:
    """Return the function behind `code`, if it is in Python and, if called, of the project."""
    plain, bound, partial = unwrap(code)
    if plain is None or (beside is not None and not is_first_party(plain, beside.name)):
        return None
    place = find(plain)
    if place is None:
        return None
    module, node = place
    given = (UNKNOWN,) * bound
    keywords = {}
    if partial is not None:
        given += tuple(of_object(each, module) for each in partial.args)
        keywords = {name: of_object(each, module) for name, each in partial.keywords.items()}
    return Function(node, module, _closure(plain, module), given, keywords)


def _closure(function: types.FunctionType, module: Module) -> Scope | None:
    """Return the names of the functions around `function` that it uses."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return Scope(module, cells=dict(cells)) if function.__closure__ else None


def of_cell(cell: types.CellType, module: Module) -> Value:
    """Return what a name of a function around stands for."""
    try:
        return of_object(cell.cell_contents, module)
    except ValueError:  # it is empty
        return UNKNOWN


def attribute(owner: Value, name: str, module: Module) -> Value:
    """Return what an attribute of a value stands for."""
    match owner:
        case Imported():
            return resolve(f"{owner.name}.{name}", module)
        case Model():
            return _attribute_of_model(owner, name)
        case Member(owner=Model(key=key), name="_meta"):
            return Text("_".join(key)) if key and name == "db_table" else UNKNOWN
        case Member(owner=Model() as model) if name in QUERYSET_METHODS:
            return Member(Rows(model), name)  # a manager by another name
        case Member(owner=Model()) if name == "through":
            return SOME_MODEL
        case Rows(model=model):
            return {"model": model, "object_list": owner}.get(name, Member(owner, name))
        case SchemaEditor() if name == "connection":
            return Connection()
        case Connection() if name == "vendor":
            return VENDOR
        case Pages() if name == "page_range":
            return Collection(many=owner.rows.many, source=owner.rows.model.key)
        case Row() | Member() | Pages() | Collection() | Apps() | Constant() | Text():
            return Member(owner, name)
        case SchemaEditor() | Connection() | Cursor():
            return Member(owner, name)
    return UNKNOWN


def _attribute_of_model(model: Model, name: str) -> Value:
    if name[:1].isupper():
        return UNKNOWN
    if "objects" in name or name.endswith("_manager"):
        return Rows(model)
    return Member(model, name)
