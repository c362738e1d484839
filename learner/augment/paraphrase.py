"""Questions in other words, as a model of the operator's puts them: by default the one that is served."""

from __future__ import annotations

from typing import Any

from learner.augment.step import Augmented, Lines, asked_otherwise_together
from learner.augment.words import strays
from learner.errors import BadFile
from learner.lessons import Lessons
from learner.settings import LapSettings

NAME = "paraphrase"
INSTRUCTION = "Say this question in other words. Keep its meaning, its names and its numbers. Question: "
LEAST_SHARED = 0.2  # of the words of five letters or more: less, and the model answered instead


def paraphrased(lessons: Lessons, settings: LapSettings, seed: int) -> Augmented:
    """One more row for each, whose question the model of `augment_paraphrase` put into other words.

    A model may answer a question instead of rephrasing it. So what shares no word with it is left out, and what names
    something else, or no question where it was one. Raises BadFile.
    """
    if not settings.augment_paraphrase:
        raise BadFile("Paraphrases need a model: set augment_paraphrase to an id or a folder, such as the served one.")
    return asked_otherwise_together(
        NAME, lessons, settings, lambda lines: _said(settings.augment_paraphrase, lines, settings, seed), _answers
    )


def _answers(before: str, after: str) -> str:
    """Why it is no paraphrase; nothing where no reason is seen."""
    long = {word for word in before.lower().split() if len(word) >= 5}
    shared = {word for word in after.lower().split() if len(word) >= 5} & long
    if long and len(shared) < LEAST_SHARED * len(long):
        return "it has hardly a word of the question"
    if before.rstrip().endswith("?") and not after.rstrip().endswith("?"):
        return "it is no question any more"
    return strays(before, after)


def _said(name: str, lines: Lines, settings: LapSettings, seed: int) -> list[str]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from learner.active.rank import answered_again

    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        model: Any = AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32, use_safetensors=True).eval()
    except (OSError, ValueError) as error:
        raise BadFile(f"The model {name!r} for paraphrases cannot be loaded: {error}") from None
    prompts = [[{"role": "user", "content": f"{INSTRUCTION}{line}"}] for line in lines]
    return [text.strip() for text in answered_again(model, tokenizer, prompts, settings, seed=seed)]
