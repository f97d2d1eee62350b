"""A process that does nothing but fill the table; its output is its peak memory in bytes.

python -m benchmarks.backfill.engine_process DATABASE_URL
"""

from __future__ import annotations

import sys

from benchmarks import set_up_django
from benchmarks.processes import peak_memory_bytes

if __name__ == "__main__":
    set_up_django()
    # Not above: models can be defined only now.
    from benchmarks.backfill.contenders import engine
    from tests.support.django_database import django_connected_to

    with django_connected_to(sys.argv[1]) as connection:
        engine(1)(connection, lambda rows: None)
    print(peak_memory_bytes())
