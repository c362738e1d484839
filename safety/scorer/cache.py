"""Scores of texts that were scored before."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence

from safety.filter import Scores

ENTRY_BYTES = 1200  # of a key and a dict of a dozen scores, measured


class ScoreCache:
    """Keeps the scores that were asked for last, within `most_bytes`; may be shared by threads.

    Texts themselves are not kept, only a keyed hash of each, so that what people wrote does not stay in memory.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most, self._key = max(1, most_bytes // ENTRY_BYTES), secrets.token_bytes(16)
        self._scores: OrderedDict[bytes, Scores] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def key(self, model: str, version: str, text: str) -> bytes:
        """Where the scores of a text are kept."""
        data = f"{model}\0{version}\0{text}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=16, key=self._key).digest()

    def get(self, key: bytes) -> Scores | None:
        """The scores, if they are known."""
        with self._lock:
            found = self._scores.get(key)
            if found is None:
                self.misses += 1
                return None
            self.hits += 1
            self._scores.move_to_end(key)
            return found

    def put(self, key: bytes, scores: Scores) -> None:
        """Keep the scores, and let go of what was not asked for the longest."""
        with self._lock:
            self._scores[key] = scores
            if len(self._scores) > self._most:
                self._scores.popitem(last=False)

    def __len__(self) -> int:
        return len(self._scores)


class Asked:
    """Texts that are asked for together; `unknown` are those whose scores are not known, each once."""

    def __init__(self, cache: ScoreCache, model: str, version: str, texts: Sequence[str]) -> None:
        self._cache, self._model, self._version, self._texts = cache, model, version, texts
        self._keys = {text: cache.key(model, version, text) for text in texts}
        found = {text: cache.get(key) for text, key in self._keys.items()}
        self._known = {text: scores for text, scores in found.items() if scores is not None}
        self.unknown = [text for text in found if text not in self._known]

    def filled(self, scored: tuple[str, Sequence[Scores]] | None = None) -> list[Scores]:
        """The scores of all texts in their order, where those of `unknown` are given with the version that scored."""
        if scored is not None:
            version, scores = scored
            for text, one in zip(self.unknown, scores, strict=True):
                self._known[text] = one
                fresh = version != self._version
                self._cache.put(self._cache.key(self._model, version, text) if fresh else self._keys[text], one)
        return [self._known[text] for text in self._texts]
