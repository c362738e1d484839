"""Merges an adapter into its base as a command, and proves the result. Run as: python -m learner.merge FOLDER

in    job.json            what to merge (`MergeJob`)
out   model.safetensors   and what else a model's folder holds
      canary.json         texts in tokens, and how likely the merged file finds each token of their answers
      manifest.json       hashes of base, adapter and merged weights, and what the parity test found
exit  0 when the folder may be served; else 1, and result.json says why

The sum is made in float32 and kept in the base's dtype. Rounding changes weights as an adapter does, only without a
purpose; where it moves a log-probability by more than `TOLERANCE` the file is kept in float32.
"""

from __future__ import annotations

import copy
import math
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from learner.adapter import weights_sha256
from learner.errors import MergeFailed
from learner.process import bind_to_parent, yield_to_chat
from learner.progress import read_json, write_json

JOB, MANIFEST, CANARY, RESULT = "job.json", "manifest.json", "canary.json", "result.json"
TOLERANCE = 0.05  # nats, of the log-probability of a single token, in float32
ANSWER_TOKENS = 32
# Whatever they say, they run through every weight: an adapter is added to a layer for all texts alike.
CANARIES = (
    "Hello, who are you?",
    "How long is delivery?",
    "What can you do for me?",
    "Write a short poem about rain.",
    "Can I send a parcel back?",
    "Explain how a bicycle works, step by step.",
)
_BESIDE = ("*.json", "*.jinja", "*.txt", "*.model")


@dataclass(frozen=True)
class MergeJob:
    """The content of `job.json`: `base` and `folder` are those of the model and of the adapter."""

    base: str
    base_sha256: str
    adapter: str
    folder: str
    adapter_sha256: str
    threads: int = 1


class Canary(NamedTuple):
    """A text in tokens: a prompt and an answer, and log p of each token of the answer, in nats."""

    prompt: list[int]
    answer: list[int]
    logprobs: list[float]


class Gap(NamedTuple):
    """By how much log-probabilities of single tokens differ, in nats."""

    largest: float
    mean: float


def gap(one: Sequence[Canary], other: Sequence[Canary]) -> Gap:
    """Compare what two models find of the same texts. Raises MergeFailed where the texts are not the same."""
    if [canary[:2] for canary in one] != [canary[:2] for canary in other]:
        raise MergeFailed("The two models were not asked about the same texts.")
    pairs = [pair for a, b in zip(one, other, strict=True) for pair in zip(a.logprobs, b.logprobs, strict=True)]
    apart = [abs(a - b) for a, b in pairs]
    if not all(map(math.isfinite, apart)):  # no comparison with NaN would find it too far
        raise MergeFailed("A model finds log-probabilities that are no numbers.")
    return Gap(max(apart), sum(apart) / len(apart))


def main(folder: Path) -> int:
    """Merge what `job.json` in `folder` names, and return the exit code."""
    bind_to_parent()
    told = read_json(folder / JOB)
    if told is None:
        sys.stderr.write(f"{folder} must hold {JOB}; the server writes it.\n")
        return 1
    job = MergeJob(**told)  # type: ignore[arg-type]
    yield_to_chat(job.threads)
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    try:
        manifest = _merge(folder, job)
    except Exception as error:
        write_json(folder / RESULT, {"message": str(error) or repr(error), "error": type(error).__name__})
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    write_json(folder / MANIFEST, manifest)
    return 0


def _merge(folder: Path, job: MergeJob) -> Mapping[str, object]:
    for of, path, sha256 in (("base", job.base, job.base_sha256), ("adapter", job.folder, job.adapter_sha256)):
        if weights_sha256(Path(path)) != sha256:
            raise MergeFailed(f"The weights of the {of} in {path} are not the ones that are served.")
    import torch

    wanted, moved, merged, dtype = _sum(job)
    for kept_in in dict.fromkeys((dtype, torch.float32)):
        _save(merged, kept_in, Path(job.base), folder)
        found = _measured(_loaded(str(folder)), wanted)
        if (parity := gap(wanted, found)).largest <= TOLERANCE:
            break
    else:
        raise MergeFailed(
            f"The merged file differs from base and adapter by {parity.largest:.3f} nats at a token, "
            f"and {TOLERANCE} are allowed; the adapter is served unmerged."
        )
    write_json(folder / CANARY, {"canaries": [canary._asdict() for canary in found]})
    return {
        **asdict(job),
        "merged_sha256": weights_sha256(folder),
        "dtype": str(kept_in).removeprefix("torch."),
        "tolerance": TOLERANCE,
        "parity": parity._asdict(),
        "moved": moved._asdict(),  # by the adapter, to compare with
    }


def _sum(job: MergeJob) -> tuple[list[Canary], Gap, Any, Any]:
    """The canaries of base and adapter, how far that is from the base, the merged model, and the base's dtype."""
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoTokenizer

    from learner.tokens import prompt_ids

    tokenizer = AutoTokenizer.from_pretrained(job.base)
    prompts = [prompt_ids(tokenizer, [{"role": "user", "content": text}]) for text in CANARIES]
    model = PeftModel.from_pretrained(_loaded(job.base), job.folder).eval()
    asked = [Canary(prompt, _answer(model, prompt), []) for prompt in prompts]
    wanted = _measured(model, asked)
    with model.disable_adapter():
        moved = gap(wanted, _measured(model, asked))
    dtype = AutoConfig.from_pretrained(job.base).dtype or torch.float32
    return wanted, moved, model.merge_and_unload(safe_merge=True), dtype


def _loaded(folder: str) -> Any:  # noqa: ANN401
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def _save(model: Any, dtype: Any, base: Path, folder: Path) -> None:  # noqa: ANN401
    """Put the weights into `folder`, in several files where the model is large, and beside them what the base has."""
    for old in (*folder.glob("*.safetensors"), *folder.glob("*.index.json")):
        old.unlink()
    # A copy, for what is rounded is not to be had again; and as a whole, so that weights that are one are kept once.
    (model if model.dtype == dtype else copy.deepcopy(model).to(dtype)).save_pretrained(str(folder))
    # The engine is to read the same config and templates; only the index names files of weights.
    for path in (path for pattern in _BESIDE for path in base.glob(pattern)):
        if not path.name.endswith(".index.json"):
            shutil.copyfile(path, folder / path.name)


def _answer(model: Any, prompt: Sequence[int]) -> list[int]:  # noqa: ANN401
    """The likeliest next tokens, up to the end token."""
    import torch

    ids = torch.tensor([prompt])
    said = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=ANSWER_TOKENS
    )
    tokens: list[int] = said[0, len(prompt) :].tolist()
    return tokens


def _measured(model: Any, texts: Sequence[Canary]) -> list[Canary]:  # noqa: ANN401
    """The same texts, with what `model` finds of them."""
    import torch

    found = []
    for text in texts:
        ids = torch.tensor([text.prompt + text.answer])
        with torch.inference_mode():
            logits = model(input_ids=ids, logits_to_keep=len(text.answer) + 1, use_cache=False).logits[0, :-1]
        chosen = logits.float().log_softmax(-1).gather(1, torch.tensor(text.answer)[:, None])[:, 0]
        found.append(Canary(text.prompt, text.answer, [round(float(value), 6) for value in chosen]))
    return found


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(Path(sys.argv[1])))
