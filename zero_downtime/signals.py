"""Signals for monitoring; each is sent by the process in which it happens.

`backfill_progressed` and `backfill_ended` are sent with `sender=Backfill` and `backfill=`, the
`zero_downtime.models.Backfill` as it was committed: the one after every batch, the other by every
worker that goes because the backfill is `succeeded`, `failed` or `cancelled`.
"""

from __future__ import annotations

from django.dispatch import Signal

backfill_progressed = Signal()
backfill_ended = Signal()
