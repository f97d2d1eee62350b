"""`python3 dev.py demo`: rename a column of a busy table, and nobody notices."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg

from devtools.embedded_postgres import PostgresUnavailableError
from example_project.demo.accounts import Accounts
from example_project.demo.database import own_database
from example_project.demo.screen import Screen
from example_project.demo.stage import Stage, StepFailedError
from example_project.demo.story import VISITORS_PER_RELEASE, Story
from example_project.demo.traffic import Traffic
from example_project.demo.verdict import Verdict

FEWEST_ROWS = 1_000
EXIT_INTERRUPTED = 130


def main() -> int:
    options = parse(sys.argv[1:])
    # Being asked to end is like Ctrl-C: everything started has to be ended first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    screen = Screen(sys.stdout)
    try:
        verdict = tell_story(screen, options)
    except KeyboardInterrupt:
        screen.clear_live()
        print("Stopped; nothing is left running.")
        return EXIT_INTERRUPTED
    except (StepFailedError, PostgresUnavailableError, psycopg.Error) as error:
        screen.clear_live()
        screen.conclude(False, str(error))
        return 1
    verdict.show(screen)
    if options.json is not None:
        options.json.write_text(verdict.to_json() + "\n")
    return 0 if verdict.is_good else 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 dev.py demo",
        description="Rename a column of a busy table while old and new code use it.",
        epilog="PostgreSQL comes along. Set DATABASE_URL to use a server of yours; the demo makes "
        "a database of its own there, and drops it.",
    )
    parser.add_argument(
        "--rows", type=int, default=300_000, metavar="N", help="customers (default: 300000)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=5.0,
        metavar="S",
        help="how long to measure the traffic alone, before and after (default: 5)",
    )
    parser.add_argument(
        "--kill-backfill",
        action="store_true",
        help="kill the backfill by SIGKILL in the middle, and start it again",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures of the verdict to FILE"
    )
    options = parser.parse_args(arguments)
    if options.rows < FEWEST_ROWS:
        parser.error(f"--rows must be at least {FEWEST_ROWS}.")
    return options


def tell_story(screen: Screen, options: argparse.Namespace) -> Verdict:
    """Tell the story in a database and a folder that are gone afterwards."""
    screen.title("Rename a column of a busy table, and nobody notices")
    with (
        tempfile.TemporaryDirectory(prefix="zero_downtime_demo_") as folder,
        own_database() as database_url,
        psycopg.connect(database_url, autocommit=True) as connection,
        Traffic(2 * VISITORS_PER_RELEASE, options.rows) as traffic,
    ):
        story = Story(
            Stage(screen, traffic, Accounts(connection)),
            Path(folder),
            database_url,
            rows=options.rows,
            seconds=options.seconds,
            kill_backfill=options.kill_backfill,
        )
        verdict = story.tell()
        screen.clear_live()
        return verdict


if __name__ == "__main__":
    sys.exit(main())
