"""Questions there and back through another language (Sennrich et al., arXiv:1511.06709), by any translation models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from learner.augment.step import Augmented, Lines, asked_otherwise_together
from learner.augment.words import strays
from learner.errors import BadFile
from learner.lessons import Lessons
from learner.settings import LapSettings

NAME = "back-translation"
AT_ONCE = 16


def translated(lessons: Lessons, settings: LapSettings, seed: int) -> Augmented:
    """One more row for each, whose question went there and back.

    `augment_translation` names two models of transformers, there and back, with a comma between them; each is an id or
    a folder with safetensors. What names, numbers or links it lost is left out. Raises BadFile.
    """
    names = [name.strip() for name in settings.augment_translation.split(",") if name.strip()]
    if len(names) != 2:
        raise BadFile("Back-translation needs two models: set augment_translation to THERE,BACK, ids or folders.")

    def there_and_back(lines: Lines) -> Lines:
        for name in names:
            lines = _through(name, lines)
        return lines

    return asked_otherwise_together(NAME, lessons, settings, there_and_back, strays)


def _through(name: str, lines: Lines) -> list[str]:
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        model: Any = AutoModelForSeq2SeqLM.from_pretrained(name, use_safetensors=True).eval()
    except (OSError, ValueError) as error:
        raise BadFile(f"The translation model {name!r} cannot be loaded: {error}") from None
    said: list[str] = []
    with torch.inference_mode():
        for batch in _batches(lines):
            inputs = tokenizer(batch, return_tensors="pt", padding=True, truncation=True)
            inputs.pop("token_type_ids", None)
            most = 2 * int(inputs["input_ids"].shape[1]) + 8
            told = model.generate(**inputs, max_new_tokens=most, num_beams=1, do_sample=False)
            said += tokenizer.batch_decode(told, skip_special_tokens=True)
    return [text.strip() for text in said]


def _batches(lines: Sequence[str]) -> list[list[str]]:
    return [list(lines[at : at + AT_ONCE]) for at in range(0, len(lines), AT_ONCE)]
