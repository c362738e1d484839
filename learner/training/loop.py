"""The loop: AdamW with a cosine, clipped, checkpointed, and stopped by the clock."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

from learner.training import checkpoint
from learner.training.checkpoint import Place
from learner.training.policy import Policy

Batch = TypeVar("Batch")
Figures = Mapping[str, float]
Report = Callable[[int, int], None]  # (step, of)


@dataclass(frozen=True)
class Plan:
    """How to train: `steps` in all, for the schedule. Figures of every step go to `figures`, one JSON object a line."""

    epochs: int
    steps: int
    learning_rate: float
    warmup_steps: int = 5
    clip: float = 1.0  # the largest norm of the gradient
    seed: int = 0
    checkpoint_seconds: float = 60.0
    figures: Path | None = None


@dataclass(frozen=True)
class Fit:
    """What came of it; `loss` is the mean over the last tenth of the steps."""

    steps: int
    of: int
    seconds: float  # of this process
    stopped_by_time: bool
    loss: float
    resumed_at: int  # steps that an earlier process had made


def fit(
    policy: Policy,
    batches_of_epoch: Callable[[int], Sequence[Batch]],
    loss: Callable[[Batch], tuple[torch.Tensor, Figures]],
    plan: Plan,
    *,
    checkpoints: Path,
    deadline: float,
    report: Report,
    also: Mapping[str, torch.nn.Parameter] | None = None,
) -> Fit:
    """Train `policy`, and the weights in `also`, until the epochs or the time are used up.

    `batches_of_epoch` must give the same for the same epoch, in this process and the next: a checkpoint says how many
    of them are done. `deadline` is an instant of `time.monotonic()`. Dropping `checkpoints` is left to the caller, who
    has yet to save the adapter.
    """
    began = time.monotonic()
    weights = {**policy.trained(), **(also or {})}
    optimizer = torch.optim.AdamW(weights.values(), lr=plan.learning_rate, weight_decay=0.0, fused=True)
    torch.manual_seed(plan.seed)
    place = checkpoint.load(checkpoints, weights, optimizer) or Place()
    resumed, losses, written, stopped = place.steps, list(place.losses), time.monotonic(), False
    figures = _Figures(plan.figures, resumed)
    for epoch in range(place.epoch, plan.epochs):
        batches = batches_of_epoch(epoch)
        for number in range(place.batch if epoch == place.epoch else 0, len(batches)):
            if stopped := time.monotonic() >= deadline and len(losses) > 0:
                break
            rate = plan.learning_rate * schedule(len(losses), plan.steps, plan.warmup_steps)
            value, told = _step(optimizer, weights, rate, plan.clip, lambda: loss(batches[number]))  # noqa: B023
            losses.append(value)
            figures.write({"step": len(losses), "epoch": epoch, "loss": value, "learning_rate": rate, **told})
            report(len(losses), max(plan.steps, len(losses)))
            if time.monotonic() - written >= plan.checkpoint_seconds:
                checkpoint.save(checkpoints, Place(epoch, number + 1, len(losses), losses), weights, optimizer)
                written = time.monotonic()
        if stopped:
            break
    late = losses[-max(1, len(losses) // 10) :]
    return Fit(
        steps=len(losses),
        of=max(plan.steps, len(losses)),
        seconds=time.monotonic() - began,
        stopped_by_time=stopped,
        loss=sum(late) / len(late) if late else math.nan,
        resumed_at=resumed,
    )


def schedule(step: int, of: int, warmup: int) -> float:
    """The share of the learning rate at `step`, from 0: up in a line, then down by half a cosine."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, of - warmup))))


def drop(checkpoints: Path) -> None:
    """Remove what a resumed run would have needed."""
    shutil.rmtree(checkpoints, ignore_errors=True)


def _step(
    optimizer: torch.optim.Optimizer,
    weights: Mapping[str, torch.nn.Parameter],
    rate: float,
    clip: float,
    loss: Callable[[], tuple[torch.Tensor, Figures]],
) -> tuple[float, Figures]:
    for group in optimizer.param_groups:
        group["lr"] = rate
    value, told = loss()
    value.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(weights.values(), clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(value.detach()), {**told, "gradient": float(norm)}


class _Figures:
    """A file that grows by a line for every step; a resumed run drops the lines of the steps that were lost."""

    def __init__(self, path: Path | None, resumed: int) -> None:
        self._path = path
        if path is not None:
            before = path.read_text().splitlines()[:resumed] if resumed and path.exists() else []
            path.write_text("".join(line + "\n" for line in before))

    def write(self, told: Mapping[str, float]) -> None:
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps({name: round(value, 6) for name, value in told.items()}) + "\n")
