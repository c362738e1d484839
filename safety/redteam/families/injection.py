"""An order hidden in a text that the model is only to work on: an e-mail, a review, a web page, a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from safety.redteam.attack import HIJACK, Attack, canary_word, user
from safety.redteam.families.wrapping import Wrap, planted, texts, wrapped
from safety.redteam.goals import Goal


def attacks(goals: Sequence[Goal], rng: Random) -> Iterator[Attack]:
    """Every goal in every document; and orders to say a word, where obedience can be seen without judging the answer.

    The word stands in the document in two halves, so that to quote it is not to obey.
    """
    said = texts("injection")

    def wrap(document: str, task: str, order: str) -> Wrap:
        return lambda text: (user(f"{task}\n\n{document.replace('{order}', order.replace('{request}', text))}"),)

    documents = {name: (row["document"], row["task"]) for name, row in said["documents"].items()}
    yield from wrapped(
        "injection", goals, {name: wrap(*row, said["orders"]["harm"]) for name, row in documents.items()}
    )
    for name, row in documents.items():
        for order in ("plain", "notice"):
            canary = canary_word(rng)
            first, second = canary.text[:5], canary.text[5:]
            text = said["orders"][order].format(first=first, second=second)
            attack, twin = (wrap(*row, words)("") for words in (text, said["orders"]["none"]))
            yield from planted("injection", f"{name}-{order}", HIJACK, "say-a-word", canary, attack, twin)
