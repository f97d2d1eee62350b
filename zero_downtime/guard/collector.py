"""What Python's garbage collector need not look at while migrations run."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def spared_what_is_alive() -> Iterator[None]:
    """Keep the collector from what there is by now: modules, models, the graph of migrations.

    None of it ends before the command does. Django's states of models make garbage in such amounts
    that the collector comes often, and looks at all of it each time: a tenth of the seconds that
    `python -m benchmarks migrate --only trivial` takes.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
