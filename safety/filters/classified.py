"""Scores a text with a classifier: the scorer's, or the bundled one in this process where there is no scorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from safety.chunks import chunks
from safety.errors import BadPolicy
from safety.filter import Context, Scorer, Scores, Setup
from safety.local import local_scorer
from safety.policy import bundled_rules, rules_of
from safety.rules import Rules
from safety.scorer.options import BUNDLED, DETOXIFY
from safety.verdict import ALLOWED, Span, Verdict


class Classified:
    """Asks the bundled classifier; with the option `model = "detoxify"` Detoxify, as long as its weights are there.

    Both know the same labels of toxicity but weigh them differently: the rules under the option `detoxify` then hold in
    place of those under `labels`.
    """

    decodes = True

    def __init__(self, setup: Setup | None = None) -> None:
        given = setup or Setup("toxicity", bundled_rules("toxicity"))
        self.id, self._model = given.name, given.options.get("model", BUNDLED)
        if self._model not in (BUNDLED, DETOXIFY):
            raise BadPolicy(f"filters.{self.id}.model is {self._model!r}; it must be {BUNDLED!r} or {DETOXIFY!r}.")
        self._scorer: Scorer = given.scorer or local_scorer()
        self.rules = given.rules
        own = rules_of(given.options.get("detoxify", {}), f"filters.{self.id}.detoxify")
        named = own.applies("input") or own.applies("output")
        self._by_model: Mapping[str, Rules] = {BUNDLED: given.rules, DETOXIFY: own if named else given.rules}

    @property
    def model(self) -> str:
        """Which of the two answers now."""
        return self._model if self._scorer.version(self._model) else BUNDLED

    @property
    def version(self) -> str:
        """Names the weights that answer now."""
        return f"{self.model} {self._scorer.version(self.model)}"

    def check(self, text: str, context: Context) -> Verdict:
        """Score the text; of a long one every part counts."""
        model, parts = self.model, [*chunks(text)]
        return self._verdict(model, parts, self._scorer.scores(model, [part for _, part in parts]), context)

    async def check_async(self, text: str, context: Context) -> Verdict:
        """`check` on the event loop."""
        model, parts = self.model, [*chunks(text)]
        return self._verdict(model, parts, await self._scorer.scores_async(model, [part for _, part in parts]), context)

    def _verdict(
        self, model: str, parts: Sequence[tuple[int, str]], scores: Sequence[Scores], context: Context
    ) -> Verdict:
        rules = self._by_model[model]
        labels = [label for label in scores[0] if rules.rule(context.role, label) is not None] if scores else []
        if not labels:
            return ALLOWED
        if len(parts) == 1:
            worst = dict.fromkeys(labels, 0)
        else:
            worst = {label: max(range(len(parts)), key=lambda at: scores[at][label]) for label in labels}
        spans = [Span(start, start + len(text), label) for label in labels for start, text in [parts[worst[label]]]]
        highest = {label: float(scores[worst[label]][label]) for label in labels}
        return rules.verdict(context.role, highest, cast("Sequence[Span]", spans), log=True)
