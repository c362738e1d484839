"""More answers judged in a minute than anybody could read."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from learner.settings import LapSettings
from learner.trust.record import Judged, Record
from learner.trust.step import Hold, Outcome, Row, hold_people

MINUTE = 60.0  # seconds


def hold_bursts(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Hold whoever judged more than `vote_burst` answers of theirs within a minute."""
    givers = {row.lesson.person for row in rows if row.own}
    by_person: defaultdict[str, list[Judged]] = defaultdict(list)
    for judged in record.judged:
        if judged.person in givers and record.fresh(judged.person, judged.seq):
            by_person[judged.person].append(judged)
    holds = []
    for person, said in by_person.items():
        if (most := fastest(said)) > settings.vote_burst:
            reason = f"judged {most} answers within a minute, and {settings.vote_burst} are allowed"
            holds.append(Hold("bursts", reason, (person,)))
    return hold_people(rows, holds)


def fastest(said: Iterable[Judged]) -> int:
    """The most answers that were judged within any minute."""
    window: deque[Judged] = deque()
    most = 0
    for judged in said:
        window.append(judged)
        while (judged.at - window[0].at).total_seconds() > MINUTE:
            window.popleft()
        most = max(most, len({one.turn_id for one in window}))
    return most
