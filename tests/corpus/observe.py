"""Observe the corpus's migrations on a server, and write what was seen to observed.json.

    python -m tests.corpus.observe [CASE ...]

Without names, all cases; with names, these only, and the others stay as they were.
"""

from __future__ import annotations

import os
import sys

import django
from tqdm import tqdm

from devtools.embedded_postgres import EmbeddedPostgres

#: Nobody minds losing these databases in a power cut.
SETTINGS = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.corpus.cases import all_cases
    from tests.corpus.databases import Bookshops
    from tests.corpus.observing import Observer
    from tests.corpus.record import read, record_of, write

    names = sys.argv[1:]
    records = {} if not names else read()
    with EmbeddedPostgres(config=SETTINGS) as server, Bookshops(server.url) as bookshops:
        observer = Observer(bookshops)
        for case in tqdm(all_cases()):
            if not names or case.name in names:
                records[case.name] = record_of(case, observer)
        write(records, bookshops.postgres_version)


if __name__ == "__main__":
    main()
