"""A reward model: how much people are expected to like an answer, as one number. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from learner.adapter import CONFIG
from learner.errors import BadAdapter
from learner.judges.judge import Case, Cost, Verdict
from learner.pair import Pair
from learner.progress import read_json, write_json
from learner.sampling import batches
from learner.settings import LapSettings
from learner.tokens import Encoded, Messages, encode
from learner.training.policy import Policy

HEAD, CARD = "reward_head.safetensors", "reward_model.json"
TOKENS_AT_ONCE = 4096


class RewardModel:
    """A linear head on the last hidden state of the base, with or without an adapter on its last layers.

    A score is centred: 0 is the mean over what it was trained on, and a difference of two scores is the log odds that
    the first answer is preferred (Bradley and Terry, Biometrika 39 (1952), 324-345).
    """

    def __init__(self, policy: Policy, head: torch.Tensor, card: dict[str, Any]) -> None:
        self.policy, self.head, self.card = policy, head, card

    @classmethod
    def load(cls, folder: Path, model: str, settings: LapSettings | None = None) -> Self:
        """Read it from the `folder` that it was saved to; `model` is the base, as a folder or a Hub id.

        Raises BadAdapter where a file is missing or made for another model.
        """
        card: dict[str, Any] | None = read_json(folder / CARD)
        if card is None or not (folder / HEAD).is_file():
            raise BadAdapter(f"{folder} holds no reward model: {CARD} and {HEAD} are needed.")
        adapted = (folder / CONFIG).is_file()
        chosen = replace(settings or LapSettings(), lora_rank=int(card["lora_rank"]))
        policy = Policy.load(model, chosen, adapter=folder if adapted else None)
        head = load_file(folder / HEAD)["weight"].to(policy.device)
        width = policy.model.config.get_text_config().hidden_size
        if head.shape != (width,):
            raise BadAdapter(
                f"The reward model in {folder} is for states of {head.shape[0]} numbers; {model} has {width}."
            )
        return cls(policy, head, card)

    def save(self, folder: Path, base: str) -> None:
        """Write it to the new `folder`: the head, the card, and the adapter where there is one. No pickles."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        if self.card["adapted"]:
            self.policy.save(folder, base, int(self.card["lora_rank"]))
        else:
            folder.mkdir()
        save_file({"weight": self.head.detach().float().cpu().contiguous()}, folder / HEAD)
        write_json(folder / CARD, {**self.card, "base": base})

    def score(self, prompts: Sequence[Messages], completions: Sequence[str]) -> NDArray[np.float64]:
        """The reward of each completion as the answer to its prompt, shape (rows,), in nats of log odds."""
        tokenizer = self.policy.tokenizer
        return self.score_encoded(
            [encode(tokenizer, prompt, text) for prompt, text in zip(prompts, completions, strict=True)]
        )

    @torch.no_grad()
    def score_encoded(self, rows: Sequence[Encoded]) -> NDArray[np.float64]:
        """The same for rows of token ids whose completions end in the end token."""
        found = np.empty(len(rows))
        lengths = [len(row.prompt) + len(row.completion) for row in rows]
        for places in batches(lengths, TOKENS_AT_ONCE, TOKENS_AT_ONCE):
            found[places] = self.rewards([rows[place] for place in places]).double().cpu().numpy()
        return found - float(self.card.get("mean", 0.0))

    def accuracy(self, pairs: Sequence[Pair], limit: int) -> float | None:
        """The share of the pairs of up to `limit` tokens whose chosen answer scores higher; None of no pairs."""
        tokenizer = self.policy.tokenizer
        sides = [[encode(tokenizer, pair.prompt, text) for text in (pair.chosen, pair.rejected)] for pair in pairs]
        rows = [row for both in sides if max(len(r.prompt) + len(r.completion) for r in both) <= limit for row in both]
        scores = self.score_encoded(rows)
        return float((scores[0::2] > scores[1::2]).mean()) if rows else None

    def rewards(self, rows: Sequence[Encoded]) -> torch.Tensor:
        """Before centring, with gradients, shape (rows,)."""
        hidden = self.policy.hidden(rows, reference=not self.card["adapted"])
        return hidden.float() @ self.head


class RewardJudge:
    """A reward model as a judge. It reads one answer at a time, so the order cannot sway it."""

    def __init__(self, model: RewardModel) -> None:
        self.model, self.cost = model, Cost()
        weights = model.head.detach().float().cpu().numpy().tobytes()
        self.identity = f"reward-model-{sha256(weights).hexdigest()[:12]}"
        self._taught = frozenset(model.card.get("people", ()))

    def learned_from(self, person: str) -> bool:
        """Whether pairs of this person were among those that it was trained on."""
        return person_hash(person) in self._taught

    def compare(self, cases: Sequence[Case]) -> list[Verdict]:
        """One verdict for each case, by the difference of the two rewards."""
        prompts = [case.prompt for case in cases]
        first = self.model.score(prompts, [case.first for case in cases])
        second = self.model.score(prompts, [case.second for case in cases])
        self.cost.requests += 2 * len(cases)
        likely = 1 / (1 + np.exp(-(first - second)))
        return [Verdict(float(one), float(one)) for one in likely]


def person_hash(person: str) -> str:
    """Names a person in a card without saying who it is."""
    return sha256(f"reward model\0{person}".encode()).hexdigest()[:16]
