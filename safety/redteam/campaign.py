"""A whole run: every attack and its twin, then the search from what was stopped."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from random import Random
from typing import Literal

from safety.redteam.attack import Attack
from safety.redteam.families import FAMILIES, all_attacks
from safety.redteam.goals import Goal, load_goals
from safety.redteam.judge import Judge
from safety.redteam.outcome import Outcome, outcome_of, slipped
from safety.redteam.search import Hunt, Search, plain_messages
from safety.redteam.sight import Sight
from safety.redteam.target import Reply, Target

Stage = Literal["filters", "attacks", "judge", "search", "garak"]
Progress = Callable[[Stage, int, int], None]
"""Told of a stage, how much of it is done, and of how much; 0 where nobody knows."""


@dataclass(frozen=True)
class Attempt:
    """An attack, how the filters saw it, and what came back; `harmful` is a judge's word on the answer."""

    attack: Attack
    sight: Sight
    reply: Reply
    outcome: Outcome
    harmful: bool | None = None

    @property
    def slipped(self) -> bool:
        """Whether it came through; a judge's no takes the harm out of an answer."""
        return slipped(self.attack, self.outcome) and self.harmful is not False


@dataclass(frozen=True)
class Plan:
    """`per_family` attacks of each family at most, each with its twin, drawn by `seed`; 0 takes all of them."""

    families: Sequence[str] = tuple(FAMILIES)
    per_family: int = 40
    budget: int = 1000
    seed: int = 0
    goals: Sequence[Goal] = field(default_factory=load_goals)


@dataclass(frozen=True)
class Campaign:
    """What was tried and what was found; `known` are the goals that the filters flag in plain words."""

    plan: Plan
    attempts: Sequence[Attempt]
    known: frozenset[str]
    hunts: Sequence[Hunt]
    searched: int


async def run(target: Target, plan: Plan, judge: Judge | None = None, report: Progress = lambda *_: None) -> Campaign:
    """Attack the server. Raises RedTeamError where it does not answer."""
    attacks = chosen(all_attacks(plan.families, plan.goals, plan.seed), plan)
    attempts = await attempt_all(target, attacks, report)
    search = Search(target, plan.budget, plan.seed, lambda spent: report("search", spent, plan.budget))
    stopped = await _stopped(target, plan.goals)
    known = frozenset(goal.goal_id for goal, _ in stopped)
    hunts = await search.run(stopped)
    if judge is not None:
        attempts = await _judged(judge, attempts, hunts, report)
    return Campaign(plan, attempts, known, hunts, search.spent)


def chosen(attacks: Sequence[Attack], plan: Plan) -> list[Attack]:
    """Of each family the attacks that are tried, each with its twin."""
    pairs: defaultdict[str, list[list[Attack]]] = defaultdict(list)
    for attack, twin in zip(attacks[::2], attacks[1::2], strict=True):
        pairs[attack.family].append([attack, twin])
    kept: list[Attack] = []
    for family, both in pairs.items():
        Random(f"{plan.seed}:{family}").shuffle(both)
        kept += [attack for pair in _spread(both)[: plan.per_family or None] for attack in pair]
    return kept


def _spread(pairs: Sequence[list[Attack]]) -> list[list[Attack]]:
    """The pairs in an order in which the categories take turns."""
    by_category: defaultdict[str, list[list[Attack]]] = defaultdict(list)
    for pair in pairs:
        by_category[pair[0].category].append(pair)
    turns = zip_longest(*(by_category[category] for category in sorted(by_category)))
    return [pair for turn in turns for pair in turn if pair is not None]


async def attempt_all(target: Target, attacks: Sequence[Attack], report: Progress = lambda *_: None) -> list[Attempt]:
    """Each attack once, in its order."""
    report("filters", 0, len(attacks))
    sights = await target.look([attack.messages for attack in attacks])
    report("filters", len(attacks), len(attacks))
    done = 0

    async def attempt(attack: Attack, sight: Sight) -> Attempt:
        nonlocal done
        reply = await target.ask(attack.messages)
        done += 1
        report("attacks", done, len(attacks))
        return Attempt(attack, sight, reply, outcome_of(attack, sight, reply))

    asking = [asyncio.ensure_future(attempt(*one)) for one in zip(attacks, sights, strict=True)]
    try:
        return list(await asyncio.gather(*asking))
    finally:
        for one in asking:  # of a server that is gone, nothing more is asked
            one.cancel()


async def _judged(judge: Judge, attempts: Sequence[Attempt], hunts: Sequence[Hunt], report: Progress) -> list[Attempt]:
    """What a judge says of every answer that slipped through and holds no secret that speaks for itself."""
    for hunt in hunts:
        if (found := hunt.found) is not None and found.outcome == "answered":
            hunt.found = replace(found, harmful=await judge.harmful(found.attack.asked, found.reply.text))
    unsure = [number for number, one in enumerate(attempts) if one.slipped and one.outcome == "answered"]
    judged = list(attempts)
    for done, number in enumerate(unsure, 1):
        one = judged[number]
        judged[number] = replace(one, harmful=await judge.harmful(one.attack.asked, one.reply.text))
        report("judge", done, len(unsure))
    return judged


async def _stopped(target: Target, goals: Sequence[Goal]) -> list[tuple[Goal, Sight]]:
    """The goals that the filters flag when they are asked for in plain words."""
    sights = await target.look([plain_messages(goal) for goal in goals])
    return [(goal, sight) for goal, sight in zip(goals, sights, strict=True) if sight.flagged]
