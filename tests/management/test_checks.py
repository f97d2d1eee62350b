"""`manage.py check` says when the project's `migrate` or `makemigrations` is not ours."""

from __future__ import annotations

import pytest

from tests.support.project import Project

COMMAND = """
    from django.core.management.commands.{name} import Command as DjangoCommand

    class Command(DjangoCommand):
        pass
"""
WITH_MIXIN = """
    from zero_downtime.management.commands.{name} import {mixin}
    from django.core.management.commands.{name} import Command as DjangoCommand

    class Command({mixin}, DjangoCommand):
        pass
"""
MIXINS = {"migrate": "GuardedMigrateMixin", "makemigrations": "MakeMigrationsMixin"}
EVERY_COMMAND = pytest.mark.parametrize("name", MIXINS)


def check(project: Project) -> str:
    """Run the system checks and return what they say."""
    result = project.manage("check")
    return result.stdout + result.stderr


def add_command(project: Project, source: str, name: str, position: int) -> None:
    """Put an app with a command of that name into INSTALLED_APPS."""
    project.write("other/__init__.py")
    project.write("other/management/__init__.py")
    project.write("other/management/commands/__init__.py")
    source = source.format(name=name, mixin=MIXINS[name])
    project.write(f"other/management/commands/{name}.py", source)
    project.add_settings(f"INSTALLED_APPS.insert({position}, 'other')")


def test_our_own_commands_are_no_reason_to_warn(project: Project) -> None:
    assert "W001" not in check(project)


@EVERY_COMMAND
def test_a_command_of_another_app_before_ours_is(project: Project, name: str) -> None:
    add_command(project, COMMAND, name, position=0)
    printed = check(project)
    assert printed.count("zero_downtime.W001") == 1
    assert f"`manage.py {name}` is that of 'other'" in printed
    assert "Put 'zero_downtime' above 'other' in INSTALLED_APPS." in printed
    module = f"other.management.commands.{name}"
    assert f"class Command({MIXINS[name]}, {module}.Command)" in printed


@EVERY_COMMAND
def test_behind_ours_it_is_none(project: Project, name: str) -> None:
    add_command(project, COMMAND, name, position=1)
    assert "W001" not in check(project)


@EVERY_COMMAND
def test_nor_is_it_with_our_mixin(project: Project, name: str) -> None:
    add_command(project, WITH_MIXIN, name, position=0)
    assert "W001" not in check(project)
