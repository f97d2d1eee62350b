"""A project's manage.py; the last line of its errors is its peak memory in bytes.

python -m benchmarks.manage DIRECTORY SETTINGS_MODULE COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import atexit
import os
import sys

from django.core.management import execute_from_command_line

from benchmarks.processes import peak_memory_bytes

if __name__ == "__main__":
    program, directory, settings, *arguments = sys.argv
    sys.path.insert(0, directory)
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    # Not before an error has been told.
    atexit.register(lambda: print(peak_memory_bytes(), file=sys.stderr))
    execute_from_command_line([program, *arguments])
