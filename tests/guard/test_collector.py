from __future__ import annotations

import gc

from tests.support.project import Project
from zero_downtime.guard.collector import spared_what_is_alive


def test_what_is_alive_is_spared_until_the_end() -> None:
    before = gc.get_freeze_count()
    with spared_what_is_alive():
        assert gc.get_freeze_count() > before
    assert gc.get_freeze_count() == 0


def test_migrations_run_so(project: Project) -> None:
    project.write("note.py", "import gc\ndef spared(*_): print(f'<{gc.get_freeze_count()}>')")
    project.write_migration("0001_initial", "migrations.RunPython(__import__('note').spared)")
    output = project.manage("migrate").stdout
    assert int(output[output.index("<") + 1 : output.index(">")]) > 10_000
