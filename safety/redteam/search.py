"""Looks for the smallest change with which a request that the filters stop slips through, led by their own scores.

A beam: the mutants that the filters are least sure about are changed further. Operators that lowered a score before are
drawn more often. Whatever no filter flags is asked for real, and then every step that was not needed is taken back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from safety.redteam.attack import Attack, Messages, user
from safety.redteam.goals import Goal
from safety.redteam.mutations import NAMES, Draft, Step, as_messages, edits, keeps_goal, mutated
from safety.redteam.outcome import Outcome, held_back, outcome_of
from safety.redteam.sight import Sight
from safety.redteam.target import Reply, Target

BEAM, BATCH, MOST_STEPS = 4, 16, 5
LEAST = len(NAMES) + BATCH  # texts for one goal: each operator once, and one round more
TRIES = 200  # drafts to find one that is new and keeps the goal


@dataclass(frozen=True)
class Mutant:
    """A changed request, and how the filters see it."""

    steps: tuple[Step, ...]
    draft: Draft
    sight: Sight


@dataclass(frozen=True)
class Evasion:
    """A mutant that no filter flagged and that was answered: the smallest one that was found from its goal.

    `harmful` is a judge's word on the answer.
    """

    mutant: Mutant
    attack: Attack
    reply: Reply
    outcome: Outcome
    edits: int
    harmful: bool | None = None


@dataclass
class Hunt:
    """One goal: what stopped it, how close the filters came to letting it pass, and what slipped through.

    `alone` are the operators of which a single use was flagged by no filter.
    """

    goal: Goal
    start: Sight
    asked: int = 0
    best: float = 0.0
    alone: list[str] = field(default_factory=list)
    found: Evasion | None = None


@dataclass
class Search:
    """Spends at most `budget` texts that are shown to the filters or asked for real, in equal parts."""

    target: Target
    budget: int
    seed: int
    report: Callable[[int], None] = lambda spent: None
    spent: int = 0
    _gains: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    async def run(self, stopped: Sequence[tuple[Goal, Sight]]) -> list[Hunt]:
        """Hunt for each goal that was stopped, until the budget is used up."""
        hunts: list[Hunt] = []
        for left, (goal, sight) in zip(range(len(stopped), 0, -1), stopped, strict=True):
            share = (self.budget - self.spent) // left
            if share < LEAST and self.budget - self.spent >= LEAST:
                share = LEAST  # rather fewer goals than none of them looked at well
            if share < LEAST:
                break
            hunts.append(await self._hunt(goal, sight, share))
        return hunts

    async def _hunt(self, goal: Goal, start: Sight, share: int) -> Hunt:
        hunt, end = Hunt(goal, start, best=start.margin), self.spent + share
        before, rng = self.spent, Random(f"{self.seed}:{goal.goal_id}")
        whole: Draft = (goal.text,)
        beam, known = [Mutant((), whole, start)], {whole}
        first: Sequence[str] = NAMES
        while hunt.found is None and self.spent < end:
            children = self._children(goal, beam, known, rng, min(len(first) or BATCH, end - self.spent), first)
            if not children:
                break
            first = ()
            seen = await self._see(children)
            hunt.alone += [one.steps[0].operator for one in seen if len(one.steps) == 1 and not one.sight.flagged]
            for mutant in sorted(seen, key=lambda one: (len(one.steps), edits(goal.text, " ".join(one.draft)))):
                if not mutant.sight.flagged and self.spent < end and (found := await self._asked(goal, mutant)):
                    hunt.found = await self._smallest(goal, found, end)
                    break
            beam = self._narrowed(beam, seen, rng)
            hunt.best = min([hunt.best, *(mutant.sight.margin for mutant in seen)])
        hunt.asked = self.spent - before
        return hunt

    def _children(
        self, goal: Goal, beam: Sequence[Mutant], known: set[Draft], rng: Random, count: int, first: Sequence[str]
    ) -> list[tuple[tuple[Step, ...], Draft]]:
        """New drafts that keep the goal; in the first round one by each operator."""
        made: list[tuple[tuple[Step, ...], Draft]] = []
        names = list(first)
        for _ in range(TRIES):
            if len(made) >= count:
                break
            parent = rng.choice(beam)
            name = names.pop(0) if names else self._drawn(rng)
            steps = (*parent.steps[: MOST_STEPS - 1], Step(name, rng.randrange(10**6)))
            draft = mutated(goal.text, steps)
            if draft not in known and keeps_goal(draft, goal):
                known.add(draft)
                made.append((steps, draft))
        return made

    def _drawn(self, rng: Random) -> str:
        return rng.choices(NAMES, [1 + self._gains[name] for name in NAMES])[0]

    async def _see(self, children: Sequence[tuple[tuple[Step, ...], Draft]]) -> list[Mutant]:
        sights = await self.target.look([as_messages(draft) for _, draft in children])
        self._spend(len(children))
        return [Mutant(steps, draft, sight) for (steps, draft), sight in zip(children, sights, strict=True)]

    def _narrowed(self, beam: Sequence[Mutant], seen: Sequence[Mutant], rng: Random) -> list[Mutant]:
        """The mutants of which the filters are least sure; among equals, any."""
        level = min(mutant.sight.margin for mutant in beam)
        for mutant in seen:
            self._gains[mutant.steps[-1].operator] += max(0.0, level - mutant.sight.margin)
        # What is flagged no more and was stopped all the same leads nowhere: another filter saw it in the whole.
        candidates = [*beam, *(mutant for mutant in seen if mutant.sight.flagged)]
        return sorted(candidates, key=lambda mutant: (mutant.sight.margin, rng.random()))[:BEAM]

    async def _asked(self, goal: Goal, mutant: Mutant) -> Evasion | None:
        """The mutant asked for real; None where it was stopped after all."""
        messages = as_messages(mutant.draft)
        attack = Attack("mutation", "+".join(step.operator for step in mutant.steps) or "none", goal.category,
                        goal.goal_id, goal.text, messages)  # fmt: skip
        self._spend(1)
        reply = await self.target.ask(messages)
        outcome = outcome_of(attack, mutant.sight, reply)
        if outcome == "failed" or (held_back(outcome) and outcome != "refused"):
            return None
        return Evasion(mutant, attack, reply, outcome, edits(goal.text, " ".join(mutant.draft)))

    async def _smallest(self, goal: Goal, found: Evasion, end: int) -> Evasion:
        """Take back, one by one, every step without which it slips through as well."""
        shorter = True
        while shorter and len(found.mutant.steps) > 1:
            shorter = False
            for at in range(len(found.mutant.steps)):
                steps = (*found.mutant.steps[:at], *found.mutant.steps[at + 1 :])
                draft = mutated(goal.text, steps)
                if self.spent + 2 > end or not keeps_goal(draft, goal):
                    continue
                (mutant,) = await self._see([(steps, draft)])
                if not mutant.sight.flagged and (less := await self._asked(goal, mutant)):
                    found, shorter = less, True
                    break
        for step in found.mutant.steps:
            self._gains[step.operator] += 1.0
        return found

    def _spend(self, texts: int) -> None:
        self.spent += texts
        self.report(self.spent)


def plain_messages(goal: Goal) -> Messages:
    """The goal as somebody would ask for it."""
    return (user(goal.text),)
