"""The states that judgements are made from are Django's own."""

from __future__ import annotations

import pytest
from django.db import models
from django.db.migrations import AlterField, CreateModel
from django.db.migrations.state import ProjectState

from zero_downtime.lint.state import UnrenderedState

CREATE = CreateModel("Book", [("id", models.AutoField(primary_key=True))])
ALTER = AlterField("book", "id", models.BigAutoField(primary_key=True, default=1))


@pytest.mark.parametrize("preserve_default", [True, False])
def test_an_altered_field_is_the_one_that_django_has(preserve_default: bool) -> None:
    field = models.IntegerField(default=3)
    states = [ProjectState(), UnrenderedState()]
    for state in states:
        CREATE.state_forwards("shop", state)
        AlterField("book", "id", field, preserve_default).state_forwards("shop", state)
    stock, ours = (state.models["shop", "book"].fields["id"].deconstruct() for state in states)
    assert ours == stock
    assert field.default == 3


def test_rendered_models_follow_when_somebody_asked_for_them() -> None:
    state = UnrenderedState()
    CREATE.state_forwards("shop", state)
    assert isinstance(state.apps.get_model("shop", "book")._meta.pk, models.AutoField)
    ALTER.state_forwards("shop", state)
    assert isinstance(state.apps.get_model("shop", "book")._meta.pk, models.BigAutoField)
