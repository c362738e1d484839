"""A model on any server with OpenAI's API as a judge."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

import httpx

from learner.errors import JudgeFailed
from learner.judges.cache import Cache, key_of
from learner.judges.judge import Case, Cost, Verdict
from learner.judges.rubric import Rubric

LETTERS: Mapping[str, float] = {"A": 1.0, "B": 0.0, "C": 0.5}
_VERDICT = re.compile(r"VERDICT: ([ABC])")
LEAST_MASS = (
    0.5  # of the three letters among the likely first tokens; with less the judge was about to say another thing
)
Report = Callable[[int, int], None]  # (done, of)


@dataclass(frozen=True)
class JudgeServer:
    """`url` is the server's, with or without /v1. `tokens` is the most that one judge may use up, 0 for no limit."""

    url: str
    model: str
    key: str = ""
    at_once: int = 8
    timeout_s: float = 60.0  # of one request
    tries: int = 5
    longest_wait_s: float = 30.0  # between two tries
    tokens: int = 0


class ModelJudge:
    """Asks in both orders. Where the server gives log-probabilities the verdict is a probability, else a letter.

    The choice is constrained where the server knows vLLM's `structured_outputs`; one that refuses it is asked without.
    """

    def __init__(
        self, server: JudgeServer, rubric: Rubric, cache: Cache | None = None, report: Report = lambda done, of: None
    ) -> None:
        self.server, self.rubric, self.cost = server, rubric, Cost()
        self._cache, self._report = cache or Cache(), report
        self._base = server.url.rstrip("/").removesuffix("/v1")
        # Two servers may have different models under one name.
        told = sha256(f"{self._base}\0{rubric.sha256}".encode()).hexdigest()[:12]
        self.identity = f"{server.model}+{rubric.name}-{told}"
        self._options: dict[str, Any] = {"temperature": 0.0}
        if rubric.reasoning:
            self._options["max_tokens"] = rubric.max_tokens
        else:
            constrained = {"structured_outputs": {"choice": list(LETTERS)}}
            self._options |= {"max_tokens": 1, "logprobs": True, "top_logprobs": 5, **constrained}
        self._lock = threading.Lock()

    def learned_from(self, person: str) -> bool:
        """Never: it was made elsewhere."""
        return False

    def compare(self, cases: Sequence[Case]) -> list[Verdict]:
        """One verdict for each case; nothing is asked twice. Raises JudgeFailed."""
        asked = [self.rubric.messages(case, swapped=swapped) for case in cases for swapped in (False, True)]
        said = self._each(asked)
        pairs = zip(said[::2], said[1::2], strict=True)
        return [Verdict(forward, None if backward is None else 1.0 - backward) for forward, backward in pairs]

    def _each(self, asked: Sequence[list[dict[str, str]]]) -> list[float | None]:
        """How likely A is better, for each, or None where it could not be read."""
        headers = {"Authorization": f"Bearer {self.server.key}"} if self.server.key else {}
        limits = httpx.Limits(max_connections=self.server.at_once, max_keepalive_connections=self.server.at_once)
        told: list[float | None] = [None] * len(asked)
        with (
            httpx.Client(
                base_url=self._base, headers=headers, limits=limits, timeout=self.server.timeout_s, trust_env=False
            ) as client,
            ThreadPoolExecutor(self.server.at_once) as pool,
        ):
            waiting = {pool.submit(self._one, client, messages): place for place, messages in enumerate(asked)}
            try:
                for done, future in enumerate(as_completed(waiting), start=1):
                    told[waiting[future]] = future.result()
                    self._report(done, len(asked))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return told

    def _one(self, client: httpx.Client, messages: list[dict[str, str]]) -> float | None:
        key = key_of(self.identity, messages)
        if (known := self._cache.get(key)) is not None:
            with self._lock:
                self.cost.cached += 1
            return cast("float | None", known["a"])
        if self.server.tokens and self.cost.tokens >= self.server.tokens:
            raise JudgeFailed(
                f"The judge has used up its {self.server.tokens} tokens. What it said is kept: allow more, and go on."
            )
        answer = self._post(client, {"model": self.server.model, "messages": messages})
        told = self._read(answer)
        usage = answer.get("usage") or {}
        with self._lock:
            self.cost.requests += 1
            self.cost.prompt_tokens += int(usage.get("prompt_tokens") or 0)
            self.cost.completion_tokens += int(usage.get("completion_tokens") or 0)
        self._cache.put(key, {"a": told})
        return told

    def _read(self, answer: Mapping[str, Any]) -> float | None:
        try:
            choice = answer["choices"][0]
            text = str(choice["message"]["content"] or "").strip()
        except (KeyError, IndexError, TypeError) as error:
            raise JudgeFailed(f"{self._base} gave no completion as OpenAI's API has them ({error!r}).") from None
        if self.rubric.reasoning:
            found = _VERDICT.fullmatch(text.splitlines()[-1].strip()) if text else None
            return LETTERS[found[1]] if found else None
        first = ((choice.get("logprobs") or {}).get("content") or [{}])[0]
        if top := first.get("top_logprobs"):
            return _likely(top)
        return LETTERS.get(text)

    def _post(self, client: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
        for tried in range(1, self.server.tries + 1):
            try:
                response = client.post("/v1/chat/completions", json={**body, **self._options})
            except httpx.TransportError as error:
                self._wait_or_fail(tried, f"{self._base} does not answer ({error or type(error).__name__}).", None)
                continue
            if response.status_code in (408, 429) or response.status_code >= 500:
                told = f"{self._base} answered {response.status_code} {self.server.tries} times."
                self._wait_or_fail(tried, told, response.headers.get("Retry-After"))
            elif response.status_code == 400 and "structured_outputs" in self._options:
                self._options = {key: value for key, value in self._options.items() if key != "structured_outputs"}
            elif response.status_code != 200:
                raise JudgeFailed(f"{self._base} answered {response.status_code}: {response.text[:300]}")
            else:
                try:
                    return cast("dict[str, Any]", response.json())
                except ValueError:
                    raise JudgeFailed(f"{self._base} answered with no JSON: {response.text[:100]!r}") from None
        raise JudgeFailed(f"{self._base} refused the request {self.server.tries} times.")

    def _wait_or_fail(self, tried: int, why: str, asked: str | None) -> None:
        if tried == self.server.tries:
            raise JudgeFailed(f"{why} What the judge said so far is kept; start again to go on.")
        wait = float(asked) if asked and asked.replace(".", "", 1).isdigit() else 0.25 * 2**tried
        time.sleep(min(self.server.longest_wait_s, wait))


def _likely(top: Sequence[Mapping[str, Any]]) -> float | None:
    """How likely A is better, from the probabilities of the first token; C is half of each."""
    mass = dict.fromkeys(LETTERS, 0.0)
    for one in top:
        if (letter := str(one["token"]).strip()) in mass:
            mass[letter] += math.exp(float(one["logprob"]))
    total = sum(mass.values())
    if total < LEAST_MASS:
        return None
    return sum(LETTERS[letter] * share for letter, share in mass.items()) / total
