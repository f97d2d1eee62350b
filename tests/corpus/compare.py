"""Print how well the linter's verdicts agree with what was observed. Needs no database.

python -m tests.corpus.compare DIRECTORY [--only CASE ...] [--hazard HAZARD]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from tests.corpus.comparison import Judged


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.compare", description=__doc__)
    parser.add_argument("directory", type=Path, help="where observed.json is")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="judge these cases only")
    parser.add_argument("--hazard", help="show only disagreements about this one")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.corpus.comparison import disagreement, table

    cases = [
        case
        for case in _judged(options.directory.resolve())
        if not options.only or case.verdict.case in options.only
    ]
    print(table(cases))
    for case in sorted(cases, key=lambda case: case.verdict.case):
        about = case.missed | case.false
        if about and (options.hazard is None or options.hazard in about):
            print()
            print(disagreement(case))


def _judged(directory: Path) -> Iterator[Judged]:
    from tests.corpus.comparison import Judged, lint
    from tests.corpus.samples import read_migrations, read_verdicts

    for verdict, name in read_verdicts(directory):
        try:
            migrations = read_migrations(directory, verdict.case)
        except TypeError as error:  # Django itself refuses the arguments of an operation
            print(f"{verdict.case} cannot be imported: {error}", file=sys.stderr)
            continue
        [judged] = [each for each in migrations if each.name == name]
        yield Judged(verdict, lint(migrations, judged))


if __name__ == "__main__":
    main()
