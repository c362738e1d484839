"""The promotion card: all that is known of one adapter, in one object, for whoever decides whether it is promoted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from analytics import Experiment, Store
from learner.adapter import CARD, read_object
from learner.attester import ATTESTED
from learner.errors import BadAdapter
from learner.gates import GATES
from learner.gates.margins import MARGINS
from learner.independent import signal
from learner.progress import read_json
from learner.registry import Registry
from learner.runs import Runs


class Cards:
    """Makes the card of any adapter from the store, from the adapter's folder and from the run that made it."""

    def __init__(self, store: Store, registry: Registry, runs: Runs) -> None:
        self._store, self._registry, self._runs = store, registry, runs

    def card(self, adapter: str) -> dict[str, Any]:
        """The card. Raises UnknownAdapter.

        `gates` has every gate's verdict with what it `measures`, its `unit` and `setting`, in their order, the
        attestation as the engine served it where it was asked; those from before a gate was there are left out.
        `approval` is why a person has to promote it, `approvals` is who did what to its standing, `signal` what
        reviewers or a judge say of it beside the champion that it challenged, `experiment` the newest one that it
        challenged in, and `trouble` says what of it cannot be read.
        """
        row = self._registry.adapter(adapter)
        made, trouble = self._made(adapter)
        manifest, run = _table(made.get("manifest")), self._run(row)
        gates = {str(one["gate"]): one for one in made.get("gates", ())}
        if (served := self._attested(adapter)) is not None:
            gates["attestation"] = served
        return {
            **{name: row[name] for name in ("adapter", "state", "reason", "at", "base", "weights_sha256", "run_id")},
            "champion_then": made.get("champion_then"),
            "recipe": run.get("recipe"),
            "recipe_reason": run.get("recipe_reason"),
            "dataset": manifest.get("id"),
            "dataset_sha256": manifest.get("dataset_sha256"),
            "pairs": run.get("pairs"),
            "judge_pairs": run.get("judge_pairs"),
            "gates": [_told(gates[name]) for name, _ in GATES if name in gates],
            "experiment": self._experiment(adapter),
            "approval": manifest.get("approval"),
            "approvals": self._approvals(adapter),
            "signal": self._signal(adapter),
            "trouble": trouble,
        }

    def _made(self, adapter: str) -> tuple[dict[str, Any], str | None]:
        folder = self._registry.folder(adapter)
        if folder is None:
            return {}, None
        try:
            return read_object(folder / CARD), None
        except BadAdapter as error:
            return {}, str(error)

    def _run(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What the lap said of itself; empty where its folder is gone."""
        if not row["run_id"]:
            return {}
        return read_json(self._runs.folder / str(row["run_id"]) / "result.json") or {}

    def _signal(self, adapter: str) -> dict[str, Any] | None:
        found = self._experiment(adapter)
        against = found["champion"] if found else self._registry.state().champion.adapter
        return None if against == adapter else asdict(signal(self._store, adapter, against))

    def _attested(self, adapter: str) -> dict[str, Any] | None:
        sql = "SELECT detail FROM audit WHERE action = ? AND (detail->>'adapter') = ? ORDER BY seq DESC LIMIT 1"
        rows = self._store.rows(sql, (ATTESTED, adapter))
        return dict(rows[0]["detail"]) if rows else None

    def _experiment(self, adapter: str) -> dict[str, Any] | None:
        sql = f"SELECT * FROM {Experiment.table} WHERE challenger = ? ORDER BY rowid DESC LIMIT 1"
        rows = self._store.rows(sql, (adapter,))
        if not rows:
            return None
        found = rows[0]["detail"] or {}
        known = ("users_champion", "users_challenger", "difference", "lower", "upper", "p_value", "comparisons")
        return {
            **{name: rows[0][name] for name in ("experiment_id", "champion", "state", "reason", "at")},
            **{name: found.get(name) for name in known},
        }

    def _approvals(self, adapter: str) -> list[dict[str, Any]]:
        """Every promotion of it and rollback from or to it, the newest first."""
        sql = (
            'SELECT "at", action, actor, detail FROM audit '
            "WHERE action IN ('promote', 'promote.segments', 'rollback') "
            "AND $adapter IN (detail->>'to', detail->>'from') ORDER BY seq DESC"
        )
        return [
            {
                "at": row["at"],
                "action": row["action"],
                "by": row["actor"],
                "from": row["detail"].get("from"),
                "to": row["detail"].get("to"),
                "reason": row["detail"].get("reason"),
                "override": row["detail"].get("override"),
            }
            for row in self._store.rows(sql, {"adapter": adapter})
        ]


def _told(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """A verdict with what it measures; the first margin of a gate is the one that its figures are of."""
    of = next(margin for margin in MARGINS if margin.gate == verdict["gate"])
    known = {"measures": of.measures, "unit": of.unit, "setting": of.setting, "switch": of.switch}
    return {**verdict, "bound": verdict.get("bound"), "limit": verdict.get("limit"), **known}


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
