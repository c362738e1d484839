"""Evaluations in the store: kept over time, by suite, and held against one another."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from analytics import Evaluation, Store
from learner.errors import BadScores, EvaluationFailed
from learner.evaluate.comparison import NonInferiority, non_inferior, none_lost
from learner.evaluate.scores import Scores
from learner.evaluate.suite import Suite

FOLDER = "evaluations"  # under the home; one folder for each command, with what was answered
MOST_LISTED = 1000
_BRIEF = "* EXCLUDE (detail, seq)"


class Evaluations:
    """What models came to. Its calls block, so they are for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, suite: str | None = None, adapter: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """The newest first, with the metrics and without the scores by row."""
        sql = f"""
            SELECT {_BRIEF}, detail -> 'metrics' AS metrics FROM {Evaluation.table}
            WHERE suite = coalesce($suite::VARCHAR, suite) AND adapter = coalesce($adapter::VARCHAR, adapter)
            ORDER BY seq DESC LIMIT $limit
        """
        return [dict(row) for row in self._store.rows(sql, {"suite": suite, "adapter": adapter, "limit": limit})]

    def suites(self) -> tuple[str, ...]:
        """The names of the suites that anything was evaluated on, the last one first."""
        rows = self._store.rows(f"SELECT suite FROM {Evaluation.table} GROUP BY suite ORDER BY max(seq) DESC")
        return tuple(str(row["suite"]) for row in rows)

    def latest(self, suite_sha256: str, adapter: str, weights_sha256: str | None) -> dict[str, Any] | None:
        """The newest whole row of a model on exactly these questions, with its scores; None where there is none."""
        sql = f"""
            SELECT * EXCLUDE (seq) FROM {Evaluation.table}
            WHERE suite_sha256 = $suite AND adapter = $adapter AND weights_sha256 IS NOT DISTINCT FROM $weights::VARCHAR
            ORDER BY seq DESC LIMIT 1
        """
        found = self._store.rows(sql, {"suite": suite_sha256, "adapter": adapter, "weights": weights_sha256})
        return dict(found[0]) if found else None

    def add(self, values: Mapping[str, Any], actor: str) -> dict[str, Any]:
        """Keep one, under an id of its own and on the audit chain. Raises EvaluationFailed for what is none."""
        try:
            event = Evaluation(evaluation_id=f"E-{uuid.uuid4().hex[:12]}", actor=actor, **values)
            scores = Scores.from_values(event.detail["scores"])
            if not len(scores) == len(event.detail["row_ids"]) == event.rows:
                raise BadScores(f"there are {len(scores)} scores for {event.rows} rows")
        except (TypeError, ValueError, KeyError) as error:
            raise EvaluationFailed(f"This is no evaluation that can be kept ({error}).") from None
        told = (
            "evaluation_id",
            "suite",
            "suite_sha256",
            "metric",
            "adapter",
            "weights_sha256",
            "endpoint",
            "rows",
            "value",
        )
        detail = {name: getattr(event, name) for name in (*told, "against", "passed", "reason")}
        self._store.append(event, self._store.audit("evaluation.add", actor, detail))
        return {"evaluation_id": event.evaluation_id}


def held_against(suite: Suite, challenger: Mapping[str, Any], champion: Mapping[str, Any]) -> NonInferiority:
    """Compare two results on a suite, each with `scores` and `row_ids`, by the suite's rule and margin.

    Raises BadScores where they are not of the same rows.
    """
    if list(challenger["row_ids"]) != list(champion["row_ids"]):
        raise BadScores(f"The two results on {suite.name} are not of the same rows.")
    ours, theirs = (Scores.from_values(one["scores"]) for one in (challenger, champion))
    if suite.rule == "none-lost":
        names = [row.id for row in suite.rows]
        return none_lost(ours, theirs, names, suite.clusters, slices=suite.slices)
    return non_inferior(ours, theirs, suite.clusters, margin=suite.margin, slices=suite.slices)


def weighed(found: Mapping[str, tuple[Suite, NonInferiority]]) -> float | None:
    """The gain over all suites, each in units of its margin and by its weight; None where no margin is above 0."""
    parts = [
        (suite.weight, one.whole.gain / suite.margin)
        for suite, one in found.values()
        if suite.margin > 0 and one.whole.gain is not None
    ]
    weights = np.array([weight for weight, _ in parts])
    return float(np.average([gain for _, gain in parts], weights=weights)) if weights.sum() > 0 else None


def new_folder(home: Path, stamp: str) -> Path:
    """A folder for the answers of one command."""
    folder = home / FOLDER / stamp
    folder.mkdir(parents=True)
    return folder
