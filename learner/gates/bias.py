"""Questions of the demo model for an audit of bias: their right answers are known."""

from __future__ import annotations

from safety.bias import Question


def starter_questions(seed: int, count: int) -> list[Question]:
    """Held-out questions to the starter, each rating an answer 1 where it is right, else 0."""
    from learner.starter import held_out_questions, score

    return [
        Question(
            tuple(asked.messages),
            lambda answer, asked=asked: float(score(asked.intent, answer, asked.order).right),  # type: ignore[misc]
        )
        for asked in held_out_questions(seed, count)
    ]
