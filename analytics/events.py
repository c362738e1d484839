"""Everything that can happen, one dataclass per table. Events are only ever appended; what holds now is a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Messages = Sequence[Mapping[str, Any]]
Verdicts = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Event:
    """Something that happened; the store adds when (`at`) and in which order (`seq`).

    What is `private` stays in the store: no lap gets a copy.
    """

    table: ClassVar[str]
    private: ClassVar[bool] = False


@dataclass(frozen=True)
class Turn(Event):
    """A question and where it was sent; queued before the engine is asked, and durable before the answer is done.

    `messages` is what the engine was sent, the person's message last; `propensity` is that of its arm in an experiment,
    a rollout or a holdback, and None outside of them.
    `sibling_of` is the first answer to the same message (in old rows the one before) where this was asked once more.
    People of the `cohort` compare answers of both arms and count in no split; `segment` is where champions may differ.
    """

    table: ClassVar[str] = "turn"

    turn_id: str
    conversation_id: str
    person: str
    person_group: str
    messages: Messages
    arm: str
    adapter: str
    weights_sha256: str
    experiment_id: str | None
    propensity: float | None
    sibling_of: str | None
    source: Literal["page", "api"]
    parameters: Mapping[str, Any]
    verdicts: Verdicts
    cohort: Literal["compare"] | None = None
    segment: str | None = None


@dataclass(frozen=True)
class Reply(Event):
    """What was answered; times in milliseconds, `logprob` the summed log-probability of what was sampled, in nats.

    `engine` is the one that answered: `arms`, or `merged` for the champion without LoRA; None where none was asked.
    """

    table: ClassVar[str] = "reply"

    turn_id: str
    completion: str
    finish_reason: Literal["stop", "length", "tool_calls", "cancelled", "content_filter", "error"]
    prompt_tokens: int | None
    completion_tokens: int | None
    ttft_ms: float | None
    duration_ms: float
    logprob: float | None
    verdicts: Verdicts
    tool_calls: Sequence[Mapping[str, Any]] | None = None
    engine: Literal["arms", "merged"] | None = None


@dataclass(frozen=True)
class Feedback(Event):
    """What somebody said about an answer: `preferred_over` is the turn whose answer was found worse.

    A row with `stars` (1 to 5) holds the vote that they mean as well, so whatever reads votes need not know of stars.
    `survey` has an answer by question; each part of `critique` has start and end, half-open, in code points of the
    answer. `idempotency_key` is what the sender named the call, and `body_sha256` what they sent with it.
    """

    table: ClassVar[str] = "feedback"

    feedback_id: str
    turn_id: str
    person: str
    vote: int | None
    reasons: Sequence[str]
    comment: str | None
    rewrite: str | None
    preferred_over: str | None
    source: Literal["user", "reviewer"]
    stars: int | None = None
    survey: Mapping[str, Any] = field(default_factory=dict)
    critique: Sequence[Mapping[str, Any]] = ()
    idempotency_key: str | None = None
    body_sha256: str | None = None


@dataclass(frozen=True)
class Consent(Event):
    """Whether somebody agrees that their feedback is learned from; `version` is that of the text they saw.

    It is for one conversation, or, where none is named, for all that have no answer of their own; a no to all is a no
    to each.
    """

    table: ClassVar[str] = "consent"

    person: str
    given: bool
    version: int
    conversation_id: str | None = None


@dataclass(frozen=True)
class Flag(Event):
    """A turn that a reviewer should look at, and who asks for it; an appeal has the `receipt` that its person got.

    One by a filter says what it found and where: `place` is `message`, `answer`, or what somebody wrote about the turn.
    One by `sample` was drawn with this `probability`. Rows from before any of it was kept have None.
    """

    table: ClassVar[str] = "flag"

    turn_id: str
    by: Literal["filter", "user", "appeal", "sample", "self-review"]
    person: str | None
    reason: str
    receipt: str | None = None
    place: str | None = None
    filter_id: str | None = None
    filter_version: str | None = None
    decision: str | None = None
    label: str | None = None
    category: str | None = None
    score: float | None = None
    threshold: float | None = None
    probability: float | None = None


@dataclass(frozen=True)
class Review(Event):
    """A reviewer's step on a turn; `until` is the end of a claim, in seconds since 1970."""

    table: ClassVar[str] = "review"

    turn_id: str
    reviewer: str
    action: Literal["claim", "release", "decide"]
    until: float | None
    filter_right: bool | None
    answer_right: bool | None
    correction: str | None
    note: str | None


@dataclass(frozen=True)
class Judgement(Event):
    """What a reviewer's decision says about a filter; of a turn the rows of the latest `decision_id` hold.

    `right`, `wrong` and `other` are about one finding, whose category was `true_category` instead for `other`. `missed`
    is a category that nothing found, `passed` a turn in which there was nothing to find.
    """

    table: ClassVar[str] = "judgement"

    decision_id: str
    turn_id: str
    reviewer: str
    judged: Literal["right", "wrong", "other", "missed", "passed"]
    place: str | None = None
    filter_id: str | None = None
    filter_version: str | None = None
    label: str | None = None
    category: str | None = None
    true_category: str | None = None


@dataclass(frozen=True)
class Proposal(Event):
    """A threshold that somebody would change; the latest row of a `proposal_id` holds.

    From the score `threshold` on, texts of `role` in which the filter finds `label` lead to `action`; `before` is the
    threshold that it is to replace, None where there was none. `evidence` is what the replay of the log said.
    """

    table: ClassVar[str] = "proposal"

    proposal_id: str
    state: Literal["open", "approved", "rejected"]
    actor: str
    filter_id: str
    label: str
    role: str
    action: str
    before: float | None
    threshold: float
    evidence: Mapping[str, Any]
    reason: str


@dataclass(frozen=True)
class Run(Event):
    """The state of a lap; the latest row of a `run_id` holds."""

    table: ClassVar[str] = "run"

    run_id: str
    state: Literal["queued", "running", "succeeded", "failed", "abandoned"]
    trigger: Literal["clock", "feedback", "operator", "self-review", "side-by-side"]
    pid: int | None
    folder: str
    reason: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Adapter(Event):
    """What became of an adapter; the latest row of an `adapter` holds."""

    table: ClassVar[str] = "adapter"

    adapter: str
    weights_sha256: str
    path: str
    base: str
    run_id: str | None
    state: Literal["trained", "gated", "rejected", "challenger", "champion", "retired", "revoked"]
    reason: str
    actor: str | None = None  # None in rows from before it was kept


@dataclass(frozen=True)
class Experiment(Event):
    """The state of an experiment; the latest row of an `experiment_id` holds."""

    table: ClassVar[str] = "experiment"

    experiment_id: str
    champion: str
    challenger: str
    share: float
    state: Literal["running", "won", "lost", "futile", "stopped"]
    reason: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Routing(Event):
    """Which adapters are live from now on, while `base` with these weights is served; the latest row of it holds.

    `rollout` is the share of all people whom a rollout sends to the challenger, `holdback` the share who stay on the
    previous champion, drawn by `holdback_salt`. What was not recorded yet is None.
    """

    table: ClassVar[str] = "routing"

    champion: str
    previous: str | None
    challenger: str | None
    experiment_id: str | None
    share: float
    reason: str
    actor: str
    base: str | None = None
    base_sha256: str | None = None
    rollout: float | None = None
    holdback: float | None = None
    holdback_salt: str | None = None


@dataclass(frozen=True)
class Audit(Event):
    """A decision; the store chains these rows by hashes when it writes them."""

    table: ClassVar[str] = "audit"

    action: str
    actor: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Conversation(Event):
    """What its person did with a whole conversation; the latest title holds, and a deletion for ever.

    A share shows what came before the event `until_seq`. A `temporary` one is in no list and is not learned from.
    """

    table: ClassVar[str] = "conversation"

    conversation_id: str
    person: str
    action: Literal["rename", "delete", "share", "revoke", "temporary"]
    title: str | None = None
    share_id: str | None = None
    until_seq: int | None = None


@dataclass(frozen=True)
class Implicit(Event):
    """A weak sign of what somebody thought of an answer. It is no vote, and nothing that reads votes may read it.

    `origin` says whether the client reported it or the server noticed it by itself.
    """

    table: ClassVar[str] = "implicit"

    turn_id: str
    person: str
    kind: Literal["copy", "regenerate", "abandon", "complaint"]
    detail: str | None
    origin: Literal["client", "server"]


@dataclass(frozen=True)
class Quarantine(Event):
    """A lap holds people and turns out of datasets, and a reviewer releases or confirms; the latest row holds.

    Nothing of theirs is deleted. `group_id` names those who were held together.
    """

    table: ClassVar[str] = "quarantine"

    group_id: str
    action: Literal["hold", "release", "confirm"]
    step: str
    reason: str
    people: Sequence[str]
    turns: Sequence[str]
    actor: str
    run_id: str | None


@dataclass(frozen=True)
class Import(Event):
    """A file whose rows became examples, or the end of that; the latest row of an `import_id` holds.

    `vouched` says on whose word its people agree to learning, `detail` what was taken and what was left and why.
    """

    table: ClassVar[str] = "import"

    import_id: str
    action: Literal["add", "remove"]
    actor: str
    format: str
    file: str
    file_sha256: str
    vouched: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Example(Event):
    """Something to learn from that nobody said here: of a file, or made.

    A `pair` prefers `text` to `rejected`; a `rating` finds `text` good or not. `example_id` is a hash of the content,
    so that whatever comes twice counts once. `person` is of this server or named by the file, or stands for the prompt.
    """

    table: ClassVar[str] = "example"

    example_id: str
    import_id: str
    person: str
    source: str
    kind: Literal["pair", "rating"]
    prompt: Messages
    text: str
    rejected: str | None
    good: bool
    weight: float


EVENTS: tuple[type[Event], ...] = (
    Turn, Reply, Feedback, Consent, Flag, Review, Judgement, Proposal, Run, Adapter, Experiment, Routing, Audit,
    Conversation, Implicit, Quarantine, Import, Example,
)  # fmt: skip
