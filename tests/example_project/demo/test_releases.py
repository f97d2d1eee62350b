from __future__ import annotations

import re
import subprocess
from pathlib import Path

from example_project.demo.releases import PROJECT, SPEAK_OF_THE_NAME, Release


def run(release: Release, *arguments: str) -> str:
    process = release.start_management_command(
        *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    return str(output)


def test_a_release_is_a_copy_that_works(release: Release) -> None:
    printed = run(release, "shell", "-v0", "-c", "import example_project as p; print(p.__file__)")

    assert Path(printed.strip()).parent == release.directory / "example_project"


def test_renaming_leaves_the_old_name_nowhere(release: Release) -> None:
    release.rename_customer_field("name", "full_name")

    for file_name in SPEAK_OF_THE_NAME:
        source = (release.directory / "example_project/shop" / file_name).read_text()
        assert re.search(r"\bfull_name\b", source)
        assert not re.search(r"(\b|__)name\b", source)
    assert "name = models.CharField" in (PROJECT / "shop/models.py").read_text()


def test_settings_can_be_changed(release: Release) -> None:
    release.configure(CONTRACT_QUIET=7)

    code = "from zero_downtime import conf; print(conf.get('CONTRACT_QUIET'))"
    assert run(release, "shell", "-v0", "-c", code).strip() == "7.0"
