"""All rules there are, by code and by name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from django.core.management.base import CommandError

from zero_downtime.errors import UnknownName
from zero_downtime.lint import rules
from zero_downtime.lint.rule import Rule

ENTRY_POINTS = "zero_downtime.rules"
"""Group of the entry points by which other packages bring rules: a class, or a module of them."""


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return one instance of every rule, ours and those of other packages, in order of code.

    Raises:
        CommandError: with exit code 2, if the rules of another package cannot be had.
    """
    found = [
        kind()
        for module_info in pkgutil.iter_modules(rules.__path__)
        for kind in _rules_in(importlib.import_module(f"{rules.__name__}.{module_info.name}"))
    ]
    for entry_point in entry_points(group=ENTRY_POINTS):
        found += _loaded(entry_point, found)
    return tuple(sorted(found, key=lambda rule: rule.code))


def _loaded(entry_point: EntryPoint, known: Iterable[Rule]) -> list[Rule]:
    """Return the rules of another package, none of which is known yet."""
    try:
        loaded = entry_point.load()
        new = [kind() for kind in _rules_in(loaded)]
        if not new:
            raise TypeError(f"{entry_point.value} is no rule, and no module that has any")
        taken = {key for rule in known for key in (rule.code, rule.name)}
        for rule in new:
            if taken & {rule.code, rule.name}:
                raise ValueError(f"there is a rule {rule.code} {rule.name} already")
    except Exception as error:  # whatever another package does wrong
        package = entry_point.dist.name if entry_point.dist else "a package"
        raise CommandError(
            f"The linter cannot have the rules {entry_point.name!r} of {package} "
            f"({type(error).__name__}: {' '.join(str(error).split())}). "
            "Mend or uninstall that package.",
            returncode=2,
        ) from error
    return new


def _rules_in(loaded: type | ModuleType) -> list[type[Rule]]:
    """Return a class of rules itself, or those that a module defines."""
    if inspect.ismodule(loaded):
        members = [member for _, member in inspect.getmembers(loaded, inspect.isclass)]
        kinds = [member for member in members if member.__module__ == loaded.__name__]
    else:
        kinds = [loaded]
    return [
        kind
        for kind in kinds
        if inspect.isclass(kind) and issubclass(kind, Rule) and not inspect.isabstract(kind)
    ]


def get_rule(code_or_name: str) -> Rule:
    """Return the rule with this code or name; raise UnknownName with the closest one."""
    known = {key: rule for rule in all_rules() for key in (rule.code, rule.name)}
    try:
        return known.get(code_or_name.upper()) or known[code_or_name.lower()]
    except KeyError:
        raise UnknownName("rule", code_or_name, known) from None


def select_rules(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> list[Rule]:
    """Return the rules in `select` (all when empty) that are not in `ignore`."""
    selected = [get_rule(name) for name in select] or all_rules()
    ignored = [get_rule(name) for name in ignore]
    return [rule for rule in selected if rule not in ignored]
