from __future__ import annotations

from pathlib import Path

import pytest

from example_project.demo.releases import Release


@pytest.fixture
def release(tmp_path: Path, database_url: str) -> Release:
    return Release(tmp_path / "release", database_url)
