"""Blind side-by-sides: two adapters' answers to the same prompts, and what reviewers or a judge say of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from analytics import Preference, Store
from analytics.events_side_by_side import Choice
from chatbot.errors import BadRequest, UnknownSideBySide
from learner import Learner
from learner.errors import JudgeRefused
from learner.independent import signal
from learner.judges.calibration import Calibration
from learner.judges.given import FOLDER, MANIFEST
from learner.leaderboard import win_share
from learner.progress import read_json
from learner.side_by_side import Comparison

MOST_ITEMS = 1000
CHOICES: tuple[Choice, ...] = get_args(Choice)


class SideBySides:
    """What is shown and what is decided; every decision is an event. No reviewer is told whose answer is whose."""

    def __init__(self, store: Store, learner: Learner, home: Path) -> None:
        self._store, self._learner, self._home = store, learner, home
        # A decision reads before it writes.
        self._lock = threading.Lock()

    def start(
        self, adapter: str, against: str | None, count: int, prompts: Sequence[Sequence[Mapping[str, str]]] = ()
    ) -> str:
        """Have `adapter` and `against` (the champion if None) answer `count` prompts; returns the id of run and set.

        Raises UnknownAdapter, BadAdapter, BadRequest, LapRunning.
        """
        champion = against or self._learner.registry.state().champion.adapter
        if adapter == champion:
            raise BadRequest(f"{adapter} would be compared with itself; name another adapter.")
        if not 1 <= count <= MOST_ITEMS:
            raise BadRequest(f"A set has 1 to {MOST_ITEMS} prompts.")
        return self._learner.compare(Comparison(adapter, champion, count, tuple(prompts)))

    def waiting(self, reviewer: str, limit: int = 20) -> tuple[int, list[dict[str, Any]]]:
        """How many items `reviewer` has not decided, and the next of them: of the newest set, the least decided first.

        An item is item_id, messages, answer_a and answer_b.
        """
        rows = self._store.rows(
            """
            WITH said AS (SELECT item_id, count(DISTINCT decider) AS deciders FROM preference
                          WHERE source = 'reviewer' GROUP BY item_id)
            SELECT item_id, messages, answer_a, answer_b, count(*) OVER () AS waiting
            FROM side_by_sides LEFT JOIN said USING (item_id)
            WHERE item_id NOT IN (SELECT item_id FROM preference WHERE source = 'reviewer' AND decider = $reviewer)
            ORDER BY set_id DESC, coalesce(deciders, 0), hash(item_id || $reviewer) LIMIT $limit
            """,
            {"reviewer": reviewer, "limit": limit},
        )
        count = int(rows[0]["waiting"]) if rows else 0
        return count, [{name: row[name] for name in _SHOWN} for row in rows]

    def items(self, set_id: str) -> list[dict[str, Any]]:
        """Every item of a set, as reviewers see it. Raises UnknownSideBySide."""
        rows = self._store.rows(
            f"SELECT {', '.join(_SHOWN)} FROM side_by_sides WHERE set_id = ? ORDER BY seq", (set_id,)
        )
        if not rows:
            raise UnknownSideBySide(f"There is no set {set_id!r}; `./ratchet side-by-side status` lists them.")
        return rows

    def decide(self, item_id: str, reviewer: str, choice: Choice) -> None:
        """Keep what a reviewer says of an item; said again, the later holds. Raises UnknownSideBySide."""
        with self._lock:
            if not self._store.rows("SELECT 1 FROM side_by_sides WHERE item_id = ?", (item_id,)):
                raise UnknownSideBySide(f"There is no item {item_id!r}, or it is not to be shown any more.")
            detail = {"item_id": item_id, "choice": choice}
            audit = self._store.audit("side-by-side.decide", reviewer, detail)
            self._store.append(Preference(item_id, "reviewer", reviewer, choice), audit)

    def judge(self, set_id: str, judge: str, choices: Mapping[str, Choice], actor: str) -> None:
        """Keep what a calibrated judge says of every item of a set.

        Raises JudgeRefused for a judge whose calibration in this home did not pass, or that taught the challenger, and
        UnknownSideBySide, BadRequest.
        """
        items = [item["item_id"] for item in self.items(set_id)]
        if set(choices) != set(items):
            raise BadRequest(f"The set {set_id} has {len(items)} items, and a judge decides each of them.")
        calibration = self._calibration(judge)
        (row,) = self._store.rows("SELECT any_value(challenger) AS name FROM side_by_sides WHERE set_id = ?", (set_id,))
        if judge in self._taught(str(row["name"])):
            raise JudgeRefused(f"{judge} labelled pairs that {row['name']} learned from, so it says nothing new of it.")
        told = calibration.to_values()
        audit = self._store.audit("side-by-side.judge", actor, {"set_id": set_id, "judge": judge, "calibration": told})
        said = [Preference(item, "judge", judge, choices[item], {"calibration": told}) for item in items]
        self._store.append(*said, audit)

    def status(self) -> list[dict[str, Any]]:
        """Every set, the newest first: who was compared, how many decisions there are and what they come to."""
        sets = self._store.rows(
            'SELECT set_id, any_value(challenger) AS challenger, any_value(champion) AS champion, min("at") AS "at", '
            "count(*) AS items FROM side_by_sides GROUP BY set_id ORDER BY set_id DESC"
        )
        return [{**row, **self._came_to(row)} for row in sets]

    def _came_to(self, row: Mapping[str, Any]) -> dict[str, Any]:
        decided = self._store.rows(
            "SELECT item_id, source, decider, person, score, choice FROM side_by_side_decisions WHERE set_id = ?",
            (row["set_id"],),
        )
        told: dict[str, Any] = {}
        for source in ("reviewer", "judge"):
            rows = [one for one in decided if one["source"] == source]
            clusters = [[one[name] for one in rows] for name in ("person", "decider")]
            share = win_share([one["score"] for one in rows], *clusters[: 2 if source == "reviewer" else 1])
            counts = {choice: sum(one["choice"] == choice for one in rows) for choice in ("tie", "both-bad")}
            told[source] = {
                "decisions": len(rows),
                "items": len({one["item_id"] for one in rows}),
                "deciders": len({one["decider"] for one in rows}),
                "share": share.share,
                "interval": None if share.lower is None else [share.lower, share.upper],
                "ties": counts["tie"],
                "both_bad": counts["both-bad"],
            }
        found = signal(self._store, str(row["challenger"]), str(row["champion"]))
        return {**told, "signal": {"holds": found.holds, "source": found.source, "reason": found.reason}}

    def _calibration(self, judge: str) -> Calibration:
        """Of the files in the home, so that nobody can send one of their own."""
        for path in sorted((self._home / "judges").glob("*.json")):
            values = read_json(path) or {}
            known = values.get("calibration")
            if not isinstance(known, dict) or known.get("judge") != judge:
                continue
            if values.get("reward_model"):
                raise JudgeRefused(f"{judge} learned from the feedback that adapters learn from; ask another judge.")
            calibration = Calibration.from_values(known)
            if not calibration.passed:
                raise JudgeRefused(f"{judge} may not judge. {calibration.reason}")
            return calibration
        raise JudgeRefused(f"{judge} was not calibrated in this home; `./ratchet judge calibrate` does it.")

    def _taught(self, adapter: str) -> frozenset[str]:
        """The judges whose labels the adapter may have learned from."""
        rows = self._store.rows("SELECT run_id FROM adapter WHERE adapter = ? AND run_id IS NOT NULL", (adapter,))
        runs = {str(row["run_id"]) for row in rows}
        if not any((read_json(self._home / "runs" / run / "result.json") or {}).get("ai_pairs", 1) for run in runs):
            return frozenset()
        manifests = [read_json(path) or {} for path in (self._home / FOLDER).glob(f"*/{MANIFEST}")]
        judges = [manifest.get("judge") for manifest in manifests]
        return frozenset(str(judge.get("judge")) for judge in judges if isinstance(judge, dict))


_SHOWN = ("item_id", "messages", "answer_a", "answer_b")
