"""Print how well the linter's verdicts agree with what was observed. Needs no database.

    python -m tests.corpus.compare [DIRECTORY] [--only CASE ...] [--hazard HAZARD]

DIRECTORY holds another corpus, as migration files: see `samples`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from tests.corpus.comparison import Judged


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.compare")
    parser.add_argument("directory", type=Path, nargs="?", help="default: the corpus of the tests")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="judge these cases only")
    parser.add_argument("--hazard", help="show only disagreements about this one")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.corpus.comparison import disagreement, table

    cases = [
        case
        for case in _judged(options.directory)
        if not options.only or case.verdict.case in options.only
    ]
    print(table(cases))
    for case in sorted(cases, key=lambda case: case.verdict.case):
        if case.wrong and (options.hazard is None or options.hazard in case.wrong):
            print()
            print(disagreement(case))


def _judged(directory: Path | None) -> Iterator[Judged]:
    from tests.corpus import samples
    from tests.corpus.comparison import judge_corpus

    return judge_corpus() if directory is None else samples.judge(directory.resolve())


if __name__ == "__main__":
    main()
