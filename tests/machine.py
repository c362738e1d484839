"""What tests of the learner begin with, where no server is needed."""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analytics import Store
from learner import BadAdapter, Learner, LearnerSettings, Registry, weights_sha256
from learner.promotion.policy import NoSideBySide
from learner.starter import MODEL_DIR

ONE, TWO = "starter@1", "starter@2"
# Five people of one mind decide, who can show of no guardrail that it holds; a winner is promoted at once.
FEW = {
    "learn_every_hours": 0,
    "learn_after_feedback": 0,
    "experiment_spending": "each",
    "experiment_guardrails": "watch",
    "promotion_signal": "off",
    "rollout_steps": "100",
    "holdback_share": 0.0,
}


class Machine:
    """A learner in a home of its own, with an engine that only remembers what it was told."""

    def __init__(
        self, home: Path, base: str = "starter", rank: int = 16, rate: object = None, **settings: object
    ) -> None:
        self.home, self.loaded, self.refused, self.dies_after = home, set(), set(), ""
        self.ahead = timedelta()  # of the clock of the wall
        self.newcomers = itertools.count()
        self.signal, self.strangers = NoSideBySide(), {"key:operator"}
        self.store = Store.open(home / "store.duckdb")
        segments = str(settings.get("segments", ""))
        self.registry = Registry(
            self.store, home, base=base, base_sha256=weights_sha256(MODEL_DIR), rank=rank, segments=segments
        )
        self.learner = Learner(
            self.store,
            self.registry,
            home=home,
            model=str(MODEL_DIR),
            base=base,
            settings=LearnerSettings(**{**FEW, **settings}),
            groups=(60, 30, 10),
            load=self._load,
            unload=lambda name: self.loaded.discard(name),
            signals=lambda store, adapter, champion: self.signal,
            may_approve=lambda person: person not in self.strangers,
            now=lambda: datetime.now(UTC) + self.ahead,
            rate=rate,
        )

    def _load(self, name: str, folder: Path) -> None:
        if name in self.refused:
            raise BadAdapter(f"The engine refuses {name}: it has a cold.")
        self.loaded.add(name)
        if name == self.dies_after:  # and starts again, with what is live by now
            self.loaded = {live for live, _ in self.registry.live()}
            self.dies_after = ""

    def close(self) -> None:
        self.learner.close()
        self.store.close()
