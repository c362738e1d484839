"""Presidio's recognisers of personal data, for those who turn this filter on; they come with the extra `presidio`.

Of Presidio it takes what needs no model: patterns, check digits, and the words around. Names are found where a model
for them is set (`ner_model`), by the scorer. It reads windows of an answer, so what a window cuts may stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from safety.chunks import chunks
from safety.entities import Entity, entities_of
from safety.errors import BadPolicy
from safety.filter import Context, Scorer, Setup
from safety.local import local_scorer
from safety.policy import bundled_rules
from safety.scorer.options import NAMES
from safety.verdict import ALLOWED, Span, Verdict

LENGTH, OVERLAP = 4000, 400  # characters that are looked at together


class Presidio:
    """Labels are Presidio's entities in small letters, such as `email address`, and `person` and the like of a model.

    Options: `language`; `leave`, labels that are left alone; `names`, whether the scorer has a model for them.
    """

    def __init__(self, setup: Setup | None = None) -> None:
        given = setup or Setup("presidio", bundled_rules("presidio"))
        self.id, self.rules = given.name, given.rules
        self._language = str(given.options.get("language", "en"))
        self._leave = frozenset(given.options.get("leave", ()))
        self._names = bool(given.options.get("names", False))
        self._scorer: Scorer | None = given.scorer or (local_scorer() if self._names else None)
        self._analyzer = _analyzer(self._language)

    @property
    def version(self) -> str:
        """Of Presidio, and the name of the model where there is one."""
        names = f", {self._scorer.version(NAMES)}" if self._names and self._scorer is not None else ""
        return f"{_version()}{names}"

    def check(self, text: str, context: Context) -> Verdict:
        """Find what tells who somebody is."""
        parts = [*chunks(text)]
        named = self._scorer.scores(NAMES, [part for _, part in parts]) if self._names and self._scorer else []
        return self._verdict([*self._recognised(text), *_placed(parts, named)], context)

    async def check_async(self, text: str, context: Context) -> Verdict:
        """`check` on the event loop."""
        parts = [*chunks(text)]
        recognised = await asyncio.to_thread(self._recognised, text)
        asked = self._names and self._scorer
        named = await asked.scores_async(NAMES, [part for _, part in parts]) if asked else []
        return self._verdict([*recognised, *_placed(parts, named)], context)

    def _recognised(self, text: str) -> list[Entity]:
        found: dict[Entity, None] = {}
        for start, part in chunks(text, LENGTH, OVERLAP):
            for one in self._analyzer.analyze(part, language=self._language):
                label = one.entity_type.lower().replace("_", " ")
                found[Entity(one.start + start, one.end + start, label, float(one.score))] = None
        return [*found]

    def _verdict(self, found: Sequence[Entity], context: Context) -> Verdict:
        found = [one for one in found if one.label not in self._leave]
        if not found:
            return ALLOWED
        scores: dict[str, float] = {}
        for one in found:
            scores[one.label] = max(one.score, scores.get(one.label, 0.0))
        spans = [Span(one.start, one.end, one.label) for one in found if self._reaches(one, context)]
        return self.rules.verdict(context.role, scores, spans)

    def _reaches(self, one: Entity, context: Context) -> bool:
        rule = self.rules.rule(context.role, one.label)
        return rule is not None and rule.step(one.score) is not None


def _placed(parts: Sequence[tuple[int, str]], named: Sequence[Mapping[str, float]]) -> Iterable[Entity]:
    found = {
        one._replace(start=one.start + start, end=one.end + start): None
        for (start, _), scores in zip(parts, named, strict=False)
        for one in entities_of(scores)
    }
    return found.keys()


def _version() -> str:
    from importlib.metadata import version

    return f"presidio {version('presidio-analyzer')}"


@cache
def _analyzer(language: str) -> Any:  # noqa: ANN401
    """Presidio's analyser without a model and without the network. Raises BadPolicy where it is not installed."""
    try:
        import spacy
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
        from presidio_analyzer.nlp_engine import SpacyNlpEngine
        from presidio_analyzer.predefined_recognizers import EmailRecognizer
        from tldextract import TLDExtract
    except ImportError as error:
        raise BadPolicy(
            f"The filter 'presidio' needs Presidio ({error}): install the extra, as with `pip install "
            "ratchet[presidio]`, or take the filter out of the policy."
        ) from None

    domains = TLDExtract(suffix_list_urls=(), cache_dir=None)  # it brings a list; its own would ask the network for one

    class Blank(SpacyNlpEngine):  # type: ignore[misc, unused-ignore]
        """Splits a text into words and knows nothing of them."""

        def load(self) -> None:
            nlp = spacy.blank(language)
            nlp.add_pipe("small_letters")
            self.nlp = {language: nlp}

    class Email(EmailRecognizer):  # type: ignore[misc, unused-ignore]
        """Knows domains by the list that came with it."""

        def validate_result(self, pattern_text: str) -> bool:
            return bool(domains(pattern_text).fqdn)

    if not spacy.Language.has_factory("small_letters"):
        spacy.Language.component("small_letters", func=_small_letters)
    engine = Blank(models=[{"lang_code": language, "model_name": "blank"}])
    engine.load()
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=engine)
    for name in ("SpacyRecognizer", "EmailRecognizer"):
        registry.remove_recognizer(name)
    registry.add_recognizer(Email(supported_language=language))
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])


def _small_letters(doc: Any) -> Any:  # noqa: ANN401
    """Presidio looks for words around a number by their lemmas; without a model these are the words."""
    for token in doc:
        token.lemma_ = token.lower_
    return doc
