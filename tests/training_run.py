"""A training of few steps, with a checkpoint after each. Run as: python -m tests.training_run FOLDER DIES_AT"""

import os
import signal
import sys
import time
from pathlib import Path

from learner import LapSettings
from learner.pair import Pair
from learner.recipe_settings import DpoSettings
from learner.recipes.dpo import loss_of
from learner.recipes.passes import of_pairs
from learner.starter import MODEL_DIR, questions
from learner.training.batches import in_batches
from learner.training.loop import Fit, Plan, fit
from learner.training.policy import Policy


def run(folder: Path, dies_at: int = 0, seconds: float = 600) -> Fit:
    """Two passes of four steps over eight pairs; writes the adapter unless it dies on the way."""
    policy = Policy.load(str(MODEL_DIR), LapSettings(lora_rank=4))
    pairs = [
        Pair(f"t-{n}", "p", asked.messages, "Yes, of course. " * (n + 1), "No.", "comparison")
        for n, asked in enumerate(questions(0, 8))
    ]
    examples = of_pairs(policy.tokenizer, pairs)
    policy.prepare([side for row in examples for side in row.sides], share=2, reference=True)

    def report(step: int, of: int) -> None:
        if step == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    loss = loss_of(DpoSettings())
    plan = Plan(epochs=2, steps=8, learning_rate=1e-3, checkpoint_seconds=0, figures=folder / "figures.jsonl")
    done = fit(
        policy,
        lambda epoch: in_batches(examples, lambda row: row.tokens, 2, epoch),
        lambda batch: loss(policy, batch),
        plan,
        checkpoints=folder / "checkpoints",
        deadline=time.monotonic() + seconds,
        report=report,
    )
    policy.save(folder / "adapter", "starter", 16)
    return done


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
