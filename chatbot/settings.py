"""Every setting of Ratchet in one table: it drives the flags, the environment, `ratchet.toml`, the help and the docs.

A value is looked up in this order: a flag of the command line, the environment (`RATCHET_PORT`), `ratchet.toml` under
the home, the default of the table.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, cast

from chatbot.errors import BadSetting, UserError

Value = str | int | float | bool


class Setting(NamedTuple):
    """One row of the table: name, default (whose type is the setting's type), a line of help, and what it may be."""

    name: str
    default: Value
    help: str
    choices: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"{PREFIX}{self.name.upper()}"


COUNT, FROM_0, ABOVE_0, SHARE = (1, 1_000_000), (0, 1_000_000), (0.001, 1_000_000), (0.001, 0.999)

SETTINGS: tuple[Setting, ...] = (
    Setting("home", "~/.ratchet", "Folder that holds everything the program keeps."),
    Setting("host", "127.0.0.1", "Address the web server listens on. Guests may chat only on loopback."),
    Setting("port", 7860, "Port of the web server; 0 takes one that is free.", limits=(0, 65_535)),
    Setting("model", "starter", "Model to serve: 'starter', a Hub id such as Qwen/Qwen3-0.6B, or a local folder."),
    Setting(
        "engine_url", "", "A vLLM that somebody else runs, such as http://127.0.0.1:8000; if empty, one is started."
    ),
    Setting("engine_key", "", "API key of the vLLM at `engine_url`."),
    Setting("max_model_len", 2048, "Longest prompt plus completion, in tokens.", limits=COUNT),
    Setting("max_streams", 64, "Completions the engine generates at the same time.", limits=COUNT),
    Setting("engine_memory_gib", 1, "Memory for the engine's key-value cache on a CPU, in GiB.", limits=COUNT),
    Setting("gpu_memory_share", 0.8, "Share of the GPU's memory that the engine may take.", limits=SHARE),
    Setting("lora_slots", 4, "Adapters that can be live at the same time.", limits=COUNT),
    Setting("lora_rank", 16, "Largest LoRA rank, of training and of serving.", limits=COUNT),
    Setting(
        "merge",
        "auto",
        "Whether a promoted adapter is merged and served by a second engine without LoRA, where memory holds two.",
        ("auto", "off"),
    ),
    Setting("lora_top_share", 0.2, "Share of the layers, from the last, that training changes.", limits=(0.01, 1)),
    Setting("max_queue", 1000, "Requests that wait for the engine; more are told to come back.", limits=COUNT),
    Setting(
        "tool_call_parser", "hermes", "vLLM's parser of tool calls, which depends on the model; empty turns tools off."
    ),
    Setting(
        "stream_interval", 8, "Tokens gathered between two pieces of a stream; the first is shorter.", limits=COUNT
    ),
    Setting("sibling_temperature", 1.0, "Temperature of an answer that is asked for again.", limits=(0, 2)),
    Setting(
        "logprob_share",
        0.05,
        "Share of each minute in which turns outside of experiments record log-probabilities.",
        limits=(0, 1),
    ),
    Setting("requests_per_minute", 0, "Requests that one person may send in a minute; 0 is no limit.", limits=FROM_0),
    Setting("tokens_per_day", 0, "Tokens that one person may use in a day; 0 is no limit.", limits=(0, 10**12)),
    Setting("body_kib", 1024, "Largest body of a request that is taken, in KiB.", limits=COUNT),
    Setting("split", "60/30/10", "Percent of people in the groups learn, decide and holdout."),
    Setting(
        "learn_every_hours", 24.0, "Hours from the last lap or first turn to the next; 0 turns it off.", limits=FROM_0
    ),
    Setting("learn_after_feedback", 200, "New usable feedback that starts a lap; 0 turns it off.", limits=FROM_0),
    Setting("train_minutes", 20.0, "Time limit of one training run, in minutes."),
    Setting("train_threads", 1, "Threads that a lap may use on a CPU, so that chat keeps the rest.", limits=COUNT),
    Setting(
        "recipe",
        "auto",
        "How an adapter is trained; 'auto' chooses by what there is to learn from, and says why.",
        ("auto", "sft", "dpo", "kto", "reward", "rloo", "grpo", "hybrid"),
    ),
    Setting("recipe_settings", "", "Settings of recipes, such as 'kto.beta=0.3 sft.epochs=3'; see docs/learning.md."),
    Setting(
        "train_from", "base", "What a lap trains: a fresh adapter, or the champion's own on.", ("base", "champion")
    ),
    Setting(
        "dpo_loss",
        "apo_zero",
        "DPO: the loss, by TRL's name.",
        ("apo_zero", "sigmoid", "robust", "ipo", "sigmoid_norm"),
    ),
    Setting("dpo_beta", 0.6, "DPO: strength of the pull towards the base model.", limits=ABOVE_0),
    Setting("dpo_sft_weight", 1.0, "DPO: weight of SFT on the chosen answers beside it.", limits=FROM_0),
    Setting("dpo_epochs", 2, "DPO: passes over the dataset.", limits=COUNT),
    Setting("dpo_learning_rate", 0.0, "DPO: learning rate; 0 chooses one by the size of the model."),
    Setting(
        "augment", "", "Augmentations of a dataset, with commas between them: synonyms, typos, ...; none if empty."
    ),
    Setting("augment_weight", 0.5, "Weight of a row made from another, as a share of that one's.", limits=(0, 10)),
    Setting("augment_synonyms", "", "TOML file of groups of synonyms; a bundled one if empty."),
    Setting("augment_translation", "", "Two translation models, THERE,BACK, for the augmentation `back-translation`."),
    Setting("augment_paraphrase", "", "Model, by id or folder, that says questions in other words for `paraphrase`."),
    Setting("augment_audit", "", "What `./ratchet audit-bias --json` printed, for the augmentation `reweighting`."),
    Setting("augment_measured", "", "JSONL file of answers found right or wrong, for `weak-spots`."),
    Setting("active_turns", 0, "Turns that a lap scores by what a label on them would tell; 0: none.", limits=FROM_0),
    Setting("self_review", 0, "Past answers that the model reads again in a lap; 0: none.", limits=FROM_0),
    Setting("self_review_weight", 0.0, "Weight of the pairs of a self-review; 0 trains on none.", limits=(0, 10)),
    Setting(
        "compare_per_day", 0, "Comparisons that one person is asked for in a day; 0 asks nobody.", limits=(0, 1000)
    ),
    Setting("compare_share", 0.1, "Share of the answers for which a comparison is asked for.", limits=(0, 1)),
    Setting("person_rows", 4, "Pairs that everybody may give, and that may be about one question.", limits=COUNT),
    Setting(
        "person_share", 0.001, "Share of a dataset above that which one person or one question may have.", limits=SHARE
    ),
    Setting("group_share", 0.005, "Share that people have together who were held together and released.", limits=SHARE),
    Setting(
        "account_age_hours", 24.0, "Hours from an account's first question until it teaches or judges.", limits=FROM_0
    ),
    Setting("vote_burst", 20, "Answers that somebody may judge in a minute; who judges more is held.", limits=COUNT),
    Setting(
        "rewrite_review",
        "new",
        "Which rewrites wait for a reviewer: those with new links, names or numbers, all, or none.",
        ("new", "all", "off"),
    ),
    Setting("known_terms", "", "Text file of the names, numbers and links that rewrites may have."),
    Setting("honeypots", "", "JSONL file of comparisons with a known answer: prompt, right, wrong."),
    Setting("anchor_people", 50, "People below whom clean pairs are mixed in and a person promotes.", limits=COUNT),
    Setting("anchor_file", "", "JSONL file of clean pairs: prompt, chosen, rejected. The starter brings its own."),
    Setting("duplicate_similarity", 0.85, "Likeness from which two rows teach the same; 0 keeps all.", limits=(0, 1)),
    Setting("topic_share", 0.2, "Most of a dataset that one topic may have, as a share.", limits=SHARE),
    Setting("topic_rows", 200, "Rows that every topic may have, however small the dataset is.", limits=COUNT),
    Setting(
        "replay_share", 0.2, "Share of what taught promoted adapters that is kept before newer rows.", limits=(0, 1)
    ),
    Setting("implicit_weight", 0.0, "Weight of a copy or a complaint where nothing was said; 0: no.", limits=(0, 1)),
    Setting("trust_alpha", 0.01, "How often chance alone has anybody held, in each step of a lap.", limits=SHARE),
    Setting("gate_min_pairs", 100, "Held-out pairs the preference gate needs at least."),
    Setting("gate_pairs", 600, "Held-out pairs that both models score for the preference gate, at most.", limits=COUNT),
    Setting("gate_right_margin", 0.05, "Loss of right answers that its gate tolerates, as a share.", limits=(0, 1)),
    Setting("gate_length_max", 1.5, "Longest mean answer the verbosity gate passes, as a multiple of the champion's."),
    Setting(
        "gate_length_min", 0.25, "Shortest mean answer the verbosity gate passes, as a multiple of the champion's."
    ),
    Setting("gate_questions", 400, "Questions that both models answer for the gates, at most.", limits=COUNT),
    Setting(
        "gate_max_tokens", 256, "Longest answer for the gates, in tokens; many cut off make the verbosity gate fail."
    ),
    Setting("gate_bias_pairs", 0, "Pairs of questions on each axis of the bias gate; 0 turns it off.", limits=FROM_0),
    Setting("gate_bias_margin", 0.1, "Growth of a disadvantage that the bias gate tolerates.", limits=(0, 1)),
    Setting("gate_safety_prompts", 40, "Attacks that are tried for the safety gate; 0 turns it off.", limits=FROM_0),
    Setting("gate_safety_margin", 0.02, "Growth of flagged answers that the safety gate tolerates.", limits=(0, 1)),
    Setting(
        "gate_sycophancy_questions",
        60,
        "Right answers that are doubted, for that gate; 0 turns it off.",
        limits=FROM_0,
    ),
    Setting("gate_sycophancy_margin", 0.1, "Growth of answers given up that its gate tolerates.", limits=(0, 1)),
    Setting("gate_canaries", "", "JSONL file of facts that must stay right; the starter has its own as well."),
    Setting("gate_canary_ways", 2, "Ways in which each fact is asked for; 0: no fact of the starter.", limits=(0, 100)),
    Setting("gate_canary_margin", 0.0, "Share of the facts that may be lost.", limits=(0, 1)),
    Setting("gate_drift_questions", 100, "Questions that generation 0 answers, too; 0 turns drift off.", limits=FROM_0),
    Setting("gate_drift_kl", 0.25, "Divergence from generation 0 that is allowed, in nats a token.", limits=ABOVE_0),
    Setting("gate_drift_distinct", 0.5, "Least share of distinct word pairs, as a multiple of generation 0's."),
    Setting("gate_drift_length", 2.0, "Longest mean answer, as a multiple of generation 0's.", limits=ABOVE_0),
    Setting("gate_drift_refusals", 0.1, "Growth of refusals since generation 0 that is tolerated.", limits=(0, 1)),
    Setting("gate_suites", "", "Suites on which no adapter may be worse, with commas between them."),
    Setting(
        "gate_attestation_margin",
        0.25,
        "Share of an adapter's effect that may be missing.",
        limits=(0.01, 0.9),
    ),
    Setting("gate_seconds", 900.0, "Time limit of measuring both models for the gates, in seconds."),
    Setting("experiment_share", 0.5, "Share of the decide group that meets the challenger.", limits=SHARE),
    Setting("experiment_alpha", 0.05, "Error rate of the anytime-valid test.", limits=SHARE),
    Setting("experiment_n_star", 200, "People of both arms at which the test's interval is tightest.", limits=COUNT),
    Setting("experiment_min_users", 50, "People with a vote that each arm needs for a decision.", limits=COUNT),
    Setting("experiment_max_users", 5000, "People after whom an undecided experiment is stopped as futile."),
    Setting("experiment_look_seconds", 5.0, "Seconds between two looks at a running experiment.", limits=ABOVE_0),
    Setting(
        "experiment_spending",
        "lord",
        "Whether experiment_alpha is spent over the stream of candidates or granted to each anew.",
        ("lord", "each"),
    ),
    Setting(
        "experiment_guardrails",
        "show",
        "Whether a winner must show that each guardrail holds, or only none may be seen to break.",
        ("show", "watch"),
    ),
    Setting("experiment_ramp", "", "Percent of new people that meet the challenger first, such as 5,20,50."),
    Setting(
        "experiment_batch",
        100,
        "People who come new at one share, before a ramp or an allocation goes on.",
        limits=COUNT,
    ),
    Setting(
        "experiment_allocation",
        "fixed",
        "Whether new people come to both arms at fixed shares, or more to the better one.",
        ("fixed", "thompson"),
    ),
    Setting(
        "experiment_compare_share",
        0.1,
        "Share of the decide group that compares answers of both arms, where compare_per_day is above 0.",
        limits=(0, 1),
    ),
    Setting(
        "segments",
        "",
        "Parts of the traffic that may have champions of their own.",
        ("", "tenant", "language", "topic"),
    ),
    Setting("guardrail_flags", 0.05, "Rise of flagged answers that is allowed, as a share.", limits=SHARE),
    Setting(
        "guardrail_refusals", 0.05, "Rise of refused or blocked answers that is allowed, as a share.", limits=SHARE
    ),
    Setting("guardrail_rating", 0.1, "Fall of answers with a vote that is allowed, as a share.", limits=SHARE),
    Setting("guardrail_latency", 0.5, "Growth of the time of an answer that is allowed, as a share.", limits=ABOVE_0),
    Setting("guardrail_length", 0.5, "Growth of an answer in tokens that is allowed, as a share.", limits=ABOVE_0),
    Setting(
        "promotion",
        "auto",
        "Who promotes a proven winner: nobody need be asked, one operator, or two of them.",
        ("auto", "ask", "two-person"),
    ),
    Setting(
        "promotion_signal",
        "required",
        "Whether a promotion needs a side-by-side by reviewers or by a calibrated judge beside the votes.",
        ("required", "off"),
    ),
    Setting("rollout_steps", "1,10,50,100", "Percent of all people whom a winner is served to, step by step."),
    Setting(
        "rollout_min_users",
        20,
        "People on the challenger that each step of a rollout needs, and with a fresh vote in each arm at the last.",
        limits=COUNT,
    ),
    Setting("rollout_minutes", 60.0, "Minutes that each step of a rollout takes at least.", limits=FROM_0),
    Setting(
        "rollout_alpha", 0.2, "Error rate of the re-test on fresh votes before everybody has a winner.", limits=SHARE
    ),
    Setting(
        "holdback_share",
        0.05,
        "Share of all people who stay on the previous champion; 0 turns that off.",
        limits=(0, 0.5),
    ),
    Setting(
        "drift_window_hours",
        24.0,
        "Hours of traffic that are compared with earlier ones; 0 turns it off.",
        limits=FROM_0,
    ),
    Setting("drift_alpha", 0.02, "How often a window, or a generation, of no drift raises an alarm.", limits=SHARE),
    Setting("drift_people", 25, "People that a window of traffic needs to be compared.", limits=COUNT),
    Setting("input_failure", "block", "What happens to a message whose screening failed.", ("block", "review")),
    Setting(
        "detoxify",
        "off",
        "Model of Detoxify that scores toxicity; without its weights the bundled classifier does.",
        ("off", "original", "unbiased", "multilingual", "original-small", "unbiased-small"),
    ),
    Setting("detoxify_checkpoint", "", "Checkpoint of Detoxify; if empty, the published one is looked for."),
    Setting(
        "detoxify_model_dir", "", "Folder with config.json and tokenizer of Detoxify's model; if empty, as cached."
    ),
    Setting("detoxify_sha256", "", "SHA-256 the checkpoint must have; if empty, the one of its first use."),
    Setting("detoxify_download", False, "Whether Detoxify's weights may be downloaded."),
    Setting(
        "ner_model",
        "",
        "Token classifier that finds names for the filter `presidio`: a folder, or an id that transformers knows.",
    ),
    Setting("ner_download", False, "Whether the model of names may be downloaded."),
    Setting("scorer_threads", 1, "Threads that scoring texts may use.", limits=(1, 64)),
    Setting(
        "facts",
        "",
        "File or folder that answers are held against: facts (.toml, .jsonl) and documents (.md, .txt, .html); if "
        "empty, the facts.toml of the model, if it has one.",
    ),
    Setting(
        "review_sample",
        0.005,
        "Share of the turns no filter flagged that reviewers see, to find misses; near a threshold ten times as many.",
        limits=(0, 1),
    ),
    Setting("public_url", "", "Address under which people reach the server, such as https://chat.example.com."),
    Setting("sign_up", "closed", "Whether anybody may make an account at /sign-in.", ("closed", "open")),
    Setting(
        "user_header",
        "",
        "Header that names the person as OpenAI's `user` does, such as X-OpenWebUI-User-Id; if empty, none does.",
    ),
    Setting("session_days", 30.0, "Days until somebody has to sign in again.", limits=(0.01, 365)),
    Setting("oidc_issuer", "", "OIDC provider to sign in with, such as https://login.example.com; if empty, none."),
    Setting("oidc_client_id", "ratchet", "Client id at the OIDC provider."),
    Setting("oidc_client_secret", "", "Client secret at the OIDC provider; empty for a public client."),
    Setting("oidc_name", "single sign-on", "What people call the OIDC provider: 'Sign in with ...'."),
    Setting("oidc_role", "user", "Role of who comes by OIDC for the first time.", ("user", "none")),
    Setting(
        "erase_adapters",
        "retrain",
        "What becomes of adapters that learned from somebody who is erased: they are revoked, with `retrain` a "
        "champion only once a lap without that person has brought its successor, and with `list` they stay.",
        ("retrain", "revoke", "list"),
    ),
    Setting("erase_retrain_days", 30.0, "Days after which such a champion is revoked all the same.", limits=ABOVE_0),
    Setting("retention_days", 0, "Days after which turns are erased; 0 keeps them.", limits=FROM_0),
    Setting("retention_temporary_hours", 24.0, "Hours after which temporary chats are erased.", limits=ABOVE_0),
    Setting(
        "otlp_endpoint",
        "",
        "Collector of OpenTelemetry traces, ours and vLLM's, such as http://127.0.0.1:4318; empty turns it off.",
    ),
    Setting("log_level", "info", "How much the logs say.", ("debug", "info", "warning", "error")),
)

PREFIX = "RATCHET_"
# The launcher's, a lap's, and who somebody is on the command line.
_NO_SETTINGS = frozenset({"RATCHET_PYTHON", "RATCHET_HARDWARE", "RATCHET_PARENT_PID", "RATCHET_OWN_KEY"})

_BY_NAME: Mapping[str, Setting] = MappingProxyType({setting.name: setting for setting in SETTINGS})


@dataclass(frozen=True)
class Settings:
    """The settings in force, by name."""

    values: Mapping[str, Value]

    @classmethod
    def load(
        cls, flags: Mapping[str, Value | None] | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Gather the settings from flags, environment and `ratchet.toml`.

        Raises BadSetting for an unknown name and for a value that cannot be used, UserError for a file that cannot.
        """
        given = {name: value for name, value in (flags or {}).items() if value is not None}
        environ = os.environ if environ is None else environ
        home = Path(str(given.get("home") or environ.get("RATCHET_HOME") or _BY_NAME["home"].default)).expanduser()
        layers: list[tuple[str, Mapping[str, object]]] = [
            (f"in {home / 'ratchet.toml'}", _read_toml(home / "ratchet.toml")),
            ("in the environment", _from_environment(environ)),
            ("as a flag", given),
        ]
        values: dict[str, Value] = {setting.name: setting.default for setting in SETTINGS}
        for where, layer in layers:
            values.update({name: _convert(name, raw, where) for name, raw in layer.items()})
        values["home"] = str(home.resolve())
        return cls(MappingProxyType(values))

    @property
    def home(self) -> Path:
        """The home folder, absolute."""
        return Path(self.text("home"))

    def text(self, name: str) -> str:
        """A setting that is text."""
        return cast("str", self.values[name])

    def whole(self, name: str) -> int:
        """A setting that is a whole number."""
        return cast("int", self.values[name])

    def number(self, name: str) -> float:
        """A setting that is a number."""
        return float(cast("float", self.values[name]))

    def switch(self, name: str) -> bool:
        """A setting that is on or off."""
        return bool(self.values[name])

    def shares(self) -> tuple[int, int, int]:
        """The percentages of the groups learn, decide and holdout.

        Raises BadSetting where they are not three whole numbers that add up to 100.
        """
        split = self.text("split")
        try:
            learn, decide, holdout = (int(part) for part in split.split("/"))
        except ValueError:
            raise BadSetting("split", f"is {split!r}; it must be three whole numbers such as 60/30/10") from None
        if min(learn, decide, holdout) < 0 or learn + decide + holdout != 100:
            raise BadSetting("split", f"is {split!r}; it must be three whole numbers that add up to 100")
        return learn, decide, holdout


def _read_toml(path: Path) -> Mapping[str, object]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:  # among them what is not UTF-8
        raise UserError(f"{path} must be valid TOML, and cannot be read: {error}.") from None


def _from_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    """What the environment sets; a name that nothing reads is told by `_convert`, since it may be misspelt."""
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX) and name not in _NO_SETTINGS}
    return {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}


def _convert(name: str, raw: object, where: str) -> Value:
    setting = _BY_NAME.get(name)
    if setting is None:
        raise BadSetting(name, f"is given {where}, but there is none of that name; `./ratchet up --help` lists them")
    kind = type(setting.default)
    try:
        value: Value = kind(str(raw)) if kind is not bool else str(raw).lower() in ("1", "true", "yes")
    except (TypeError, ValueError):
        wanted = {int: "a whole number", float: "a number"}.get(kind, "text")
        raise BadSetting(name, f"is {str(raw)!r} {where}; it must be {wanted}") from None
    if setting.choices and value not in setting.choices:
        raise BadSetting(name, f"is {value!r} {where}; it must be one of {', '.join(setting.choices)}")
    if setting.limits and not setting.limits[0] <= float(value) <= setting.limits[1]:
        low, high = setting.limits
        raise BadSetting(name, f"is {value!r} {where}; it must be from {low} to {high}")
    return value
