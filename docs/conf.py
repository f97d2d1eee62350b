"""Sphinx configuration."""

from __future__ import annotations

from zero_downtime.conf import SETTINGS

project = "django-zero-downtime"
author = "django-zero-downtime contributors"
copyright = "2026, " + author


def settings_table() -> str:
    """Return the table of `settings.md`, made from the settings themselves."""
    rows = [
        f"| `{name}` | `{setting.default!r}` | {setting.kind.description} | {setting.meaning} |"
        for name, setting in SETTINGS.items()
    ]
    return "\n".join(["| key | default | value | meaning |", "| --- | --- | --- | --- |", *rows])


extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist", "substitution"]
myst_substitutions = {"settings_table": settings_table()}
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "django-zero-downtime"
