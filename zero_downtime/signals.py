"""Signals for monitoring; each is sent by the process in which it happens.

`backfill_progressed` and `backfill_ended` are sent with `sender=Backfill` and `backfill=`, the
`zero_downtime.models.Backfill` as it was committed: the one after every batch, the other by every
worker that goes because the backfill is `succeeded`, `failed` or `cancelled`.

`migration_ended` is sent with `sender=JournalEntry` when `migrate` has applied, unapplied or faked
a migration, or failed to: `entry=` the `zero_downtime.models.JournalEntry` that says how, and
`alias=` the database.

`lock_retried` is sent after each try to get a lock that failed: `alias=` the database, `table=` the
table as Django names it or None, `tries=` how many there were, `waited=` how long this one took, in
seconds, the pause that follows included, and `blockers=` the
`zero_downtime.postgres.blockers.Session`s that were in the way, as far as they are known.

`blocker_ended` is sent when `ON_BLOCKER` has been done to one of them: `alias=`, `session=`, and
`how=`, which is "cancel" or "terminate". It may come from another thread than `migrate` runs in.
"""

from __future__ import annotations

from django.dispatch import Signal

backfill_progressed = Signal()
backfill_ended = Signal()

migration_ended = Signal()
lock_retried = Signal()
blocker_ended = Signal()
