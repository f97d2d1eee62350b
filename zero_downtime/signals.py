"""Signals for monitoring; each is sent by the process in which it happens.

`backfill_progressed` and `backfill_ended` are sent with `sender=Backfill` and `backfill=`, the
`zero_downtime.models.Backfill` as it was committed: the one after every batch, the other once by
the worker that found it `succeeded` or `failed`.
"""

from __future__ import annotations

from django.dispatch import Signal

backfill_progressed = Signal()
backfill_ended = Signal()
