"""Sphinx configuration."""

from __future__ import annotations

project = "django-zero-downtime"
author = "django-zero-downtime contributors"
copyright = "2026, " + author

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "django-zero-downtime"
