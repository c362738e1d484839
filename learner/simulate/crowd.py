"""Many people at once: each asks questions, and now and then rates, rewrites or compares."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from learner.simulate.client import Answer, Client
from learner.simulate.people import Person, Votes
from learner.simulate.taste import Taste
from learner.starter import Question, held_out_questions, questions

QUESTIONS = 2000


@dataclass(frozen=True)
class Seen:
    """One answer as its reader took it: `satisfaction` is the truth in [0, 1], at `seconds` of `time.monotonic()`."""

    seconds: float
    satisfaction: float
    arm: str
    adapter: str
    weights_sha256: str


class Crowd:
    """The people of one demo. `at_once` of them talk at the same time; `on_seen` hears of every answer."""

    def __init__(
        self, client: Client, taste: Taste, votes: Votes, *, seed: int, at_once: int, on_seen: Callable[[Seen], None]
    ) -> None:
        self._client, self._taste, self._votes, self._seed = client, taste, votes, seed
        self._at_once, self._on_seen = at_once, on_seen
        self._rng = random.Random(f"crowd {seed}")
        self.asked = questions(seed, QUESTIONS)
        self.people: list[Person] = []

    async def talk(self, people: int, turns: int) -> None:
        """`people` new people ask `turns` questions each; they rate, rewrite and compare."""
        await self._all([self._visit(self._newcomer(), turns, lambda: False) for _ in range(people)])

    async def judge(self, newcomers: int, turns: int, stop: Callable[[], bool]) -> None:
        """Everybody who was here before, and then `newcomers`, ask `turns` questions each, until `stop()`.

        Nobody compares: a second answer takes a turn, and an experiment counts thumbs.
        """
        everybody = list(self.people)
        self._rng.shuffle(everybody)
        everybody += [self._newcomer() for _ in range(newcomers)]
        await self._all([self._visit(person, turns, stop, compares=False) for person in everybody])

    async def examine(self, people: int, seed: int) -> list[Seen]:
        """New people ask one unseen question each, and say nothing; returns how they took the answers."""
        asked = held_out_questions(seed, people)
        visitors = [self._newcomer() for _ in range(people)]
        seen: list[Seen] = []

        async def ask(person: Person, question: Question) -> None:
            answer = await self._ask(person, question)
            seen.append(self._note(person, question, answer))

        await self._all([ask(person, question) for person, question in zip(visitors, asked, strict=True)])
        return seen

    async def _all(self, visits: list[Coroutine[object, object, None]]) -> None:
        seats = asyncio.Semaphore(self._at_once)

        async def seated(visit: Coroutine[object, object, None]) -> None:
            async with seats:
                await visit

        async with asyncio.TaskGroup() as group:
            for visit in visits:
                group.create_task(seated(visit))

    def _newcomer(self) -> Person:
        person = Person.draw(self._taste, self._votes, seed=self._seed * 1_000_003 + len(self.people))
        self.people.append(person)
        return person

    async def _visit(self, person: Person, turns: int, stop: Callable[[], bool], *, compares: bool = True) -> None:
        for _ in range(turns):
            if stop():
                return
            await self._turn(person, self._rng.choice(self.asked), compares)

    async def _turn(self, person: Person, question: Question, compares: bool) -> None:
        answer = await self._ask(person, question)
        self._note(person, question, answer)
        if person.does("votes"):
            await self._say(person, answer, vote=person.thumb(question, answer.text))
        if person.does("rewrites"):
            await self._say(person, answer, rewrite=person.rewrite(question))
        if compares and person.does("comparisons"):
            await self._compare(person, question, answer)

    async def _compare(self, person: Person, question: Question, first: Answer) -> None:
        second = await self._ask(person, question, sibling_of=first.response_id)
        self._note(person, question, second)
        if first.text == second.text:
            return
        better, worse = (first, second) if person.prefers_first(question, first.text, second.text) else (second, first)
        await self._say(person, better, preferred_over=worse.response_id)

    async def _ask(self, person: Person, question: Question, sibling_of: str = "") -> Answer:
        answer, person.cookie = await self._client.chat(person.cookie, question.messages, sibling_of)
        return answer

    async def _say(self, person: Person, answer: Answer, **given: object) -> None:
        await self._client.feedback(person.cookie, answer.response_id, **given)

    def _note(self, person: Person, question: Question, answer: Answer) -> Seen:
        satisfaction = person.satisfaction(question, answer.text)
        seen = Seen(time.monotonic(), satisfaction, answer.arm, answer.adapter, answer.weights_sha256)
        self._on_seen(seen)
        return seen
