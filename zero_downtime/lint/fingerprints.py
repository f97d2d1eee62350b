"""Knowing a finding again, in another run and after the file was edited elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db.migrations.operations.base import Operation
from django.utils.functional import Promise

if TYPE_CHECKING:
    from zero_downtime.lint.findings import Finding


_LENGTH = 32
"""Hexadecimal digits: more than enough, and short enough to be read."""


def identified(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings with fingerprints; those that have one keep it.

    It is made of the rule, the migration and what the operation says, not of where it stands or
    how the finding is worded. Findings that are equal in all of that are numbered.
    """
    seen: Counter[str] = Counter()
    return [each if each.fingerprint else _identified(each, seen) for each in findings]


def fingerprint_of(operations: Iterable[Operation]) -> str:
    """Return what tells operations from others that say something else."""
    content = [[type(each).__qualname__, _plain(each.deconstruct())] for each in operations]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _identified(finding: Finding, seen: Counter[str]) -> Finding:
    content = _plain(finding.subject)
    identity = json.dumps([finding.rule, finding.app, finding.migration, content])
    seen[identity] += 1
    digest = hashlib.sha256(f"{identity} {seen[identity]}".encode()).hexdigest()
    return replace(finding, fingerprint=digest[:_LENGTH])


def _plain(value: Any) -> Any:
    """Return what the value says, in terms of JSON, and the same in every process."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, Mapping):
        return sorted([str(key), _plain(each)] for key, each in value.items())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(json.dumps(_plain(each)) for each in value)
    if not isinstance(value, type) and hasattr(value, "deconstruct"):
        return _plain(value.deconstruct())
    if callable(value) or _has_no_text(type(value)):
        named = value if hasattr(value, "__qualname__") else type(value)
        return f"{named.__module__}.{named.__qualname__}"
    return repr(value)


def _has_no_text(kind: Any) -> bool:
    """Tell whether what `repr()` says of such objects is no more than their address."""
    return kind.__repr__ is object.__repr__
