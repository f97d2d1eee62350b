"""The story of the demo, from top to bottom."""

from __future__ import annotations

import subprocess
from pathlib import Path

from example_project.demo.accounts import Comparison
from example_project.demo.commands import Command
from example_project.demo.figures import Figures
from example_project.demo.releases import Release
from example_project.demo.stage import Stage, StepFailedError
from example_project.demo.traffic import VisitorProcess
from example_project.demo.verdict import Verdict, milliseconds

VISITORS_PER_RELEASE = 2
SECONDS_SIDE_BY_SIDE = 2.0
QUIET_SECONDS = 1
# Small batches with pauses: so one can watch the backfill, and kill it in the middle.
BATCHES = 60
BATCH_PAUSE_SECONDS = 0.1
KILL_AT = 0.3


class Story:
    """Renames `Customer.name` to `Customer.full_name` while the shop is open.

    `rows` customers are loaded into the empty database `database_url`; the two releases go to
    `folder`. The traffic alone is measured for `seconds` before the change, and again after it.
    With `kill_backfill`, the backfill is killed in the middle and started again.
    """

    def __init__(
        self,
        stage: Stage,
        folder: Path,
        database_url: str,
        *,
        rows: int,
        seconds: float,
        kill_backfill: bool,
    ) -> None:
        self.stage = stage
        self.rows = rows
        self.seconds = seconds
        self.kill_backfill = kill_backfill
        self.before, self.during, self.after = Figures(), Figures(), Figures()
        self.killed_at: float | None = None
        self.release_1 = Release(folder / "release_1", database_url)
        self.release_2 = Release(folder / "release_2", database_url)

    def tell(self) -> Verdict:
        """Go through all the steps. Raises StepFailedError."""
        self.open_the_shop()
        old_visitors = self.let_old_code_work()
        self.write_the_migrations()
        self.expand()
        new_visitors = self.let_new_code_work()
        self.backfill()
        self.try_to_contract_too_early()
        columns = self.stop_old_code(old_visitors)
        self.contract()
        ledger = self.close_the_shop(new_visitors)
        return Verdict(self.before, self.during, self.after, columns, ledger, self.killed_at)

    def open_the_shop(self) -> None:
        self.stage.step(f"A shop with {self.rows:,} customers", "opening")
        self.stage.run(Command(self.release_1, "migrate", "--verbosity=0"))
        self.load_customers()
        self.stage.accounts.remember_loaded()

    def load_customers(self) -> None:
        self.stage.screen.command(f"python manage.py loaddemo --customers={self.rows}")
        # Its progress bar goes to standard error, which is the terminal.
        with self.release_1.start_management_command(
            "loaddemo", f"--customers={self.rows}", stdout=subprocess.PIPE
        ) as process:
            try:
                summary, _ = process.communicate()
            finally:
                process.kill()
        if process.returncode != 0:
            raise StepFailedError("The customers could not be loaded.")
        self.stage.screen.output(summary.rstrip())

    def let_old_code_work(self) -> list[VisitorProcess]:
        self.stage.step("Release 1 serves requests: it knows Customer.name", "before")
        visitors = self.stage.start(self.release_1, "old code", VISITORS_PER_RELEASE)
        self.stage.traffic.figures = self.before
        self.stage.watch_for(self.seconds)
        self.stage.settle()
        self.stage.traffic.figures = self.during
        self.stage.screen.note(
            f"{self.before.requests:,} requests, the slowest took "
            f"{milliseconds(self.before.slowest)}."
        )
        return visitors

    def write_the_migrations(self) -> None:
        self.stage.step("Release 2 calls it Customer.full_name", "makemigrations")
        self.release_2.rename_customer_field("name", "full_name")
        self.release_2.configure(
            CONTRACT_QUIET=QUIET_SECONDS,
            INLINE_BACKFILL_ROWS=min(10_000, self.rows // 10),
            BATCH_MAX_ROWS=max(100, self.rows // BATCHES),
            BATCH_PAUSE=BATCH_PAUSE_SECONDS,
        )
        self.stage.run(Command(self.release_2, "makemigrations", "shop", answer="y"))

    def expand(self) -> None:
        self.stage.step("Expand: both columns live, kept equal by triggers", "expand")
        self.stage.run(Command(self.release_2, "migrate"))
        self.stage.require_columns("name", "full_name", otherwise="migrate did not expand")

    def let_new_code_work(self) -> list[VisitorProcess]:
        self.stage.step("Release 2 serves requests beside release 1", "old and new code")
        visitors = self.stage.start(self.release_2, "new code", VISITORS_PER_RELEASE)
        self.stage.watch_for(SECONDS_SIDE_BY_SIDE)
        return visitors

    def backfill(self) -> None:
        self.stage.step("Backfill: the rows that nobody wrote meanwhile", "backfill")
        self.stage.counts_filled = True
        if self.kill_backfill:
            self.kill_a_backfill()
        self.stage.run(Command(self.release_2, "backfill"))
        self.stage.settle()
        self.stage.counts_filled = False
        self.stage.traffic.backfilled = True
        self.stage.screen.note(
            f"New code met {self.during.unfilled_reads:,} names that were not there yet; "
            "from now on that is an error."
        )

    def kill_a_backfill(self) -> None:
        command = Command(self.release_2, "backfill")
        self.stage.run_until(lambda: self.stage.filled >= KILL_AT, command)
        self.killed_at = self.stage.accounts.filled_share()
        if self.killed_at == 1:
            raise StepFailedError("The backfill was complete before it could be killed.")
        self.stage.screen.note(f"Killed by SIGKILL at {self.killed_at:.0%}. Once more:")

    def try_to_contract_too_early(self) -> None:
        self.stage.step("Contract: not while old code is still at work", "contract, too early")
        self.stage.run(Command(self.release_2, "migrate"))
        self.stage.require_columns("name", "full_name", otherwise="migrate did not wait")

    def stop_old_code(self, visitors: list[VisitorProcess]) -> Comparison:
        self.stage.step("Release 1 is stopped", "new code")
        self.stage.stop(visitors)
        self.stage.watch_for(QUIET_SECONDS)
        comparison = self.stage.accounts.compare_columns()
        self.stage.screen.note(
            f"name and full_name compared in {comparison.rows:,} rows: "
            f"{comparison.differing:,} differ."
        )
        return comparison

    def contract(self) -> None:
        self.stage.step("Contract: only full_name is left", "contract")
        self.stage.run(Command(self.release_2, "migrate"))
        self.stage.require_columns("full_name", otherwise="migrate did not contract")
        self.stage.settle()

    def close_the_shop(self, visitors: list[VisitorProcess]) -> Comparison:
        self.stage.step("Release 2 goes on alone", "after")
        self.stage.traffic.figures = self.after
        self.stage.watch_for(self.seconds)
        self.stage.stop(visitors)
        self.stage.screen.note(
            f"{self.after.requests:,} requests, the slowest took "
            f"{milliseconds(self.after.slowest)}."
        )
        return self.stage.accounts.compare_with_ledger(self.stage.traffic.ledger)
