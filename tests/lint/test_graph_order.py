"""The order in which migrations are gone through."""

from __future__ import annotations

from django.db.migrations.loader import MigrationLoader

from zero_downtime.lint.walk import graph_order


def test_it_is_that_of_the_plans_of_all_leaves_one_after_the_other() -> None:
    loader = MigrationLoader(None)
    plans = [loader.graph.forwards_plan(leaf) for leaf in loader.graph.leaf_nodes()]
    expected = dict.fromkeys(key for plan in plans for key in plan)
    assert len(expected) > 1
    assert [(each.app_label, each.name) for each in graph_order(loader)] == list(expected)
