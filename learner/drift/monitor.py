"""Looks at what has passed since the last look, writes down what it was like, and raises alarms.

Two detectors share `drift_alpha`. **window** holds each stretch of traffic against the reference of its generation, the
first people who came to it: sudden changes, of traffic too. At most half of alpha of all stretches raise a false alarm.
**generation** holds all people of the present generation against those of generation 0 and of the one before, by the
anytime-valid interval of experiments: slow changes, of which each step is small. At most half of alpha of all
generations ever raise a false one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics import DriftAlarm, DriftWindow, Event, Store, drift
from learner.drift.compare import FEWEST, Sample, Test, compare
from learner.drift.slow import surely_moved
from learner.drift.windows import Generation, Window, generations, windows
from learner.errors import UnknownAlarm
from learner.experiment.guardrails import REFUSAL
from learner.registry import Registry
from learner.settings import LearnerSettings

GRACE = timedelta(seconds=drift.GRACE_SECONDS)
REFERENCE_PEOPLE, REFERENCE_WINDOWS = 200, 7  # the reference grows until it has one of them
HELD_AGAINST = 2  # generations: number 0 and the one before
AT_ONCE = 8  # windows of one look; an old home catches up look by look
LEARNER = "learner"


class Monitor:
    """Its alarms and figures are events in the store; nothing is kept in memory but what is under way."""

    def __init__(self, store: Store, registry: Registry, settings: LearnerSettings) -> None:
        self._store, self._registry = store, registry
        self._length = timedelta(hours=settings.drift_window_hours)
        self._alpha, self._fewest = settings.drift_alpha, max(FEWEST, settings.drift_people)
        self._looking = threading.Lock()
        self._samples: dict[tuple[datetime, datetime], tuple[Sample, int]] = {}  # of the look that is under way

    @property
    def on(self) -> bool:
        """Whether anything is watched."""
        return self._length > timedelta(0)

    def look(self, now: datetime | None = None) -> int:
        """Look at the windows that are over by now, and return how many were new."""
        if not self.on:
            return 0
        until = (now or datetime.now(UTC)) - GRACE
        with self._looking:
            known = drift.known_windows(self._store)
            found = self.generations()
            new = [
                window
                for generation in found
                for window in windows(generation, self._length, until)
                if (generation.number, window.began.timestamp()) not in known
            ]
            for window in new[:AT_ONCE]:
                self._store.append(*self._seen(window, found))
            self._samples.clear()
            return len(new[:AT_ONCE])

    def generations(self) -> list[Generation]:
        """Every champion's time."""
        return generations(drift.champions(self._store, self._registry.base, self._registry.base_sha256))

    def report(self, most: int = 400) -> dict[str, Any]:
        """Every generation and alarm, and the newest `most` windows in the order of time, as they were written."""
        found = [asdict(generation) for generation in self.generations()]
        return {
            "window_hours": self._length / timedelta(hours=1),
            "alpha": self._alpha,
            "generations": found,
            "windows": drift.latest_windows(self._store, most),
            "alarms": drift.latest_alarms(self._store),
        }

    def open(self) -> list[dict[str, Any]]:
        """The alarms that nobody has acknowledged, the newest first."""
        return [row for row in drift.latest_alarms(self._store) if row["state"] == "open"]

    def warning(self) -> str | None:
        """What a person should look at; None while no alarm is open."""
        found = self.open()
        if not found:
            return None
        newest = found[0]
        since = datetime.fromtimestamp(newest["began"], UTC)
        told = f"Drift since {since:%Y-%m-%d %H:%M} UTC: {newest['reason']}."
        return told if len(found) == 1 else f"{told} There are {len(found) - 1} alarms more."

    def acknowledge(self, alarm_id: str, actor: str, note: str, *, accept: bool) -> None:
        """Close an alarm; with `accept` traffic is from its window on compared with what came since.

        Raises UnknownAlarm.
        """
        rows = [row for row in self.open() if row["alarm_id"] == alarm_id]
        if not rows:
            raise UnknownAlarm(alarm_id)
        values = {name: value for name, value in rows[0].items() if name not in ("seq", "at")}
        closed = DriftAlarm(**{**values, "state": "acknowledged", "actor": actor, "note": note, "accepted": accept})
        detail = {"alarm_id": alarm_id, "note": note, "accepted": accept, "reason": rows[0]["reason"]}
        self._store.append(closed, self._store.audit("drift.acknowledge", actor, detail))

    def _seen(self, window: Window, known: Sequence[Generation]) -> Iterator[Event]:
        """The window's row, and the alarms that follow from it."""
        sample, answers = self._sample(window.began, window.ended)
        reference = self._reference(window)
        tests: list[Test] = []
        if reference is not None and len(sample.people) >= self._fewest:
            tests = compare(reference, sample, alpha=self._alpha / 2)
        generation = window.generation
        yield DriftWindow(
            generation=generation.number,
            adapter=generation.adapter,
            began=window.began.timestamp(),
            ended=window.ended.timestamp(),
            people=len(sample.people),
            answers=answers,
            figures=sample.figures(),
            tests=[test.to_values() for test in tests],
        )
        moved = [test for test in tests if test.moved]
        yield from self._alarms("window", window, moved, generation.number)
        for against in {0, generation.number - 1} - {-1, generation.number}:
            yield from self._alarms("generation", window, self._against(window, known[against]), against)

    def _alarms(self, detector: str, window: Window, moved: Sequence[Test], against: int) -> Iterator[Event]:
        """An alarm and its line in the audit for whatever is told by none that is open, or of this generation."""
        rows = drift.latest_alarms(self._store)
        generation = window.generation
        for test in moved:
            place = f"@{window.began:%Y%m%d-%H%M}" if detector == "window" else f">{against}"
            # A category may have any name, and the id is a part of an address.
            alarm_id = f"{detector}:{test.metric.replace('/', '-')}:{generation.number}{place}"
            same = [row for row in rows if (row["detector"], row["metric"]) == (detector, test.metric)]
            if any(row["alarm_id"] == alarm_id for row in same):
                continue
            if detector == "window" and any(row["state"] == "open" for row in same):
                continue
            alarm = DriftAlarm(
                alarm_id=alarm_id,
                state="open",
                detector=detector,  # type: ignore[arg-type]
                metric=test.metric,
                generation=generation.number,
                against=against,
                adapter=generation.adapter,
                began=window.began.timestamp(),
                change=test.change,
                p_value=test.p_value,
                reason=test.reason,
                actor=LEARNER,
            )
            detail = {name: value for name, value in asdict(alarm).items() if name not in ("state", "actor", "note")}
            yield alarm
            yield self._store.audit("drift.alarm", LEARNER, detail)

    def _reference(self, window: Window) -> Sample | None:
        """The first people of the generation, or of what was accepted as its new normal; None for a part of them."""
        since = self._compared_from(window)
        end, people = since, 0
        for number in range(REFERENCE_WINDOWS):
            if end >= window.began:
                return None
            end = min(since + (number + 1) * self._length, window.began)
            people = self._count(since, end)
            if people >= REFERENCE_PEOPLE:
                break
        return self._sample(since, end)[0] if people >= self._fewest else None

    def _compared_from(self, window: Window) -> datetime:
        accepted = [
            datetime.fromtimestamp(row["began"], UTC)
            for row in drift.latest_alarms(self._store)
            if row["accepted"] and row["generation"] == window.generation.number and row["detector"] == "window"
        ]
        return max([at for at in accepted if at <= window.began], default=window.generation.began)

    def _count(self, since: datetime, until: datetime) -> int:
        (row,) = self._store.rows(
            'SELECT count(DISTINCT person) AS people FROM turn WHERE arm = \'champion\' AND "at" >= ? AND "at" < ?',
            (since, until),
        )
        return int(row["people"])

    def _sample(self, since: datetime, until: datetime) -> tuple[Sample, int]:
        """Who came, and how many answers they got."""
        if (known := self._samples.get((since, until))) is not None:
            return known
        found = drift.people(self._store, since, until, REFUSAL)
        texts = drift.texts(self._store, since, until)
        sample = Sample(found.names, found.scores, texts.names, texts.prompts, texts.answers)
        self._samples[since, until] = sample, found.answers
        return sample, found.answers

    def _against(self, window: Window, other: Generation) -> list[Test]:
        """What the generation up to this window has surely moved from another one, each person being one number."""
        before, _ = self._sample(other.began, other.ended or window.began)
        after, _ = self._sample(window.generation.began, window.ended)
        if min(len(before.people), len(after.people)) < self._fewest:
            return []
        return surely_moved(before, after, alpha=self._alpha / 2 / HELD_AGAINST)
