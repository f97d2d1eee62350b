"""Extensions and collations."""

from __future__ import annotations

from django.contrib.postgres.operations import CreateExtension, TrigramExtension
from django.db.migrations import RunSQL

from tests.corpus.case import Case

CASES = [
    Case("extension_plpgsql", "an extension that is there", [CreateExtension("plpgsql")]),
    Case(
        "extension_unknown",
        "an extension that no server has",
        [CreateExtension("no_such")],
        explained={"may-fail": "which extensions a server has is not known without one"},
    ),
    Case(
        "extension_sql",
        "CREATE EXTENSION IF NOT EXISTS",
        [
            RunSQL("CREATE EXTENSION IF NOT EXISTS plpgsql", RunSQL.noop),
        ],
    ),
    Case("extension_trigram", "pg_trgm", [TrigramExtension()]),
]
