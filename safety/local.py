"""The bundled classifier in this process: for scripts and tests, and where no scorer runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache, lru_cache

from safety.errors import ScorerFailed
from safety.filter import Scores
from safety.scorer.options import BUNDLED, ScorerStatus

MOST_KNOWN = 2048  # texts whose scores are kept
AT_ONCE = 2000  # characters that are scored in a few tenths of a millisecond, less than a thread is worth


class LocalScorer:
    """Scores with the bundled classifier, and knows no other. It has the doors of `KeptScorer`."""

    ready = True

    def __init__(self) -> None:
        from safety.classifier import Classifier  # only here, for it reads weights that most processes never need

        self._classifier = Classifier.load()
        self._known = lru_cache(MOST_KNOWN)(self._score)

    def start(self) -> None:
        """Nothing has to be started."""

    def close(self) -> None:
        """Nothing has to be ended."""

    def status(self) -> ScorerStatus:
        """That the bundled classifier answers."""
        return ScorerStatus(BUNDLED, self._classifier.version)

    def version(self, model: str) -> str:
        """The weights' name; empty for a model that is not here."""
        return self._classifier.version if model == BUNDLED else ""

    def scores(self, model: str, texts: Sequence[str]) -> Sequence[Scores]:
        """Score each text. Raises ScorerFailed for a model that is not here."""
        if model != BUNDLED:
            raise ScorerFailed(f"There is no {model!r} in this process; only {BUNDLED!r} is.")
        return [self._known(text) if len(text) <= AT_ONCE else self._classifier.scores([text])[0] for text in texts]

    def _score(self, text: str) -> Scores:
        return self._classifier.scores([text])[0]

    async def scores_async(self, model: str, texts: Sequence[str]) -> Sequence[Scores]:
        """Score each text, many of them in a thread. Raises ScorerFailed for a model that is not here."""
        if sum(map(len, texts)) <= AT_ONCE:
            return self.scores(model, texts)
        return await asyncio.to_thread(self.scores, model, texts)


@cache
def local_scorer() -> LocalScorer:
    """One for the process, since the weights need to be read only once."""
    return LocalScorer()
