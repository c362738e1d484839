"""Direct preference optimisation of a fresh LoRA adapter on the base model, with TRL and PEFT."""

from __future__ import annotations

import json
import math
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import trl.trainer.utils
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import DPOConfig, DPOTrainer

from learner.adapter import CONFIG, check_adapter
from learner.errors import TrainingFailed
from learner.hardware import fast_bfloat16
from learner.pair import Pair
from learner.settings import LapSettings
from learner.tokens import encode

_STARTER_PARAMETERS = 7e6
_STARTER_RATE = 1.2e-3

# On a CPU TRL passes prompts and padding through the output layer too, for the sake of devices that compile for every
# shape, and throws away what comes of them. That is a quarter of a step.
trl.trainer.utils._use_triton = lambda device: True

Report = Callable[[int, int], None]  # (step, of)


@dataclass(frozen=True)
class Training:
    """What training did; `loss` is the mean over its last tenth, `change` the norm of the adapter's B matrices."""

    rows: int  # as they were drawn by their weights
    too_long: int
    steps: int
    of: int
    seconds: float
    stopped_by_time: bool
    learning_rate: float
    loss: float
    change: float


def learning_rate(parameters: float) -> float:
    """The rate for a model of so many parameters: 1.2e-3 for the starter, falling with the root of the size to 1e-5."""
    return max(1e-5, _STARTER_RATE * min(1.0, math.sqrt(_STARTER_PARAMETERS / parameters)))


def train(
    model: str, base: str, pairs: Sequence[Pair], out: Path, settings: LapSettings, deadline: float, report: Report
) -> Training:
    """Train on `pairs` until the epochs or the time are used up, and write the adapter to `out`.

    Each pair is met as often as it weighs. `model` is a folder or a Hub id, `base` the name written into the adapter,
    `deadline` an instant of `time.monotonic()`. Raises TrainingFailed when rows are lost on the way or the weights did
    not change.
    """
    started = time.monotonic()
    pairs = drawn(pairs, settings.seed)
    tokenizer = AutoTokenizer.from_pretrained(model)
    rows = _fitting(tokenizer, pairs, settings)
    policy = AutoModelForCausalLM.from_pretrained(model, dtype=_dtype())
    rate = settings.dpo_learning_rate or learning_rate(policy.num_parameters())
    clock = _Clock(deadline, report)
    trainer = DPOTrainer(
        model=policy,
        args=_arguments(out, rate, settings),
        train_dataset=Dataset.from_list([_row(pair) for pair in rows]),
        processing_class=tokenizer,
        peft_config=lora_config(policy, settings),
        callbacks=[clock],
    )
    _check(trainer, len(rows))
    trainer.train()
    change = _change(trainer.model)
    _save(trainer.model, out, base, settings.lora_rank)
    return Training(
        rows=len(rows),
        too_long=len(pairs) - len(rows),
        steps=trainer.state.global_step,
        of=trainer.state.max_steps,
        seconds=time.monotonic() - started,
        stopped_by_time=clock.stopped,
        learning_rate=rate,
        loss=_late_loss(trainer.state.log_history),
        change=change,
    )


def drawn(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """Each pair as often as its weight says, on average: TRL's loss takes no weights, so they are sampled."""
    rng = random.Random(seed)
    return [pair for pair in pairs for _ in range(int(pair.weight) + (rng.random() < pair.weight % 1))]


class _Clock(TrainerCallback):  # type: ignore[misc]
    """Reports every step, and ends training at the deadline."""

    def __init__(self, deadline: float, report: Report) -> None:
        self.deadline, self.report, self.stopped = deadline, report, False

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: object) -> None:  # noqa: ANN401
        self.report(state.global_step, state.max_steps)
        if time.monotonic() >= self.deadline and state.global_step < state.max_steps:
            self.stopped = control.should_training_stop = True


def _dtype() -> torch.dtype:
    return torch.bfloat16 if torch.cuda.is_available() else torch.float32


def _row(pair: Pair) -> dict[str, object]:
    chosen, rejected = ([{"role": "assistant", "content": text}] for text in (pair.chosen, pair.rejected))
    return {"prompt": list(pair.prompt), "chosen": chosen, "rejected": rejected}


def _fitting(tokenizer: Any, pairs: Sequence[Pair], settings: LapSettings) -> list[Pair]:  # noqa: ANN401
    """The pairs that the model has room for, batch by batch. Raises TrainingFailed when too few are left."""
    lengths = [_tokens(tokenizer, pair) for pair in pairs]
    rows = [row for row in zip(pairs, lengths, strict=True) if row[1] <= settings.max_model_len]
    if len(rows) < settings.train_min_pairs:
        raise TrainingFailed(
            f"Only {len(rows)} of {len(pairs)} pairs fit into {settings.max_model_len} tokens; raise max_model_len."
        )
    return in_batches(rows, settings.dpo_batch, settings.seed)


def in_batches(rows: Sequence[tuple[Pair, int]], size: int, seed: int) -> list[Pair]:
    """The pairs of `rows`, which are (pair, tokens), such that every `size` of them are about as long.

    TRL pads a batch to its longest row, which at random takes about twice the work. The batches come in random order,
    but for the last, which may be smaller.
    """
    ordered = [pair for pair, _ in sorted(rows, key=lambda row: row[1])]
    whole = len(ordered) - len(ordered) % size
    batches = [ordered[start : start + size] for start in range(0, whole, size)]
    random.Random(seed).shuffle(batches)
    return [pair for batch in (*batches, ordered[whole:]) for pair in batch]


def _check(trainer: DPOTrainer, rows: int) -> None:
    """TRL drops rows, and PEFT freezes weights, without a word. Raises TrainingFailed where they did."""
    if len(trainer.train_dataset) != rows:
        raise TrainingFailed(f"TRL kept {len(trainer.train_dataset)} of {rows} rows; the dataset is not used.")
    if not any(parameter.requires_grad for parameter in trainer.model.parameters()):
        raise TrainingFailed("No weight of the adapter can be trained; check the LoRA settings against the model.")


def _tokens(tokenizer: Any, pair: Pair) -> int:  # noqa: ANN401
    chosen, rejected = (encode(tokenizer, pair.prompt, text) for text in (pair.chosen, pair.rejected))
    return len(chosen.prompt) + max(len(chosen.completion), len(rejected.completion))


def lora_config(model: Any, settings: LapSettings) -> LoraConfig:  # noqa: ANN401
    """LoRA on the last layers, which choose the words; those before, which know what is asked, stay as they are.

    A model that does not number its layers under the name `layers` is adapted as a whole.
    """
    layers = model.config.get_text_config().num_hidden_layers
    first = layers - max(1, round(settings.lora_top_share * layers))
    linear = (name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear))
    found = sorted({name.rsplit(".", 1)[-1] for name in linear if ".layers." in name})
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules=found or "all-linear",
        layers_to_transform=list(range(first, layers)) if found else None,
        task_type="CAUSAL_LM",
    )


def _arguments(out: Path, rate: float, settings: LapSettings) -> DPOConfig:
    """DPO's loss by `settings.dpo_loss`, plus SFT on what was chosen.

    "apo_zero" (D'Oosterlinck et al., arXiv:2408.06266) pulls what was chosen up and pushes the rest down, each only so
    far, so that a flipped pair or a pair that is learned has little to say. "sigmoid" (Rafailov et al.,
    arXiv:2305.18290) has a finite optimum only with smoothed labels (Mitchell, "A note on DPO with noisy preferences",
    2023). TRL's "robust" loss has none, and pushes on until a small model has lost its facts (docs/LOG.md).
    """
    return DPOConfig(
        output_dir=str(out.parent / "trainer"),
        loss_type=[settings.dpo_loss, "sft"],
        loss_weights=[1.0, settings.dpo_sft_weight],
        label_smoothing=settings.pair_flip_rate if settings.dpo_loss == "sigmoid" else 0.0,
        beta=settings.dpo_beta,
        learning_rate=rate,
        lr_scheduler_type="cosine",
        warmup_steps=5,
        num_train_epochs=settings.dpo_epochs,
        per_device_train_batch_size=settings.dpo_batch,
        train_sampling_strategy="sequential",  # the rows come batch by batch
        max_length=settings.max_model_len,
        precompute_ref_log_probs=True,
        gradient_checkpointing=torch.cuda.is_available(),
        bf16=torch.cuda.is_available() or fast_bfloat16(),
        seed=settings.seed,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
    )


def _change(model: Any) -> float:  # noqa: ANN401
    """The norm of all B matrices, which start at zero. Raises TrainingFailed when it still is, or is not finite."""
    squares = sum(float(p.detach().float().pow(2).sum()) for name, p in model.named_parameters() if "lora_B" in name)
    if not math.isfinite(squares) or squares == 0.0:
        raise TrainingFailed(f"Training left no usable change in the weights (squared norm {squares}).")
    return math.sqrt(squares)


def _save(model: Any, out: Path, base: str, max_rank: int) -> None:  # noqa: ANN401
    draft = out.with_name(f".{out.name}.draft")
    model.save_pretrained(draft, selected_adapters=["default"])
    config = json.loads((draft / CONFIG).read_text())
    # A path of this machine would name nothing on the next.
    config["base_model_name_or_path"] = base
    (draft / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True))
    (draft / "README.md").unlink(missing_ok=True)
    check_adapter(draft, max_rank)
    draft.rename(out)
    shutil.rmtree(out.parent / "trainer", ignore_errors=True)


def _late_loss(history: Sequence[dict[str, float]]) -> float:
    losses = [entry["loss"] for entry in history if "loss" in entry]
    late = losses[-max(1, len(losses) // 10) :]
    return sum(late) / len(late)
