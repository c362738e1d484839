"""What people are told of an experiment: everything that its judgement has, and how the stream of candidates stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from analytics import Store, experiments
from learner.errors import BadScores
from learner.experiment.assign import Assignments
from learner.experiment.judge import Judgement
from learner.experiment.preview import preview
from learner.experiment.spending import spend
from learner.settings import LearnerSettings

ARMS = {"champion": 0, "challenger": 1}


def told(
    store: Store, row: Mapping[str, Any], found: Judgement, settings: LearnerSettings, assignments: Assignments
) -> dict[str, Any]:
    """The experiment of a `row`, for pages, API and command line."""
    live, running = row["state"] == "running", assignments.running()
    judged = asdict(found)
    for name in ("outcome", "reason", "lower", "upper"):
        judged.pop(name)
    if not live:
        judged["needed"] = None
    return {
        "experiment_id": row["experiment_id"],
        "champion": row["champion"],
        "challenger": row["challenger"],
        "state": row["state"],
        "reason": found.reason if live else row["reason"],
        "users": found.users_champion + found.users_challenger,
        "interval": None if found.lower is None else [found.lower, found.upper],
        **judged,
        "choices": experiments.comparers(store, row["experiment_id"]),
        "plan": experiments.plan(store, row["experiment_id"]) or None,
        "share": running.share if live and running is not None else None,
        "stream": stream(store, settings),
        "preview": _preview(store, row["experiment_id"]) if live else None,
    }


def _preview(store: Store, experiment_id: str) -> dict[str, Any] | None:
    """The preview of the challenger for everybody; None before anything can be said."""
    try:
        return previewed(store, experiment_id, 1.0)
    except BadScores:
        return None


def stream(store: Store, settings: LearnerSettings) -> dict[str, Any] | None:
    """The error that each candidate could spend, what came of it, and what is left for all that follow.

    None where every candidate is granted the same anew.
    """
    if settings.experiment_spending == "each":
        return None
    outcomes = experiments.outcomes(store)
    ended = [(name, state) for name, state in outcomes if state != "running"]
    spent = spend([state == "won" for _, state in ended], alpha=settings.experiment_alpha)
    candidates = [
        {"experiment_id": name, "state": state, "level": float(level)}
        for (name, state), level in zip(ended, spent.levels, strict=True)
    ]
    return {"candidates": candidates, "next": spent.level, "left": spent.left, "alpha": settings.experiment_alpha}


def previewed(store: Store, experiment_id: str, share: float) -> dict[str, Any]:
    """What thumbs up would come to if `share` of the people met the challenger; `share` in [0, 1].

    For each of IPS and doubly robust the value with its interval, beside the same of nobody meeting it. Raises
    BadScores where too few have voted to say anything.
    """
    if not 0 <= share <= 1:
        raise BadScores(f"A share lies between 0 and 1, and is {share!r}.")
    rows = experiments.logged(store, experiment_id)
    if len({row["arm"] for row in rows}) < len(ARMS):
        raise BadScores("People with a vote on either arm are needed for a preview; there are none of one arm yet.")
    columns = (
        [row["score"] for row in rows],
        [ARMS[row["arm"]] for row in rows],
        [row["propensity"] for row in rows],
    )
    segment = [row["segment"] or "" for row in rows]
    said = {}
    for name, part in (("preview", share), ("now", 0.0)):
        found = preview(*columns, [[1 - part, part]] * len(rows), segment if any(segment) else None)
        said[name] = {
            "share": part,
            "ips": found.ips._asdict(),
            "doubly_robust": found.doubly_robust._asdict(),
            "effective_users": found.effective_users,
        }
    return {"experiment_id": experiment_id, "users": len(rows), **said}
