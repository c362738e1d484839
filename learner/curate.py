"""From what people said to a frozen dataset of preference pairs, and the manifest that says how it came about."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import get_args

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.pairs import pairs_sql, rules_sha256
from learner.errors import FirewallBroken
from learner.pair import Pair, Source
from learner.people import SHARES, person_group
from learner.progress import write_json
from learner.settings import LapSettings
from learner.trust import CAPS, STEPS, Hold, Report, Row, anchored, approval, read_record, through
from learner.trust.quarantine import to_values

__all__ = ["Dataset", "Pair", "curate"]


@dataclass(frozen=True)
class Dataset:
    """Pairs to `learn` from and pairs to `judge` by, from people of different groups; `sha256` names the content.

    `anchor` are the clean pairs that are learned besides, and `approval` says why a person has to promote.
    """

    learn: list[Pair]
    judge: list[Pair]
    anchor: list[Pair]
    approval: str | None
    sha256: str
    manifest: dict[str, object]

    def write(self, folder: Path) -> None:
        """Write dataset.parquet, judge.parquet and manifest.json into the run's folder."""
        for name, pairs in (("dataset", [*self.learn, *self.anchor]), ("judge", self.judge)):
            pq.write_table(_table(pairs), folder / f"{name}.parquet")
        write_json(folder / "manifest.json", self.manifest)


def curate(
    events: Path,
    settings: LapSettings,
    *,
    groups: tuple[int, int, int] = SHARES,
    without: frozenset[str] = frozenset(),
    model: str = "",
    now: datetime | None = None,
) -> Dataset:
    """Choose the pairs from a snapshot of the store: only of people who agreed, and none of the people in `without`.

    The learn group's pairs and reviewers' corrections teach; the own pairs of the other two groups judge, but for turns
    that a reviewer corrected. Both pass the steps of `learner.trust` first. `model` is the folder of the model, whose
    clean pairs may be mixed in, and `now` the time at which accounts have their age. Raises FirewallBroken where one
    person or one turn would do both, BadFile.
    """
    record = read_record(events, now)
    rows = [(group, Row(pair, seq)) for group, pair, seq in _pairs(events, without)]
    # Who was assigned under another split may have been served as a judge before: they do neither.
    steady = [row for group, row in rows if person_group(row.pair.person, groups) == group]
    trusted, reports, holds = through(STEPS, steady, record, settings)
    teaches, judges = _split(trusted, groups)
    capped = [through(CAPS, side, record, settings) for side in (teaches, judges)]
    learn, judge = ([row.pair for row in side] for side, *_ in capped)
    _hold_apart(learn, judge)
    anchor, mixed = anchored(learn, model, settings) if settings.defences else ([], "")
    needs = approval(learn, settings) if settings.defences else None
    digest = sha256("".join(map(_line, (*learn, *anchor, *judge))).encode()).hexdigest()
    of_learn, of_judge = (found for _, found, _ in capped)
    reports += of_learn
    dropped = {"other_split": len(rows) - len(steady), "corrected": len(trusted) - len(teaches) - len(judges)}
    manifest: dict[str, object] = {
        "created": datetime.now(UTC).isoformat(),
        "dataset_sha256": digest,
        **_source(events, groups, without),
        "dropped": {**dropped, **_taken([*reports, *of_judge])},
        "steps": [asdict(report) for report in reports],
        "steps_of_judge": [asdict(report) for report in of_judge],
        "quarantine": [to_values(hold) for hold in _merged(holds)],
        "anchor": {"pairs": len(anchor), "reason": mixed},
        "approval": needs,
        "learn": _summary(learn),
        "judge": _summary(judge),
    }
    return Dataset(learn, judge, anchor, needs, digest, manifest)


def _taken(reports: Sequence[Report]) -> dict[str, int]:
    taken: Counter[str] = Counter()
    for report in reports:
        taken[report.step] += report.taken
    return dict(taken)


def _merged(holds: Sequence[Hold]) -> list[Hold]:
    return list({hold.group: hold for hold in holds}.values())


def _source(events: Path, groups: tuple[int, int, int], without: frozenset[str]) -> dict[str, object]:
    """What the pairs were chosen from, and by which rules."""
    return {
        "rules_sha256": rules_sha256(),
        "events_sha256": {
            path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(events.glob("*.parquet"))
        },
        "consent": "the latest answer of the person is yes",
        "groups": groups,
        "without": sorted(without),
    }


def _pairs(events: Path, without: frozenset[str]) -> list[tuple[str, Pair, int]]:
    """The group, the pair and the place among all events of everything that somebody preferred, oldest first."""
    rows = _query(events, without)
    return [(row[2], Pair(row[0], row[1], tuple(json.loads(row[3])), *row[4:7]), row[7]) for row in rows]


def _query(events: Path, without: frozenset[str]) -> list[tuple[str, str, str, str, str, str, Source, int]]:
    folder = str(events).replace("'", "''")
    sql = pairs_sql(lambda event: f"'{folder}/{event}.parquet'")
    with duckdb.connect() as connection:
        return connection.execute(sql, {"without": sorted(without)}).fetchall()


def _split(rows: Sequence[Row], groups: tuple[int, int, int]) -> tuple[list[Row], list[Row]]:
    teaches: Callable[[Row], bool] = lambda row: not row.own or person_group(row.pair.person, groups) == "learn"  # noqa: E731
    learn = [row for row in rows if teaches(row)]
    # An answer that a reviewer corrected may have won or lost a comparison of its person as well: then it only teaches.
    taught = _taught([row.pair for row in learn])
    return learn, [row for row in rows if not teaches(row) and not taught & _answers(row.pair)]


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
        [
            *texts,
            ("prompt", pa.list_(message)),
            *((name, pa.string()) for name in ("chosen", "rejected", "source")),
            ("weight", pa.float64()),
        ]
    )
    return pa.Table.from_pylist([{**asdict(pair), "prompt": list(pair.prompt)} for pair in pairs], schema=schema)
