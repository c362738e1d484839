"""Everything that the pages, the API and the command line share, built from the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from analytics import Store
from chatbot.accounts import COMMAND_LINE, Accounts, Provider
from chatbot.archive import Archive
from chatbot.both_arms import BothArms
from chatbot.comparing import Comparing
from chatbot.engine import Engine
from chatbot.engine_flags import dtype
from chatbot.engines import Engines
from chatbot.erasure import RETAIN_SECONDS, Erasures
from chatbot.feedback import Feedbacks
from chatbot.filter_errors import FilterErrors
from chatbot.implicit import Implicits
from chatbot.limits import Limits
from chatbot.live_policy import LivePolicy
from chatbot.merging import Merging
from chatbot.metrics import Metrics
from chatbot.model import Model, locate, remember
from chatbot.operator import Operator
from chatbot.permissions import OPERATE, Role, ranks
from chatbot.policy_trail import PolicyTrail
from chatbot.proposals import Proposals
from chatbot.receipts import Receipts
from chatbot.reviews import Reviews
from chatbot.room import no_second_engine
from chatbot.screening import open_policy, policy_in_force, scorer_options
from chatbot.settings import Settings
from chatbot.side_by_sides import SideBySides
from chatbot.tracing import Tracing
from chatbot.turn import Turns
from chatbot.what_if import WhatIfs
from learner import Datasets, Imports, Learner, LearnerSettings, Merge, Merges, Registry, Uses
from learner.active import Newest
from learner.attester import Rate
from learner.erasing import FOLLOW_SECONDS, Policy
from learner.evaluate.history import Evaluations
from learner.independent import signal
from learner.settings import RewriteReview
from learner.uses import frozen_pairs
from safety import LiveScreen
from safety.local import local_scorer
from safety.scorer import KeptScorer, ScorerClient

Load = Callable[[str, Path], None]


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """One of each."""

    settings: Settings
    model: Model
    store: Store
    accounts: Accounts
    screen: LiveScreen
    scorer: KeptScorer
    engine: Engine
    engines: Engines
    merging: Merging
    learner: Learner
    turns: Turns
    feedbacks: Feedbacks
    reviews: Reviews
    operator: Operator
    metrics: Metrics
    tracing: Tracing
    limits: Limits
    archive: Archive
    receipts: Receipts
    implicits: Implicits
    datasets: Datasets
    imports: Imports
    evaluations: Evaluations
    policy: LivePolicy
    filter_errors: FilterErrors
    what_ifs: WhatIfs
    proposals: Proposals
    both_arms: BothArms
    erasures: Erasures
    side_by_sides: SideBySides


def build(settings: Settings) -> Services:
    """Open the store, start the processes of engine and scorer, and put everything together.

    Raises UserError, AnalyticsError.
    """
    home = settings.home
    scorer = ScorerClient(scorer_options(settings))
    policy_in_force(settings)  # what is wrong with it is told before anything slow begins
    model = locate(settings.text("model"), download=True)
    remember(home, settings.text("model"))
    store = Store.open(home / "store.duckdb")
    registry = open_registry(settings, store, model)
    engine = Engine(model, settings, home, registry.hold_live)
    engine.spawn()
    scorer.start()
    return assemble(settings, model, store, registry, engine, scorer)


def assemble(
    settings: Settings,
    model: Model,
    store: Store,
    registry: Registry,
    engine: Engine,
    scorer: KeptScorer | None = None,
) -> Services:
    """Put the services together around a store that is open and an engine, started or not.

    Without a `scorer` the bundled classifier answers in this process. Raises UserError.
    """
    scorer = scorer or local_scorer()
    accounts = open_accounts(settings, store)
    learner = open_learner(
        settings, store, registry, model, engine.load, engine.unload, engine.address, accounts, engine.rate
    )
    metrics, tracing = Metrics(), Tracing(settings.text("otlp_endpoint"))
    policy = open_policy(settings, model, scorer)
    screen = policy.screen
    trail = PolicyTrail(store, policy)
    if told := trail.trouble():
        log.warning("%s", told)
    what_ifs = WhatIfs(store, policy)
    priorities = Newest(settings.home / "runs")
    per_day, often = settings.whole("compare_per_day"), settings.number("compare_share")
    comparing = Comparing(store, priorities, per_day=per_day, share=often) if per_day else None
    review = cast("RewriteReview", settings.text("rewrite_review"))
    feedbacks = Feedbacks(store, screen, metrics, review, settings.text("known_terms"))
    datasets = open_datasets(settings, store, model)
    erasures = open_erasures(settings, store, accounts, learner, datasets)
    learner.also(erasures.follow_up, FOLLOW_SECONDS)
    learner.also(erasures.retain, RETAIN_SECONDS)
    engines = Engines(engine)
    merging = open_merging(settings, model, registry, engine, engines)
    return Services(
        settings=settings,
        model=model,
        store=store,
        accounts=accounts,
        screen=screen,
        scorer=scorer,
        engine=engine,
        engines=engines,
        merging=merging,
        learner=learner,
        turns=Turns(
            store,
            screen,
            engine,
            learner,
            metrics,
            tracing,
            groups=settings.shares(),
            sibling_temperature=settings.number("sibling_temperature"),
            logprob_share=settings.number("logprob_share"),
            review_sample=settings.number("review_sample"),
            comparing=comparing,
            engine_for=engines.engine_for,
        ),
        metrics=metrics,
        tracing=tracing,
        limits=Limits(),
        feedbacks=feedbacks,
        reviews=Reviews(store, screen, policy.categories, priorities),
        policy=policy,
        filter_errors=FilterErrors(store, policy, trail.trouble),
        what_ifs=what_ifs,
        proposals=Proposals(store, policy, what_ifs, lambda: _operators(accounts)),
        operator=Operator(store, learner, lambda: scorer.status().told, trail.trouble, merging.status),
        archive=Archive(store, screen),
        receipts=Receipts(store, Uses(store, settings.home, registry)),
        implicits=Implicits(store, screen),
        datasets=datasets,
        erasures=erasures,
        imports=Imports(store, settings.home),
        both_arms=BothArms(store, learner, feedbacks, comparing, settings.shares()),
        side_by_sides=SideBySides(store, learner, settings.home),
        evaluations=Evaluations(store),
    )


def _operators(accounts: Accounts) -> list[str]:
    """Who may operate, as `proposals.who` names them."""
    people = accounts.people.all()
    return [f"account:{one.account_id}" for one in people if one.active and ranks(cast("Role", one.role), OPERATE.role)]


def open_accounts(settings: Settings, store: Store) -> Accounts:
    """The accounts, as the settings want them. Raises BadSetting."""
    issuer, *client = (settings.text(f"oidc_{name}") for name in ("issuer", "client_id", "client_secret", "name"))
    return Accounts(
        settings.home,
        store,
        public_url=settings.text("public_url"),
        session_days=settings.number("session_days"),
        provider=Provider(issuer, *client) if issuer else None,
        newcomers=settings.text("oidc_role") == "user",
        user_header=settings.text("user_header"),
    )


def open_registry(settings: Settings, store: Store, model: Model) -> Registry:
    """The registry of adapters for the model that is served."""
    return Registry(
        store,
        settings.home,
        base=model.name,
        base_sha256=model.sha256,
        rank=settings.whole("lora_rank"),
        segments=settings.text("segments"),
    )


def open_merging(settings: Settings, model: Model, registry: Registry, engine: Engine, engines: Engines) -> Merging:
    """What puts an engine of the merged champion beside `engine`, once it is started."""
    home = settings.home

    def of(merge: Merge) -> Engine:
        return Engine(Model(model.name, merge.folder, merge.sha256), settings, home, merged_from=model)

    return Merging(
        registry,
        engines,
        Merges(home, model.folder, model.sha256, settings.whole("train_threads")),
        engine=of,
        room=lambda: no_second_engine(model, settings),
        dtype=dtype(model),
        arms_ready=lambda: engine.ready,
        on=settings.text("merge") == "auto",
    )


def open_datasets(settings: Settings, store: Store, model: Model) -> Datasets:
    """The shelf of datasets in the home."""
    return Datasets(
        store,
        settings.home,
        model=str(model.folder),
        settings=LearnerSettings.from_values(settings.values).lap(),
        groups=settings.shares(),
    )


def open_erasures(
    settings: Settings, store: Store, accounts: Accounts, learner: Learner, datasets: Datasets
) -> Erasures:
    """Erasures; one that was broken off is brought to its end first. Raises AnalyticsError."""
    erasures = Erasures(
        settings.home,
        store,
        accounts,
        learner,
        datasets.building,
        policy=cast("Policy", settings.text("erase_adapters")),
        retrain_days=settings.number("erase_retrain_days"),
        retention_days=settings.number("retention_days"),
        temporary_hours=settings.number("retention_temporary_hours"),
    )
    erasures.on_erased(frozen_pairs.cache_clear)
    if erasure_id := erasures.resume():
        log.warning("The erasure %s, which was broken off, is done.", erasure_id)
    return erasures


def open_learner(
    settings: Settings,
    store: Store,
    registry: Registry,
    model: Model,
    load: Load,
    unload: Callable[[str], None],
    engine: Callable[[], Mapping[str, str] | None] = lambda: None,
    accounts: Accounts | None = None,
    rate: Rate | None = None,
) -> Learner:
    """The learner; `load` and `unload` tell the engine, if there is one, `engine` is where it is, `rate` asks it.

    `accounts` say whose approval counts. The key in the home is nobody's, so it is not one of two people.
    """
    known = accounts or open_accounts(settings, store)
    alone = settings.text("promotion") != "two-person"
    return Learner(
        store,
        registry,
        home=settings.home,
        model=str(model.folder),
        base=model.name,
        settings=LearnerSettings.from_values(settings.values),
        groups=settings.shares(),
        load=load,
        unload=unload,
        engine=engine,
        signals=signal,
        may_approve=lambda person: person in _operators(known) or (alone and person == COMMAND_LINE),
        rate=rate,
    )
