"""Which files differ from those of another commit, by Git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from django.core.management.base import CommandError


def changed_since(ref: str, directory: Path | None = None) -> set[Path]:
    """Return the files that are new or different since the branch left `ref`, resolved.

    Those that are not committed, or that Git does not know and does not ignore, are among them.
    The repository is that of `directory`, by default the current one.

    Raises:
        CommandError: with exit code 2; there is no repository, no Git, or no such commit.
    """
    root = Path(_git(["rev-parse", "--show-toplevel"], directory, "There is no Git repository"))
    commit = _git(
        ["rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}"],
        root,
        f"There is no commit {ref!r}, or it was not fetched",
    )
    base = _git(
        ["merge-base", commit, "HEAD"],
        root,
        f"HEAD and {ref!r} have nothing in common; a shallow clone has to fetch more of them",
    )
    changed = _git(["diff", "--name-only", "--diff-filter=d", "--no-renames", "-z", base], root)
    unknown = _git(["ls-files", "--others", "--exclude-standard", "-z"], root)
    return {(root / name).resolve() for name in (changed + unknown).split("\0") if name}


def _git(arguments: list[str], directory: Path | None, failure: str = "Git failed") -> str:
    """Return what Git prints; raise with `failure` and what it says if it cannot."""
    try:
        result = subprocess.run(
            ["git", *arguments], cwd=directory, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise CommandError("--since needs Git, which is not installed.", returncode=2) from None
    if result.returncode:
        said = " ".join(os.fsdecode(result.stderr).split())
        raise CommandError(f"{failure}{f' ({said})' if said else ''}.", returncode=2)
    return os.fsdecode(result.stdout).removesuffix("\n")
