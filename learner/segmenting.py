"""Which segment a turn belongs to: its tenant, its language or its topic, by what is known when it is asked."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analytics import Store, queries
from learner.dataset.topics import Clusters, telling_words

Messages = Sequence[Mapping[str, Any]]
Segmenting = Callable[[str, Messages], str | None]
TOPICS = 6
LEAST_QUESTIONS = 200  # different ones, before topics are looked for
MOST_QUESTIONS = 5000
TOGETHER = 3  # of a person's messages, whose language is told together: one alone may be "ok"

# Letters that only one of the languages uses here, and the commonest words of those that share the Latin ones.
_SCRIPTS = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CJK": "zh", "ARABIC": "ar", "HEBREW": "he", "THAI": "th",
    "DEVANAGARI": "hi", "GREEK": "el", "CYRILLIC": "ru",
}  # fmt: skip
_WORDS = {
    "en": "the and is are was you my your of to in it that this what how do does can i have not with for when where",
    "de": "der die das und ist sind ich du mein meine ein eine nicht wie was wo wann kann es zu den dem mit für auf",
    "fr": "le la les et est sont je vous mon ma une un des ne pas que qui comment où quand dans pour avec ce cette du",
    "es": "el los las y es son yo mi una un no que como cómo dónde cuándo puedo en para con por está del qué se",
    "it": "il lo gli e è sono io mio mia una un non che come dove quando posso per con di della questo quanto si ho",
    "pt": "o os as e é são eu meu minha uma um não que como onde quando posso em para com por está do da isso quanto",
    "nl": "de het en is zijn ik je mijn een niet hoe wat waar wanneer kan dat dit met voor van op naar wordt heb",
    "pl": "i w na nie jest są ja mój moja jak co gdzie kiedy czy to do się z dla mogę mam ten ta proszę",
    "sv": "och är jag du min mitt en ett inte hur vad var när kan det att med för på till den som har",
    "tr": "ve bir bu ne nasıl nerede zaman mı mi ben benim için ile değil var çok kaç gün olarak",
}
_KNOWN = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> str | None:
    """The language as two letters, by script and by common words; None where neither tells."""
    letters = [letter for letter in text if letter.isalpha()][:200]
    scripts = Counter(unicodedata.name(letter, " ").split()[0] for letter in letters if ord(letter) > 0x24F)
    if scripts and scripts.total() * 2 > len(letters):
        # Japanese has kana among characters that Chinese has as well.
        names = ["HIRAGANA", "KATAKANA"] if {"HIRAGANA", "KATAKANA"} & set(scripts) else [scripts.most_common(1)[0][0]]
        return _SCRIPTS.get(names[0])
    words = [word.lower() for word in _WORD.findall(text)]
    found = {language: sum(word in known for word in words) for language, known in _KNOWN.items()}
    (first, most), (_, second) = Counter(found).most_common(2)
    return first if most > second else None


def tenant_of(person: str) -> str | None:
    """Whose people somebody belongs to: the account that speaks for them, or the key; None for guests and accounts."""
    kind, _, rest = person.partition(":")
    owner, named, _ = rest.partition(":")
    if kind == "key":
        return person
    return f"account:{owner}" if kind == "user" and named else None


class Topics:
    """The topics of the home: found once, when there are enough questions, and kept, for they must not change."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store, self._file = store, home / "topics.json"
        self._found: tuple[Clusters, list[str]] | None = None

    def prepare(self) -> None:
        """Read the topics, or find them where there are enough questions by now."""
        if self._found is None and self._file.exists():
            kept = json.loads(self._file.read_text())
            clusters = Clusters(*(np.array(kept[name], dtype=np.float32) for name in ("rarity", "centres")))
            self._found = clusters, list(kept["names"])
        if self._found is None:
            self._find()

    def of(self, text: str) -> str | None:
        """The nearest topic, named by its words; None before there are topics."""
        if self._found is None or not text.strip():
            return None
        clusters, names = self._found
        return names[clusters.nearest([text.lower()])[0]]

    def _find(self) -> None:
        texts = list(dict.fromkeys(text.lower() for text in queries.questions(self._store, MOST_QUESTIONS)))
        if len(texts) < LEAST_QUESTIONS:
            return
        clusters = Clusters.of(texts, TOPICS, seed=0)
        words = telling_words(dict(zip(texts, clusters.nearest(texts), strict=True)), TOPICS)
        names = [said or f"topic {number}" for number, said in enumerate(words)]
        kept = {"names": names, "rarity": clusters.rarity.tolist(), "centres": clusters.centres.tolist()}
        draft = self._file.with_suffix(".tmp")
        draft.write_text(json.dumps(kept))
        draft.replace(self._file)
        self._found = clusters, names


def by_kind(kind: str, topics: Topics) -> Segmenting:
    """How turns are told apart by this kind of segment."""
    ways: Mapping[str, Segmenting] = {
        "tenant": lambda person, messages: tenant_of(person),
        "language": lambda person, messages: language_of(_asked(messages, TOGETHER)),
        "topic": lambda person, messages: topics.of(_asked(messages, 1)),
    }
    return ways.get(kind, lambda person, messages: None)


def _asked(messages: Messages, count: int) -> str:
    """The last messages of the person, together."""
    own = [str(message.get("content") or "") for message in messages if message.get("role") == "user"]
    return " ".join(own[-count:])
