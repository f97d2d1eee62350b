import django.db.models.deletion
from django.db import migrations, models


class CreateModelEverywhere(migrations.CreateModel):
    """Create the table in every database that is migrated, whatever the routers say.

    A batch and its cursor commit in one transaction, so they have to be in one database.
    """

    def allow_migrate_model(self, connection_alias: object, model: type[models.Model]) -> bool:
        return True


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        CreateModelEverywhere(
            name="JournalEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("app_label", models.CharField(max_length=255)),
                ("name", models.CharField(max_length=255)),
                ("is_backwards", models.BooleanField(default=False)),
                ("applied_at", models.DateTimeField(auto_now=True)),
                ("duration_seconds", models.FloatField(default=0)),
                ("waited_seconds", models.FloatField(default=0)),
                ("retries", models.IntegerField(default=0)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("applied", "Applied"),
                            ("unapplied", "Unapplied"),
                            ("faked", "Faked"),
                            ("failed", "Failed"),
                        ],
                        default="running",
                        max_length=20,
                    ),
                ),
                ("error", models.TextField(default="")),
                ("user", models.CharField(max_length=255)),
                ("database_user", models.CharField(default="", max_length=255)),
                ("host", models.CharField(default="", max_length=255)),
                ("versions", models.JSONField(default=dict)),
                ("checksum", models.CharField(default="", max_length=64)),
                ("reason", models.TextField(default="")),
                ("statements_done", models.JSONField(default=list)),
                ("statements_left", models.JSONField(default=list)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        CreateModelEverywhere(
            name="JournaledOperation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("index", models.IntegerField()),
                ("description", models.TextField()),
                ("started_at", models.DateTimeField()),
                ("duration_seconds", models.FloatField()),
                ("waited_seconds", models.FloatField()),
                ("retries", models.IntegerField()),
                ("done", models.BooleanField()),
                ("fingerprint", models.CharField(max_length=64)),
                ("sql_fingerprint", models.CharField(max_length=64)),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="operations",
                        to="zero_downtime.journalentry",
                    ),
                ),
            ],
            options={
                "ordering": ["entry", "index"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("entry", "index"), name="zero_downtime_journaled_operation"
                    )
                ],
            },
        ),
        CreateModelEverywhere(
            name="Transition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("app_label", models.CharField(max_length=255)),
                ("model_name", models.CharField(max_length=255)),
                ("kind", models.CharField(max_length=50)),
                ("old_name", models.CharField(max_length=255)),
                ("new_name", models.CharField(max_length=255)),
                ("table", models.TextField()),
                ("old_column", models.TextField()),
                ("new_column", models.TextField()),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("expanded", "Expanded"),
                            ("switched", "Switched"),
                            ("contracted", "Contracted"),
                        ],
                        default="expanded",
                        max_length=20,
                    ),
                ),
                ("migration", models.CharField(default="", max_length=600)),
                (
                    "leader",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="followers",
                        to="zero_downtime.transition",
                    ),
                ),
                ("details", models.JSONField(default=dict)),
                ("expanded_at", models.DateTimeField(auto_now_add=True)),
                ("switched_at", models.DateTimeField(null=True)),
                ("contracted_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("app_label", "model_name", "kind", "old_name", "new_name"),
                        name="zero_downtime_transition_key",
                    )
                ],
            },
        ),
        CreateModelEverywhere(
            name="Backfill",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=600, unique=True)),
                ("table", models.TextField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("pausing", "Pausing"),
                            ("paused", "Paused"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("succeeded", "Succeeded"),
                        ],
                        default="pending",
                        max_length=20,
                    ),
                ),
                ("cursor", models.TextField(null=True)),
                ("last_key", models.TextField(null=True)),
                ("file", models.BigIntegerField(null=True)),
                ("rows_done", models.BigIntegerField(default=0)),
                ("rows_estimated", models.BigIntegerField(default=0)),
                ("seconds_running", models.FloatField(default=0)),
                ("failed_batches", models.IntegerField(default=0)),
                ("error", models.TextField(default="")),
                ("verified", models.BooleanField(null=True)),
                ("throttled_by", models.TextField(default="")),
                ("batch_size", models.IntegerField(null=True)),
                ("target_seconds", models.FloatField(null=True)),
                ("max_rate", models.FloatField(null=True)),
                ("paced_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "transition",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="backfills",
                        to="zero_downtime.transition",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
            },
        ),
        CreateModelEverywhere(
            name="BackfillRange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("after", models.TextField(null=True)),
                ("upto", models.TextField()),
                ("rows", models.BigIntegerField()),
                ("error", models.TextField(default="")),
                (
                    "backfill",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ranges",
                        to="zero_downtime.backfill",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
    ]
