"""Drawing lists of operations that fit the state that they find."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import F, Q
from django.db.models.functions import Lower, Now, Random
from hypothesis import strategies as st

APP = "shop"
Draw = Callable[..., Any]

NAMES = ["size", "label", "price", "state", "owner", "note", "code", "total"]
MODELS = ["Parcel", "Shelf", "Label", "Crate"]
COMMENT = "what it is"

# Each kind with what it can be given, and a value of its own.
KINDS: dict[str, tuple[Callable[..., Any], Any]] = {
    "integer": (models.IntegerField, 7),
    "bigint": (models.BigIntegerField, 7),
    "smallint": (models.SmallIntegerField, 7),
    "positive": (models.PositiveIntegerField, 7),
    "float": (models.FloatField, 0.5),
    "decimal": (lambda **kw: models.DecimalField(max_digits=8, decimal_places=2, **kw), Decimal(7)),
    "wider": (lambda **kw: models.DecimalField(max_digits=10, decimal_places=2, **kw), Decimal(7)),
    "char": (lambda **kw: models.CharField(max_length=40, **kw), "seven"),
    "longer": (lambda **kw: models.CharField(max_length=60, **kw), "seven"),
    "slug": (lambda **kw: models.SlugField(max_length=60, **kw), "seven"),
    "email": (models.EmailField, "a@example.org"),
    "text": (models.TextField, "seven"),
    "boolean": (models.BooleanField, True),
    "date": (models.DateField, date(2024, 2, 29)),
    "datetime": (models.DateTimeField, None),
    "uuid": (models.UUIDField, UUID(int=7)),
    "json": (models.JSONField, None),
    "binary": (models.BinaryField, None),
    "array": (lambda **kw: ArrayField(models.IntegerField(), **kw), None),
}
CASTS_WELL = {
    "integer": ["bigint", "smallint", "positive", "char", "text", "decimal"],
    "bigint": ["integer", "text"],
    "smallint": ["integer", "bigint"],
    "positive": ["integer", "bigint"],
    "float": ["decimal", "text"],
    "decimal": ["wider", "float", "text"],
    "wider": ["decimal"],
    "char": ["longer", "text", "slug"],
    "longer": ["char", "text"],
    "slug": ["text", "longer"],
    "email": ["text"],
    "text": ["longer", "email"],
    "date": ["datetime"],
    "datetime": ["date"],
    "uuid": ["char", "text"],
}


def random_change(draw: Draw, state: ProjectState, most: int = 6) -> list[Operation]:
    """Draw operations for the models of `state`, which is moved along."""
    operations: list[Operation] = []
    new: set[str] = set()
    for _ in range(draw(st.integers(most // 2, most))):
        operation = draw(st.sampled_from(MAKERS))(draw, state)
        if operation is None or not fits(operation, state):
            continue
        goes = isinstance(operation, migrations.RenameField | migrations.RemoveField)
        if goes and operation.name in new:
            continue  # who adds what is to go at once? Django's optimizer takes it out
        if isinstance(operation, migrations.RenameField):
            new.add(operation.new_name)
        for each in getattr(operation, "state_operations", [operation]):
            if isinstance(each, migrations.AddField):
                new.add(each.name)
        operation.state_forwards(APP, state)
        operations.append(operation)
    return operations


def fits(operation: Operation, state: ProjectState) -> bool:
    """Tell whether Django takes the operation for the state, and what it adds is new there."""
    new_model = getattr(operation, "new_name", getattr(operation, "name", "")).lower()
    if isinstance(operation, migrations.CreateModel | migrations.RenameModel):
        if (APP, new_model) in state.models:
            return False
    elif isinstance(operation, migrations.AddField | migrations.RenameField):
        name = getattr(operation, "new_name", operation.name)
        if name in state.models[APP, operation.model_name.lower()].fields:
            return False
    after = state.clone()
    try:
        operation.state_forwards(APP, after)
        after.clear_delayed_apps_cache()
        after.__dict__.pop("apps", None)
        return bool(after.apps.get_models()) or True
    except (LookupError, ValueError, TypeError, FieldDoesNotExist):
        return False


def random_field(draw: Draw, state: ProjectState, *, kind: str | None = None) -> Any:
    """Draw a field with a column of its own, or a foreign key."""
    kind = kind or draw(st.sampled_from([*KINDS, "foreign", "foreign", "one to one"]))
    options: dict[str, Any] = {"null": draw(st.booleans())}
    if kind in ("foreign", "one to one"):
        target = draw(st.sampled_from(_models(state)))
        made = models.ForeignKey if kind == "foreign" else models.OneToOneField
        options["db_constraint"] = draw(st.sampled_from([True, True, False]))
        return made(f"{APP}.{target.name}", models.CASCADE, related_name="+", **options)
    make, value = KINDS[kind]
    if value is not None:
        given = draw(st.sampled_from(["default", "db_default", "nothing", "nothing"]))
        if given != "nothing":
            options[given] = value
    if kind == "float" and draw(st.booleans()):
        options = {"db_default": Random()}
    if kind == "datetime":
        options = draw(st.sampled_from([{"db_default": Now()}, {"auto_now": True}, {"null": True}]))
    if kind in ("char", "text", "slug") and draw(st.booleans()):
        options["blank"] = True
    if draw(st.integers(0, 3)) == 0:
        options[draw(st.sampled_from(["unique", "db_index"]))] = kind not in ("json", "binary")
    if draw(st.integers(0, 7)) == 0:
        options["db_comment"] = COMMENT
    if draw(st.integers(0, 7)) == 0:
        options["db_column"] = draw(st.sampled_from(["Odd Name", "odd", "select"]))
    return make(**options)


def create_model(draw: Draw, state: ProjectState) -> Operation:
    name = draw(st.sampled_from(MODELS))
    fields: dict[str, Any] = {"id": draw(st.sampled_from(_keys()))}
    for each in draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True)):
        fields[each] = random_field(draw, state)
    if draw(st.booleans()):
        target = draw(st.sampled_from(_models(state)))
        fields["friends"] = models.ManyToManyField(f"{APP}.{target.name}", related_name="+")
    options: dict[str, Any] = {}
    if draw(st.integers(0, 4)) == 0:
        options["db_table"] = f"Odd {name}"
    return migrations.CreateModel(name, list(fields.items()), options)


def _keys() -> list[Any]:
    return [
        models.BigAutoField(primary_key=True),
        models.AutoField(primary_key=True),
        models.UUIDField(primary_key=True, db_default=UUID(int=7)),
    ]


def delete_model(draw: Draw, state: ProjectState) -> Operation | None:
    model = _model(draw, state)
    pointed_at = any(
        getattr(field.remote_field, "model", "") in (f"{APP}.{model.name}", "self")
        for other in _models(state)
        for field in other.fields.values()
        if field.remote_field
    )
    return None if pointed_at else migrations.DeleteModel(model.name)


def rename_model(draw: Draw, state: ProjectState) -> Operation:
    return migrations.RenameModel(_model(draw, state).name, draw(st.sampled_from(MODELS)))


def alter_table(draw: Draw, state: ProjectState) -> Operation:
    table = draw(st.sampled_from(["moved", "Odd Table", None]))
    return migrations.AlterModelTable(_model(draw, state).name, table)


def add_field(draw: Draw, state: ProjectState) -> Operation:
    model, name = _model(draw, state), draw(st.sampled_from(NAMES))
    if draw(st.integers(0, 9)) == 0:
        many = models.ManyToManyField(f"{APP}.{_model(draw, state).name}", related_name="+")
        return migrations.AddField(model.name, name, many)
    if draw(st.integers(0, 9)) == 0 and (texts := _of_kind(model, models.CharField)):
        return migrations.AddField(
            model.name,
            name,
            models.GeneratedField(
                expression=Lower(draw(st.sampled_from(texts))),
                output_field=models.CharField(max_length=60),
                db_persist=True,
            ),
        )
    field = random_field(draw, state)
    once = not field.null and not field.has_db_default() and field.has_default()
    return migrations.AddField(
        model.name, name, field, preserve_default=not (once and draw(st.booleans()))
    )


def remove_field(draw: Draw, state: ProjectState) -> Operation | None:
    model = _model(draw, state)
    names = [name for name in _own(model) if not _is_used(name, model, state)]
    return migrations.RemoveField(model.name, draw(st.sampled_from(names))) if names else None


def rename_field(draw: Draw, state: ProjectState) -> Operation | None:
    model = _model(draw, state)
    names = [name for name in _own(model) if not _is_used(name, model, state)]
    if not names:
        return None
    new = draw(st.sampled_from(NAMES))
    return migrations.RenameField(model.name, draw(st.sampled_from(names)), new)


def alter_field(draw: Draw, state: ProjectState) -> Operation | None:
    model = _model(draw, state)
    names = [name for name, each in model.fields.items() if _can_alter(each)]
    if not names:
        return None
    name = draw(st.sampled_from(names))
    old: Any = model.fields[name]
    if old.remote_field or draw(st.booleans()):
        new = old.clone()
        flag = draw(st.sampled_from(["null", "_unique", "db_index", "db_comment", "verbose_name"]))
        if flag == "verbose_name":
            new.verbose_name = "another"
        elif flag == "db_comment":
            new.db_comment = draw(st.sampled_from([COMMENT, "another", None]))
        elif flag == "null" or not isinstance(old, _NEVER_UNIQUE):
            setattr(new, flag, not getattr(new, flag))
    else:
        kind = next(kind for kind in KINDS if _is_kind(old, kind))
        new = random_field(draw, state, kind=draw(st.sampled_from(CASTS_WELL.get(kind, [kind]))))
        if draw(st.booleans()):
            new.null, new.db_column = old.null, old.db_column
    return migrations.AlterField(model.name, name, new)


def alter_key(draw: Draw, state: ProjectState) -> Operation | None:
    model = _model(draw, state)
    if isinstance(model.fields.get("id"), models.AutoField):
        return migrations.AlterField(model.name, "id", models.BigAutoField(primary_key=True))
    return None


def add_index(draw: Draw, state: ProjectState) -> Operation | None:
    model = _model(draw, state)
    if not (names := _indexable(model)):
        return None
    name = draw(st.sampled_from(names))
    index = draw(
        st.sampled_from(
            [
                models.Index(fields=[name], name=f"{name}_idx"),
                models.Index(F(name).desc(), name=f"{name}_expr"),
                models.Index(fields=[f"-{name}"], include=["id"], name=f"{name}_inc"),
                models.Index(
                    fields=["id"], condition=Q(**{f"{name}__isnull": False}), name=f"{name}_part"
                ),
            ]
        )
    )
    return None if _taken(index.name, state) else migrations.AddIndex(model.name, index)


def remove_index(draw: Draw, state: ProjectState) -> Operation | None:
    model = _model(draw, state)
    names = [each.name for each in model.options.get("indexes", ())]
    return migrations.RemoveIndex(model.name, draw(st.sampled_from(names))) if names else None


def add_constraint(draw: Draw, state: ProjectState) -> Operation | None:
    model = _model(draw, state)
    if not (names := _indexable(model)):
        return None
    name = draw(st.sampled_from(names))
    constraint = draw(
        st.sampled_from(
            [
                models.UniqueConstraint(fields=[name, "id"], name=f"{name}_uniq"),
                models.UniqueConstraint(
                    fields=["id"], condition=Q(**{f"{name}__isnull": False}), name=f"{name}_one"
                ),
                models.UniqueConstraint(F(name), F("id"), name=f"{name}_expr_uniq"),
                models.UniqueConstraint(
                    fields=["id", name],
                    deferrable=models.Deferrable.DEFERRED,
                    name=f"{name}_late",
                ),
                models.CheckConstraint(
                    condition=Q(**{f"{name}__isnull": False}) | Q(id__isnull=False),
                    name=f"{name}_check",
                ),
            ]
        )
    )
    if _taken(constraint.name, state):
        return None
    return migrations.AddConstraint(model.name, constraint)


def remove_constraint(draw: Draw, state: ProjectState) -> Operation | None:
    model = _model(draw, state)
    names = [each.name for each in model.options.get("constraints", ())]
    return migrations.RemoveConstraint(model.name, draw(st.sampled_from(names))) if names else None


def unique_together(draw: Draw, state: ProjectState) -> Operation | None:
    model = _model(draw, state)
    names = _indexable(model)
    groups: set[tuple[str, ...]] = set()
    if names and draw(st.booleans()):
        groups = {("id", draw(st.sampled_from(names)))}
    return migrations.AlterUniqueTogether(model.name, groups)


def order_with_respect_to(draw: Draw, state: ProjectState) -> Operation | None:
    model = _model(draw, state)
    keys = _of_kind(model, models.ForeignKey)
    if model.options.get("order_with_respect_to"):
        return migrations.AlterOrderWithRespectTo(model.name, None)
    if keys and "ordering" not in model.options:
        return migrations.AlterOrderWithRespectTo(model.name, draw(st.sampled_from(keys)))
    return None


def run_sql(draw: Draw, state: ProjectState) -> Operation:
    return migrations.RunSQL(
        draw(
            st.sampled_from(
                ["SELECT 1", ["SELECT 1", "SELECT 2"], "COMMENT ON SCHEMA public IS 'x'"]
            )
        ),
        migrations.RunSQL.noop,
    )


def run_python(draw: Draw, state: ProjectState) -> Operation:
    return migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop)


def state_only(draw: Draw, state: ProjectState) -> Operation:
    """Draw what only looks as if something were done: the same for state and database."""
    nested = [each for each in [add_field(draw, state)] if fits(each, state)]
    return migrations.SeparateDatabaseAndState(nested, nested)


MAKERS: list[Callable[[Draw, ProjectState], Operation | None]] = [
    *[add_field, alter_field, add_index, add_constraint, rename_field, remove_field] * 3,
    *[create_model, delete_model, rename_model, alter_table, alter_key] * 1,
    *[remove_index, remove_constraint, unique_together, order_with_respect_to],
    *[run_sql, run_python, state_only],
]


def _models(state: ProjectState) -> list[ModelState]:
    return [model for key, model in sorted(state.models.items()) if key[0] == APP]


def _model(draw: Draw, state: ProjectState) -> ModelState:
    model: ModelState = draw(st.sampled_from(_models(state)))
    return model


def _own(model: ModelState) -> list[str]:
    return [name for name in model.fields if name != "id"]


def _of_kind(model: ModelState, kind: type) -> list[str]:
    return [name for name, field in model.fields.items() if isinstance(field, kind)]


def _is_kind(field: Any, kind: str) -> bool:
    return type(KINDS[kind][0]()) is type(field)


_NEVER_UNIQUE = (models.JSONField, models.BinaryField, models.OneToOneField)


def _can_alter(field: Any) -> bool:
    return not (field.primary_key or field.many_to_many or field.generated)


def _indexable(model: ModelState) -> list[str]:
    return [
        name
        for name, field in model.fields.items()
        if not (
            field.many_to_many
            or field.primary_key
            or isinstance(field, models.JSONField | models.BinaryField | ArrayField)
        )
    ]


def _is_used(name: str, model: ModelState, state: ProjectState) -> bool:
    """Tell whether something of the model is built on the field."""
    # Django's state does not rename fields in them either.
    options = model.options
    items = [*options.get("indexes", ()), *options.get("constraints", ())]
    return (
        any(name in str(item.deconstruct()) for item in items)
        or any(name in group for group in options.get("unique_together") or ())
        or options.get("order_with_respect_to") == name
        or _in_generated(name, model)
    )


def _in_generated(name: str, model: ModelState) -> bool:
    return any(name in str(field.deconstruct()) for field in _fields(model) if field.generated)


def _fields(model: ModelState) -> list[Any]:
    return list(model.fields.values())


def _taken(name: str, state: ProjectState) -> bool:
    return any(
        each.name == name
        for model in state.models.values()
        for each in [*model.options.get("indexes", ()), *model.options.get("constraints", ())]
    )
