"""The linter says of every migration of the corpus what a server was seen to do with it."""

from __future__ import annotations

import pytest

from tests.corpus.comparison import Judged, disagreement, judge_corpus, scores, table

GOOD = 0.98


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return list(judge_corpus())


def test_it_is_right_about_each_hazard(judged: list[Judged]) -> None:
    poor = [score for score in scores(judged) if min(score.recall, score.precision) < GOOD]
    assert not poor, table(judged)


def test_each_disagreement_is_explained(judged: list[Judged]) -> None:
    unexplained = [case for case in judged if case.unexplained]
    assert not unexplained, "\n\n".join(disagreement(case) for case in unexplained)
