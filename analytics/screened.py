"""What the filters said of messages and answers, beside what reviewers said of the filters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from numpy.typing import NDArray

from analytics.rates import Cell
from analytics.store import Row, Store

Place = Literal["message", "answer"]
PLACES: Mapping[str, Place] = {"input": "message", "output": "answer"}  # where the texts of a role stand


class Found(NamedTuple):
    """What a filter can find: a label, which is of a category, in messages or in answers."""

    filter_id: str
    place: str
    label: str
    category: str


class _Stratum(NamedTuple):
    stratum: str
    probability: float


def flagged(store: Store, since: datetime) -> dict[Found, Row]:
    """By what was found: flagged turns by decision (block, transform, review), appealed ones, and whether in shadow."""
    rows = store.rows(
        """
        SELECT filter_id, place, label, any_value(category) AS category, bool_or(shadow) AS shadow,
               count(DISTINCT turn_id) AS flagged,
               count(DISTINCT turn_id) FILTER (decision = 'block') AS block,
               count(DISTINCT turn_id) FILTER (decision = 'transform') AS transform,
               count(DISTINCT turn_id) FILTER (decision = 'review') AS review,
               count(DISTINCT turn_id) FILTER (turn_id IN (SELECT turn_id FROM flag WHERE "by" = 'appeal')) AS appeals
        FROM findings WHERE "at" > ? GROUP BY filter_id, place, label
        """,
        (since,),
    )
    return {Found(row["filter_id"], row["place"], row["label"], row["category"]): row for row in rows}


def agreement(store: Store, since: datetime) -> list[Row]:
    """By shadow filter and place: in how many texts it and what acted found something: both, shadow, acted, neither."""
    return store.rows(
        """
        WITH looked AS (
            SELECT turn_id, place, filter_id, coalesce(shadow, false) AS shadow,
                   bool_or(decision IN ('block', 'review') AND NOT coalesce(failed, false)) AS found
            FROM verdicts WHERE "at" > ? GROUP BY ALL
        ), acted AS (SELECT turn_id, place, bool_or(found) AS found FROM looked WHERE NOT shadow GROUP BY ALL)
        SELECT looked.filter_id, place, count(*) FILTER (looked.found AND acted.found) AS both,
               count(*) FILTER (looked.found AND NOT coalesce(acted.found, false)) AS shadow,
               count(*) FILTER (NOT looked.found AND acted.found) AS acted,
               count(*) FILTER (NOT looked.found AND NOT coalesce(acted.found, false)) AS neither
        FROM looked LEFT JOIN acted USING (turn_id, place) WHERE looked.shadow
        GROUP BY ALL ORDER BY ALL
        """,
        (since,),
    )


def reviewed(store: Store, since: datetime) -> list[Row]:
    """How the turns came to the reviewers: stratum, probability, turns, and how many of them were judged."""
    return store.rows(
        """
        SELECT stratum, probability, count(*) AS turns,
               count(*) FILTER (turn_id IN (SELECT turn_id FROM judgement)) AS judged
        FROM strata JOIN turn USING (turn_id) WHERE turn."at" > ? GROUP BY ALL ORDER BY stratum, probability DESC
        """,
        (since,),
    )


def scorers(store: Store, since: datetime) -> set[tuple[str, str]]:
    """The filters that gave scores, each with the place of the texts."""
    rows = store.rows(
        "SELECT DISTINCT filter_id, place FROM verdicts "
        """WHERE "at" > ? AND contains(said, '"scores"') AND scores IS NOT NULL""",
        (since,),
    )
    return {(row["filter_id"], row["place"]) for row in rows}


def labels_logged(store: Store, filter_id: str, place: str, since: datetime) -> list[str]:
    """The labels that a filter gave scores for."""
    rows = store.rows(
        "SELECT DISTINCT unnest(json_keys(scores)) AS label FROM verdicts "
        'WHERE filter_id = ? AND place = ? AND "at" > ? AND scores IS NOT NULL ORDER BY 1',
        (filter_id, place, since),
    )
    return [row["label"] for row in rows]


def scored(store: Store, filter_id: str, place: str, labels: Sequence[str], since: datetime) -> dict[str, NDArray[Any]]:
    """The texts that a filter gave scores for, as columns: turn_id, stratum, probability, s0, s1 and so on by label.

    `others` is what the other filters that acted said: 0 block, 1 review, 2 transform, 3 allow. Of an answer that was
    looked at in windows each label has its highest score. stratum is None where nothing brings a text to reviewers.
    """
    parsed = [f"$.{_quoted(label)}" for label in labels]
    highest = ", ".join(
        f"max(TRY_CAST(found[{place}] AS DOUBLE)) AS s{place - 1}" for place in range(1, len(labels) + 1)
    )
    return store.columns(
        f"""
        WITH looked AS (
            SELECT turn_id, filter_id, CASE WHEN filter_id = $filter_id OR coalesce(shadow, false) THEN 3
                   ELSE list_position(['block', 'review', 'transform', 'allow'], decision) - 1 END AS rank,
                   CASE WHEN filter_id = $filter_id THEN json_extract(scores, $paths) END AS found
            FROM verdicts WHERE place = $place AND "at" > $since
        ), texts AS (
            SELECT turn_id, min(rank)::TINYINT AS others, {highest} FROM looked
            GROUP BY turn_id HAVING count(found) > 0
        )
        SELECT texts.*, stratum, probability FROM texts LEFT JOIN strata USING (turn_id)
        """,
        {"filter_id": filter_id, "place": place, "since": since, "paths": parsed},
    )


def examples(store: Store, turn_ids: Sequence[str], place: str) -> dict[str, str]:
    """The texts of turns, but for those whose person deleted them."""
    column = "json_extract_string(messages, '$[#-1].content')" if place == "message" else "completion"
    rows = store.rows(
        f"SELECT turn_id, {column} AS text FROM turns WHERE list_contains(?, turn_id) "
        "AND turn_id NOT IN (SELECT turn_id FROM deleted_turns)",
        (list(turn_ids),),
    )
    return {row["turn_id"]: row["text"] or "" for row in rows}


def truths(store: Store, since: datetime, found: Found) -> dict[str, bool]:
    """By turn that was judged: whether what `found` names was truly there."""
    judged = Judged(store, since)
    return {turn_id: judged.holds(turn_id, found.place, found.category) for turn_id in judged.known(found)}


def _quoted(label: str) -> str:
    return '"' + label.replace('"', '\\"') + '"'


def is_a(category: str, wanted: str) -> bool:
    """Whether what is of `category` is of `wanted` too: harassment/threatening is harassment."""
    return category == wanted or category.startswith(f"{wanted}/")


def cells(store: Store, since: datetime, wanted: Iterable[Found]) -> dict[Found, list[Cell]]:
    """What was judged of each of `wanted`, by how the texts came up; see `rates`."""
    waiting = _waiting(store, since)
    caught = _caught(store, since)
    judged = Judged(store, since)
    made: dict[Found, list[Cell]] = {}
    for found in wanted:
        made[found] = []
        for stratum, count in waiting.items():
            inside = caught.get((stratum, *found[:3]), 0)
            for is_flagged, number in ((True, inside), (False, count - inside)):
                if number > 0:
                    known, true = judged.counts(found, stratum, is_flagged)
                    made[found].append(Cell(is_flagged, number, stratum.probability, min(known, number), true))
    return made


def _waiting(store: Store, since: datetime) -> dict[_Stratum, int]:
    rows = store.rows(
        'SELECT stratum, probability, count(*) AS count FROM strata JOIN turn USING (turn_id) WHERE turn."at" > ? '
        "GROUP BY ALL",
        (since,),
    )
    return {_Stratum(row["stratum"], row["probability"]): row["count"] for row in rows}


def _caught(store: Store, since: datetime) -> dict[tuple[_Stratum, str, str, str], int]:
    rows = store.rows(
        """
        SELECT stratum, probability, filter_id, place, label, count(DISTINCT turn_id) AS count
        FROM strata JOIN findings USING (turn_id) WHERE "at" > ? GROUP BY ALL
        """,
        (since,),
    )
    return {
        (_Stratum(row["stratum"], row["probability"]), row["filter_id"], row["place"], row["label"]): row["count"]
        for row in rows
    }


class Judged:
    """The turns that reviewers judged the filters by: which categories are in which of their texts."""

    def __init__(self, store: Store, since: datetime) -> None:
        self._strata: dict[str, _Stratum] = {}
        self._true: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._said: dict[tuple[str, str, str, str], str] = {}
        self._flags: defaultdict[tuple[str, str], set[tuple[str, str, bool]]] = defaultdict(set)
        for row in _judgements(store, since):
            self._note(row)
        for row in _flags_of_judged(store, since):
            self._flags[row["turn_id"], row["place"]].add((row["filter_id"], row["label"], row["shadow"]))

    def counts(self, found: Found, stratum: _Stratum, is_flagged: bool) -> tuple[int, int]:
        """How many texts of the stratum were judged as to what was found, and in how many it was truly there."""
        known = [
            turn_id
            for turn_id, of in self._strata.items()
            if of == stratum and self._flagged(turn_id, found) == is_flagged and self._is_known(turn_id, found)
        ]
        return len(known), sum(self.holds(turn_id, found.place, found.category or found.label) for turn_id in known)

    def known(self, found: Found) -> list[str]:
        """The turns that were judged as to what was found."""
        return [turn_id for turn_id in self._strata if self._is_known(turn_id, found)]

    def holds(self, turn_id: str, place: str, category: str) -> bool:
        """Whether a text is truly of the category."""
        return any(is_a(true, category) for true in self._true[turn_id, place])

    def _note(self, row: Row) -> None:
        turn_id, place = row["turn_id"], row["place"]
        self._strata[turn_id] = _Stratum(row["stratum"], row["probability"])
        if row["judged"] != "passed":
            true = {"right": row["category"], "other": row["true_category"], "missed": row["true_category"]}
            self._true[turn_id, place] |= {true[row["judged"]]} if row["judged"] in true else set()
            self._said[turn_id, place, row["filter_id"] or "", row["label"] or ""] = row["judged"]

    def _flagged(self, turn_id: str, found: Found) -> bool:
        return any((found.filter_id, found.label, shadow) in self._flags[turn_id, found.place] for shadow in (0, 1))

    def _is_known(self, turn_id: str, found: Found) -> bool:
        """A finding that acted is known where it was judged itself; one of a shadow by what the text truly is."""
        acted = (found.filter_id, found.label, False) in self._flags[turn_id, found.place]
        return not acted or (turn_id, found.place, found.filter_id, found.label) in self._said


def _judgements(store: Store, since: datetime) -> Sequence[Row]:
    return store.rows(
        "SELECT judgements.*, stratum, probability FROM judgements JOIN strata USING (turn_id) "
        'JOIN turn USING (turn_id) WHERE turn."at" > ?',
        (since,),
    )


def _flags_of_judged(store: Store, since: datetime) -> Sequence[Row]:
    return store.rows(
        """
        SELECT DISTINCT turn_id, place, filter_id, label, shadow
        FROM findings WHERE "at" > ? AND turn_id IN (SELECT turn_id FROM judgement)
        """,
        (since,),
    )
