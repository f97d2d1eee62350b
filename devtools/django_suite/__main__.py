"""The command line; see the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import psycopg

from devtools.django_suite.launch import Installed
from devtools.django_suite.recording import RESULTS_VARIABLE, Record
from devtools.django_suite.sources import SourcesUnavailableError, unpacked_tests
from devtools.django_suite.verdict import judge, read_exceptions, summary
from devtools.embedded_postgres import EmbeddedPostgres, PostgresUnavailableError

REPOSITORY = Path(__file__).parents[2]

# Of the 19,730 tests in Django 6.1, all that call `migrate`, and those of what it is made of.
LABELS = [
    "migrations",
    "migrate_signals",
    "migration_test_data_persistence",
    "auth_tests.test_management",
    "backends.base.test_creation",
    "check_framework.test_commands",
    "contenttypes_tests.test_operations",
    "multiple_database",
    "proxy_model_inheritance",
    "swappable_models",
]
# The extensions that their models need are not with every server.
LABELS_WITH_EXTENSIONS = ["postgres_tests.test_array", "postgres_tests.test_operations"]
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def main(labels: list[str]) -> int:
    """Run the tests and say what came out; return the exit code."""
    try:
        directory = unpacked_tests()
        with EmbeddedPostgres(config=FAST) as server:
            records = run(directory, server.url, Installed.EVERYTHING, labels or usual(server.url))
            failed = [test for test, record in records.items() if record.error]
            without_us, without_commands = (
                run(directory, server.url, installed, failed) if failed else {}
                for installed in (Installed.NOTHING, Installed.APP)
            )
    except (SourcesUnavailableError, PostgresUnavailableError) as error:
        sys.exit(str(error))
    verdict = judge(records, without_us, without_commands, read_exceptions())
    print(summary(records, verdict))
    return 1 if verdict.mistakes else 0


def usual(url: str) -> list[str]:
    """Return the labels of the tests that this server can run."""
    with psycopg.connect(url) as connection:
        query = "SELECT FROM pg_available_extensions WHERE name = 'uuid-ossp'"
        if connection.execute(query).fetchone() is None:
            print(f"Left out, as the server has no uuid-ossp: {LABELS_WITH_EXTENSIONS}")
            return LABELS
    return LABELS + LABELS_WITH_EXTENSIONS


def run(
    directory: Path, url: str, installed: Installed, labels: Iterable[str]
) -> Mapping[str, Record]:
    """Run the tests with these labels in a process of their own."""
    with tempfile.NamedTemporaryFile("r") as results:
        launch = [sys.executable, "-m", "devtools.django_suite.launch"]
        subprocess.run(
            [*launch, directory, installed, *labels],
            # Some tests look for files where they stand.
            cwd=directory,
            env={
                **os.environ,
                "DATABASE_URL": url,
                "PYTHONPATH": str(REPOSITORY),
                RESULTS_VARIABLE: results.name,
            },
            check=True,
        )
        return {test: Record(**record) for test, record in json.load(results).items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
