"""Reading what the function of a `RunPython` does from its source.

Nothing is called and no database is asked: every name of the function is followed through its
syntax tree, into helpers of the project too, with a value in mind for the models, querysets, rows
and connections that it can stand for. What is not understood is taken for harmless, and said to be
opaque where rows could be reached by it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from zero_downtime.lint.python_code.expressions import TooMuch
from zero_downtime.lint.python_code.facts import (
    UNKNOWN_IN_SQL,
    Access,
    Blindness,
    Extent,
    Kind,
    ModelKey,
    Opaque,
    PythonCode,
)
from zero_downtime.lint.python_code.interpreter import Interpreter
from zero_downtime.lint.python_code.names import look_up, of_callable
from zero_downtime.lint.python_code.queries import Arguments
from zero_downtime.lint.python_code.sources import Module
from zero_downtime.lint.python_code.values import Apps, Function, SchemaEditor, Scope

__all__ = [
    "UNKNOWN_IN_SQL",
    "Access",
    "Blindness",
    "Extent",
    "Kind",
    "ModelKey",
    "Opaque",
    "PythonCode",
    "read",
    "read_function",
]


def read(code: Callable[..., Any]) -> PythonCode:
    """Return what `code(apps, schema_editor)` does.

    Modules that are loaded are looked at to find helpers and models; nothing is imported.
    """
    try:
        return _read_once(code)
    except TypeError:  # not hashable
        return _read(code)


@lru_cache(maxsize=4096)
def _read_once(code: Callable[..., Any]) -> PythonCode:
    return _read(code)


def _read(code: Callable[..., Any]) -> PythonCode:
    function = of_callable(code, beside=None)
    return _not_found(code) if function is None else _follow(function)


def read_function(tree: ast.Module, name: str) -> PythonCode:
    """Return what the function of that name in a parsed file does. The file was not imported."""
    function = look_up(Module(tree), name)
    return _follow(function) if isinstance(function, Function) else _not_found(name)


def _follow(function: Function) -> PythonCode:
    interpreter = Interpreter(Scope(function.module))
    interpreter.record.line = function.node.lineno
    try:
        interpreter.call_function(function, Arguments([Apps(), SchemaEditor()]))
    except (TooMuch, RecursionError):
        interpreter.record.blind(Blindness.SOURCE, "The function is too complicated.")
    record = interpreter.record
    return PythonCode(tuple(record.accesses), tuple(record.opaque), function.module.path)


def _not_found(code: object) -> PythonCode:
    name = getattr(code, "__qualname__", code)
    return PythonCode(
        opaque=(Opaque(Blindness.SOURCE, 1, f"The source of {name} is not at hand."),)
    )
