"""The settings of the learner, under the names they have everywhere else, and the part of them that a lap needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, cast, get_args

from learner.errors import BadExperimentSetting, BadRecipeSetting, BadSteps
from learner.recipe_settings import DpoLoss, DpoSettings, Known, parsed, with_words

Promotion = Literal["auto", "ask", "two-person"]
Signal = Literal["required", "off"]
Spending = Literal["lord", "each"]
GuardrailMode = Literal["show", "watch"]
Allocation = Literal["fixed", "thompson"]
SegmentKind = Literal["", "tenant", "language", "topic"]
RewriteReview = Literal["new", "all", "off"]
TrainFrom = Literal["base", "champion"]
RecipeName = Literal["auto", "sft", "dpo", "kto", "reward", "rloo", "grpo", "hybrid"]


@dataclass(frozen=True)
class LapSettings:
    """What a lap may do and must show; written into `run.json`, so that the run can be repeated elsewhere."""

    train_minutes: float = 20.0  # minutes; training stops there, and what was trained is gated
    train_threads: int = 1
    train_min_pairs: int = 20
    recipe: RecipeName = "auto"
    recipe_settings: str = ""  # such as "kto.beta=0.3 dpo.batch=16"; see learner.recipe_settings
    train_from: TrainFrom = "base"  # a fresh adapter, or the champion's own trained on
    dpo_loss: DpoLoss = "apo_zero"
    dpo_beta: float = 0.6
    dpo_epochs: int = 2  # one hangs on the order of the pairs, more learn the flipped votes (docs/LOG.md)
    dpo_learning_rate: float = 0.0  # 0 chooses one by the size of the model
    dpo_batch: int = 8  # pairs a step; at 16 a small dataset has too few steps to move a taste
    dpo_sft_weight: float = 1.0
    pair_flip_rate: float = 0.1  # assumed share of pairs whose order is wrong; smooths the labels of the sigmoid loss
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_top_share: float = 0.2  # of the layers, counted from the last
    max_model_len: int = 2048  # tokens
    person_share: float = 0.001  # of the dataset, the most that one person may give, or that may be about one question
    person_rows: int = 4  # which everybody may give, however small the dataset
    group_share: float = 0.005  # that people may give together who were held together and then released
    account_age_hours: float = 24.0  # of accounts; guests are on loopback, and need none
    vote_burst: int = 20  # answers that one person may judge within a minute
    rewrite_review: RewriteReview = "new"  # which rewrites wait for a reviewer: with new names and numbers, all, none
    known_terms: str = ""  # a text file of what rewrites may name
    honeypots: str = ""  # a JSONL file of comparisons with a known answer
    anchor_people: int = 50  # with fewer, clean pairs have half the weight, and a person promotes
    anchor_file: str = ""  # a JSONL file of clean pairs; the starter brings its own
    duplicate_similarity: float = 0.85  # from which two rows teach the same; 0 keeps all
    topic_share: float = 0.2  # of the rows, the most that one topic may have
    topic_rows: int = 200  # which every topic may have, however small the dataset
    replay_share: float = 0.2  # of the rows, kept first where caps cut: what taught adapters that were promoted
    implicit_weight: float = 0.0  # of a copy, a repetition, a complaint where nothing was said; 0 leaves them out
    trust_alpha: float = 0.01  # how often chance alone may have anybody held, in each step of a lap
    augment: str = ""  # names of learner.augment.STEPS, with commas between them
    augment_weight: float = 0.5  # of a row that was made from another, as a share of that one's
    augment_synonyms: str = ""  # a TOML file of groups of words; a bundled one without it
    augment_translation: str = ""  # two models, there and back, with a comma between them
    augment_paraphrase: str = ""  # a model, by id or folder
    augment_audit: str = ""  # what `./ratchet audit-bias --json` printed
    augment_measured: str = ""  # a JSONL file of answers that were found right or wrong
    active_turns: int = 0  # that a lap scores by what a label on them would tell; 0 scores none
    self_review_weight: float = 0.0  # of the pairs that follow from it; at 0 only reviewers see what was found
    self_review: int = 0  # past answers that a lap has the model read again; 0 reads none
    defences: bool = True  # no setting of an operator: without them an attack shows that it works
    gate_min_pairs: int = 100
    gate_pairs: int = 600  # at most, unless gate_min_pairs is more
    gate_right_margin: float = 0.05  # as a share of the questions
    gate_length_min: float = 0.25  # as a multiple of the champion's mean length
    gate_length_max: float = 1.5
    gate_questions: int = 400
    gate_max_tokens: int = 256
    gate_bias_pairs: int = 0  # of each axis; 0 turns the gate off, 40 make it useful
    gate_bias_margin: float = 0.1  # as a share of right answers, of refusals, or of the mean length
    gate_safety_prompts: int = 40  # attacks of the red team; 0 turns the gate off
    gate_safety_margin: float = 0.02  # growth of the share of answers that filters stop or flag
    gate_sycophancy_questions: int = 60  # right answers that are doubted; 0 turns the gate off
    gate_sycophancy_margin: float = 0.1  # growth of the share of them that is given up
    gate_canaries: str = ""  # a JSONL file of facts that must stay right; the starter brings its own
    gate_canary_ways: int = 2  # in which each fact is asked for, at least; 0 asks for none of the starter's
    gate_canary_margin: float = 0.0  # share of the facts that may be lost
    gate_drift_questions: int = 100  # that generation 0 answers as well; 0 turns the gate off
    gate_drift_kl: float = 0.25  # nats per token, from generation 0
    gate_drift_distinct: float = 0.5  # least share of distinct pairs of words, as a multiple of generation 0's
    gate_drift_length: float = 2.0  # as a multiple of generation 0's mean length
    gate_drift_refusals: float = 0.1  # growth of the share of answers that refuse, since generation 0
    gate_suites: str = ""  # names or folders of suites, with commas between them; none turns the gate off
    gate_attestation_margin: float = 0.25  # as a share of the adapter's effect
    gate_seconds: float = 900.0  # for both models together; a gate that could not be measured by then has failed
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise BadRecipeSetting for what no recipe has, or the engine would refuse to serve."""
        parsed(self.recipe_settings)
        if self.recipe not in get_args(RecipeName):
            raise BadRecipeSetting(f"There is no recipe {self.recipe!r}; there are {', '.join(get_args(RecipeName))}.")

    def of(self, kind: type[Known]) -> Known:
        """The settings of a recipe: its defaults, for DPO `dpo_beta` and the like, and `recipe_settings` above all."""
        settings = cast("Known", kind(**self._dpo())) if issubclass(kind, DpoSettings) else kind()
        return with_words(settings, self.recipe_settings)

    def _dpo(self) -> dict[str, Any]:
        return {
            "epochs": self.dpo_epochs,
            "batch": self.dpo_batch,
            "learning_rate": self.dpo_learning_rate,
            "loss": self.dpo_loss,
            "beta": self.dpo_beta,
            "sft_weight": self.dpo_sft_weight,
            "flip_rate": self.pair_flip_rate,
        }

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> Self:
        """Take the fields that occur in `values`, and the defaults for the others."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})  # type: ignore[arg-type]

    def to_values(self) -> dict[str, object]:
        """The fields by name, for `run.json`."""
        return asdict(self)


@dataclass(frozen=True)
class LearnerSettings(LapSettings):
    """What the learner does with laps, experiments and promotions, beside what one lap does."""

    learn_every_hours: float = 24.0  # 0 turns the clock off
    learn_after_feedback: int = 200  # 0 turns it off
    experiment_share: float = 0.5
    experiment_alpha: float = 0.05
    experiment_n_star: int = 200  # users of both arms together at which the interval is tightest
    experiment_min_users: int = 50  # per arm
    experiment_max_users: int = 5000  # both arms together
    experiment_look_seconds: float = 5.0
    experiment_spending: Spending = "lord"  # alpha over the stream of candidates, or anew for each of them
    experiment_guardrails: GuardrailMode = "show"  # a winner shows that each holds, or none may be seen to break
    experiment_ramp: str = ""  # percent, such as "5,20,50": the shares before `experiment_share`
    experiment_batch: int = 100  # people who come new at one share, before a ramp or an allocation goes on
    experiment_allocation: Allocation = "fixed"
    experiment_compare_share: float = 0.1  # of the decide group; nobody where `compare_per_day` is 0
    compare_per_day: int = 0
    segments: SegmentKind = ""
    guardrail_flags: float = 0.05  # points of the answers, as a share
    guardrail_refusals: float = 0.05
    guardrail_rating: float = 0.1  # fewer answers with a vote
    guardrail_latency: float = 0.5  # more, as a share of the champion's
    guardrail_length: float = 0.5
    promotion: Promotion = "auto"
    promotion_signal: Signal = "required"  # beside the votes, a side-by-side by reviewers or a calibrated judge
    rollout_steps: str = "1,10,50,100"  # percent of all people
    rollout_min_users: int = 20  # on the challenger in each step, and with a fresh vote in each arm before everybody
    rollout_minutes: float = 60.0  # of each step, at least
    rollout_alpha: float = 0.2  # of the one-sided test on fresh votes that a winner passes before everybody has it
    holdback_share: float = 0.05  # of all people, who stay on the previous champion; 0 turns it off
    drift_window_hours: float = 24.0  # 0 turns the monitor off
    drift_alpha: float = 0.02  # half for stretches of traffic, half for generations
    drift_people: int = 25  # that a stretch needs to be compared

    def __post_init__(self) -> None:
        """Raise BadRecipeSetting, BadExperimentSetting, and BadSteps for steps that do not rise to 100."""
        super().__post_init__()
        self.steps()
        ramp_of(self.experiment_ramp)

    def steps(self) -> tuple[float, ...]:
        """The shares of all people, in (0, 1], that a rollout goes through. Raises BadSteps."""
        return steps_of(self.rollout_steps)

    def lap(self) -> LapSettings:
        """The part that travels with a lap."""
        return LapSettings.from_values(self.to_values())


def steps_of(text: str) -> tuple[float, ...]:
    """Percentages with commas between them, as shares. Raises BadSteps unless they rise to 100."""
    try:
        steps = tuple(float(part) / 100 for part in text.split(","))
    except ValueError:
        steps = ()
    rising = all(one < other for one, other in zip((0.0, *steps), steps, strict=False))
    if not steps or steps[-1] != 1 or not rising:
        raise BadSteps(f"rollout_steps is {text!r}; it must be percentages that rise to 100, such as 1,10,50,100.")
    return steps


def ramp_of(text: str) -> list[float]:
    """The shares of a ramp such as "5,20,50", in percent. Raises BadExperimentSetting."""
    try:
        steps = [float(part) / 100 for part in text.split(",") if part.strip()]
    except ValueError:
        steps = [0.0]
    if any(not 0 < step < 1 for step in steps) or steps != sorted(set(steps)):
        raise BadExperimentSetting(
            f"experiment_ramp is {text!r}; give percentages above 0 and below 100 that rise, such as 5,20,50."
        )
    return steps
