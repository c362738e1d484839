"""Texts and ids in files that are no tables: JSON by its values, everything else by its bytes."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from analytics.erasing import NAMED, Scope

ERASED = "[erased]"
LEAST_NAME = 8  # letters of a name that is looked for in free text; a shorter one is also a word, or a part of one
_GONE = object()


class Words:
    """What is looked for: the ids of `scope`, its names, and the `texts` of nobody else."""

    def __init__(self, scope: Scope, texts: Collection[str]) -> None:
        self._ids = scope.ids
        names = [name for name in scope.names if len(name) >= LEAST_NAME]
        self._texts = sorted({*texts, *names}, key=len, reverse=True)

    def scrub(self, value: Any) -> tuple[Any, int]:  # noqa: ANN401 - JSON
        """The JSON value without what goes, and how many parts of it went.

        An object with such an id in one of its fields goes as a whole where it is a part of a list or of an object.
        """
        told = [0]
        kept = self._value(value, told, whole=True)
        return kept, told[0]

    def fill(self, content: bytes) -> tuple[bytes, int]:
        """The bytes with the texts overwritten, as long as before, and how often one was found."""
        count = 0
        for text in self._texts:
            for form in {text.encode(), json.dumps(text)[1:-1].encode()}:
                if found := content.count(form):
                    content, count = content.replace(form, b"-" * len(form)), count + found
        return content, count

    def _value(self, value: Any, told: list[int], *, whole: bool = False) -> Any:  # noqa: ANN401
        if isinstance(value, dict):
            if not whole and any(self._names(value.get(name)) for name in NAMED):
                told[0] += 1
                return _GONE
            kept = {key: self._value(part, told) for key, part in value.items() if not self._drops(key, told)}
            return {key: part for key, part in kept.items() if part is not _GONE}
        if isinstance(value, list):
            return [part for part in (self._value(one, told) for one in value) if part is not _GONE]
        if isinstance(value, str):
            return self._text(value, told)
        return value

    def _names(self, value: object) -> bool:
        return isinstance(value, str) and value in self._ids

    def _drops(self, key: str, told: list[int]) -> bool:
        """Whether the key of an object, as of one that counts rows by person, is an id that goes."""
        told[0] += key in self._ids
        return key in self._ids

    def _text(self, value: str, told: list[int]) -> object:
        if value in self._ids:
            told[0] += 1
            return _GONE
        if any(text in value for text in self._texts):
            told[0] += 1
            return ERASED
        return value
