"""All rules there are, by code and by name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from functools import cache

from zero_downtime.errors import UnknownName
from zero_downtime.lint import rules
from zero_downtime.lint.rule import Rule


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return one instance of every rule in `zero_downtime.lint.rules`, in order of code."""
    found = [
        member()
        for module_info in pkgutil.iter_modules(rules.__path__)
        for _, member in inspect.getmembers(
            importlib.import_module(f"{rules.__name__}.{module_info.name}"), inspect.isclass
        )
        if issubclass(member, Rule) and not inspect.isabstract(member)
    ]
    return tuple(sorted(found, key=lambda rule: rule.code))


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
