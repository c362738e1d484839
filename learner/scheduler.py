"""The learner beside the server: starts laps by clock and by feedback, and sees experiments to their end."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler

from analytics import Experiment, Store, StoreClosed, queries
from learner.attester import Attester, Rate
from learner.card import Cards
from learner.errors import BadAdapter, ExperimentRunning, LapRunning
from learner.experiment import Arm, Judgement, look
from learner.registry import Registry, RolledBack
from learner.runs import Runs
from learner.settings import LearnerSettings, RecipeName
from learner.supervisor import Ended, Supervisor

WATCH_SECONDS = 5.0  # between two looks at the clock and at the feedback
log = logging.getLogger(__name__)


class Learner:
    """What is served comes from `registry`; `load(name, folder)` and `unload(name)` tell the engine.

    `load` raises BadAdapter for an adapter that the engine refuses, and anything else for what may work later.
    `model` is a folder or a Hub id, `base` its name, `groups` the percentages of learn, decide and holdout. `engine`
    gives the url, key and model of what a lap may roll out with, or None. `rate(name, rows)` has the engine say how
    likely each token of the rows' completions is under an adapter that it holds; without it nothing is attested.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        *,
        home: Path,
        model: str,
        base: str,
        settings: LearnerSettings,
        groups: tuple[int, int, int],
        load: Callable[[str, Path], None],
        unload: Callable[[str], None],
        engine: Callable[[], Mapping[str, str] | None] = lambda: None,
        rate: Rate | None = None,
    ) -> None:
        self._store, self.registry, self.settings = store, registry, settings
        self._load, self._unload = load, unload
        self._attester = None if rate is None else Attester(store, registry, settings.lap(), rate)
        self._runs = Runs(store, home)
        self._supervisor = Supervisor(
            store,
            registry,
            self._runs,
            model=model,
            base=base,
            settings=settings.lap(),
            groups=groups,
            engine=engine,
        )
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True})
        self._moving = threading.RLock()
        self._loaded: set[str] = set()
        self._abandoned = self._runs.abandon_dead()

    def start(self) -> None:
        """Begin to watch the clock, the feedback and the experiment."""
        settings = self.settings
        if settings.learn_every_hours > 0:
            self._scheduler.add_job(_until_closed(self._lap_by_clock), "interval", seconds=WATCH_SECONDS)
        if settings.learn_after_feedback > 0:
            self._scheduler.add_job(_until_closed(self._lap_after_feedback), "interval", seconds=WATCH_SECONDS)
        self._scheduler.add_job(_until_closed(self._glance), "interval", seconds=settings.experiment_look_seconds)
        self._scheduler.start()

    def close(self) -> None:
        """Stop watching and end a lap that is under way."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._supervisor.close()

    def learn(self, trigger: str = "operator", recipe: RecipeName | None = None) -> str:
        """Start a lap now, by `recipe` instead of that of the settings; returns the run's id. Raises LapRunning."""
        return self._supervisor.start(trigger, self._after_lap, recipe)

    def self_review(self, count: int) -> str:
        """Have the model read `count` past answers again now, and return the run's id. Raises LapRunning."""
        return self._supervisor.start("self-review", self._after_lap, review_only=count)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until no lap is under way, for at most `timeout` seconds."""
        self._supervisor.join(timeout)

    def run(self, run_id: str) -> dict[str, Any]:
        """One run with its progress, its gates and its end. Raises UnknownRun."""
        return self._runs.view(run_id)

    def runs(self, limit: int = 10) -> list[dict[str, Any]]:
        """The newest runs first."""
        return self._runs.latest(limit)

    def card(self, adapter: str) -> dict[str, Any]:
        """All that is known of an adapter. Raises UnknownAdapter."""
        return Cards(self._store, self.registry, self._runs).card(adapter)

    def look(self) -> Judgement | None:
        """Judge the running experiment by the votes so far; end it, and promote its winner, when it is decided.

        One whose split of people is off, or that breaches a guardrail, is stopped for that reason.
        """
        with self._moving:
            experiment_id = self.registry.state().experiment_id
            if experiment_id is None:
                return None
            row = self.registry.experiment(experiment_id)
            judgement, over = self._found(row), row["state"] != "running"
            promotes = judgement.outcome == "won" and self.settings.promotion == "auto" and self.approval() is None
            if judgement.outcome == "running" or (over and not promotes):
                return judgement
            if not over:
                self.registry.finish_experiment(judgement)
            # A winner stays in the routing until it is promoted, stopped or rolled back: after a crash it still waits.
            if promotes:
                self.registry.promote(None, "learner", judgement.reason)
            self._tidy()
            return judgement

    def approval(self) -> str | None:
        """Why a person has to promote the live challenger, whatever `promotion` says; None where nobody has to."""
        challenger = self.registry.state().challenger
        try:
            return None if challenger is None else self.registry.approval(challenger.adapter)
        except BadAdapter as error:  # nobody knows who taught it
            return str(error)

    def null_experiment(self, actor: str) -> str:
        """Send a byte copy of the champion through an experiment, which should promote nothing; returns its id.

        Raises ExperimentRunning.
        """
        with self._moving:
            if (running := self.registry.state().experiment_id) is not None:
                raise ExperimentRunning(running)
            adapter = self.registry.copy_of_champion(actor)
            return self._challenge(adapter, actor, sworn=False)  # people meet the same weights already

    def stop_experiment(self, actor: str, reason: str) -> None:
        """Stop the running experiment; everybody is served the champion again. Raises NoExperiment."""
        with self._moving:
            self.registry.stop_experiment(actor, reason, self._so_far())
            self._tidy()

    def promote(self, adapter: str | None, actor: str, override: str | None = None) -> str:
        """Make `adapter`, or the proven challenger, the champion. Raises NotProven, NoExperiment, UnknownAdapter."""
        with self._moving:
            if adapter is not None:
                self._hold_attested(adapter, sworn=False)
            reason, found = override or "won its experiment", self._so_far()
            name = self.registry.promote(adapter, actor, reason, override_reason=override, found=found)
            self._tidy()
            return name

    def rollback(self, actor: str, reason: str = "asked for by an operator") -> RolledBack:
        """Bring the last champion back; it is still loaded. Raises NothingToRollBackTo."""
        rolled_back = self.registry.rollback(actor, reason, self._so_far())
        self._hold_live()
        return rolled_back

    def status(self) -> dict[str, Any]:
        """The champion, the challenger, the experiment (the last one if none runs) and the newest runs.

        `warning` says what cannot be served any more and why, and is None when all is well; `approval` why a person has
        to promote the challenger, and is None where `promotion` decides.
        """
        state = self.registry.state()
        return {
            "champion": state.champion.adapter,
            "challenger": state.challenger.adapter if state.challenger else None,
            "warning": self.registry.warning(),
            "approval": self.approval(),
            "experiment": self._experiment(),
            "runs": self.runs(),
        }

    def _experiment(self) -> dict[str, Any] | None:
        # One that another model left running is not run under this one; what it ended since does not hide the live one.
        sql = f"SELECT * FROM {Experiment.table} WHERE state <> 'running' OR experiment_id = $live"
        live = self.registry.state().experiment_id or ""
        rows = self._store.rows(f"{sql} ORDER BY experiment_id = $live DESC, rowid DESC LIMIT 1", {"live": live})
        if not rows:
            return None
        row = rows[0]
        running, found = row["state"] == "running", self._found(row)
        return {
            "experiment_id": row["experiment_id"],
            "champion": row["champion"],
            "challenger": row["challenger"],
            "state": row["state"],
            "reason": found.reason if running else row["reason"],
            "users": found.users_champion + found.users_challenger,
            "users_champion": found.users_champion,
            "users_challenger": found.users_challenger,
            "difference": found.difference,
            "interval": None if found.lower is None else [found.lower, found.upper],
            "p_value": found.p_value,
            "alpha": found.alpha,
            "needed": found.needed,
            "guardrails": found.guardrails,
            "balance": found.balance,
            "comparisons": found.comparisons,
        }

    def _found(self, row: Mapping[str, Any]) -> Judgement:
        """What the experiment came to when it ended, or what the votes say of it so far."""
        if row["state"] != "running" and row["detail"]:
            return Judgement(**row["detail"])
        return look(self._store, str(row["experiment_id"]), self.settings)

    def _so_far(self) -> Judgement | None:
        """What to record of the live experiment, should it be stopped now."""
        experiment_id = self.registry.state().experiment_id
        return None if experiment_id is None else self._found(self.registry.experiment(experiment_id))

    def _lap_by_clock(self) -> None:
        # Asked of the store at every look: a start of the server moves no due time, and a lap for another reason does.
        since = self._runs.last_start() or queries.first_turn(self._store)
        if since is not None and datetime.now(UTC) - since >= timedelta(hours=self.settings.learn_every_hours):
            self._try_lap("clock")

    def _lap_after_feedback(self) -> None:
        new = queries.new_usable_feedback(self._store, self._runs.last_start())
        if new >= self.settings.learn_after_feedback:
            self._try_lap("feedback")

    def _try_lap(self, trigger: str) -> None:
        with contextlib.suppress(LapRunning):
            self.learn(trigger)

    def _after_lap(self, ended: Ended) -> None:
        if ended.adapter is not None:
            self._glance()

    def _glance(self) -> None:
        """Look at the experiment, or start the one that is waiting. What fails is tried again at the next glance."""
        try:
            self.look()
            with self._moving:
                waiting = self.registry.pending() if self.registry.state().experiment_id is None else None
                if waiting is not None:
                    self._challenge_or_reject(waiting)
        except StoreClosed:
            raise
        except Exception as error:  # whatever went wrong, among it an engine that is down
            log.warning("The experiment could not be looked after: %r", error)

    def _challenge_or_reject(self, adapter: str) -> None:
        try:
            self._challenge(adapter, "learner")
        except BadAdapter as error:
            log.warning("%s", error)
            self.registry.reject(adapter, str(error))

    def _challenge(self, adapter: str, actor: str, *, sworn: bool = True) -> str:
        self._hold_attested(adapter, sworn=sworn)
        experiment_id = self.registry.start_experiment(adapter, self.settings.experiment_share, actor)
        self._hold_live()
        return experiment_id

    def _hold_attested(self, adapter: str, *, sworn: bool) -> None:
        """Have the engine hold `adapter`, and show that it applies it; `sworn` ones must have an attestation.

        Raises UnknownAdapter, and BadAdapter for one that is not served as it was trained; the engine lets go of it.
        """
        self.hold(adapter)
        try:
            if self._attester is not None:
                self._attester.attest(adapter, sworn=sworn)
        except BadAdapter:
            self._tidy()
            raise

    def hold(self, adapter: str) -> Arm:
        """Have the engine hold `adapter`, live or not, and return it as an arm. Raises UnknownAdapter, BadAdapter."""
        arm, folder = self.registry.arm(adapter), self.registry.folder(adapter)
        if folder is not None:
            self._hold(adapter, folder)
        return arm

    def _hold(self, adapter: str, folder: Path) -> None:
        self._load(adapter, folder)
        self._loaded.add(adapter)

    def _hold_live(self) -> None:
        # An engine that was started again holds what was live then; to tell it twice does no harm.
        self.registry.hold_live(self._hold)

    def _tidy(self) -> None:
        """Take adapters from the engine that nobody is routed to any more."""
        self._hold_live()
        live = {name for name, _ in self.registry.live()}
        for name in sorted(self._loaded - live):
            self._unload(name)
            self._loaded.discard(name)


def _until_closed(job: Callable[[], None]) -> Callable[[], None]:
    """A server that stops does not wait for the jobs under way, and closes the store under them."""

    def quietly() -> None:
        with contextlib.suppress(StoreClosed):
            job()

    return quietly
