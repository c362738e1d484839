"""What people are asked before their feedback is learned from. Each text has a number, which a consent names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Question(NamedTuple):
    """The question in a few words, and what an answer means."""

    title: str
    text: str


QUESTIONS: Mapping[int, Question] = {
    1: Question(
        "May we learn from this?",
        "With a yes, your votes and rewrites help to train the next version of the model. You can change it below at "
        "any time.",
    ),
    2: Question(
        "May we learn from this conversation?",
        "With a yes, your votes and rewrites in it help to train the next version of the model. You can take it back "
        "below at any time, and then from everything.",
    ),
}
CURRENT = max(QUESTIONS)
