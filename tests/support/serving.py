"""What all processes of running code have in common: how they begin, talk and end.

Each is started as a script in a project's directory. It says "ready" after its first requests and
"again" each time it is asked by a line on its input and has served some more since; at the end of
its input it prints its last words, as JSON. It dies of the first error.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def serve(request: Callable[[], object], between_words: int = 30) -> None:
    """Serve requests until the input ends; `between_words` of them before it is looked at."""
    print("ready", flush=True)
    while True:
        for _ in range(between_words):
            request()
        if select.select([sys.stdin], [], [], 0)[0]:
            if not sys.stdin.readline():
                return
            print("again", flush=True)


def run(code: Callable[[], Any]) -> None:
    """Run `code` with the project's models, and print what it returns."""
    sys.path.insert(0, str(Path.cwd()))
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    import django

    django.setup()
    print(json.dumps(code()), flush=True)
