"""The record of each promotion: one signed file with all that it was decided from, written when it happens."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from analytics import Experiment, Store
from analytics.audit import CHAIN
from analytics.errors import AnalyticsError
from analytics.signing import Signer
from learner.adapter import CARD, read_object
from learner.errors import LearnerError, NeverPromoted
from learner.progress import write_json
from learner.promotion_record import FORMAT
from learner.provenance import dataset_of, recipe_of
from learner.registry import Registry

FOLDER = "promotions"  # in the home
PROMOTE = "promote"  # the action in the audit
log = logging.getLogger(__name__)


class Records:
    """Reads from the store and the adapters' folders; writes to `promotions/` in the home."""

    def __init__(self, store: Store, registry: Registry, home: Path) -> None:
        self._store, self._registry, self._home = store, registry, home
        self.folder = home / FOLDER

    def record(self, adapter: str) -> dict[str, Any]:
        """The signed record of the newest promotion of `adapter`, with all that the audit has of it by now.

        Raises UnknownAdapter, NeverPromoted.
        """
        self._registry.folder(adapter)  # raises for one that nobody knows
        found = [row for row in self._promoted() if row["adapter"] == adapter]
        if not found:
            raise NeverPromoted(adapter)
        return self._signed(adapter, found[-1]["seq"])

    def keep(self) -> list[Path]:
        """Write what has no file yet, and return the new files.

        A promotion has happened whatever becomes of its record: where one cannot be written the log says so, and the
        next start or move tries again.
        """
        written = []
        try:
            for row in self._promoted():
                path = self.folder / f"{row['adapter']}-{row['seq']}.json"
                if not path.exists():
                    self.folder.mkdir(parents=True, exist_ok=True)
                    write_json(path, self._signed(row["adapter"], row["seq"]), durable=True)
                    written.append(path)
        except (OSError, LearnerError, AnalyticsError) as error:
            log.error("The record of a promotion could not be written: %s", error)
        return written

    def _promoted(self) -> list[dict[str, Any]]:
        return self._store.rows(
            "SELECT seq, detail->>'to' AS adapter FROM audit WHERE action = ? AND adapter IS NOT NULL ORDER BY seq",
            (PROMOTE,),
        )

    def _signed(self, adapter: str, seq: int) -> dict[str, Any]:
        """The record of the promotion that the audit's row `seq` is of."""
        made = self._store.rows("SELECT * FROM adapter WHERE adapter = ? ORDER BY seq LIMIT 1", (adapter,))
        folder = self._registry.folder(adapter)
        card = read_object(folder / CARD) if folder is not None else {}
        chain = self._store.rows(f"{CHAIN} ORDER BY seq")
        names = {adapter, *(row["run_id"] for row in made if row["run_id"])}
        rows = [_plain(row) for row in chain if _tells_of(json.loads(row["detail"]), names)]
        (row,) = (row for row in chain if row["seq"] == seq)
        decided = json.loads(row["detail"])
        return Signer.open(self._home).sign(
            {
                "format": FORMAT,
                "made_at": datetime.now(UTC).isoformat(),
                "adapter": self._adapter(adapter, made, folder, decided),
                "dataset": dataset_of(card),
                "recipe": recipe_of(card),
                "gates": card.get("gates") or [],
                "experiment": self._experiment(adapter, decided),
                "signal": decided.get("signal"),
                "promotion": {**decided, "at": row["at"].isoformat(), "place": row["place"]},
                "people": _people(rows, row["actor"], decided),
                "audit": {"rows": rows, "decisions": len(chain), "head": chain[-1]["hash"]},
            }
        )

    def _adapter(
        self, adapter: str, made: Sequence[Mapping[str, Any]], folder: Path | None, decided: Mapping[str, Any]
    ) -> dict[str, Any]:
        base = {"base": decided.get("base"), "base_sha256": decided.get("base_sha256")}
        if not made:  # the base itself
            return {"name": adapter, "weights_sha256": decided.get("base_sha256"), **base}
        card_sha256 = None if folder is None else sha256((folder / CARD).read_bytes()).hexdigest()
        return {
            "name": adapter,
            "weights_sha256": made[0]["weights_sha256"],
            "card_sha256": card_sha256,
            "run_id": made[0]["run_id"],
            "registered_at": made[0]["at"].isoformat(),
            **base,
        }

    def _experiment(self, adapter: str, decided: Mapping[str, Any]) -> dict[str, Any] | None:
        """The experiment that the adapter was promoted after, with its judgement; None where there was none."""
        rows = self._store.rows(
            f"SELECT * EXCLUDE (seq) FROM {Experiment.table} WHERE challenger = ? AND champion = ? "
            "ORDER BY seq DESC LIMIT 1",
            (adapter, decided.get("from")),
        )
        return None if not rows else {**rows[0], "at": rows[0]["at"].isoformat()}


def _people(rows: Sequence[Mapping[str, Any]], promoter: str, decided: Mapping[str, Any]) -> dict[str, Any]:
    """Who did what with the adapter, and who stands for its promotion."""
    actors: dict[str, list[str]] = {}
    for row in rows:
        if row["actor"] not in actors.setdefault(row["action"], []):
            actors[row["action"]].append(row["actor"])
    approvers = sorted({one["person"] for one in decided.get("approvals", ())})
    return {"promoted_by": promoter, "approvers": approvers, "actors": actors}


def _tells_of(detail: object, names: set[str]) -> bool:
    """Whether one of the names is a value in it, or an experiment of one, such as `starter@1#1`."""
    return any(text in names or text.partition("#")[0] in names for text in _texts(detail))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """`detail` stays the text that was hashed."""
    names = ("place", "action", "actor", "detail", "previous_hash", "hash")
    return {**{name: row[name] for name in names}, "at": row["at"].isoformat()}
