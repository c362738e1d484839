"""Asks a guard model what to think of a text, where the filters before are in doubt."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

from safety.errors import BadPolicy
from safety.filter import Context, Setup
from safety.guards import FAMILIES, Client, Exchange, family_of
from safety.verdict import ALLOWED, Decision, Verdict

BAND = (0.3, 0.9)
_OPTIONS = frozenset({"url", "model", "family", "key", "key_env", "band", "of", "always"})


class Guard:
    """Options: `url` and `model` of a server with OpenAI's API, `key` or `key_env` for it, and `family`.

    It is asked when the highest score of the filters in `of`, or of all before it, is in `band`, when one of them wants
    a review, or `always`. An answer is judged in the light of its prompt.
    """

    version = "1"
    informed = True  # of a stream it is told what the filters of patterns say of the same window

    def __init__(self, setup: Setup) -> None:
        self.id, self.rules = setup.name, setup.rules
        options, where = setup.options, f"filters.{setup.name}"
        if unknown := set(options) - _OPTIONS:
            raise BadPolicy(f"{where} has {min(unknown)!r}; only {', '.join(sorted(_OPTIONS))} are known.")
        model, name = _text(options, "model", where), str(options.get("family", ""))
        if name and name not in FAMILIES:
            raise BadPolicy(f"{where}.family is {name!r}; it must be one of {', '.join(FAMILIES)}.")
        family = FAMILIES[name] if name else family_of(model)
        self._client = Client(_text(options, "url", where), model, family, _key(options, where))
        self._band, self._always = _band(options.get("band", BAND), where), bool(options.get("always", False))
        self._of = frozenset(options.get("of", ()))
        self.version = f"{self.version}.{family.name}.{model}"

    def check(self, text: str, context: Context) -> Verdict:
        """Ask, and block until there is an answer; not for a thread that runs a loop. Raises GuardFailed."""
        return asyncio.run(self.check_async(text, context)) if self._in_doubt(context) else ALLOWED

    async def check_async(self, text: str, context: Context) -> Verdict:
        """Ask where the filters before are in doubt. Raises GuardFailed."""
        if not self._in_doubt(context) or not text.strip():
            return ALLOWED
        exchange = Exchange(text) if context.role == "input" else Exchange(context.prompt, text)
        return self.rules.verdict(context.role, await self._client.scores(exchange), log=True)

    def _in_doubt(self, context: Context) -> bool:
        if self._always:
            return True
        heard = [verdict for verdict in context.earlier if not self._of or verdict.filter_id in self._of]
        low, high = self._band
        highest = max((max([verdict.score, *verdict.scores.values()]) for verdict in heard), default=0.0)
        return low <= highest <= high or any(verdict.decision is Decision.REVIEW for verdict in context.earlier)


def _text(options: Mapping[str, Any], name: str, where: str) -> str:
    value = options.get(name)
    if not isinstance(value, str) or not value:
        raise BadPolicy(f"{where} needs {name}, such as {_SUCH_AS[name]!r}.")
    return value


_SUCH_AS = {"url": "http://127.0.0.1:8001", "model": "meta-llama/Llama-Guard-3-1B"}


def _key(options: Mapping[str, Any], where: str) -> str:
    variable = options.get("key_env")
    if variable is None:
        return str(options.get("key", ""))
    if variable not in os.environ:
        raise BadPolicy(f"{where}.key_env names {variable!r}, which is not in the environment.")
    return os.environ[variable]


def _band(given: object, where: str) -> tuple[float, float]:
    if not isinstance(given, Sequence) or len(given) != 2 or not all(isinstance(one, int | float) for one in given):
        raise BadPolicy(f"{where}.band is {given!r}; it must be two scores such as [0.3, 0.9].")
    low, high = cast("Sequence[float]", given)
    if not 0 <= low <= high <= 1:
        raise BadPolicy(f"{where}.band is {given!r}; it must be two scores from 0 to 1, the lower one first.")
    return float(low), float(high)
