"""Rules that other packages bring."""

from __future__ import annotations

import json

import pytest

from tests.support.dist_info import write_dist_info
from tests.support.project import Project

RULES = '''
    from django.db.migrations import DeleteModel

    from zero_downtime.lint.findings import Hazard, Severity
    from zero_downtime.lint.rule import Rule
    from zero_downtime.lint.rules.zd101 import AddIndexBlocksWrites


    class AcmeRule(Rule):
        """Nobody deletes models at Acme."""

        code = "{code}"
        name = "acme-keeps-all"
        hazards = (Hazard.LOSES_DATA,)

        def check(self, step):
            if isinstance(step.operation, DeleteModel):
                yield self.finding(
                    step, "Acme keeps all.", remedy="Keep it.", hazards=self.hazards,
                    tables=[], severity=Severity.WARNING,
                )
'''
CREATE_AND_DELETE = """
    migrations.CreateModel("Order", fields=[("id", models.BigAutoField(primary_key=True))]),
    migrations.DeleteModel("Order"),
"""


def install(project: Project, value: str, code: str = "ACME1") -> None:
    """Install a package into the project whose entry point has this value."""
    project.write("acme/__init__.py")
    project.write("acme/rules.py", RULES.replace("{code}", code))
    write_dist_info(project.directory, "acme", {"zero_downtime.rules": {"keeping": value}})
    project.write_migration("0001_initial", CREATE_AND_DELETE)


@pytest.mark.parametrize("value", ["acme.rules", "acme.rules:AcmeRule"])
def test_an_entry_point_names_a_rule_or_a_module_of_them(project: Project, value: str) -> None:
    install(project, value)

    result = project.manage("lintmigrations", "--format=json", "--select=acme-keeps-all")

    [finding] = json.loads(result.stdout)["findings"]
    assert finding["rule"] == "ACME1"
    assert finding["message"] == "Acme keeps all."
    explained = project.manage("lintmigrations", "--explain", "acme1").stdout
    assert explained.startswith("# ACME1 acme-keeps-all\n")
    sarif = project.manage("lintmigrations", "--format=sarif", "--select=ACME1").stdout
    [described] = json.loads(sarif)["runs"][0]["tool"]["driver"]["rules"]
    assert "helpUri" not in described


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("acme.lost", "ModuleNotFoundError: No module named 'acme.lost'"),
        ("acme.rules:Lost", "AttributeError: "),
        ("acme", "TypeError: acme is no rule, and no module that has any"),
        ("acme.rules:DeleteModel", "TypeError: "),
    ],
)
def test_a_package_that_is_broken_is_one_clear_line(
    project: Project, value: str, problem: str
) -> None:
    install(project, value)

    result = project.manage("lintmigrations", check=False)

    assert result.returncode == 2
    [line] = result.stderr.splitlines()
    assert f"The linter cannot have the rules 'keeping' of acme ({problem}" in line
    assert "Mend or uninstall that package." in line


def test_a_code_cannot_be_taken_twice(project: Project) -> None:
    install(project, "acme.rules", code="ZD101")

    result = project.manage("lintmigrations", check=False)

    assert result.returncode == 2
    assert "there is a rule ZD101 acme-keeps-all already" in result.stderr
