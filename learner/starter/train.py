"""Trains the starter from nothing on a CPU. Run as: ./ratchet starter train --out DIR --minutes 45

The folder keeps a checkpoint, so a run that was stopped goes on where it was; the finished model is in DIR/model.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from learner.starter.corpus import corpus
from learner.starter.tokenizer import CONTEXT, END, PAD, Encoder, train_tokenizer

# Without the instructions for it, arithmetic in bfloat16 is seven times slower than in float32.
FAST_BFLOAT16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
BATCH_TOKENS = 3072
POOL = 1024  # conversations that are sorted by length together, so that batches hold little padding
LEARNING_RATE, WARMUP_STEPS = 3e-3, 60
USER_SHARE = 0.15  # of the user's tokens that are learned as well, beside all of the assistant's
DROPOUT = 0.08  # of merges in the user's words
CHECKPOINT_SECONDS = 120.0
TEMPERATURE, TOP_P = 0.8, 0.95


def configuration(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    """The architecture: a Llama of about 4.5 million parameters with tied embeddings."""
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=5,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
        pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
    )


@dataclass
class Run:
    """A training run that can be stopped and taken up again; `spent` counts seconds of training."""

    model: LlamaForCausalLM
    optimizer: torch.optim.Optimizer
    tokenizer: PreTrainedTokenizerFast
    seed: int
    step: int = 0
    spent: float = 0.0

    def __post_init__(self) -> None:
        # Eager attention and compiled code double the speed on a CPU: short rows are many small operations.
        self._core = torch.compile(self.model.model, dynamic=True) if shutil.which("c++") else self.model.model

    @classmethod
    def open(cls, out: Path, seed: int) -> Run:
        """The run in `out`, from its checkpoint if there is one."""
        torch.manual_seed(seed)
        folder = out / "tokenizer"
        if not folder.exists():
            train_tokenizer(seed).save_pretrained(str(folder))
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder))
        model = LlamaForCausalLM._from_config(configuration(tokenizer), attn_implementation="eager")
        groups = ([p for p in model.parameters() if p.dim() > 1], [p for p in model.parameters() if p.dim() < 2])
        optimizer = torch.optim.AdamW(
            [{"params": groups[0], "weight_decay": 0.1}, {"params": groups[1], "weight_decay": 0.0}],
            lr=LEARNING_RATE,
            betas=(0.9, 0.95),
            fused=True,
        )
        run = cls(model, optimizer, tokenizer, seed)
        if (out / "checkpoint.pt").exists():
            saved = torch.load(out / "checkpoint.pt", weights_only=True)
            model.load_state_dict(saved["model"])
            optimizer.load_state_dict(saved["optimizer"])
            run.step, run.spent = saved["step"], saved["spent"]
        return run

    def save(self, out: Path) -> None:
        """Write the checkpoint in one step."""
        draft = out / "checkpoint.draft"
        parts = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save({**parts, "step": self.step, "spent": self.spent}, draft)
        draft.replace(out / "checkpoint.pt")

    def advance(self, batch: dict[str, torch.Tensor], share: float) -> float:
        """One step on `batch`, with the learning rate for this `share` of the time; returns the loss in nats."""
        rate = (
            LEARNING_RATE
            * min(1.0, (self.step + 1) / WARMUP_STEPS)
            * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        learned = batch["learned"][:, 1:]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=FAST_BFLOAT16):
            hidden = self._core(input_ids=batch["ids"], attention_mask=batch["mask"]).last_hidden_state
            logits = self.model.lm_head(hidden[:, :-1][learned])
        loss = torch.nn.functional.cross_entropy(logits.float(), batch["ids"][:, 1:][learned])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())


def batches(tokenizer: PreTrainedTokenizerFast, seed: int) -> Iterator[dict[str, torch.Tensor]]:
    """Batches without end: ids, mask and which tokens are learned, each of shape (conversations, tokens)."""
    rng, examples = random.Random(seed), corpus(seed)
    pad, encoder = tokenizer.convert_tokens_to_ids(PAD), Encoder(tokenizer, DROPOUT)
    while True:
        pool = [encoder.encode(example.messages) for example in islice(examples, POOL)]
        pool.sort(key=lambda encoded: len(encoded[0]))
        gathered = list(_gather(pool))
        rng.shuffle(gathered)
        for rows in gathered:
            yield _tensors(rows, pad, rng)


def train(out: Path, *, minutes: float, seed: int) -> None:
    """Train for `minutes` altogether and write the model to `out`/model."""
    out.mkdir(parents=True, exist_ok=True)
    run = Run.open(out, seed)
    # A run that goes on must not see again what it has seen.
    stream = batches(run.tokenizer, seed * 1000 + run.step)
    limit, saved, smooth = 60 * minutes, time.monotonic(), 0.0
    while run.spent < limit:
        began = time.monotonic()
        loss = run.advance(next(stream), run.spent / limit)
        run.spent += time.monotonic() - began
        smooth = loss if not smooth else 0.98 * smooth + 0.02 * loss
        if run.step % 20 == 0:
            _say(f"step {run.step}, {run.spent / 60:.1f} of {minutes:.0f} minutes, loss {smooth:.4f}")
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            run.save(out)
            saved = time.monotonic()
    run.save(out)
    export(run, out / "model")
    _say(f"The model is in {out / 'model'}.")


def export(run: Run, folder: Path) -> None:
    """Write the model in bfloat16 with its tokenizer and the sampling settings that it is served with."""
    model = LlamaForCausalLM(run.model.config)
    model.load_state_dict(run.model.state_dict())
    end = run.tokenizer.convert_tokens_to_ids(END)
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=TEMPERATURE,
        top_p=TOP_P,
        top_k=0,
        eos_token_id=end,
        pad_token_id=run.tokenizer.convert_tokens_to_ids(PAD),
    )
    model.to(torch.bfloat16).save_pretrained(str(folder))
    run.tokenizer.save_pretrained(str(folder))
    notes = {"steps": run.step, "minutes": round(run.spent / 60, 1), "seed": run.seed}
    (folder / "training.json").write_text(json.dumps(notes, indent=1) + "\n")


def _gather(pool: list[tuple[list[int], list[bool]]]) -> Iterator[list[tuple[list[int], list[bool]]]]:
    rows: list[tuple[list[int], list[bool]]] = []
    for row in pool:
        if rows and len(row[0]) * (len(rows) + 1) > BATCH_TOKENS:
            yield rows
            rows = []
        rows.append(row)
    yield rows


def _tensors(rows: list[tuple[list[int], list[bool]]], pad: int, rng: random.Random) -> dict[str, torch.Tensor]:
    def padded(values: list[torch.Tensor], filler: float) -> torch.Tensor:
        return torch.nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=filler)

    return {
        "ids": padded([torch.tensor(ids) for ids, _ in rows], pad),
        "mask": padded([torch.ones(len(ids), dtype=torch.long) for ids, _ in rows], 0),
        "learned": padded([torch.tensor([one or rng.random() < USER_SHARE for one in said]) for _, said in rows], 0),
    }


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
