"""Roll-outs: completions sampled from the policy as it is now, in this process or by the engine that serves.

They are drawn at temperature 1 from all tokens, so that a sampled token's probability is the policy's own; what people
are served is sharper.
"""

from __future__ import annotations

import contextlib
import copy
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import httpx
import torch

from learner.errors import TrainingFailed
from learner.judges.candidates import SampleTwo
from learner.recipes.task import Engine
from learner.sampling import AT_ONCE, batches, sample
from learner.settings import LapSettings
from learner.tokens import prompt_ids
from learner.training.policy import Policy

REQUESTS_AT_ONCE = 4  # each with all its completions, so that people who chat find room beside them
TIMEOUT_SECONDS = 300.0
MOST_TOKENS = 220  # of an answer for a judge; one that is cut off is no answer that anybody would be given


class Rollout(NamedTuple):
    """Token ids, with the end token where it `ended`; `logps` are the sampler's own, where it tells them, in nats."""

    completion: list[int]
    ended: bool
    logps: list[float] | None = None


class Sampler(Protocol):
    """Where roll-outs come from."""

    def __call__(self, prompts: Sequence[list[int]], each: int, *, round_: int, seed: int) -> list[list[Rollout]]:
        """`each` completions for every prompt, by the policy as it is now."""


class InProcess:
    """Samples with the model that is trained."""

    def __init__(self, policy: Policy, most_tokens: int) -> None:
        self._policy, self._most = policy, most_tokens

    def __call__(self, prompts: Sequence[list[int]], each: int, *, round_: int, seed: int) -> list[list[Rollout]]:
        """Side by side, in batches of prompts that are about as long."""
        model = self._policy.model.get_base_model()
        asked = [prompt for prompt in prompts for _ in range(each)]
        found: list[Rollout | None] = [None] * len(asked)
        with _plain_sampling(model) as end:
            for number, places in enumerate(batches([len(prompt) for prompt in asked], AT_ONCE[model.device.type])):
                rows = sample(model, [asked[place] for place in places], most_tokens=self._most, seed=seed + number)
                for place, row in zip(places, rows, strict=True):
                    ended = len(row) < self._most
                    found[place] = Rollout([*row, end] if ended else row, ended)
        flat = cast("list[Rollout]", found)
        return [flat[begin : begin + each] for begin in range(0, len(flat), each)]


class FromEngine:
    """Samples with a running vLLM: the adapter as it is now is loaded under a new name, and unloaded afterwards.

    Each round's adapter has a folder of its own below `folder`, since the engine keeps what it has computed by the
    path. Every method raises TrainingFailed where the engine does not do its part.
    """

    def __init__(self, policy: Policy, engine: Engine, folder: Path, base: str, rank: int, most_tokens: int) -> None:
        self._policy, self._engine, self._folder, self._most = policy, engine, folder, most_tokens
        self._base, self._rank = base, rank

    def __call__(self, prompts: Sequence[list[int]], each: int, *, round_: int, seed: int) -> list[list[Rollout]]:
        """All prompts at once, each with its completions in one request."""
        headers = {"Authorization": f"Bearer {self._engine.key}"} if self._engine.key else {}
        url = self._engine.url.rstrip("/").removesuffix("/v1")
        with (
            httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False) as client,
            self._served(client, round_) as name,
            ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool,
        ):
            places = range(len(prompts))
            return list(pool.map(lambda at: self._ask(client, name, prompts[at], each, seed + at), places))

    @contextlib.contextmanager
    def _served(self, client: httpx.Client, round_: int) -> Iterator[str]:
        if not changed(self._policy):  # an adapter that changes nothing is not written; the base is the same
            yield self._engine.model
            return
        name, folder = f"{self._folder.parent.name}-round-{round_}", self._folder / f"round-{round_:04}"
        shutil.rmtree(folder, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._policy.save(folder, self._base, self._rank)
        self._post(client, "/v1/load_lora_adapter", {"lora_name": name, "lora_path": str(folder.resolve())})
        try:
            yield name
        finally:
            with contextlib.suppress(TrainingFailed):
                self._post(client, "/v1/unload_lora_adapter", {"lora_name": name})
            shutil.rmtree(folder, ignore_errors=True)

    def _ask(self, client: httpx.Client, name: str, prompt: list[int], each: int, seed: int) -> list[Rollout]:
        plain = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
        body = {"model": name, "prompt": prompt, "n": each, "seed": seed, "max_tokens": self._most, **plain}
        told = self._post(client, "/v1/completions", {**body, "logprobs": 0, "return_token_ids": True}).json()
        try:
            return [_rollout(choice) for choice in sorted(told["choices"], key=lambda choice: choice["index"])]
        except (KeyError, TypeError) as error:
            raise TrainingFailed(
                f"The engine gave completions without token ids ({error!r}); a vLLM of 0.11 or later does."
            ) from None

    def _post(self, client: httpx.Client, path: str, body: dict[str, Any]) -> httpx.Response:
        try:
            response = client.post(path, json=body)
        except httpx.HTTPError as error:
            raise TrainingFailed(f"The engine broke off during roll-outs ({error or type(error).__name__}).") from error
        if response.status_code != 200:
            raise TrainingFailed(f"The engine answered {path} with {response.status_code}: {response.text[:300]}")
        return response


def two_answers(model: str, adapter: Path | None, settings: LapSettings, seed: int) -> SampleTwo:
    """Two answers to every prompt, by the base or with an adapter; one that did not end is empty."""
    return of_policy(Policy.load(model, settings, adapter=adapter), settings, seed)


def of_policy(policy: Policy, settings: LapSettings, seed: int) -> SampleTwo:
    """The same, by a policy that is loaded."""

    def sample_two(prompts: Sequence[Sequence[dict[str, str]]]) -> list[tuple[str, str]]:
        ids = [prompt_ids(policy.tokenizer, prompt) for prompt in prompts]
        rows = InProcess(policy, min(MOST_TOKENS, settings.max_model_len // 2))(ids, 2, round_=0, seed=seed)
        decode = policy.tokenizer.decode
        said = [[decode(one.completion, skip_special_tokens=True) if one.ended else "" for one in row] for row in rows]
        return [(first, second) for first, second in said]

    return sample_two


def changed(policy: Policy) -> bool:
    """Whether the adapter changes anything yet."""
    return any(bool(weight.any()) for name, weight in policy.trained().items() if "lora_B" in name)


def _rollout(choice: dict[str, Any]) -> Rollout:
    return Rollout(choice["token_ids"], choice["finish_reason"] == "stop", choice["logprobs"]["token_logprobs"])


@contextlib.contextmanager
def _plain_sampling(model: Any) -> Iterator[int]:  # noqa: ANN401
    """Sampling from the model's own probabilities for a while; gives the end token."""
    served = model.generation_config
    ends = served.eos_token_id
    plain = copy.deepcopy(served)
    plain.do_sample, plain.temperature, plain.top_k, plain.top_p, plain.min_p = True, 1.0, 0, 1.0, None
    model.generation_config = plain
    try:
        with torch.inference_mode():
            yield ends[0] if isinstance(ends, list) else ends
    finally:
        model.generation_config = served
