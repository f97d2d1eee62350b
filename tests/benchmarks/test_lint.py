"""`python -m benchmarks lint`, with few migrations: what it says of itself, not how fast."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.lint.project import Project
from devtools.database_url import database_settings
from tests.benchmarks.test_backfill import REPOSITORY, benchmarks


def manage(project: Path, *arguments: str) -> str:
    """Run a command of the project, and return what it prints."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.manage", str(project), "settings", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return ended.stdout


def test_the_commands_are_compared_and_the_figures_saved(tmp_path: Path) -> None:
    output = tmp_path / "lint.json"
    benchmarks("lint", "--migrations=12", "--runs=1", f"--output={output}")
    report = json.loads(output.read_text())
    assert report["options"] == {"migrations": 12, "runs": 1}
    parts = report["parts"]
    assert judged(parts["commands"]) >= {
        "seconds: lintmigrations / load_graph",
        "CPU seconds: lintmigrations / load_graph",
        "peak memory MiB: lintmigrations / load_graph",
    }
    for peer in ("django-migration-linter", "django-safe-migrations"):
        is_compared = f"seconds: {peer} / lintmigrations" in judged(parts["peers"])
        assert is_compared == bool(find_spec(peer.replace("-", "_")))


def judged(part: dict[str, Any]) -> set[str]:
    """Return the ratios that have a target."""
    return {each["what"] for each in part["comparisons"] if each["met"] is not None}


def test_the_projects_migrations_are_the_same_each_time(tmp_path: Path) -> None:
    written = []
    for name in "ab":
        directory = tmp_path / name
        directory.mkdir()
        Project(directory).write(30, {})
        files = sorted(directory.rglob("*.py"))
        written.append([(file.relative_to(directory), file.read_text()) for file in files])
    assert written[0] == written[1]


def test_the_projects_migrations_run(tmp_path: Path, database_url: str) -> None:
    Project(tmp_path).write(60, database_settings(database_url))
    manage(tmp_path, "migrate")
