"""What the recipes of reinforcement learning share: rounds of roll-outs, their rewards, and the guards that end them.

A round samples completions from the policy as it is, rewards them, and takes a few steps on them. A reward model can be
fooled, so a run ends, with the weights of the round before, where the policy has gone too far from the base or its
answers have become much longer or shorter.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from learner.errors import TrainingFailed
from learner.lessons import Lessons
from learner.progress import read_json, write_json
from learner.recipe_settings import RlSettings
from learner.recipes.passes import CHECKPOINT_SECONDS, learning_rate, load
from learner.recipes.rewards import Reward, reward_of
from learner.recipes.rollouts import FromEngine, InProcess, Rollout, Sampler
from learner.recipes.task import Task, Training
from learner.tokens import Encoded, Messages, prompt_ids
from learner.training.loop import Figures, Plan, drop, fit
from learner.training.policy import Policy

RATE_SHARE = 0.5  # of the rate for pairs: what is learned from is the policy's own, and moves with it
Advantages = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Batch:
    """Completions of some prompts, `share` of each side by side; `old` are the log p's when they were sampled.

    `old` and `base` have the shape (rows, longest completion), `advantages` (rows,).
    """

    rows: Sequence[Encoded]
    old: torch.Tensor
    base: torch.Tensor
    advantages: torch.Tensor
    share: int


Loss = Callable[[Policy, Batch], tuple[torch.Tensor, Figures]]


@dataclass(frozen=True)
class Round:
    """A round in numbers, means over its completions: `kl` to the base in nats, `tokens`, share that `ended`."""

    number: int
    reward: float
    spread: float  # of the rewards of one prompt
    kl: float
    tokens: float
    ended: float


def train(
    task: Task,
    settings: RlSettings,
    advantages: Advantages,
    loss: Loss,
    reward: Reward | None = None,
) -> Training:
    """Train on roll-outs to the prompts of the task's lessons, and write the adapter.

    `advantages` are made of rewards and of each completion's KL to the base, both of the shape (prompts, completions).
    `reward` replaces the one that the settings name. Raises TrainingFailed.
    """
    began, told = time.monotonic(), dict[str, Any](reward_by="a function")
    if reward is None:
        reward, found = reward_of(task, settings)
        told = dict(found)
    policy = load(task)
    prompts = [prompt for prompt in unique_prompts(task.lessons) if _fits(policy, prompt, task, settings)]
    if not prompts:
        room = f"{task.settings.max_model_len} tokens with {settings.most_tokens} for an answer"
        raise TrainingFailed(f"No prompt fits into {room}; raise max_model_len or lower most_tokens.")
    rounds = _Rounds(task, settings, policy, prompts, advantages, reward, sampler(task, settings, policy))
    plan = _plan(task, settings, policy, len(prompts))
    done = fit(
        policy,
        rounds.batches,
        lambda batch: loss(policy, batch),
        plan,
        checkpoints=task.checkpoints,
        deadline=task.deadline,
        report=task.report,
    )
    change = policy.save(task.out, task.base, task.settings.lora_rank, attested=True)
    drop(task.checkpoints)
    detail = {
        **told,
        "prompts": len(prompts),
        "rollouts": "engine" if task.engine else "in process",
        "stopped_by_guard": rounds.stopped,
        "rounds": [asdict(one) for one in rounds.told],
    }
    return Training(
        rows=len(rounds.told) * min(settings.prompts, len(prompts)) * settings.samples,
        too_long=len(unique_prompts(task.lessons)) - len(prompts),
        steps=done.steps,
        of=done.of,
        seconds=time.monotonic() - began,
        stopped_by_time=done.stopped_by_time,
        learning_rate=plan.learning_rate,
        loss=done.loss,
        change=change,
        detail=detail,
    )


def _plan(task: Task, settings: RlSettings, policy: Policy, prompts: int) -> Plan:
    a_round = -(-min(settings.prompts, prompts) // settings.batch)
    return Plan(
        epochs=settings.epochs,
        steps=settings.epochs * a_round,
        learning_rate=settings.learning_rate or RATE_SHARE * learning_rate(policy.model.num_parameters()),
        seed=task.settings.seed,
        checkpoint_seconds=CHECKPOINT_SECONDS,
        figures=task.out.parent / "figures.jsonl",
    )


def unique_prompts(lessons: Lessons) -> list[Messages]:
    """Each prompt of the lessons once: those of people who agreed, in the learn group, as the dataset has them."""
    every = [pair.prompt for pair in lessons.pairs] + [rating.prompt for rating in lessons.ratings]
    return list({json.dumps(prompt, sort_keys=True): prompt for prompt in every}.values())


def sampler(task: Task, settings: RlSettings, policy: Policy) -> Sampler:
    """Roll-outs from the engine where there is one, else in this process."""
    if task.engine is None:
        return InProcess(policy, settings.most_tokens)
    folder, rank = task.out.parent / "interim", task.settings.lora_rank
    return FromEngine(policy, task.engine, folder, task.base, rank, settings.most_tokens)


class _Rounds:
    """Makes each round's batches, once: a resumed run finds the rounds that were begun among the checkpoints."""

    def __init__(
        self,
        task: Task,
        settings: RlSettings,
        policy: Policy,
        prompts: Sequence[Messages],
        advantages: Advantages,
        reward: Reward,
        sampler: Sampler,
    ) -> None:
        self._task, self._settings, self._policy, self._prompts = task, settings, policy, prompts
        self._advantages, self._reward, self._sampler = advantages, reward, sampler
        self._ids = [prompt_ids(policy.tokenizer, prompt) for prompt in prompts]
        self.told: list[Round] = []
        self.stopped = ""

    def batches(self, number: int) -> list[Batch]:
        """The batches of the round, or none where a guard has ended the run."""
        if self.stopped:
            return []
        places = self._drawn(number)
        sampled, rewards = self._sampled(number, places)
        rows = [
            Encoded(self._ids[place], rollout.completion)
            for place, rollouts in zip(places, sampled, strict=True)
            for rollout in rollouts
        ]
        each = self._settings.samples
        self._policy.forget()
        self._policy.prepare(rows, share=each, reference=True)
        size = self._settings.batch * each
        parts = [rows[begin : begin + size] for begin in range(0, len(rows), size)]
        logps = [self._logps(part) for part in parts]
        kl = np.concatenate([(old - base).sum(1).double().cpu().numpy() for old, base in logps]).reshape(-1, each)
        self.stopped = self._ends(number, rewards, kl, sampled)
        if self.stopped:
            return []
        gained = torch.tensor(
            self._advantages(rewards, kl).reshape(-1), dtype=torch.float32, device=self._policy.device
        )
        return [
            Batch(part, old, base, gained[at * size : at * size + len(part)], each)
            for at, (part, (old, base)) in enumerate(zip(parts, logps, strict=True))
        ]

    def _drawn(self, number: int) -> list[int]:
        """Places of the round's prompts: all prompts in turn, in an order that changes with every pass over them."""
        count = min(self._settings.prompts, len(self._prompts))
        found: list[int] = []
        for at in range(number * count, (number + 1) * count):
            turn, place = divmod(at, len(self._prompts))
            order = list(range(len(self._prompts)))
            random.Random(f"{self._task.settings.seed} {turn}").shuffle(order)
            found.append(order[place])
        return found

    def _sampled(self, number: int, places: Sequence[int]) -> tuple[list[list[Rollout]], NDArray[np.float64]]:
        path = self._task.checkpoints / f"round-{number:04}.json"
        if (kept := read_json(path)) is not None:
            rollouts: Any = kept["rollouts"]
            return [[Rollout(ids, ended) for ids, ended in row] for row in rollouts], np.array(kept["rewards"])
        seed = self._task.settings.seed + 1000 * (number + 1)
        sampled = self._sampler(
            [self._ids[place] for place in places], self._settings.samples, round_=number, seed=seed
        )
        decode = self._policy.tokenizer.decode
        texts = [[decode(one.completion, skip_special_tokens=True) for one in row] for row in sampled]
        rewards = self._reward([self._prompts[place] for place in places], texts)
        cut = np.array([[not one.ended for one in row] for row in sampled])
        rewards = rewards - self._settings.cut_off * cut
        self._task.checkpoints.mkdir(parents=True, exist_ok=True)
        plain = [[[one.completion, one.ended] for one in row] for row in sampled]
        write_json(path, {"rollouts": plain, "rewards": rewards.tolist()})
        return sampled, rewards

    @torch.no_grad()
    def _logps(self, rows: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
        share = self._settings.samples
        return self._policy.logps(rows, share=share).values, self._policy.logps(
            rows, share=share, reference=True
        ).values

    def _ends(
        self, number: int, rewards: NDArray[np.float64], kl: NDArray[np.float64], sampled: Sequence[Sequence[Rollout]]
    ) -> str:
        """Put the round on record, and give the reason why it is the last; then the weights are those before it."""
        lengths = [len(one.completion) for row in sampled for one in row]
        ended = [one.ended for row in sampled for one in row]
        found = Round(
            number=number,
            reward=round(float(rewards.mean()), 4),
            spread=round(float(rewards.std(axis=1).mean()), 4),
            kl=round(float(kl.mean()), 4),
            tokens=round(float(np.mean(lengths)), 2),
            ended=round(float(np.mean(ended)), 4),
        )
        path, state = self._task.out.parent / "rounds.jsonl", self._task.checkpoints / "before.safetensors"
        if not self.told and path.exists():  # of a run that was killed
            before = [Round(**json.loads(line)) for line in path.read_text().splitlines()]
            self.told = [one for one in before if one.number < number]
        self.told.append(found)
        path.write_text("".join(json.dumps(asdict(one)) + "\n" for one in self.told))
        stopped = guard(self.told, self._settings)
        weights = self._policy.trained()
        if not stopped:
            save_file({name: weight.detach().cpu().contiguous() for name, weight in weights.items()}, state)
        elif state.exists():
            with torch.no_grad():
                for name, value in load_file(state).items():
                    weights[name].copy_(value)
        return stopped


def guard(rounds: Sequence[Round], settings: RlSettings) -> str:
    """Why the run must end after the last of `rounds`, of which the first is the base's; empty where it may go on."""
    first, last = rounds[0], rounds[-1]
    if last.kl > settings.most_kl:
        return f"a completion's mean KL to the base reached {last.kl:.1f} nats, above {settings.most_kl:g}"
    drift = last.tokens / max(1.0, first.tokens)
    if not 1 / settings.length_drift <= drift <= settings.length_drift:
        return f"completions went from {first.tokens:.0f} to {last.tokens:.0f} tokens"
    return ""


def _fits(policy: Policy, prompt: Messages, task: Task, settings: RlSettings) -> bool:
    return len(prompt_ids(policy.tokenizer, prompt)) + settings.most_tokens <= task.settings.max_model_len


def kl_estimate(ours: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """KL to the base for each token, never negative: e^d - d - 1 for d = log p of the base minus ours.

    Source: Schulman, "Approximating KL divergence" (2020), the estimator k3; it is the one of GRPO's authors.
    """
    apart = base - ours
    return apart.exp() - apart - 1
