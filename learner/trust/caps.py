"""Nobody, no subject and no released group has more than a small share of a dataset."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from learner.settings import LapSettings
from learner.trust.record import Record
from learner.trust.step import Outcome, Row
from learner.trust.texts import clusters, prompt_text


def cap_people(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Keep the newest of each person, up to the greater of `person_rows` and `person_share` of what is kept."""
    return capped(rows, lambda row: row.lesson.person, settings.person_rows, settings.person_share, "of one person")


def cap_prompts(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """The same for near-duplicates of one question, whoever asked it."""
    own = [row for row in rows if row.own]
    numbers = clusters([prompt_text(row.lesson.prompt) for row in own])
    cluster = {id(row): number for row, number in zip(own, numbers, strict=True)}
    limits = settings.person_rows, settings.person_share
    return capped(rows, lambda row: cluster[id(row)], *limits, "about one question")


def cap_groups(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """People who were held together and released may be wrong together: all of them have one share."""
    groups = record.released_groups

    def key(row: Row) -> str | None:
        return groups.get(row.lesson.person) or groups.get(row.lesson.turn_id)

    return capped(rows, key, settings.person_rows, settings.group_share, "of a group that was held")


def capped(
    rows: Sequence[Row],
    key: Callable[[Row], Hashable | None],
    least: int,
    share: float,
    what: str,
    *,
    every: bool = False,
) -> Outcome:
    """Keep the newest of each key. A correction uses up nothing of its person's, unless `every` row counts."""
    keys = [key(row) if every or row.own else None for row in rows]
    most = limit(Counter(found for found in keys if found is not None), least, share, len(rows))
    kept: list[Row] = []
    taken: list[tuple[Row, str]] = []
    given: Counter[Hashable] = Counter()
    for row, found in zip(reversed(rows), reversed(keys), strict=True):
        if found is None or given[found] < most:
            kept.append(row)
            given[found] += 1
        else:
            taken.append((row, f"more than {most} {what}"))
    return Outcome(kept[::-1], taken[::-1])


def limit(sent: Counter[Hashable], least: int, share: float, rows: int) -> int:
    """How many one key may give: a share of what all give under that same limit, `rows` less what is cut.

    A share of all that was sent would grow with the rows of somebody who sends thousands.
    """
    most = max(sent.values(), default=0)
    uncapped = rows - sum(sent.values())
    while True:
        kept = uncapped + sum(min(count, most) for count in sent.values())
        fewer = max(least, math.floor(share * kept))
        if fewer >= most:
            return fewer
        most = fewer
