"""What a model can be taught from: pairs, in which one answer was preferred, and ratings of single answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from learner.pair import Pair, Source

WRITTEN: frozenset[Source] = frozenset({"rewrite", "correction", "demonstration"})  # by a person, so worth imitating


@dataclass(frozen=True)
class Rating:
    """One answer that somebody found `good` or not; `weight` is how much it counts, at least 0."""

    turn_id: str
    person: str
    prompt: tuple[dict[str, str], ...]
    completion: str
    good: bool
    source: Source
    weight: float = 1.0


@dataclass(frozen=True)
class Lessons:
    """The two kinds side by side, as a dataset holds them and as a recipe is given them."""

    pairs: Sequence[Pair] = ()
    ratings: Sequence[Rating] = ()

    def __len__(self) -> int:
        return len(self.pairs) + len(self.ratings)

    def demonstrations(self) -> Iterator[Rating]:
        """The answers that a person wrote, as good ones."""
        for pair in self.pairs:
            if pair.source in WRITTEN:
                yield Rating(pair.turn_id, pair.person, pair.prompt, pair.chosen, True, pair.source, pair.weight)
        yield from (rating for rating in self.ratings if rating.good and rating.source in WRITTEN)

    def judged(self) -> Iterator[Rating]:
        """Every answer by itself: the ratings, and both sides of each pair."""
        for pair in self.pairs:
            for text, good in ((pair.chosen, True), (pair.rejected, False)):
                yield Rating(pair.turn_id, pair.person, pair.prompt, text, good, pair.source, pair.weight)
        yield from self.ratings
