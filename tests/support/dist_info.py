"""A package as an installer leaves it, as far as entry points go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_dist_info(
    directory: Path, name: str, entry_points: Mapping[str, Mapping[str, str]]
) -> None:
    """Make the package known in a directory of `sys.path`, with entry points by their group."""
    folder = directory / f"{name}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        line
        for group, named in entry_points.items()
        for line in [f"[{group}]", *(f"{key} = {value}" for key, value in named.items())]
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")
