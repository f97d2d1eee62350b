"""`python -m benchmarks migrate`, with few migrations: what it says of itself, not how fast."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.migrate.project import APPS, write_trivial_project
from tests.benchmarks.test_backfill import benchmarks


def test_the_commands_are_compared_and_the_figures_saved(tmp_path: Path) -> None:
    output = tmp_path / "migrate.json"
    options = ["--migrations=8", "--runs=1", f"--output={output}"]
    benchmarks("migrate", "--only=trivial", *options)
    trivial = json.loads(output.read_text())["parts"]["trivial"]
    (judged,) = (each for each in trivial["comparisons"] if each["met"] is not None)
    assert judged["what"] == "seconds: our migrate / stock migrate, our app installed"


def test_the_project_has_as_many_migrations_as_asked_for(tmp_path: Path) -> None:
    write_trivial_project(tmp_path, 20)
    written = [list((tmp_path / app / "migrations").glob("0*.py")) for app in APPS]
    assert [len(files) for files in written] == [4, 4, 3, 3, 3, 3]
