"""What a judge says: grades by a rubric, and which of two models' answers it prefers, asked in both orders."""

from __future__ import annotations

from functools import partial

from learner.evaluate.metrics.metric import Answers, Metric
from learner.evaluate.scores import Scores, means
from learner.judges.judge import Case


def graded(answers: Answers, criterion: str) -> Scores:
    """The mean grade in [0, 1]; what could not be read is left out, and counted."""
    assert answers.tools.grade is not None
    grades = answers.tools.grade(criterion, [(row.question, answer.text) for row, answer in answers.pairs])
    return means(grades, detail={"unread": sum(grade is None for grade in grades)})


def win_rate(answers: Answers) -> Scores:
    """The share of comparisons with the other model that were won, a tie being half of one.

    A judge that changes its mind with the order has seen a tie, and so has one to whom both say the same.
    """
    tools = answers.tools
    assert tools.compare is not None
    assert tools.against is not None
    pairs = list(zip(answers.rows, answers.answers, tools.against, strict=True))
    differ = [place for place, (_, ours, theirs) in enumerate(pairs) if ours.text.strip() != theirs.text.strip()]
    cases = [
        Case(tuple(dict(message) for message in row.messages), ours.text, theirs.text)
        for row, ours, theirs in (pairs[place] for place in differ)
    ]
    verdicts = dict(zip(differ, tools.compare(cases) if cases else [], strict=True))
    values: list[float | None] = [0.5] * len(pairs)
    for place, verdict in verdicts.items():
        values[place] = {"first": 1.0, "second": 0.0, None: 0.5}[verdict.winner] if verdict.read else None
    detail = {
        "won": values.count(1.0),
        "lost": values.count(0.0),
        "tied": values.count(0.5),
        "unread": values.count(None),
        "same": len(pairs) - len(differ),
    }
    return means(values, detail=detail)


METRICS = (
    Metric("relevance", "a judge's grade of how well the question is met", partial(graded, criterion="relevance"),
           needs=("judge",)),
    Metric("coherence", "a judge's grade of how well the answer holds together", partial(graded, criterion="coherence"),
           needs=("judge",)),
    Metric("win_rate", "share of comparisons won against another model", win_rate, needs=("judge", "against")),
)  # fmt: skip
