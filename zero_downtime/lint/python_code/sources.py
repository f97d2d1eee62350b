"""Finding the source of functions. Nothing is imported or called for it."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import sysconfig
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_OTHERS_PACKAGES = {"site-packages", "dist-packages"}
_STANDARD_LIBRARY = sysconfig.get_path("stdlib")


@dataclass(eq=False)
class Module:
    """A parsed file."""

    tree: ast.Module
    name: str | None = None
    """Its dotted name; None if it is not known, and then nothing is followed into others."""
    path: str | None = None

    @cached_property
    def names(self) -> dict[str, ast.stmt]:
        """The statement that gives each global name its value."""
        return dict(_definitions(self.tree.body))

    @cached_property
    def stars(self) -> list[str]:
        """The modules of which everything is imported."""
        return [
            self.absolute(node)
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        ]

    @cached_property
    def functions(self) -> dict[int, list[AnyFunction]]:
        """All functions, by the line that their code objects name."""
        found: dict[int, list[AnyFunction]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, AnyFunction):
                found.setdefault(first_line(node), []).append(node)
        return found

    def absolute(self, node: ast.ImportFrom) -> str:
        """Return the dotted name of the module that `node` imports from."""
        if not node.level:
            return node.module or ""
        if self.name is None:
            return "." * node.level + (node.module or "")
        package = self.name.split(".")
        if not (self.path or "").endswith("__init__.py"):
            package = package[:-1]
        package = package[: len(package) - node.level + 1]
        return ".".join([*package, node.module] if node.module else package)


def _definitions(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    yield alias.asname or alias.name.partition(".")[0], node
            case ast.Assign(targets=targets):
                for target in targets:
                    if isinstance(target, ast.Name):
                        yield target.id, node
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                yield name, node
            case ast.If() | ast.Try():
                yield from _definitions(node.orelse)
                yield from _definitions(node.body)


def imported_name(module: Module, node: ast.Import | ast.ImportFrom, name: str) -> str:
    """Return the dotted name of what the statement binds to `name`."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            if alias.asname == name:
                return alias.name
        elif (alias.asname or alias.name) == name:
            package = module.absolute(node)
            return package + alias.name if package.endswith(".") else f"{package}.{alias.name}"
    return name


# Syntax trees are large: they are kept for as long as the next migration is likely to need them.
@lru_cache(maxsize=16)
def module_at(path: str, name: str) -> Module | None:
    """Return the parsed file; None if it cannot be read as Python."""
    try:
        return Module(ast.parse(Path(path).read_bytes()), name, path)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def unwrap(code: object) -> tuple[types.FunctionType | None, int, functools.partial[object] | None]:
    """Return the function behind `code`, how many arguments it binds as a method, and the partial.

    The function is None if `code` is not written in Python.
    """
    partial, bound = None, 0
    for _ in range(10):  # wrappers in wrappers; they could go round in circles
        if isinstance(code, functools.partial):
            partial, code = code, code.func
        elif isinstance(code, types.MethodType):
            bound, code = 1, code.__func__
        else:
            code = inspect.getattr_static(code, "__wrapped__", code)
    if not isinstance(code, types.FunctionType | type):
        bound, code = 1, inspect.getattr_static(code, "__call__", None)
    return code if isinstance(code, types.FunctionType) else None, bound, partial


def find(function: types.FunctionType) -> tuple[Module, AnyFunction] | None:
    """Return where the source of `function` is, if it can be told."""
    code = function.__code__
    module = module_at(code.co_filename, function.__module__ or "")
    if module is None:
        return None
    node = module.names.get(code.co_name)
    if isinstance(node, ast.FunctionDef) and first_line(node) == code.co_firstlineno:
        return module, node
    candidates = [
        node
        for node in module.functions.get(code.co_firstlineno, [])
        if getattr(node, "name", "<lambda>") == code.co_name
        and [each.arg for each in parameters(node)] == _argument_names(code)
    ]
    return (module, candidates[0]) if len(candidates) == 1 else None


def _argument_names(code: types.CodeType) -> list[str]:
    return list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def first_line(node: AnyFunction) -> int:
    """Return the line that the function's code object names: that of its first decorator."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def parameters(node: AnyFunction) -> list[ast.arg]:
    """Return the parameters of a function in order, without `*args` and `**kwargs`."""
    arguments = node.args
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


def is_first_party(function: types.FunctionType, beside: str | None) -> bool:
    """Tell whether a function is of the project, or of the package that the module `beside` is of.

    Code of others is not read.
    """
    own_package = (beside or "").partition(".")[0]
    if own_package and (function.__module__ or "").partition(".")[0] == own_package:
        return True
    path = Path(function.__code__.co_filename)
    return not (_OTHERS_PACKAGES.intersection(path.parts) or path.is_relative_to(_STANDARD_LIBRARY))


def live_object(name: str) -> object:
    """Return what the dotted `name` stands for in the modules that are loaded; None if nothing."""
    package, rest = name, list[str]()
    while package and package not in sys.modules:
        package, _, last = package.rpartition(".")
        rest.insert(0, last)
    found: object = sys.modules.get(package)
    for attribute in rest:
        if not is_of(found, types.ModuleType, type):
            return None
        found = vars(found).get(attribute)
    return found


def is_of(value: object, *kinds: type) -> bool:
    """Tell whether `value` is of one of the kinds, without asking itself: it could be lazy."""
    return issubclass(type(value), kinds)
