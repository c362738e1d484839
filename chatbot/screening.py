"""The screen as the settings and the home want it: the policy in force, and the scorer that its filters ask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

from chatbot.engine_pieces import PATTERNS, UNSCREENED, WINDOWS
from chatbot.errors import UserError
from chatbot.live_policy import LivePolicy, policy_path
from chatbot.model import Model
from chatbot.settings import Settings
from safety import BadPolicy, Policy, Screen
from safety.registry import reads_windows
from safety.scorer import KeptScorer, ScorerOptions
from safety.scorer.options import Kind

OFF = "off"


def policy_in_force(settings: Settings) -> Policy:
    """The policy; the setting `input_failure` can make it milder. Raises UserError."""
    try:
        policy = Policy.read(policy_path(settings.home))
    except BadPolicy as error:
        raise UserError(str(error)) from None
    return _as_set(policy, settings, None)


def first_piece(policy: Policy) -> int:
    """The tokens of a stream that come before the screen can let any of them pass."""
    holding = [entry.use for entry in policy.entries if not entry.shadow and entry.rules.holds_back("output")]
    if not holding:
        return UNSCREENED
    return WINDOWS if any(map(reads_windows, holding)) else PATTERNS


def facts_of(settings: Settings, model: Model) -> Path | None:
    """What answers are held against: what the settings name, else what the model brings."""
    given = settings.text("facts")
    return Path(given).expanduser() if given else model.facts


def make_screen(policy: Policy, scorer: KeptScorer) -> Screen:
    """The screen of a policy. Raises UserError where a filter cannot be made."""
    try:
        return Screen.from_policy(policy, scorer)
    except BadPolicy as error:
        raise UserError(f"The policy cannot be used: {error}") from None


def open_policy(settings: Settings, model: Model, scorer: KeptScorer) -> LivePolicy:
    """The policy in force with its screen, to be changed while the server runs. Raises UserError."""
    facts = facts_of(settings, model)

    def made(policy: Policy) -> Screen:
        screen = Screen.from_policy(_as_set(policy, settings, facts), scorer)
        for filter_ in screen.installed:
            filter_.warm()
        return screen

    try:
        return LivePolicy(settings.home, made)
    except BadPolicy as error:
        raise UserError(f"The policy cannot be used: {error}") from None


def scorer_options(settings: Settings) -> ScorerOptions:
    """How the scorer is started. Raises UserError where Detoxify cannot be meant so."""
    kind = settings.text("detoxify")
    checkpoint, folder = (_path(settings.text(name)) for name in ("detoxify_checkpoint", "detoxify_model_dir"))
    if checkpoint and not Path(checkpoint).is_file():
        raise UserError(f"There is no file {checkpoint}; correct detoxify_checkpoint.")
    if folder and not Path(folder).is_dir():
        raise UserError(f"There is no folder {folder}; correct detoxify_model_dir.")
    return ScorerOptions(
        home=str(settings.home),
        threads=settings.whole("scorer_threads"),
        detoxify=cast("Kind", "" if kind == OFF else kind),
        checkpoint=checkpoint,
        model_dir=folder,
        sha256=settings.text("detoxify_sha256").lower(),
        download=settings.switch("detoxify_download"),
        names=_names(settings.text("ner_model")),
        names_download=settings.switch("ner_download"),
    )


def _names(given: str) -> str:
    """A folder as a whole path, an id as it is."""
    return _path(given) if given and Path(given).expanduser().is_dir() else given


def _path(given: str) -> str:
    return str(Path(given).expanduser().resolve()) if given else ""


def _as_set(policy: Policy, settings: Settings, facts: Path | None) -> Policy:
    """The policy with what the settings have to say about it; `input_failure` can make it milder."""
    if facts is not None:
        policy = policy.with_options("facts", {"sources": str(facts)})
    policy = policy.with_options("presidio", {"names": bool(settings.text("ner_model"))})
    return replace(policy, input_failure="review") if settings.text("input_failure") == "review" else policy
