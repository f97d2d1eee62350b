#!/usr/bin/env python3
"""Run the project's tools; needs nothing but Python.

    python3 dev.py demo       the demo
    python3 dev.py test       the tests, with any options of pytest
    python3 dev.py lint       ruff
    python3 dev.py types      mypy
    python3 dev.py docs       build the documentation
    python3 dev.py check      test, lint, types and docs: what has to pass
    python3 dev.py django     Django's own tests of migrations, with our commands
    python3 dev.py postgres   a throw-away PostgreSQL server, until Ctrl-C
    python3 dev.py venv       only set up the virtual environment the others use

The first run sets up a virtual environment beside this file, and so does the first one after
pyproject.toml changed. This file itself stays readable for older Pythons, to tell them so.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit("dev.py needs Python 3.11 or newer; this is %d.%d." % sys.version_info[:2])

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / f".venv-{sys.implementation.cache_tag}"
PYTHON = VENV / "bin" / "python"

# What each command runs as `python -m ...`; further arguments go to the last one.
COMMANDS = {
    "demo": ["example_project.demo"],
    "test": ["pytest -n 2"],
    "lint": ["ruff check", "ruff format --check"],
    "types": ["mypy"],
    "django": ["devtools.django_suite"],
    "docs": ["sphinx -q -W -b html docs docs/_build/html"],
    "postgres": ["devtools.embedded_postgres"],
    "venv": [],
}
COMMANDS["check"] = [
    module for name in ("test", "lint", "types", "docs") for module in COMMANDS[name]
]


def main(arguments: list[str]) -> None:
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    os.chdir(ROOT)
    set_up()
    modules = COMMANDS[arguments[0]]
    for module in modules[:-1]:
        subprocess.run(python_module(module), check=True)
    for module in modules[-1:]:
        # Replaces this process, so that Ctrl-C and the exit status are the tool's own business.
        os.execv(PYTHON, [*python_module(module), *arguments[1:]])
    print(VENV)


def python_module(module: str) -> list[str]:
    return [str(PYTHON), "-m", *module.split()]


def set_up() -> None:
    """Make the virtual environment unless it is there and fits."""
    with VENV.with_suffix(".lock").open("w") as lock:
        # Two first runs at the same time: the second one waits here, and then finds it made.
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = VENV / "made-for"
        if not stamp.exists() or stamp.read_text() != fingerprint():
            print(f"dev.py: setting up {VENV.name}, once; a minute or two ...", file=sys.stderr)
            create_venv()
            # Last, so that an interrupted set-up is repeated.
            stamp.write_text(fingerprint())


def fingerprint() -> str:
    """What the environment depends on: this Python, this place, these requirements."""
    requirements = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    return "\n".join([sys.version, sys.base_prefix, str(ROOT), requirements])


def create_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit("dev.py: this Python comes without pip. On Debian: apt-get install python3-venv")
    venv.create(VENV, clear=True, with_pip=True)
    pip = "pip --disable-pip-version-check install --quiet --editable .[dev]"
    subprocess.run(python_module(pip), check=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except subprocess.CalledProcessError as error:  # the tool has said why
        sys.exit(error.returncode)
    except KeyboardInterrupt:
        sys.exit(130)
