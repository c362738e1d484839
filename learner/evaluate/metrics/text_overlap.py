"""How much an answer's words are those of a reference: BLEU and chrF by sacrebleu, ROUGE by rouge-score.

BLEU is that of the whole corpus (Papineni et al., ACL 2002), of several references the matches of the best sentence
are taken. chrF (Popovic, WMT 2015) and ROUGE (Lin, 2004) are means over answers, of several references the best.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from learner.evaluate.metrics.metric import Answers, Metric, NotMeasured
from learner.evaluate.scores import BLEU_ORDERS, Scores, means


def bleu(answers: Answers) -> Scores:
    """Corpus BLEU, in [0, 1]."""
    scorer = _sacrebleu().BLEU(effective_order=True)
    parts = []
    for row, answer in answers.pairs:
        found = scorer.sentence_score(answer.text, list(row.references))
        parts.append([*found.counts, *found.totals, found.sys_len, found.ref_len])
    return Scores(np.array(parts, dtype=np.float64).reshape(-1, 2 * BLEU_ORDERS + 2), "bleu")


def chrf(answers: Answers) -> Scores:
    """The mean of the answers' chrF, in [0, 1]."""
    scorer = _sacrebleu().CHRF()
    return means(
        [
            min(1.0, scorer.sentence_score(answer.text, list(row.references)).score / 100)
            for row, answer in answers.pairs
        ]
    )


def rouge(answers: Answers, kind: str) -> Scores:
    """The mean of the answers' ROUGE F1, in [0, 1]; `kind` is rouge1, rouge2 or rougeL."""
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        raise _missing("rouge-score") from None
    scorer: Any = RougeScorer([kind], use_stemmer=True)
    return means(
        [scorer.score_multi(list(row.references), answer.text)[kind].fmeasure for row, answer in answers.pairs]
    )


def _sacrebleu() -> Any:  # noqa: ANN401
    try:
        import sacrebleu
    except ImportError:
        raise _missing("sacrebleu") from None
    return sacrebleu


def _missing(package: str) -> NotMeasured:
    return NotMeasured(f"{package} is not installed; bring the environment up to date with `./ratchet`.")


def _metric(name: str, about: str, measure: Callable[[Answers], Scores]) -> Metric:
    return Metric(name, about, measure, rows=("references",))


METRICS = (
    _metric("bleu", "corpus BLEU against the references", bleu),
    _metric("chrf", "mean chrF against the references", chrf),
    _metric("rouge_1", "mean ROUGE-1 F1 against the references", partial(rouge, kind="rouge1")),
    _metric("rouge_2", "mean ROUGE-2 F1 against the references", partial(rouge, kind="rouge2")),
    _metric("rouge_l", "mean ROUGE-L F1 against the references", partial(rouge, kind="rougeL")),
)
