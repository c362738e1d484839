"""From what people said to a frozen dataset of preference pairs, and the manifest that says how it came about."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal, get_args

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.pairs import pairs_sql, rules_sha256
from learner.errors import FirewallBroken
from learner.people import SHARES, person_group
from learner.progress import write_json
from learner.settings import LapSettings

Source = Literal["rewrite", "correction", "sibling", "comparison"]


@dataclass(frozen=True)
class Pair:
    """`chosen` was preferred to `rejected` as the answer to `prompt`, the messages that the engine was sent."""

    turn_id: str
    person: str
    prompt: tuple[dict[str, str], ...]
    chosen: str
    rejected: str
    source: Source


@dataclass(frozen=True)
class Dataset:
    """Pairs to `learn` from and pairs to `judge` by, from people of different groups; `sha256` names the content."""

    learn: list[Pair]
    judge: list[Pair]
    sha256: str
    manifest: dict[str, object]

    def write(self, folder: Path) -> None:
        """Write dataset.parquet, judge.parquet and manifest.json into the run's folder."""
        for name, pairs in (("dataset", self.learn), ("judge", self.judge)):
            pq.write_table(_table(pairs), folder / f"{name}.parquet")
        write_json(folder / "manifest.json", self.manifest)


def curate(
    events: Path,
    settings: LapSettings,
    *,
    groups: tuple[int, int, int] = SHARES,
    without: frozenset[str] = frozenset(),
) -> Dataset:
    """Choose the pairs from a snapshot of the store: only of people who agreed, and none of the people in `without`.

    The learn group's pairs and reviewers' corrections teach; the own pairs of the other two groups judge, but for turns
    that a reviewer corrected. Raises FirewallBroken where one person or one turn would do both.
    """
    rows = _query(events, without)
    pairs = [(row[2], Pair(row[0], row[1], tuple(json.loads(row[3])), *row[4:7])) for row in rows]
    # Who was assigned under another split may have been served as a judge before: they do neither.
    steady = [pair for group, pair in pairs if person_group(pair.person, groups) == group]
    teaches, judges = _split(steady, groups)
    learn, judge = (_capped(chosen, settings) for chosen in (teaches, judges))
    _hold_apart(learn, judge)
    digest = sha256("".join(map(_line, (*learn, *judge))).encode()).hexdigest()
    split = len(teaches) + len(judges)
    dropped = {
        "other_split": len(pairs) - len(steady),
        "corrected": len(steady) - split,
        "person_cap": split - len(learn) - len(judge),
    }
    manifest: dict[str, object] = {
        "created": datetime.now(UTC).isoformat(),
        "dataset_sha256": digest,
        **_source(events, settings, groups, without),
        "dropped": dropped,
        "learn": _summary(learn),
        "judge": _summary(judge),
    }
    return Dataset(learn, judge, digest, manifest)


def _source(
    events: Path, settings: LapSettings, groups: tuple[int, int, int], without: frozenset[str]
) -> dict[str, object]:
    """What the pairs were chosen from, and by which rules."""
    return {
        "rules_sha256": rules_sha256(),
        "events_sha256": {
            path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(events.glob("*.parquet"))
        },
        "consent": "the latest answer of the person is yes",
        "groups": groups,
        "without": sorted(without),
        "filters": {name: getattr(settings, name) for name in ("person_share", "person_rows")},
    }


def _query(events: Path, without: frozenset[str]) -> list[tuple[str, str, str, str, str, str, Source, int]]:
    folder = str(events).replace("'", "''")
    sql = pairs_sql(lambda event: f"'{folder}/{event}.parquet'")
    with duckdb.connect() as connection:
        return connection.execute(sql, {"without": sorted(without)}).fetchall()


def _split(pairs: Sequence[Pair], groups: tuple[int, int, int]) -> tuple[list[Pair], list[Pair]]:
    teaches: Callable[[Pair], bool] = lambda p: p.source == "correction" or person_group(p.person, groups) == "learn"  # noqa: E731
    learn = [p for p in pairs if teaches(p)]
    # An answer that a reviewer corrected may have won or lost a comparison of its person as well: then it only teaches.
    taught = _taught(learn)
    return learn, [p for p in pairs if not teaches(p) and not taught & _answers(p)]


def _capped(pairs: Sequence[Pair], settings: LapSettings) -> list[Pair]:
    """Keep the newest of each person, up to the greater of `person_rows` and `person_share` of what is kept."""
    most = _most([pair for pair in pairs if pair.source != "correction"], settings)
    kept: list[Pair] = []
    given: Counter[str] = Counter()
    for pair in reversed(pairs):
        # A correction is the reviewer's work: it does not use up what the person may give.
        if pair.source == "correction" or given[pair.person] < most:
            kept.append(pair)
            given[pair.person] += pair.source != "correction"
    return kept[::-1]


def _most(own: Sequence[Pair], settings: LapSettings) -> int:
    """How many of their own pairs one person may give: a share of what all give under that same limit.

    A share of all that they sent would grow with the pairs of somebody who sends thousands.
    """
    sent = Counter(pair.person for pair in own).values()
    most = len(own)
    while True:
        share = settings.person_share * sum(min(count, most) for count in sent)
        fewer = max(settings.person_rows, math.floor(share))
        if fewer >= most:
            return fewer
        most = fewer


def _hold_apart(learn: Sequence[Pair], judge: Sequence[Pair]) -> None:
    teachers = {pair.person for pair in learn if pair.source != "correction"}
    if both := teachers & {pair.person for pair in judge}:
        raise FirewallBroken(f"{len(both)} people would both teach the model and judge it; nothing is trained.")
    taught = _taught(learn)
    if any(taught & _answers(pair) for pair in judge):
        raise FirewallBroken("A turn that teaches the model would judge it as well; nothing is trained.")


def _answers(pair: Pair) -> set[tuple[str, str, str]]:
    """Both answers of a pair, each with who got it and to what."""
    prompt = json.dumps(pair.prompt, sort_keys=True)
    return {(pair.person, prompt, text) for text in (pair.chosen, pair.rejected)}


def _taught(learn: Sequence[Pair]) -> set[tuple[str, str, str]]:
    return set().union(*map(_answers, learn))


def _summary(pairs: Sequence[Pair]) -> dict[str, object]:
    people: defaultdict[str, int] = defaultdict(int)
    for pair in pairs:
        people[pair.person] += 1
    sources = Counter(pair.source for pair in pairs)
    return {
        "pairs": len(pairs),
        "sources": {source: sources[source] for source in get_args(Source)},
        "people": dict(sorted(people.items())),
        "largest_share": max(people.values()) / len(pairs) if pairs else 0.0,
    }


def _line(pair: Pair) -> str:
    return json.dumps(asdict(pair), sort_keys=True, ensure_ascii=False) + "\n"


def _table(pairs: Sequence[Pair]) -> pa.Table:
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    texts = [(name, pa.string()) for name in ("turn_id", "person")]
    schema = pa.schema(
        [*texts, ("prompt", pa.list_(message)), *((name, pa.string()) for name in ("chosen", "rejected", "source"))]
    )
    return pa.Table.from_pylist([{**asdict(pair), "prompt": list(pair.prompt)} for pair in pairs], schema=schema)
