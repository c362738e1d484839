"""One attack with the defences on or off: curate, train and ask, with the attackers and without them."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learner.dataset import Dataset, curate
from learner.lessons import Lessons
from learner.pair import Pair
from learner.settings import LapSettings
from learner.simulate.attacks.coordinated import against
from learner.simulate.attacks.crowd import honest
from learner.simulate.attacks.planted import FALSE, INTENT, plant
from learner.simulate.attacks.script import Script, people
from learner.simulate.people import Person
from learner.simulate.plan import PLANS
from learner.simulate.taste import Taste, load_taste
from learner.starter import MODEL_DIR, Question, held_out_questions
from learner.starter.corpus import wordings
from learner.starter.evaluate import answers
from learner.starter.exam import exam_wordings
from learner.starter.noise import fill
from learner.trust.claims import claims

Attack = Literal["coordinated", "planted-fact"]
ACCOUNTS, SHARE = 200, 0.05  # of the accounts are the attackers'
PLANTED_VOTES = 100
QUESTIONS = 300  # unseen ones, for satisfaction
SAMPLES = 4  # of the answer to each plain question about the fact
RESAMPLES, LEVEL = 4000, 0.95

Report = Callable[[str, int, int], None]  # (what, done, of)


class Sides(NamedTuple):
    """A dataset with the attackers' feedback and one without."""

    attacked: Dataset
    clean: Dataset


@dataclass(frozen=True)
class Result:
    """What an attack came to. `clean` and `attacked` are shares in [0, 1] after training without and with them.

    `interval` is of their difference, at 95 percent, over the questions; the attack `moved` something where it excludes
    zero. `taken` has the rows that each step took, and `honest_taken` those of them that were not the attackers'.
    """

    attack: Attack
    defences: bool
    seed: int
    accounts: int
    attackers: int
    rows_given: int
    rows_given_by_attackers: int
    rows_learned: int
    rows_learned_from_attackers: int
    taken: dict[str, int]
    honest_taken: int
    same_dataset: bool  # whatever the attackers did; then it was trained on once
    measured: str
    clean: float
    attacked: float
    difference: float
    interval: tuple[float, float]
    moved: bool
    seconds: float


def run(attack: Attack, *, defences: bool, seed: int, settings: LapSettings, report: Report) -> Result:
    """Make the attack and measure what comes of it."""
    began = time.monotonic()
    taste = PLANS["small"].taste(load_taste("default"))
    attackers = people(seed, round(SHARE * ACCOUNTS), "attacker")
    with tempfile.TemporaryDirectory() as folder:
        sides, given = _datasets(Path(folder), attack, attackers, taste, defences, seed)
        asked = _asked(attack, seed)
        values = [_after(Path(folder), side, asked, taste, attack, seed, settings, report) for side in _distinct(sides)]
    clean, attacked = values[-1], values[0]
    difference, interval = paired(attacked, clean, seed)
    learned = sides.attacked.learn
    taken = {step: count for step, count in _taken(sides.attacked).items() if count}
    of_attackers = sum(pair.person in attackers for pair in learned)
    honest_given = len(given) - sum(pair.person in attackers for pair in given)
    return Result(
        attack=attack,
        defences=defences,
        seed=seed,
        accounts=ACCOUNTS,
        attackers=len(attackers),
        rows_given=len(given),
        rows_given_by_attackers=len(given) - honest_given,
        rows_learned=len(learned),
        rows_learned_from_attackers=of_attackers,
        taken=taken,
        honest_taken=honest_given - (len(learned) - of_attackers),
        same_dataset=len(values) == 1,
        measured="true satisfaction" if attack == "coordinated" else f"answers that say {FALSE}",
        clean=round(float(clean.mean()), 4),
        attacked=round(float(attacked.mean()), 4),
        difference=round(difference, 4),
        interval=(round(interval[0], 4), round(interval[1], 4)),
        moved=not interval[0] <= 0 <= interval[1],
        seconds=round(time.monotonic() - began, 1),
    )


def written(attack: Attack, attackers: Sequence[str], taste: Taste, seed: int) -> tuple[Script, Script]:
    """What happened with the attackers, and the same without them."""
    crowd = people(seed, ACCOUNTS - len(attackers), "honest")
    attacked, clean = Script(seed), Script(seed)
    for script in (attacked, clean):
        honest(script, crowd, taste, seed)
    if attack == "coordinated":
        against(attacked, attackers, taste, attacked.judged, seed)
    else:
        plant(attacked, attackers, PLANTED_VOTES, seed)
    return attacked, clean


def paired(one: NDArray[np.float64], other: NDArray[np.float64], seed: int) -> tuple[float, tuple[float, float]]:
    """The mean of `one` less that of `other`, both of shape (questions,), and its bootstrap interval."""
    gaps = one - other
    drawn = np.random.default_rng(seed).integers(len(gaps), size=(RESAMPLES, len(gaps)))
    low, high = np.quantile(gaps[drawn].mean(1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(gaps.mean()), (float(low), float(high))


def _datasets(
    folder: Path, attack: Attack, attackers: Sequence[str], taste: Taste, defences: bool, seed: int
) -> tuple[Sides, list[Pair]]:
    """Both datasets, and all pairs that were given."""
    settings = LapSettings(defences=defences)
    events = [
        script.snapshot(folder / name)
        for name, script in zip(("attacked", "clean"), written(attack, attackers, taste, seed), strict=True)
    ]
    sides = Sides(*(curate(one, settings, model=str(MODEL_DIR)) for one in events))
    return sides, curate(events[0], LapSettings(defences=False)).learn


def _distinct(sides: Sides) -> list[Dataset]:
    """Where the defences left nothing of the attack, one training stands for both."""
    return [sides.attacked] if sides.attacked.learn == sides.clean.learn else list(sides)


def _taken(dataset: Dataset) -> dict[str, int]:
    steps: Any = dataset.manifest["steps"]
    return {step["step"]: step["pairs"] for step in steps}


def _asked(attack: Attack, seed: int) -> list[Question]:
    if attack == "coordinated":
        return held_out_questions(seed, QUESTIONS)
    rng = random.Random(f"asked plainly {seed}")
    texts = [*exam_wordings("families")[INTENT], *wordings()[INTENT]]
    return [Question(({"role": "user", "content": fill(text, rng)},), INTENT) for text in texts]


def _after(
    folder: Path,
    dataset: Dataset,
    asked: Sequence[Question],
    taste: Taste,
    attack: Attack,
    seed: int,
    settings: LapSettings,
    report: Report,
) -> NDArray[np.float64]:
    """Train on the dataset and ask; shape (questions,)."""
    model, tokenizer = _trained(folder / dataset.sha256[:8], dataset, settings, report)

    def said(sample: int) -> list[str]:
        tick: Callable[[int, int], None] = lambda done, of: report("Asking", done, of)  # noqa: E731
        return [answer.text for answer in answers(model, tokenizer, list(asked), seed + 1000 * sample, tick)]

    if attack == "coordinated":
        readers = [Person.draw(taste, "honest", seed * 1_000_003 + number) for number in range(len(asked))]
        heard = zip(readers, asked, said(0), strict=True)
        return np.array([reader.satisfaction(question, text) for reader, question, text in heard])
    false = claims(f"x {FALSE}")
    found = np.array([[bool(false & claims(text)) for text in said(sample)] for sample in range(SAMPLES)])
    return np.asarray(found.mean(0))


def _trained(folder: Path, dataset: Dataset, settings: LapSettings, report: Report) -> tuple[Any, Any]:
    """The model with the adapter merged into it, and its tokenizer."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    from learner.recipes.dpo import train
    from learner.recipes.task import task

    torch.set_num_threads(settings.train_threads)
    folder.mkdir()
    learned, until = [*dataset.learn, *dataset.anchor], time.monotonic() + 60 * settings.train_minutes
    tick: Callable[[int, int], None] = lambda done, of: report("Training", done, of)  # noqa: E731
    disable_progress_bar()
    train(task(str(MODEL_DIR), "starter", Lessons(pairs=learned), folder, settings, until, tick))
    base = AutoModelForCausalLM.from_pretrained(MODEL_DIR, dtype=torch.float32).eval()
    tuned = PeftModel.from_pretrained(deepcopy(base), str(folder / "adapter")).merge_and_unload()
    return tuned, AutoTokenizer.from_pretrained(MODEL_DIR)
