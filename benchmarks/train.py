"""Our DPO against TRL's: pairs per second, peak memory, start-up and what was learned, for the starter.

Three ways train the same LoRA on the same pairs with the same loss, batch, epochs and rate: ours; TRL with its own
defaults (gradient checkpointing, bfloat16, a reference pass in every step); TRL tuned (no checkpointing, the reference
once, the faster of bfloat16 and float32). Each is a process of its own, one after the other, in turns. The limit is
what the matrix products alone would take at the speed that this machine shows in a large one: of the frozen layers
once per row, of the trained layer and of the output layer forward and backward in every pass.

Run as: ./ratchet bench train --json
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

EPOCHS, BATCH, RATE, FLIPPED, HELD_OUT = 2, 8, 1.2e-3, 0.1, 200
WAYS = ("ours", "trl", "tuned")


def made(count: int, tokens: int, seed: int) -> list[dict[str, Any]]:
    """Pairs whose sides have about so many tokens, prompt included: one style preferred to another, some flipped."""
    from transformers import AutoTokenizer

    from learner.starter import MODEL_DIR, STYLES, questions, render

    tokenizer, rng, rows = AutoTokenizer.from_pretrained(MODEL_DIR), random.Random(seed), []
    for asked in questions(seed, count):
        prompt = tokenizer.apply_chat_template(list(asked.messages), add_generation_prompt=True, return_dict=True)
        room = tokens - len(prompt["input_ids"]) - 1

        def side(style: str) -> str:
            said = " ".join(render(asked.intent, style, rng, asked.order) for _ in range(12))  # noqa: B023
            return str(tokenizer.decode(tokenizer.encode(said)[:room]))  # noqa: B023

        chosen, rejected = side(STYLES[0]), side(STYLES[1])
        if rng.random() < FLIPPED:
            chosen, rejected = rejected, chosen
        rows.append({"prompt": list(asked.messages), "chosen": chosen, "rejected": rejected})
    return rows


def trained(way: str, rows: Sequence[dict[str, Any]], held: Sequence[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Train in this process, and say how long it took from start to adapter, at which peak, and what was learned."""
    began = time.monotonic()
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    made, work = _ours(rows, folder) if way == "ours" else _theirs(way, rows, folder)
    began_training, cpu = time.monotonic(), time.process_time()
    work()
    told = {"start_s": began_training - began, "train_s": time.monotonic() - began_training}
    told |= {"cpu_s": time.process_time() - cpu, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    return {**told, **made, "accuracy": _accuracy(folder / "adapter", held)}


def _ours(rows: Sequence[dict[str, Any]], folder: Path) -> tuple[dict[str, Any], Any]:
    from learner.lessons import Lessons
    from learner.pair import Pair
    from learner.recipes.dpo import train
    from learner.recipes.task import task
    from learner.settings import LapSettings
    from learner.starter import MODEL_DIR

    pairs = [
        Pair(f"t-{n}", "p", tuple(r["prompt"]), r["chosen"], r["rejected"], "comparison") for n, r in enumerate(rows)
    ]
    settings = LapSettings(dpo_epochs=EPOCHS, dpo_batch=BATCH, dpo_learning_rate=RATE)
    given = task(str(MODEL_DIR), "starter", Lessons(pairs), folder, settings, time.monotonic() + 3600, lambda *_: None)
    return {}, lambda: train(given)


def _theirs(way: str, rows: Sequence[dict[str, Any]], folder: Path) -> tuple[dict[str, Any], Any]:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    from learner.settings import LapSettings
    from learner.starter import MODEL_DIR
    from learner.training.policy import lora_config

    answers = [
        {
            "prompt": row["prompt"],
            **{side: [{"role": "assistant", "content": row[side]}] for side in ("chosen", "rejected")},
        }
        for row in rows
    ]
    faster = _speed("bfloat16") > _speed("float32")
    tuned = (
        {"gradient_checkpointing": False, "precompute_ref_log_probs": True, "bf16": faster} if way == "tuned" else {}
    )
    settings = LapSettings()
    arguments = DPOConfig(
        output_dir=str(folder / "trl"), loss_type=[settings.dpo_loss, "sft"], beta=settings.dpo_beta,
        loss_weights=[1.0, settings.dpo_sft_weight], learning_rate=RATE, lr_scheduler_type="cosine", warmup_steps=5,
        num_train_epochs=EPOCHS, per_device_train_batch_size=BATCH, save_strategy="no", report_to=[],
        disable_tqdm=True, seed=0, dataloader_pin_memory=False, use_cpu=True, **tuned,
    )  # fmt: skip

    def work() -> None:
        model = AutoModelForCausalLM.from_pretrained(MODEL_DIR, dtype="float32")
        trainer = DPOTrainer(
            model=model, args=arguments, train_dataset=Dataset.from_list(answers),
            processing_class=AutoTokenizer.from_pretrained(MODEL_DIR), peft_config=lora_config(model, settings),
        )  # fmt: skip
        trainer.train()
        trainer.model.save_pretrained(folder / "adapter")

    return {"bf16": bool(arguments.bf16), "gradient_checkpointing": arguments.gradient_checkpointing}, work


def _accuracy(adapter: Path, held: Sequence[dict[str, Any]]) -> float:
    """On held-out pairs without flips, by log p per token."""
    from learner.lessons import Lessons
    from learner.pair import Pair
    from learner.settings import LapSettings
    from learner.starter import MODEL_DIR
    from learner.training.held_out import held_out
    from learner.training.policy import Policy

    pairs = [
        Pair(f"h-{n}", "p", tuple(r["prompt"]), r["chosen"], r["rejected"], "comparison") for n, r in enumerate(held)
    ]
    found = held_out(Policy.load(str(MODEL_DIR), LapSettings(), adapter=adapter), Lessons(pairs), 2048)
    assert found.after is not None
    return found.after


def _speed(dtype: str) -> float:
    """Operations in a CPU second of this process, in a product of 2048 by 2048 matrices; the best of five."""
    import torch

    a, b = (torch.randn(2048, 2048).to(getattr(torch, dtype)) for _ in range(2))
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        a @ b
        best = min(best, time.process_time() - began)
    return 2 * 2048**3 / best


def operations(rows: Sequence[dict[str, Any]]) -> float:
    """Of the matrix products that the work cannot do without, twice the number of multiplications."""
    from transformers import AutoConfig, AutoTokenizer

    from learner.starter import MODEL_DIR
    from learner.tokens import encode

    tokenizer, config = AutoTokenizer.from_pretrained(MODEL_DIR), AutoConfig.from_pretrained(MODEL_DIR)
    width, inner, heads = config.hidden_size, config.intermediate_size, config.head_dim
    attention = width * heads * 2 * (config.num_attention_heads + config.num_key_value_heads)
    layer, head = attention + 3 * width * inner, width * config.vocab_size
    # Backwards nothing flows below the trained layer, so not through what reads its input.
    backward = layer - width * heads * (config.num_attention_heads + 2 * config.num_key_value_heads)
    total = 0
    for row in rows:
        sides = [encode(tokenizer, row["prompt"], row[side]) for side in ("chosen", "rejected")]
        completions = sum(len(side.completion) for side in sides)
        tokens = len(sides[0].prompt) + completions
        total += tokens * layer * config.num_hidden_layers + completions * head  # frozen layers, and the reference
        total += EPOCHS * (tokens * (layer + backward) + 2 * completions * head)
    return 2.0 * total


def cell(way: str, threads: int, files: Path) -> dict[str, Any]:
    """One way in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "HF_DATASETS_CACHE": folder,
            "HF_HUB_OFFLINE": "1",
        }
        words = [sys.executable, "-m", "benchmarks.train", "--way", way, "--files", str(files), "--folder", folder]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told


def measure(pairs: int, tokens: int, rounds: int, threads: int) -> dict[str, Any]:
    """All ways in turns on pairs of one length."""
    import torch

    from learner.hardware import trains_in_bfloat16

    torch.set_num_threads(threads)
    rows = made(pairs, tokens, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        (files / "rows.json").write_text(json.dumps(rows))
        held = made(HELD_OUT, tokens, seed=1)
        (files / "held.json").write_text(json.dumps(held))
        found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        speeds = []
        for number in range(rounds):
            for way in WAYS:
                found[way].append(cell(way, threads, files))
                sys.stderr.write(f"{tokens} tokens, round {number + 1}, {way}: {found[way][-1]}\n")
            speeds.append(_speed("bfloat16" if trains_in_bfloat16() else "float32"))
    return _told(found, operations(rows) / max(speeds), pairs, threads)  # the speed of the type that ours multiplies in


def _told(found: dict[str, list[dict[str, Any]]], floor_cpu_s: float, pairs: int, threads: int) -> dict[str, Any]:
    def middle(way: str, name: str) -> float:
        return statistics.median(one[name] for one in found[way])

    def ratio(way: str, name: str) -> float:
        """The median of the ratios within each round, so that what slows the machine down slows both down."""
        return round(statistics.median(a[name] / b[name] for a, b in zip(found[way], found["ours"], strict=True)), 2)

    return {
        "samples_per_s": {way: round(EPOCHS * pairs / middle(way, "train_s"), 1) for way in WAYS},
        "speedup": {"defaults": ratio("trl", "train_s"), "tuned": ratio("tuned", "train_s")},
        "speedup_cpu": {"defaults": ratio("trl", "cpu_s"), "tuned": ratio("tuned", "cpu_s")},
        "start_s": {way: round(middle(way, "start_s"), 1) for way in WAYS},
        "peak_mib": {way: round(middle(way, "peak_mib")) for way in WAYS},
        "accuracy": {way: round(middle(way, "accuracy"), 4) for way in WAYS},
        "floor_ratio": round(middle("ours", "train_s") * threads / floor_cpu_s, 2),
        "floor_ratio_cpu": round(middle("ours", "cpu_s") / floor_cpu_s, 2),
        "settings": {
            way: {name: found[way][0].get(name) for name in ("bf16", "gradient_checkpointing")} for way in WAYS
        },
    }


def main(
    pairs: Annotated[int, typer.Option(help="Pairs to train on.")] = 256,
    tokens: Annotated[list[int] | None, typer.Option(help="Tokens of a side, prompt included. [100 240]")] = None,
    rounds: Annotated[int, typer.Option(help="Times that each way trains.")] = 3,
    threads: Annotated[int, typer.Option(help="Threads of each.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
    way: Annotated[str | None, typer.Option(hidden=True)] = None,
    files: Annotated[Path | None, typer.Option(hidden=True)] = None,
    folder: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure how fast DPO is, ours and TRL's."""
    if way and files and folder:
        rows, held = (json.loads((files / name).read_text()) for name in ("rows.json", "held.json"))
        print(json.dumps(trained(way, rows, held, folder)))
        return
    by_length = {str(length): measure(pairs, length, rounds, threads) for length in tokens or [100, 240]}
    first = next(iter(by_length.values()))
    result = {**first, "tokens": by_length} if len(by_length) == 1 else {**_merged(by_length), "tokens": by_length}
    if as_json:
        print(json.dumps(result))
    else:
        print(json.dumps(result, indent=1))


def _merged(by_length: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Over all lengths the mean, the least speedup and the worst ratio to the floor."""
    cells = list(by_length.values())

    def over(name: str, of: Any) -> dict[str, float]:  # noqa: ANN401
        return {key: round(of(cell[name][key] for cell in cells), 4) for key in cells[0][name]}

    return {
        "samples_per_s": over("samples_per_s", statistics.mean),
        "speedup": over("speedup", min),
        "speedup_cpu": over("speedup_cpu", min),
        "start_s": over("start_s", statistics.mean),
        "peak_mib": over("peak_mib", max),
        "accuracy": over("accuracy", statistics.mean),
        "floor_ratio": max(cell["floor_ratio"] for cell in cells),
        "floor_ratio_cpu": max(cell["floor_ratio_cpu"] for cell in cells),
    }


if __name__ == "__main__":
    typer.run(main)
