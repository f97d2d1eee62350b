"""How findings are held against what was observed."""

from __future__ import annotations

from typing import Any

from tests.corpus.comparison import Judged, scores
from tests.corpus.verdict import Verdict, asked
from zero_downtime.lint.findings import Finding, Hazard, Severity


def finding(*hazards: Hazard) -> Finding:
    return Finding(
        rule="ZD999",
        name="made-up",
        severity=Severity.WARNING,
        hazards=hazards,
        app="store",
        migration="0002_change",
        operation=0,
        path=None,
        line=None,
        tables=("store_book",),
        message="",
        remedy="",
        fixable=False,
        docs="",
    )


def judged(*hazards: Hazard, reported: tuple[Hazard, ...] = (), **options: Any) -> Judged:
    explained = options.pop("explained", {})
    verdict = Verdict("case", "what", asked(hazards), **options)
    return Judged(verdict, (finding(*reported),) if reported else (), explained)


def test_what_was_observed_and_is_not_reported_is_missed() -> None:
    case = judged(Hazard.BLOCKS_WRITES, Hazard.MAY_FAIL, reported=(Hazard.MAY_FAIL,))
    assert case.right == {Hazard.MAY_FAIL}
    assert case.missed == {Hazard.BLOCKS_WRITES}
    assert not case.false


def test_what_is_reported_and_was_not_observed_is_false() -> None:
    case = judged(reported=(Hazard.BLOCKS_READS,))
    assert case.false == {Hazard.BLOCKS_READS}


def test_what_is_a_matter_of_taste_counts_neither_way() -> None:
    tolerated = frozenset({Hazard.BREAKS_OLD_CODE})
    silent = judged(tolerated=tolerated)
    reporting = judged(tolerated=tolerated, reported=(Hazard.BREAKS_OLD_CODE,))
    assert not silent.wrong
    assert not reporting.wrong


def test_lost_data_is_the_same_question_as_no_way_back() -> None:
    case = judged(Hazard.IRREVERSIBLE, reported=(Hazard.LOSES_DATA,))
    assert case.right == {Hazard.IRREVERSIBLE}


def test_what_always_fails_may_be_reported_as_anything() -> None:
    case = judged(Hazard.MAY_FAIL, fails_always=True, reported=(Hazard.BLOCKS_READS,))
    assert not case.wrong
    assert judged(Hazard.MAY_FAIL, fails_always=True).missed == {Hazard.MAY_FAIL}


def test_a_disagreement_has_to_be_explained() -> None:
    assert judged(Hazard.MAY_FAIL).unexplained == {Hazard.MAY_FAIL}
    assert not judged(Hazard.MAY_FAIL, explained={"may-fail": "why"}).unexplained


def test_an_explanation_has_to_explain_something() -> None:
    assert judged(explained={"may-fail": "why"}).unexplained == {Hazard.MAY_FAIL}


def test_each_hazard_has_its_score() -> None:
    cases = [
        judged(Hazard.MAY_FAIL, reported=(Hazard.MAY_FAIL,)),
        judged(Hazard.MAY_FAIL),
        judged(reported=(Hazard.MAY_FAIL,)),
    ]
    [score] = [score for score in scores(cases) if score.hazard is Hazard.MAY_FAIL]
    assert (score.right, score.missed, score.false) == (1, 1, 1)
    assert (score.recall, score.precision) == (0.5, 0.5)
