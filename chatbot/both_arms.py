"""Answers of both arms of an experiment side by side, for the people of its cohort that compares."""

from __future__ import annotations

import asyncio
import re
import secrets
import statistics
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Literal, TypeVar

from analytics import ArmComparison, Store
from chatbot.answer import Delta
from chatbot.comparing import Comparing
from chatbot.errors import BadRequest
from chatbot.feedback import Feedbacks, Receipt
from chatbot.remarks import own_turn
from chatbot.turn import Begun, Done, Step, TurnRequest, Turns
from learner import Learner, person_group

Steps = AsyncGenerator[Step, None]
Got = TypeVar("Got")
Choice = Literal["left", "right", "tie", "both_bad"]
OFTEN = 0.5  # of the cohort's questions, for which both answers are generated
LEAST_DISTANCE = 0.2  # between answers that are shown
REMEMBERED = 200  # distances of the experiment, of which the upper half is shown
_PAIR = ("experiment_id", "person", "first_turn", "second_turn", "left_turn", "distance")
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Answered:
    """One of two answers, when all of it is there."""

    begun: Begun
    done: Done
    text: str


@dataclass(frozen=True)
class Pair:
    """Two answers that are shown side by side; `own` is by the arm that the person has."""

    own: Answered
    other: Answered
    left: Answered
    right: Answered
    experiment_id: str
    distance: float | None = None


class BothArms:
    """Chooses who is shown two answers and when, and keeps what they find.

    Both are generated for about half of the cohort's questions, and shown where they differ more than most did so far
    in this experiment. How much two answers differ is the same from either side, so that choosing by it favours no arm;
    a lap's priorities are about what teaches the model, and know nothing of two arms.
    """

    def __init__(
        self,
        store: Store,
        learner: Learner,
        feedbacks: Feedbacks,
        comparing: Comparing | None,
        shares: tuple[int, int, int],
    ) -> None:
        self._store, self._learner, self._feedbacks = store, learner, feedbacks
        self._comparing, self._shares = comparing, shares
        self._lock = threading.Lock()
        self._distances: dict[str, deque[float]] = {}

    @property
    def active(self) -> bool:
        """Whether anybody may be asked at all; told at once, where all else may read the store."""
        return self._comparing is not None and self._learner.registry.state().experiment_id is not None

    def compares(self, person: str) -> str | None:
        """The experiment whose cohort the person is of, and in which they may be asked once more today."""
        running = self._learner.assignments.running()
        if running is None or self._comparing is None or person_group(person, self._shares) != "decide":
            return None
        compares = running.plan.compares(person, running.experiment_id)
        return running.experiment_id if compares and self._comparing.may(person) else None

    def draws(self, person: str) -> str | None:
        """`compares`, for this question by chance."""
        experiment_id = self.compares(person)
        return experiment_id if experiment_id and secrets.randbelow(100) < 100 * OFTEN else None

    async def both(self, turns: Turns, asked: TurnRequest, experiment_id: str) -> Pair | Answered:
        """Ask both arms; returns the pair to show, or the person's own answer where there is nothing to compare.

        Raises what `Turns.run` raises for the person's own answer. Closing it stops both.
        """
        own = turns.run(asked)
        async with aclosing(own):
            begun = await anext(own)
            assert isinstance(begun, Begun)
            sibling = replace(asked, conversation_id=begun.conversation_id, sibling_of=begun.turn_id, choice=1)
            beside = turns.run(replace(sibling, other_arm=True))
            async with aclosing(beside):
                also = await _or_none(anext(beside))
                if not isinstance(also, Begun):
                    return await _whole(begun, own)
                mine, other = await self._together(asked.person, experiment_id, (begun, own), (also, beside))
        return await asyncio.to_thread(self._paired, asked.person, experiment_id, mine, other)

    async def _together(
        self, person: str, experiment_id: str, own: tuple[Begun, Steps], beside: tuple[Begun, Steps]
    ) -> tuple[Answered, Answered | None]:
        """Both answers, when all of both is there; the sibling is None where it failed."""
        tasks = [asyncio.ensure_future(_whole(*one)) for one in (own, beside)]
        other: Answered | None = None
        try:
            mine = await tasks[0]
            other = await _or_none(tasks[1])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if other is None:  # so that the chat goes on with the person's own
                ids = own[0].turn_id, beside[0].turn_id
                self._store.submit(ArmComparison(experiment_id, person, *ids, ids[0], None, "skipped", ids[0]))
        return mine, other

    def _paired(self, person: str, experiment_id: str, own: Answered, other: Answered | None) -> Pair | Answered:
        if other is None:
            return own
        distance = distance_of(own.text, other.text)
        fine = all(one.done.finish_reason in ("stop", "length") for one in (own, other))
        arms = own.begun.route.arm != other.begun.route.arm
        pair = _sides(own, other, experiment_id, distance)
        shown = fine and arms and self._worth(experiment_id, distance)
        self._keep(pair, person, "shown" if shown else "skipped", own)
        if shown and self._comparing is not None:
            self._comparing.count(person)
        return pair if shown else own

    def showing(self, person: str, experiment_id: str, left: Begun, right: Begun) -> bool:
        """Keep that a client shows two answers of both arms; the chat goes on with the left one until they choose.

        False where both are of one arm, as when the experiment ended meanwhile.
        """
        if left.route.arm == right.route.arm:
            return False
        event = ArmComparison(
            experiment_id, person, left.turn_id, right.turn_id, left.turn_id, None, "shown", left.turn_id
        )
        self._store.append(event)
        if self._comparing is not None:
            self._comparing.count(person)
        return True

    def choose(self, person: str, left: str, right: str, choice: Choice) -> Receipt | None:
        """Keep what the person found of the answers `left` and `right`; returns the receipt of a preference.

        Raises BadRequest where they were not shown side by side, UnknownResponse, NotYours.
        """
        own_turn(self._store, person, left, "compare it")
        rows = self._store.rows(
            f"SELECT * FROM {ArmComparison.table} WHERE person = ? AND choice <> 'skipped' "
            "AND list_sort([first_turn, second_turn]) = list_sort([?, ?]) ORDER BY seq DESC LIMIT 1",
            (person, left, right),
        )
        if not rows or left == right:
            raise BadRequest("These two answers were not shown side by side; ask for a pair with `compare`.")
        receipt, goes_on = None, rows[0]["goes_on"]
        if choice in ("left", "right"):
            goes_on, worse = (left, right) if choice == "left" else (right, left)
            receipt = self._feedbacks.give(person, goes_on, preferred_over=worse)
        kept = {name: rows[0][name] for name in _PAIR}
        self._store.append(ArmComparison(**kept, choice=choice, goes_on=goes_on))
        return receipt

    def _worth(self, experiment_id: str, distance: float) -> bool:
        """Whether the answers differ enough: more than most pairs of this experiment."""
        with self._lock:
            known = self._distances.setdefault(experiment_id, deque(maxlen=REMEMBERED))
            usual = statistics.median(known) if known else 0.0
            known.append(distance)
        return distance >= max(LEAST_DISTANCE, usual)

    def _keep(self, pair: Pair, person: str, choice: Literal["shown", "skipped"], goes_on: Answered) -> None:
        kept = ArmComparison(
            experiment_id=pair.experiment_id,
            person=person,
            first_turn=pair.own.begun.turn_id,
            second_turn=pair.other.begun.turn_id,
            left_turn=pair.left.begun.turn_id,
            distance=pair.distance,
            choice=choice,
            goes_on=goes_on.begun.turn_id,
        )
        self._store.append(kept)


def distance_of(one: str, other: str) -> float:
    """How much two answers differ, in [0, 1]: the share of their words that no common run has; it is symmetric."""
    a, b = (_WORD.findall(text.lower()) for text in (one, other))
    # The matcher looks from one side, and the two directions need not find the same.
    ratios = (SequenceMatcher(None, *pair, autojunk=False).ratio() for pair in ((a, b), (b, a)))
    return 1 - sum(ratios) / 2


def _sides(own: Answered, other: Answered, experiment_id: str, distance: float) -> Pair:
    left, right = (own, other) if secrets.randbelow(2) else (other, own)
    return Pair(own, other, left, right, experiment_id, distance)


async def _whole(begun: Begun, steps: Steps) -> Answered:
    text, done = "", None
    async for step in steps:
        if isinstance(step, Delta):
            text = step.text if step.stops else text + step.text
        elif isinstance(step, Done):
            done = step
    assert done is not None
    return Answered(begun, done, text.strip())


async def _or_none(waiting: Awaitable[Got]) -> Got | None:
    """What the sibling gives; an engine that fails it costs the person nothing, for their own answer is there."""
    try:
        return await waiting
    except Exception:
        return None
