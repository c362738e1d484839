"""What a model finds likely: the perplexity of references, and whether it rates the preferred answer higher."""

from __future__ import annotations

import numpy as np

from learner.evaluate.metrics.metric import Answers, Metric
from learner.evaluate.scores import Scores, means


def perplexity(answers: Answers) -> Scores:
    """exp of the mean of -log p over all tokens of the first references; lower is better."""
    parts = [[-float(one.reference_logprob or 0.0), float(one.reference_tokens or 0)] for one in answers.answers]
    return Scores(np.array(parts, dtype=np.float64), "perplexity", False)


def preference_accuracy(answers: Answers) -> Scores:
    """The share of rows where log p per token of `chosen` exceeds that of `rejected`."""
    return means(
        [
            None
            if one.chosen_logprob is None or one.rejected_logprob is None
            else float(one.chosen_logprob > one.rejected_logprob)
            for one in answers.answers
        ]
    )


METRICS = (
    Metric(
        "perplexity", "perplexity of the references", perplexity, False, needs=("likelihoods",), rows=("references",)
    ),
    Metric(
        "preference_accuracy",
        "share of pairs whose better answer is the likelier",
        preference_accuracy,
        needs=("likelihoods",),
        rows=("chosen",),
        wrong=lambda rows, options: next(
            (
                f"the row {row.id!r} needs both chosen and rejected."
                for row in rows
                if not row.chosen or not row.rejected
            ),
            None,
        ),
    ),
)
