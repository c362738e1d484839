"""OpenTelemetry traces of turns, for whoever runs a collector: times, arms and tokens, and never what was said."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracer, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from analytics import Turn
from chatbot.answer import Answer

_PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """Sends spans to the collector at `endpoint` by OTLP over HTTP; nothing is traced where that is empty."""

    def __init__(self, endpoint: str = "") -> None:
        self._provider = _provider(endpoint) if endpoint else None
        self._tracer: Tracer = self._provider.get_tracer("ratchet") if self._provider else NoOpTracer()

    def begin(self, headers: Mapping[str, str]) -> TurnTrace:
        """The trace of a turn, as a part of the caller's own where `headers` has a `traceparent`."""
        parent = _PROPAGATOR.extract(headers) if headers else None
        return TurnTrace(self._tracer, self._tracer.start_span("chat", parent, SpanKind.SERVER))

    def close(self) -> None:
        """Send what is left."""
        if self._provider is not None:
            self._provider.shutdown()


class TurnTrace:
    """A span for the turn, in it one for the screening and routing and one for the engine's answer.

    The attributes have the names of OpenTelemetry's conventions for generative AI.
    """

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer, self._span = tracer, span
        self._step: Span = self._begin("screen and route")

    def headers(self) -> dict[str, str]:
        """What tells the next server which span it works for; empty where nothing is traced."""
        headers: dict[str, str] = {}
        _PROPAGATOR.inject(headers, set_span_in_context(self._step))
        return headers

    def opened(self, turn: Turn) -> None:
        """The turn is routed, and the engine is asked next."""
        self._step.end()
        told = {
            "gen_ai.operation.name": "chat",
            "gen_ai.response.id": turn.turn_id,
            "gen_ai.response.model": turn.adapter,
            "gen_ai.conversation.id": turn.conversation_id,
            "ratchet.arm": turn.arm,
            "ratchet.experiment": turn.experiment_id or "",
            "ratchet.source": turn.source,
        }
        self._span.set_attributes(told)
        self._step = self._begin("answer")

    def ended(self, answer: Answer | None, error: BaseException | None = None) -> None:
        """The answer has come to its end, or, without one, never began."""
        if answer is not None:
            if answer.ttft_ms is not None:
                self._step.set_attribute("gen_ai.server.time_to_first_token", answer.ttft_ms / 1000)
            self._span.set_attribute("gen_ai.response.finish_reasons", [answer.finish_reason])
            for name, told in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")):
                self._span.set_attribute(f"gen_ai.usage.{told}", answer.usage.get(name, 0))
        if isinstance(error, Exception):
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(Status(StatusCode.ERROR))
        self._step.end()
        self._span.end()

    def _begin(self, name: str) -> Span:
        return self._tracer.start_span(name, set_span_in_context(self._span))


def traces_address(endpoint: str) -> str:
    """Where the collector at `endpoint` takes traces by OTLP over HTTP."""
    return f"{endpoint.rstrip('/')}/v1/traces"


def _provider(endpoint: str) -> TracerProvider:
    # Only here: it brings protobuf, which most servers do without.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    provider = TracerProvider(resource=Resource.create({"service.name": "ratchet"}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=traces_address(endpoint))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
