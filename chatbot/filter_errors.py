"""How often the filters are right and what they miss: the figures of the page Safety."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from analytics import Store, screened
from analytics.looks import Looks
from analytics.rates import Cell, precision, recall
from analytics.screened import PLACES, Found
from chatbot.kept import Kept
from chatbot.live_policy import LivePolicy
from chatbot.what_if import since_days
from safety.rules import ANY


class FilterErrors:
    """Reads the log of verdicts and the reviewers' judgements. Its calls block, so they are for threads.

    `trouble` tells what of the policy is not as it was approved.
    """

    def __init__(self, store: Store, policy: LivePolicy, trouble: Callable[[], str]) -> None:
        self._store, self._policy, self._kept, self._trouble = store, policy, Kept(), trouble
        self._looks = Looks(store)

    def overview(self, days: float) -> dict[str, Any]:
        """The filters, their findings with precision and recall, and the shadows. Raises BadRequest."""
        since = since_days(days)
        return self._kept.get(("overview", days, self._policy.sha256), lambda: self._overview(days, since))

    def _overview(self, days: float, since: datetime) -> dict[str, Any]:
        flagged = screened.flagged(self._store, since)
        thresholds = self._thresholds()
        wanted = dict.fromkeys([*flagged, *thresholds])
        cells = screened.cells(self._store, since, wanted)
        looks = self._looks.since(since)
        shadows = {entry.name for entry in self._policy.policy.entries if entry.shadow}
        findings = [
            _finding(found, flagged.get(found, {}), thresholds.get(found, {}), cells[found], shadows)
            for found in wanted
        ]
        return {
            "days": days,
            "policy": {
                "sha256": self._policy.sha256,
                "file": str(self._policy.source.name)
                if self._policy.path.exists()
                else "the one that ships with Ratchet",
                "edited": self._policy.edited(),
                "trouble": self._trouble(),
            },
            "filters": self._filters(looks, shadows),
            "findings": sorted(findings, key=lambda row: (row["shadow"], -row["flagged"], row["filter"], row["label"])),
            "shadows": [
                {
                    "filter": row["filter_id"],
                    **{name: row[name] for name in ("place", "both", "shadow", "acted", "neither")},
                }
                for row in (screened.agreement(self._store, since) if shadows else ())
            ],
            "review": _reviewed(screened.reviewed(self._store, since)),
        }

    def _filters(self, looks: Sequence[Mapping[str, Any]], shadows: set[str]) -> list[dict[str, Any]]:
        by_filter = {(row["filter_id"], row["place"]): row for row in looks}
        return [
            {
                "filter": one.id,
                "version": one.version,
                "mode": "shadow" if one.shadow else "active",
                **{
                    place: {name: row[name] for name in ("looks", "acted", "failures", "p50_ms", "p95_ms")}
                    for place in PLACES.values()
                    if (row := by_filter.get((one.id, place)))
                },
            }
            for one in self._policy.screen.installed
        ]

    def _thresholds(self) -> dict[Found, dict[str, float]]:
        """What the policy can find, and from which scores on."""
        return {
            Found(entry.name, PLACES[role], label, rule.category or label): {
                str(step.decision): step.threshold for step in rule.steps
            }
            for entry in self._policy.policy.entries
            for role, rules in entry.rules.by_role.items()
            for label, rule in rules.items()
            if label != ANY
        }


def _finding(
    found: Found, row: Mapping[str, Any], thresholds: Mapping[str, float], cells: Sequence[Cell], shadows: set[str]
) -> dict[str, Any]:
    caught, lost = precision(cells), recall(cells)
    return {
        "filter": found.filter_id,
        "place": found.place,
        "label": found.label,
        "category": found.category,
        "shadow": bool(row.get("shadow", found.filter_id in shadows)),
        "thresholds": dict(thresholds),
        **{name: row.get(name, 0) for name in ("flagged", "block", "review", "transform", "appeals")},
        "judged": sum(cell.judged for cell in cells if cell.flagged),
        "missed": sum(cell.true for cell in cells if not cell.flagged),
        "precision": caught and caught._asdict(),
        "recall": lost and lost._asdict(),
    }


def _reviewed(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in ("stratum", "probability", "turns", "judged")} for row in rows]
