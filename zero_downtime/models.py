"""What has to survive a process: phases of transitions, cursors of backfills, the journal.

The rows live in the database they speak of, so that a batch and its cursor, or a trigger and
its phase, commit together. All access names the database explicitly (`.using(alias)`).
"""

from __future__ import annotations

from django.db import models


class Transition(models.Model):
    """A change that needs two deploys, and how far it is."""

    class Phase(models.TextChoices):
        EXPANDED = "expanded"
        SWITCHED = "switched"
        CONTRACTED = "contracted"

    app_label = models.CharField(max_length=255)
    model_name = models.CharField(max_length=255)
    kind = models.CharField(max_length=50)
    old_name = models.CharField(max_length=255)
    new_name = models.CharField(max_length=255)
    table = models.TextField()
    old_column = models.TextField()
    new_column = models.TextField()
    phase = models.CharField(max_length=20, choices=Phase, default=Phase.EXPANDED)
    # The migration that expanded it, as `app.name`; empty if that stands in no file.
    migration = models.CharField(max_length=600, default="")
    # The one that makes this one necessary: a foreign key has the type of what it points at.
    leader = models.ForeignKey(
        "self", null=True, on_delete=models.CASCADE, related_name="followers"
    )
    # What its kind has to remember from one phase to the next, and needs to go back.
    details = models.JSONField(default=dict)
    expanded_at = models.DateTimeField(auto_now_add=True)
    switched_at = models.DateTimeField(null=True)
    contracted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["app_label", "model_name", "kind", "old_name", "new_name"],
                name="zero_downtime_transition_key",
            )
        ]

    @property
    def mirrors_new(self) -> bool:
        """Whether the old side is the one to be filled, because a contract was taken back."""
        return bool(self.details.get("mirrors_new"))

    @property
    def unfilled_name(self) -> str:
        """The name by which code reads NULL until the backfill has finished."""
        return self.old_name if self.mirrors_new else self.new_name

    def __str__(self) -> str:
        field = f"{self.app_label}.{self.model_name}.{self.old_name}"
        is_rename = self.new_name not in ("", self.old_name)
        return f"{self.kind} {field}" + (f" -> {self.new_name}" if is_rename else "")


class Backfill(models.Model):
    """Rows of one table that one operation of one migration moves in batches."""

    class Status(models.TextChoices):
        """How one leads to another is a table in `backfills/statuses.py`."""

        PENDING = "pending"
        RUNNING = "running"
        PAUSING = "pausing"
        PAUSED = "paused"
        FAILED = "failed"
        CANCELLED = "cancelled"
        SUCCEEDED = "succeeded"

    name = models.CharField(max_length=600, unique=True)
    transition = models.ForeignKey(
        Transition, null=True, on_delete=models.CASCADE, related_name="backfills"
    )
    table = models.TextField()
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    # The last key that was handed out to a worker, as text of the key's own type; NULL before the
    # first. What of it is not done yet stands in `ranges`.
    cursor = models.TextField(null=True)
    # The last key to go to, where rows that come later are somebody else's business.
    last_key = models.TextField(null=True)
    # Where the table's rows are visited in the order in which they lie, the number of the file
    # they lie in; the keys are places in it then. NULL: they are visited by primary key.
    file = models.BigIntegerField(null=True)
    rows_done = models.BigIntegerField(default=0)
    rows_estimated = models.BigIntegerField(default=0)
    # Of all workers together, holding back not included.
    seconds_running = models.FloatField(default=0)
    failed_batches = models.IntegerField(default=0)
    error = models.TextField(default="")
    verified = models.BooleanField(null=True)
    # Why the workers hold back at this moment; empty when they do not.
    throttled_by = models.TextField(default="")
    # What was asked for on the command line; NULL leaves it to the settings.
    batch_size = models.IntegerField(null=True)
    target_seconds = models.FloatField(null=True)
    max_rate = models.FloatField(null=True)
    # Until when, at `max_rate`, the rows that were handed out last.
    paced_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at", "id"]

    @property
    def pace(self) -> str:
        """What was asked for on the command line, in words."""
        asked = {
            "batches of {} rows": self.batch_size,
            "{} s a batch": self.target_seconds,
            "at most {} rows/s": self.max_rate,
        }
        said = [words.format(value) for words, value in asked.items() if value is not None]
        return ", ".join(said) or "as the settings say"

    @property
    def is_contracted(self) -> bool:
        """Whether the transition it belongs to is over, and with it all there was to fill."""
        return self.transition is not None and self.transition.phase == Transition.Phase.CONTRACTED

    def __str__(self) -> str:
        return self.name


class BackfillRange(models.Model):
    """The keys k with `after < k <= upto`, handed out to whoever locks this row, and not done yet.

    The lock is the lease: it ends with the transaction that moves the rows, or with the worker.
    """

    backfill = models.ForeignKey(Backfill, on_delete=models.CASCADE, related_name="ranges")
    after = models.TextField(null=True)
    upto = models.TextField()
    # How many rows there were when it was handed out.
    rows = models.BigIntegerField()
    # Why its one row cannot be moved; it is left alone until somebody asks to try again.
    error = models.TextField(default="")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.backfill_id}: {self.after} < key <= {self.upto}"


class JournalEntry(models.Model):
    """One migration that `migrate` applied or unapplied, or tried to."""

    class Outcome(models.TextChoices):
        # Begun by a process that is at it, or that died.
        RUNNING = "running"
        APPLIED = "applied"
        UNAPPLIED = "unapplied"
        FAKED = "faked"
        FAILED = "failed"

    app_label = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    is_backwards = models.BooleanField(default=False)
    # When it ended, or began as long as it has not.
    applied_at = models.DateTimeField(auto_now=True)
    # Of all processes that were at it and were not killed, without the time between them.
    duration_seconds = models.FloatField(default=0)
    # How long it tried to get locks in vain, pauses between the tries included.
    waited_seconds = models.FloatField(default=0)
    retries = models.IntegerField(default=0)
    outcome = models.CharField(max_length=20, choices=Outcome, default=Outcome.RUNNING)
    error = models.TextField(default="")
    # Who: of the operating system and of the database, and where from.
    user = models.CharField(max_length=255)
    database_user = models.CharField(max_length=255, default="")
    host = models.CharField(max_length=255, default="")
    # By which software, as {"django": "6.1", ...}.
    versions = models.JSONField(default=dict)
    # Of the migration's file; empty if it is in none.
    checksum = models.CharField(max_length=64, default="")
    # Why the safety check was overridden (`migrate --unsafe "REASON"`); empty when it was not.
    reason = models.TextField(default="")
    # Of a migration that is not atomic: what the operation that is running has done, as
    # fingerprints of statements; and the statements that are left until the end.
    statements_done = models.JSONField(default=list)
    statements_left = models.JSONField(default=list)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.app_label}.{self.name} {self.outcome}"


class JournaledOperation(models.Model):
    """One operation of it, that was run or failed."""

    entry = models.ForeignKey(JournalEntry, on_delete=models.CASCADE, related_name="operations")
    # Its place in `Migration.operations`, from 0.
    index = models.IntegerField()
    description = models.TextField()
    started_at = models.DateTimeField()
    duration_seconds = models.FloatField()
    waited_seconds = models.FloatField()
    retries = models.IntegerField()
    done = models.BooleanField()
    # Of what the migration's file says of it: an operation that was edited is another one.
    fingerprint = models.CharField(max_length=64)
    # Of the schema statements that it ran; empty if there were none, and for operations that look
    # first what is left to do.
    sql_fingerprint = models.CharField(max_length=64)

    class Meta:
        ordering = ["entry", "index"]
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "index"], name="zero_downtime_journaled_operation"
            )
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.index}: {self.description}"
