"""What Prometheus reads at /metrics: how fast each arm answers, how it ends, and what people think of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from chatbot.answer import Answer
from safety import Verdict

disable_created_metrics()  # type: ignore[no-untyped-call]  # their times are of no use, and a third of all lines
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FIRST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
_NEXT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_LOOK = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_ARM = ("arm", "adapter")
_VOTES = {-1: "down", 0: "withdrawn", 1: "up"}


class Metrics:
    """One registry per server, so that two in one process do not count together."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._first = Histogram(
            "ratchet_time_to_first_token_seconds", "From a request to its first text.", _ARM, buckets=_FIRST,
            registry=registry,
        )  # fmt: skip
        self._next = Histogram(
            "ratchet_inter_token_latency_seconds", "Between two tokens of an answer, the mean of each answer.", _ARM,
            buckets=_NEXT, registry=registry,
        )  # fmt: skip
        self._answers = Counter(
            "ratchet_answers", "Answers by how they ended.", (*_ARM, "finish_reason"), registry=registry
        )
        self._by_engine = Counter(
            "ratchet_engine_answers", "Answers by the engine that gave them: arms, or merged.", ("engine", "adapter"),
            registry=registry,
        )  # fmt: skip
        self._errors = Counter("ratchet_errors", "Answers that broke off.", _ARM, registry=registry)
        self._tokens = Counter("ratchet_tokens", "Tokens read and written.", (*_ARM, "kind"), registry=registry)
        self._votes = Counter(
            "ratchet_votes", "Thumbs as they came, changed ones too.", (*_ARM, "vote"), registry=registry
        )
        self._refused = Counter(
            "ratchet_refused_requests", "Requests refused, by error code.", ("code",), registry=registry
        )
        self._verdicts = Counter(
            "ratchet_filter_verdicts", "What the filters said, of messages and answers; shadows too.",
            ("filter", "decision", "role"), registry=registry,
        )  # fmt: skip
        self._looks: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        self._failures = Counter(
            "ratchet_filter_failures", "Verdicts of filters that failed or were too slow.", ("filter", "role"),
            registry=registry,
        )  # fmt: skip
        self._latency = Histogram(
            "ratchet_filter_latency_seconds", "One look of a filter at a text.", ("filter",), buckets=_LOOK,
            registry=registry,
        )  # fmt: skip
        self._load = Gauge("ratchet_engine_requests", "Requests that the engine has.", ("state",), registry=registry)
        self._drift = Gauge(
            "ratchet_drift_open_alarms", "Alarms of drift that nobody has acknowledged.", registry=registry
        )
        self._engine = Gauge("ratchet_engine_ready", "1 while the engine can answer.", registry=registry)
        self._merged = Gauge(
            "ratchet_merged_engine_ready", "1 while the merged champion has its engine.", registry=registry
        )

    def ended(self, arm: str, adapter: str, answer: Answer) -> None:
        """An answer has come to its end, whichever it was."""
        self._answers.labels(arm, adapter, answer.finish_reason).inc()
        if answer.engine is not None:
            self._by_engine.labels(answer.engine, adapter).inc()
        if answer.finish_reason == "error":
            self._errors.labels(arm, adapter).inc()
        if answer.first_at is not None:
            self._first.labels(arm, adapter).observe(answer.first_at - answer.began)
        if answer.token_ms is not None:
            self._next.labels(arm, adapter).observe(answer.token_ms / 1000)
        for kind in ("prompt", "completion"):
            self._tokens.labels(arm, adapter, kind).inc(answer.usage.get(f"{kind}_tokens", 0))

    def voted(self, arm: str, adapter: str, vote: int) -> None:
        """Somebody has voted, 1 or -1, or taken a vote back with 0."""
        self._votes.labels(arm, adapter, _VOTES[vote]).inc()

    def screened(self, message: Sequence[Verdict], answer: Sequence[Verdict]) -> None:
        """What the filters said of a message and of its answer."""
        for role, verdicts in (("input", message), ("output", answer)):
            for verdict in verdicts:
                said, took = self._look(verdict.filter_id, str(verdict.decision), role)
                said.inc()
                took.observe(verdict.latency_ms / 1000)
                if verdict.failed:
                    self._failures.labels(verdict.filter_id, role).inc()

    def _look(self, filter_id: str, decision: str, role: str) -> tuple[Counter, Histogram]:
        """The figures of such a look; to look them up among all labels takes longer than to count."""
        key = filter_id, decision, role
        if (known := self._looks.get(key)) is None:
            known = self._looks[key] = self._verdicts.labels(*key), self._latency.labels(filter_id)
        return known

    def refused(self, code: str) -> None:
        """A request was refused."""
        self._refused.labels(code).inc()

    def text(
        self,
        *,
        engine_ready: bool,
        engine_requests: Mapping[str, float],
        merged_ready: bool = False,
        drift_alarms: int = 0,
    ) -> bytes:
        """All of it, in Prometheus' text format."""
        self._drift.set(drift_alarms)
        self._engine.set(engine_ready)
        self._merged.set(merged_ready)
        self._load.clear()
        for state, count in engine_requests.items():
            self._load.labels(state).set(count)
        return generate_latest(self._registry)
