"""The people of a cell: what they are answered, and what they say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from transformers.utils.logging import disable_progress_bar

from learner.lessons import Lessons, Rating
from learner.pair import Pair
from learner.simulate.people import Person
from learner.simulate.plan import PLANS
from learner.simulate.taste import Taste, load_taste
from learner.starter import Question, held_out_questions, questions

disable_progress_bar()
PEOPLE = 1_000_003  # apart from one seed to the next
TEACH, JUDGE, EXAMINE = 0, 300_000, 600_000  # where the people of each group begin


def person(taste: Taste, seed: int, number: int) -> Person:
    """The same person for the same number, with their luck as it was at first."""
    return Person.draw(taste, "honest", seed * PEOPLE + number)


@dataclass(frozen=True)
class Crowd:
    """`pieces` of feedback teach and half as many judge; `unseen` questions, each from somebody else, examine."""

    seed: int
    pieces: int
    unseen: int
    taste_name: str = "default"

    @cached_property
    def taste(self) -> Taste:
        """Of the small demo, whose effects are large enough for few people to show."""
        return PLANS["small"].taste(load_taste(self.taste_name))

    @cached_property
    def asked(self) -> list[Question]:
        """What those who teach ask, and after them those who judge, each one question."""
        return questions(self.seed, self.pieces + self.pieces // 2)

    @cached_property
    def exam(self) -> list[Question]:
        """Questions in wordings that the starter was never taught."""
        return held_out_questions(self.seed, self.unseen)

    def lessons(self, said: Sequence[tuple[str, str]], kind: str) -> tuple[Lessons, list[Pair]]:
        """What teaches, all of one `kind` (pairs, thumbs, rewrites), and the comparisons that judge."""
        teach = range(self.pieces)
        judges = [self._compared(n, said[n], JUDGE) for n in range(self.pieces, len(said))]
        judge = [pair for pair in judges if pair is not None]
        if kind == "thumbs":
            return Lessons(ratings=[self._thumb(n, said[n][0]) for n in teach]), judge
        made = [
            self._rewritten(n, said[n][0]) if kind == "rewrites" else self._compared(n, said[n], TEACH) for n in teach
        ]
        return Lessons(pairs=[pair for pair in made if pair is not None]), judge

    def _compared(self, number: int, said: tuple[str, str], group: int) -> Pair | None:
        if said[0] == said[1]:
            return None
        ahead = person(self.taste, self.seed, group + number).prefers_first(self.asked[number], *said)
        chosen, rejected = said if ahead else said[::-1]
        return self._pair(number, chosen, rejected, "comparison")

    def _rewritten(self, number: int, said: str) -> Pair | None:
        written = person(self.taste, self.seed, TEACH + number).rewrite(self.asked[number])
        return None if written == said else self._pair(number, written, said, "rewrite")

    def _pair(self, number: int, chosen: str, rejected: str, source: Any) -> Pair:  # noqa: ANN401 - a literal
        return Pair(f"turn-{number}", f"p-{number}", tuple(self.asked[number].messages), chosen, rejected, source)

    def _thumb(self, number: int, said: str) -> Rating:
        good = person(self.taste, self.seed, TEACH + number).thumb(self.asked[number], said) > 0
        return Rating(f"turn-{number}", f"p-{number}", tuple(self.asked[number].messages), said, good, "thumb")
