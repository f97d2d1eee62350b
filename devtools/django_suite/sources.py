"""The tests of the Django that is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import django


class SourcesUnavailableError(RuntimeError):
    """The source distribution could not be fetched."""


def unpacked_tests() -> Path:
    """Return Django's `tests`, fetched from PyPI unless an earlier call has.

    Raises:
        SourcesUnavailableError: PyPI cannot be reached, or does not have this version.
    """
    version = django.get_version()
    kept = cache() / f"django-{version}"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            fetch(version, Path(folder))
            # At once: two may be fetching at the same time.
            (Path(folder) / kept.name).rename(kept)
    return kept / "tests"


def cache() -> Path:
    """Return the directory for what can be fetched again."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "django-zero-downtime"


def fetch(version: str, folder: Path) -> None:
    """Download the source distribution, and unpack its tests, into the folder."""
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    download += ["--no-binary=django", f"--dest={folder}", f"django=={version}"]
    ended = subprocess.run(download, capture_output=True, text=True)
    if ended.returncode != 0:
        raise SourcesUnavailableError(f"Django {version} cannot be fetched: {ended.stderr}")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        tests = f"django-{version}/tests/"
        wanted = [member for member in files.getmembers() if member.name.startswith(tests)]
        files.extractall(folder, wanted, filter="data")
