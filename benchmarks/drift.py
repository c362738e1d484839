"""False alarms of the drift monitor on traffic that does not move, and how soon it sees what was planted.

People come back, have habits of their own and ask several things in a window, so turns are not independent: the usual
test of turns is played beside it. Run as: ./ratchet bench drift --json
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from analytics import Adapter, Feedback, Reply, Routing, Store, Turn
from benchmarks import tell
from learner import LearnerSettings, Registry
from learner.drift import Monitor, Sample, compare
from learner.drift.metrics import METRICS, TOPICS
from learner.drift.slow import surely_moved
from safety.interval import wilson

TOPIC_WORDS = (
    "where is my parcel order delivery", "send back return refund money", "change my password account login",
    "pay by card invoice bank", "the box came broken damaged", "opening hours shop town", "coupon code discount sale",
    "size colour fits shirt",
)  # fmt: skip
RATES = {"refusals": 0.03, "up": 0.7, "rating": 0.3, "flags": 0.04, "scripts": 0.02}
# How far a metric is moved: twice its margin, in its unit; distinct n-grams by a poorer vocabulary.
PLANTS = ("length", "distinct-2", "refusals", "up", "rating", "flags", TOPICS)
WORDS, POOR_WORDS = 800, 250
ALPHA = 0.01  # of a window, and of a generation
GENERATIONS, LOOKS = 5, 3  # after generation 0, and looks at each


class Raw(NamedTuple):
    """Turns one by one: whose each is, and its number for each metric."""

    who: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]


@dataclass
class Crowd:
    """A town whose people have habits: each metric's rate varies between them with this intra-class correlation."""

    rng: np.random.Generator
    people: int = 3000
    icc: float = 0.3
    plant: str = ""
    times: float = 2.0
    habits: dict[str, NDArray[np.float64]] = field(init=False)

    def __post_init__(self) -> None:
        spread = (1 - self.icc) / self.icc
        self.habits = {
            name: self.rng.beta(rate * spread, (1 - rate) * spread, self.people) for name, rate in RATES.items()
        }
        self.length = self.rng.normal(3.4, 0.4, self.people)
        self.favourite = self.rng.integers(len(TOPIC_WORDS), size=self.people)
        self.busy = self.rng.gamma(0.7, 1, self.people) + 0.02  # a few come again and again

    def window(self, count: int, *, moved: bool = False) -> tuple[Sample, Raw]:
        """So many people in a stretch of time, and their turns one by one."""
        who = self.rng.choice(self.people, count, replace=False, p=self.busy / self.busy.sum())
        turns = np.repeat(np.arange(count), 1 + self.rng.poisson(3, count))
        raw = {name: self._happens(name, who[turns], moved) for name in RATES}
        raw["up"] = np.where(raw["rating"] > 0, raw["up"], np.nan)
        raw["length"] = self.rng.normal(self.length[who[turns]], 0.5) + self._shift("length", moved)
        prompts, answers = self._texts(who, moved)
        scores = {name: _means(values, turns, count) for name, values in raw.items()}
        names = [f"person-{one}" for one in who]
        return Sample(names, scores, names, prompts, answers), Raw(who[turns], raw)

    def _happens(self, name: str, who: NDArray[np.int64], moved: bool) -> NDArray[np.float64]:
        sign = -1 if name in ("up", "rating") else 1
        chance = np.clip(self.habits[name][who] + sign * self._shift(name, moved), 0, 1)
        return (self.rng.random(len(who)) < chance).astype(np.float64)

    def _shift(self, name: str, moved: bool) -> float:
        return self.times * METRICS[name].margin if moved and name == self.plant else 0.0

    def _texts(self, who: NDArray[np.int64], moved: bool) -> tuple[list[str], list[str]]:
        topics = np.where(self.rng.random(len(who)) < 0.6, self.favourite[who], self.rng.integers(8, size=len(who)))
        if moved and self.plant == TOPICS:
            topics = np.where(self.rng.random(len(who)) < 0.15 * self.times, 0, topics)
        prompts = [" ".join(self.rng.permutation(TOPIC_WORDS[topic].split())[:4]) for topic in topics]
        known = POOR_WORDS if moved and self.plant == "distinct-2" else WORDS
        weights = 1 / np.arange(1, known + 1)
        said = self.rng.choice(known, (len(who), 30), p=weights / weights.sum())
        return prompts, [" ".join(f"w{word}" for word in row) for row in said]


def false_alarms(people: int, repeats: int, seed: int) -> dict[str, Any]:
    """The share of windows without any drift that raise an alarm, and that are called different whatever the size."""
    alarmed = proven = naive = 0
    for number in range(repeats):
        crowd = Crowd(np.random.default_rng([seed, people, number]))
        (before, old), (after, new) = crowd.window(200), crowd.window(people)
        tests = compare(before, after, alpha=ALPHA, seed=number)
        alarmed += any(test.moved for test in tests)
        proven += min(test.p_value for test in tests) <= ALPHA / len(tests)
        naive += _naive(old.values, new.values)
    counts = {"alarms": alarmed, "proven, of any size": proven, "test of turns": naive}
    return {name: _rate(count, repeats) for name, count in counts.items()}


def power(plant: str, people: int, times: float, repeats: int, seed: int) -> dict[str, Any]:
    """How often the first window after a change alarms, about that metric and about any."""
    about = of_any = 0
    for number in range(repeats):
        crowd = Crowd(np.random.default_rng([seed, people, number]), plant=plant, times=times)
        (before, _), (after, _) = crowd.window(200), crowd.window(people, moved=True)
        moved = {test.metric for test in compare(before, after, alpha=ALPHA, seed=number) if test.moved}
        about += plant in moved
        of_any += bool(moved)
    return {"that metric": about / repeats, "any": of_any / repeats}


def generations(plant: str, step: float, people: int, repeats: int, seed: int) -> dict[str, Any]:
    """How often a home is alarmed over `GENERATIONS`, each moved by `step` margins from the one before.

    Every generation has `LOOKS` windows of so many people, and is held against generation 0 and the one before it after
    each of them. `each step` is told by the one before, `all steps` by generation 0.
    """
    zero = before = 0
    for number in range(repeats):
        crowd = Crowd(np.random.default_rng([seed, people, number]), plant=plant)
        seen: list[Sample] = []
        told = {"zero": False, "before": False}
        for generation in range(1 + GENERATIONS):
            crowd.times = step * generation
            parts = [crowd.window(people, moved=True) for _ in range(LOOKS)]
            whole = [_merged(parts[: look + 1]) for look in range(LOOKS)]
            for sample in whole if generation else ():
                told["zero"] |= bool(surely_moved(seen[0], sample, alpha=ALPHA / 2))
                told["before"] |= generation > 1 and bool(surely_moved(seen[-1], sample, alpha=ALPHA / 2))
            seen.append(whole[-1])
        zero, before = zero + told["zero"], before + told["before"]
    return {"by all steps": _rate(zero, repeats), "by each step": _rate(before, repeats)}


def fill(
    store: Store,
    days: int,
    per_day: int,
    seed: int,
    *,
    plant: str = "",
    from_day: int = 0,
    promoted_on: int | None = None,
    weights_sha256: str = "",
) -> datetime:
    """Traffic of so many days until now, written straight into a store; returns when it began.

    The change begins on `from_day`; on `promoted_on` a copy of the base, with these weights, becomes the champion.
    """
    rng = np.random.default_rng(seed)
    crowd, events = Crowd(rng, people=5 * per_day, plant=plant), []
    for day in range(days):
        sample, _ = crowd.window(per_day, moved=bool(plant) and day >= from_day)
        for place, person in enumerate(sample.people):
            events += _turn(f"{day}:{place}", person, sample, place, rng)
    store.append(*events)
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days, hours=2)
    for table in ("turn", "reply", "feedback"):
        spread = "86400 * (split_part(turn_id, ':', 1)::INT + split_part(turn_id, ':', 2)::INT / $per_day)"
        store.rows(f'UPDATE {table} SET "at" = $first + to_seconds({spread})', {"first": first, "per_day": per_day})
    if promoted_on is not None:
        store.append(
            Adapter("starter@1", weights_sha256, "", "starter", None, "champion", "a promotion"),
            Routing("starter@1", "base", None, None, 0.0, "a promotion", "operator"),
        )
        at = first + timedelta(days=promoted_on)
        store.rows('UPDATE routing SET "at" = $at', {"at": at})
    return first


def seconds_of_a_look(turns: int, seed: int) -> dict[str, float]:
    """Processor seconds for all windows of so many turns in a store."""
    with tempfile.TemporaryDirectory() as folder:
        home, days = Path(folder), 5
        store = Store.open(home / "store.duckdb")
        fill(store, days, turns // days, seed)
        monitor = Monitor(store, Registry(store, home), LearnerSettings())
        began = time.process_time()
        seen = monitor.look()
        took = time.process_time() - began
        store.close()
    return {"turns": turns, "windows": seen, "seconds": round(took, 2)}


def _turn(name: str, person: str, sample: Sample, place: int, rng: np.random.Generator) -> list[Any]:
    score = {metric: float(values[place]) for metric, values in sample.scores.items()}
    turn = Turn(
        turn_id=name, conversation_id=f"of-{person}", person=person, person_group="learn",
        messages=[{"role": "user", "content": sample.prompts[place]}], arm="champion", adapter="base",
        weights_sha256="0" * 64, experiment_id=None, propensity=None, sibling_of=None, source="api", parameters={},
        verdicts=[],
    )  # fmt: skip
    refused = rng.random() < score["refusals"]
    reply = Reply(
        turn_id=name, completion=sample.answers[place], finish_reason="content_filter" if refused else "stop",
        prompt_tokens=9, completion_tokens=round(float(np.exp(score["length"]))), ttft_ms=10.0, duration_ms=50.0,
        logprob=None, verdicts=[],
    )  # fmt: skip
    if rng.random() >= score["rating"] or np.isnan(score["up"]):
        return [turn, reply]
    vote = 1 if rng.random() < score["up"] else -1
    return [turn, reply, Feedback(f"F-{name}", name, person, vote, [], None, None, None, "user")]


def _means(values: NDArray[np.float64], turns: NDArray[np.int64], people: int) -> NDArray[np.float64]:
    known = np.isfinite(values)
    sums = np.bincount(turns[known], weights=values[known], minlength=people)
    counts = np.bincount(turns[known], minlength=people)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _merged(parts: Sequence[tuple[Sample, Raw]]) -> Sample:
    """Everybody of several windows once, with the mean of all of their turns and their first question and answer."""
    who = np.concatenate([raw.who for _, raw in parts])
    people, turns = np.unique(who, return_inverse=True)
    values = {name: np.concatenate([raw.values[name] for _, raw in parts]) for name in parts[0][1].values}
    scores = {name: _means(column, turns, len(people)) for name, column in values.items()}
    said: dict[str, tuple[str, str]] = {}
    for sample, _ in parts:
        for name, *texts in zip(sample.asked, sample.prompts, sample.answers, strict=True):
            said.setdefault(name, (texts[0], texts[1]))
    prompts, answers = zip(*said.values(), strict=True)
    return Sample([f"person-{one}" for one in people], scores, list(said), prompts, answers)


def _naive(old: Mapping[str, NDArray[np.float64]], new: Mapping[str, NDArray[np.float64]]) -> bool:
    """Whether a z-test of turns at `ALPHA` calls any of the metrics different, as if each came from another person."""
    for name, values in old.items():
        one, other = (side[np.isfinite(side)] for side in (values, new[name]))
        error = np.sqrt(one.var() / len(one) + other.var() / len(other))
        if error > 0 and abs(other.mean() - one.mean()) / error > 2.5758:
            return True
    return False


def _rate(count: int, of: int) -> dict[str, Any]:
    found = wilson(count, of)
    return {"share": found.rate, "interval": [found.low, found.high]}


def main(
    repeats: Annotated[int, typer.Option(min=20, help="Windows without drift for each size.")] = 400,
    plants: Annotated[int, typer.Option(min=10, help="Windows with a planted change, for each metric and size.")] = 40,
    turns: Annotated[int, typer.Option(min=500, help="Turns of the store that is looked at.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed, the same figures.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure false alarms, power and the time of a look; a window is held against a reference of 200 people."""
    result: dict[str, object] = {"alpha": ALPHA, "repeats": repeats, "plants": plants}
    for people in (50, 200):
        result[f"no drift, {people} people"] = false_alarms(people, repeats, seed)
    for plant in PLANTS:
        for times in (1.5, 2.5):
            for people in (50, 200):
                result[f"{plant} by {times:g} margins, {people} people"] = power(plant, people, times, plants, seed)
    result["generations that do not move"] = generations("", 0.0, 100, repeats // 4, seed)
    for plant in ("length", "refusals", "up"):
        result[f"generations, {plant} by half a margin each"] = generations(plant, 0.5, 100, plants, seed)
    result["look"] = seconds_of_a_look(turns, seed)
    tell(result, as_json)


if __name__ == "__main__":
    typer.run(main)
