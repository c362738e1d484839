"""Trains the starter on a CPU. Run as: ./ratchet starter train --out DIR --minutes 60

The folder keeps a checkpoint, so a run that was stopped goes on where it was; the finished model is in DIR/model.

Beside the next token the model learns to name the topic of each answer, through a layer that is left out of the
finished model: what to say is one choice in a hundred tokens, and it is the one that matters. It names it where the
answer begins, in the middle of the layers too, since what is known there can be read by all that follows (deep
supervision, Lee et al. 2015); and all along the answer, so that it is still known after a long greeting. Questions come
first, without their answers; then mostly short answers; then all of them.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, cast

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from learner.errors import TrainingFailed
from learner.hardware import fast_bfloat16
from learner.starter.corpus import SHORT_WEIGHTS, STYLE_WEIGHTS, corpus, topics
from learner.starter.muon import Muon
from learner.starter.tokenizer import CONTEXT, END, NO_TOPIC, PAD, Encoder, Row, train_tokenizer

BATCH_TOKENS = 3072
POOL = 1024  # conversations that are sorted by length together, so that batches hold little padding
WARMUP_STEPS, WEIGHT_DECAY = 60, 0.1
TOPIC_WEIGHT = 0.5  # of the topic in the loss, beside the share of tokens that are learned
EARLY_LAYERS = 3  # after which the topic is named for the first time
CARRIED_WEIGHT = 0.2  # of the topic all along an answer
ASK_EVERY = 3  # afterwards one batch in so many is questions alone
ORDERS_EVERY = 8  # and one in so many is about orders, whose weekdays must be copied from far above
USER_SHARE = 0.15  # of the user's tokens that are learned as well, beside all of the assistant's
DROPOUT = 0.08  # of merges in the user's words
CHECKPOINT_SECONDS = 120.0
TEMPERATURE, MIN_P = 0.4, 0.1  # top-p would sort the whole vocabulary, which took the engine a fifth of its time
NOTES, START_NOTES = "training.json", "start.json"


def configuration(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    """The architecture: a Llama of about 4.7 million parameters with tied embeddings."""
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


class Pace(NamedTuple):
    """`rate` is the highest learning rate; `ask` and `short` are shares of the time.

    They go to questions alone at first, and then to mostly terse answers.
    """

    rate: float
    ask: float
    short: float


FRESH, FURTHER = Pace(3e-3, 0.25, 0.4), Pace(2e-3, 0.1, 0.15)  # from nothing, and from a model that can talk


class Losses(NamedTuple):
    """Cross-entropy in nats: of the next token, and of the topic."""

    token: float
    topic: float


@dataclass
class Run:
    """A training run that can be stopped and taken up again; `spent` counts seconds of training."""

    model: LlamaForCausalLM
    head: torch.nn.Linear  # from the hidden state to the topics
    optimizers: tuple[torch.optim.Optimizer, ...]
    tokenizer: PreTrainedTokenizerFast
    seed: int
    pace: Pace = FRESH
    step: int = 0
    spent: float = 0.0

    def __post_init__(self) -> None:
        # Eager attention and compiled code double the speed on a CPU: short rows are many small operations.
        self._core = torch.compile(self.model.model, dynamic=True) if shutil.which("c++") else self.model.model

    @classmethod
    def open(cls, out: Path, seed: int, start: Path | None = None) -> Run:
        """The run in `out`: from its checkpoint, else from the model `start`, else from nothing."""
        torch.manual_seed(seed)
        folder = out / "tokenizer"
        if not folder.exists():
            whole = PreTrainedTokenizerFast.from_pretrained(str(start)) if start else train_tokenizer(seed)
            whole.save_pretrained(str(folder))
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder))
        model = LlamaForCausalLM._from_config(configuration(tokenizer), attn_implementation="eager")
        if start is not None:
            model.load_state_dict(_weights(start, model))
            shutil.copy(start / NOTES, out / START_NOTES)
        head = torch.nn.Linear(model.config.hidden_size, len(topics()))
        pace = FURTHER if (out / START_NOTES).exists() else FRESH
        run = cls(model, head, _optimizers(model, head), tokenizer, seed, pace)
        if (out / "checkpoint.pt").exists():
            saved = torch.load(out / "checkpoint.pt", weights_only=True)
            for part, state in zip(run.parts(), saved["parts"], strict=True):
                part.load_state_dict(state)
            run.step, run.spent = saved["step"], saved["spent"]
        return run

    def parts(self) -> tuple[torch.nn.Module | torch.optim.Optimizer, ...]:
        """Everything that has a state."""
        return (self.model, self.head, *self.optimizers)

    def save(self, out: Path) -> None:
        """Write the checkpoint in one step."""
        draft = out / "checkpoint.draft"
        parts = [part.state_dict() for part in self.parts()]
        torch.save({"parts": parts, "step": self.step, "spent": self.spent}, draft)
        draft.replace(out / "checkpoint.pt")

    def advance(self, batch: dict[str, torch.Tensor], share: float) -> Losses:
        """One step on `batch`, with the learning rate for this `share` of the time."""
        rate = (
            self.pace.rate
            * min(1.0, (self.step + 1) / WARMUP_STEPS)
            * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)
        )
        for group in chain.from_iterable(optimizer.param_groups for optimizer in self.optimizers):
            group["lr"] = rate
        learned = batch["learned"][:, 1:]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=fast_bfloat16()):
            states = self._core(
                input_ids=batch["ids"], attention_mask=batch["mask"], output_hidden_states=True
            ).hidden_states
            hidden, begins = states[-1], batch["topic"] != NO_TOPIC
            early = states[EARLY_LAYERS][begins]
            logits = self.model.lm_head(hidden[:, :-1][learned])
            known = self.head(torch.nn.functional.rms_norm(early, early.shape[-1:]))
            about, along = self.head(hidden[begins]), self.head(hidden[batch["carried"] != NO_TOPIC])
        loss = torch.nn.functional.cross_entropy(logits.float(), batch["ids"][:, 1:][learned])
        topic = (_named(about, batch["topic"]) + _named(known, batch["topic"])) / 2
        carried = _named(along, batch["carried"])
        self.model.zero_grad(set_to_none=True)
        self.head.zero_grad(set_to_none=True)
        # Of the questions alone little is learned by token, and so it counts little.
        tokens = learned.sum() / batch["mask"].sum()
        (tokens * loss + TOPIC_WEIGHT * topic + CARRIED_WEIGHT * carried).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        return Losses(float(loss.detach()), float(topic.detach()))


def batches(
    tokenizer: PreTrainedTokenizerFast,
    seed: int,
    styles: Mapping[str, float],
    *,
    ask: bool = False,
    first: str | None = None,
) -> Iterator[dict[str, torch.Tensor]]:
    """Batches without end: ids, mask, topic, and which tokens are learned, each of shape (conversations, tokens).

    With `ask` every conversation ends where its last answer begins; with `first` it begins with this intent.
    """
    rng, examples = random.Random(seed), corpus(seed, styles, first)
    pad, encoder = tokenizer.convert_tokens_to_ids(PAD), Encoder(tokenizer, DROPOUT)
    while True:
        pool = [encoder.encode(example) for example in islice(examples, POOL)]
        pool = [row.asked() for row in pool] if ask else pool
        pool.sort(key=lambda row: len(row.ids))
        gathered = list(_gather(pool))
        rng.shuffle(gathered)
        for rows in gathered:
            yield _tensors(rows, pad, rng)


def train(out: Path, *, minutes: float, seed: int, start: Path | None = None) -> None:
    """Train for `minutes` altogether, from the model `start` if one is named, and write the model to `out`/model."""
    out.mkdir(parents=True, exist_ok=True)
    run = Run.open(out, seed, start)
    lessons = _lessons(run)
    limit, saved = 60 * minutes, time.monotonic()
    while run.spent < limit:
        began, share = time.monotonic(), run.spent / limit
        losses = run.advance(lessons(share), share)
        run.spent += time.monotonic() - began
        if run.step % 20 == 0:
            told = f"loss {losses.token:.3f}, of the topic {losses.topic:.3f}"
            _say(f"step {run.step}, {run.spent / 60:.1f} of {minutes:.0f} minutes, {told}")
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            run.save(out)
            saved = time.monotonic()
    run.save(out)
    export(run, out / "model")
    _note(run, out)
    _say(f"The model is in {out / 'model'}.")


def export(run: Run, folder: Path) -> None:
    """Write the model in bfloat16 with its tokenizer and the sampling settings that it is served with."""
    model = LlamaForCausalLM(run.model.config)
    model.load_state_dict(run.model.state_dict())
    end = run.tokenizer.convert_tokens_to_ids(END)
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=TEMPERATURE,
        min_p=MIN_P,
        top_k=0,
        eos_token_id=end,
        pad_token_id=run.tokenizer.convert_tokens_to_ids(PAD),
    )
    model.to(torch.bfloat16).save_pretrained(str(folder))
    run.tokenizer.save_pretrained(str(folder))


def _note(run: Run, out: Path) -> None:
    """Tell beside the model how it was trained, and how the one was that it started from."""
    notes: dict[str, object] = {"steps": run.step, "minutes": round(run.spent / 60, 1), "seed": run.seed}
    if (out / START_NOTES).exists():
        notes["from"] = json.loads((out / START_NOTES).read_text())
    (out / "model" / NOTES).write_text(json.dumps(notes, indent=1) + "\n")


def _weights(start: Path, model: LlamaForCausalLM) -> Mapping[str, torch.Tensor]:
    """The weights of the model in `start`. Raises TrainingFailed where they are of another shape than `model`'s."""
    found = AutoModelForCausalLM.from_pretrained(str(start), dtype=torch.float32).state_dict()
    shapes, wanted = ({name: tensor.shape for name, tensor in state.items()} for state in (found, model.state_dict()))
    if shapes != wanted:
        raise TrainingFailed(
            f"The model in {start} is not built as the starter is, so the training cannot go on from it; name one that "
            "`./ratchet starter train` made, or leave --from out to start from nothing."
        )
    return cast("Mapping[str, torch.Tensor]", found)


def _optimizers(model: LlamaForCausalLM, head: torch.nn.Linear) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the matrices of the layers, and AdamW for the embeddings, the norms and the head."""
    matrices = [parameter for parameter in model.model.layers.parameters() if parameter.dim() == 2]
    known = {id(parameter) for parameter in matrices}
    others = [parameter for parameter in (*model.parameters(), *head.parameters()) if id(parameter) not in known]
    return (
        Muon(
            matrices,
            lr=FRESH.rate,
            weight_decay=WEIGHT_DECAY,
            dtype=torch.bfloat16 if fast_bfloat16() else torch.float32,
        ),
        torch.optim.AdamW(others, lr=FRESH.rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    )


def _lessons(run: Run) -> Callable[[float], dict[str, torch.Tensor]]:
    """What to learn from next, given the share of the time that is spent."""
    # A run that goes on must not see again what it has seen.
    seed = run.seed * 1000 + run.step
    asking = batches(run.tokenizer, seed, SHORT_WEIGHTS, ask=True)
    orders = batches(run.tokenizer, seed + 2, SHORT_WEIGHTS, first="order_status")
    short, whole = (batches(run.tokenizer, seed + 1, styles) for styles in (SHORT_WEIGHTS, STYLE_WEIGHTS))

    def lesson(share: float) -> dict[str, torch.Tensor]:
        if share < run.pace.ask or run.step % ASK_EVERY == 0:
            return next(asking)
        if run.step % ORDERS_EVERY == 1:
            return next(orders)
        return next(short if share < run.pace.ask + run.pace.short else whole)

    return lesson


def _gather(pool: list[Row]) -> Iterator[list[Row]]:
    rows: list[Row] = []
    for row in pool:
        if rows and len(row.ids) * (len(rows) + 1) > BATCH_TOKENS:
            yield rows
            rows = []
        rows.append(row)
    yield rows


def _tensors(rows: list[Row], pad: int, rng: random.Random) -> dict[str, torch.Tensor]:
    def padded(values: list[torch.Tensor], filler: float) -> torch.Tensor:
        return torch.nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=filler)

    return {
        "ids": padded([torch.tensor(row.ids) for row in rows], pad),
        "mask": padded([torch.ones(len(row.ids), dtype=torch.long) for row in rows], 0),
        "topic": padded([torch.tensor(row.topic) for row in rows], NO_TOPIC),
        "carried": padded([torch.tensor(row.carried) for row in rows], NO_TOPIC),
        "learned": padded([torch.tensor([one or rng.random() < USER_SHARE for one in row.said]) for row in rows], 0),
    }


def _named(logits: torch.Tensor, topics: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of the topics, 0 where there are none."""
    wanted = topics[topics != NO_TOPIC]
    return torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="sum") / max(1, len(wanted))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
