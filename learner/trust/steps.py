"""Which steps there are, in which order, and which settings each of them reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from learner.pair import Pair
from learner.settings import LapSettings
from learner.trust.ages import without_newcomers
from learner.trust.bursts import hold_bursts
from learner.trust.caps import cap_groups, cap_people, cap_prompts
from learner.trust.dictated import without_dictated
from learner.trust.honeypots import hold_failed
from learner.trust.planted import hold_planted
from learner.trust.raters import weigh_raters
from learner.trust.record import Record
from learner.trust.rewrites import screen_rewrites
from learner.trust.sides import hold_sides
from learner.trust.step import Hold, Outcome, Report, Row, Step, sift
from learner.trust.unsafe import without_unsafe


class Named(NamedTuple):
    """A step, its name in the manifest, the settings that it reads, and whether the manifest names what it took."""

    name: str
    step: Step
    settings: tuple[str, ...] = ()
    names: bool = True


def _still_held(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Take what an earlier lap has held and no reviewer has released."""
    people, turns = record.held_people, record.held_turns
    return sift(rows, lambda row: people.get(row.lesson.person, turns.get(row.lesson.turn_id)) if row.own else None)


# Who judged too fast or against everybody is found before the caps, which leave too little of them to see it.
STEPS: tuple[Named, ...] = (
    Named("held", _still_held),
    Named("unsafe", without_unsafe),
    Named("dictated", without_dictated),
    Named("age", without_newcomers, ("account_age_hours",)),
    Named("bursts", hold_bursts, ("vote_burst",)),
    Named("honeypots", hold_failed, ("honeypots", "trust_alpha")),
    Named("sides", hold_sides, ("trust_alpha",)),
    Named("planted", hold_planted, ("trust_alpha", "known_terms")),
    Named("rewrites", screen_rewrites, ("rewrite_review", "known_terms")),
)
# On the pairs that teach and on those that judge, each by themselves. Raters are weighed last: among uncapped votes
# those of a few who cast half of them would pass for the truth.
CAPS: tuple[Named, ...] = (
    Named("person_cap", cap_people, ("person_rows", "person_share"), names=False),
    Named("prompt_cap", cap_prompts, ("person_rows", "person_share"), names=False),
    Named("group_cap", cap_groups, ("person_rows", "group_share")),
    Named("raters", weigh_raters, ("trust_alpha",)),
)


def through(
    steps: Sequence[Named], rows: Sequence[Row], record: Record, settings: LapSettings
) -> tuple[Sequence[Row], list[Report], list[Hold]]:
    """Pass the rows through the steps; returns those that are left, what each step did, and whom to hold."""
    reports: list[Report] = []
    holds: list[Hold] = []
    for named in steps if settings.defences else ():
        outcome = named.step(rows, record, settings)
        rows = outcome.kept
        holds += outcome.holds
        reports.append(report(named, outcome, settings))
    return rows, reports, holds


def report(named: Named, outcome: Outcome, settings: LapSettings) -> Report:
    """A step's line in the manifest."""
    taken = [row.lesson for row, _ in outcome.taken] if named.names else []
    pairs = sum(isinstance(row.lesson, Pair) for row, _ in outcome.taken)
    return Report(
        step=named.name,
        taken=len(outcome.taken),
        pairs=pairs,
        ratings=len(outcome.taken) - pairs,
        reasons=dict(Counter(reason for _, reason in outcome.taken)),
        settings={name: getattr(settings, name) for name in named.settings},
        people=sorted({pair.person for pair in taken}),
        turns=sorted({pair.turn_id for pair in taken}),
        note=outcome.note,
    )
