"""People's pairs first, and AI feedback to fill up to a share: DPO on both, each with its weight."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from learner.judges.calibration import calibrate
from learner.judges.candidates import Candidate, of_pairs, resampled
from learner.judges.labels import label
from learner.judges.record import JudgeRecord
from learner.pair import OF_NO_PERSON, Pair
from learner.recipe_settings import HybridSettings
from learner.recipes import dpo, passes
from learner.recipes.passes import load
from learner.recipes.reward import teach_within
from learner.recipes.rollouts import of_policy
from learner.recipes.task import Task, Training
from learner.reward_model import RewardJudge


def train(task: Task) -> Training:
    """Train on the mixture; where no judge may label, on people's pairs alone, and `detail` says why."""
    settings = task.settings.of(HybridSettings)
    human = [pair for pair in task.lessons.pairs if pair.source != "ai-feedback"]
    given = [replace(pair, weight=settings.weight) for pair in task.lessons.pairs if pair.source == "ai-feedback"]
    room = places(human, settings.share)
    filled = random.Random(task.settings.seed).sample(given, min(room, len(given)))
    told: dict[str, Any] = {}
    if len(filled) < room:
        made, told = _made(task, settings, human, room - len(filled))
        filled += made
    policy = load(task)
    examples = passes.of_pairs(policy.tokenizer, [*human, *filled])
    done = passes.train(task, settings, policy, examples, dpo.loss_of(settings), reference=True)
    counts = {
        "human_pairs": sum(pair.source not in OF_NO_PERSON for pair in human),
        "other_pairs": sum(pair.source in OF_NO_PERSON for pair in human),
        "ai_pairs_given": len(given),
        "ai_pairs": len(filled),
        "ai_share": round(len(filled) / max(1, len(human) + len(filled)), 4),
        "ai_weight": settings.weight,
    }
    return replace(done, detail={**done.detail, **counts, **told})


def places(human: Sequence[Pair], share: float) -> int:
    """How many pairs of AI feedback make `share` of all, beside these."""
    return round(len(human) * share / (1 - share))


def _made(task: Task, settings: HybridSettings, human: Sequence[Pair], count: int) -> tuple[list[Pair], dict[str, Any]]:
    """Up to `count` pairs of two fresh answers to people's prompts, by a judge that agrees with people."""
    own = [pair for pair in human if pair.source not in OF_NO_PERSON]
    if settings.judge:
        record = JudgeRecord.read(Path(settings.judge))
        judge, calibration = record.judge(), record.calibration
    else:
        judge = RewardJudge(teach_within(task, human))
        calibration = calibrate(judge, own, margin=settings.margin, seed=task.settings.seed)
    told: dict[str, Any] = {"judge": asdict(calibration)}
    if not calibration.passed:
        return [], {**told, "ai_refused": calibration.reason}
    candidates = _candidates(task, own, count)
    labels = label(judge, calibration, candidates, weight=settings.weight)
    return list(labels.pairs[:count]), {**told, "ai_labels": labels.to_values()}


def _candidates(task: Task, own: Sequence[Pair], count: int) -> list[Candidate]:
    """Two answers to each prompt, more often than once where the prompts are few or some answers come out the same."""
    policy, prompts = load(task), of_pairs(own)
    found: list[Candidate] = []
    for again in range(1 + -(-count // max(1, len(prompts)))):
        if len(found) >= count:
            break
        seed = task.settings.seed + 7919 * (again + 1)
        sample = of_policy(policy, task.settings, seed)
        found += resampled(prompts, sample, most=count - len(found), seed=seed)
    return found
