"""Detoxify's models at the size of BERT-base, with random weights: its own fp32 `predict` beside ours in int8.

Run as: python -m benchmarks.screen.detoxify TOKENS COUNT; prints JSON. It is a process of its own, for it needs torch,
and runs both with one thread, in turn.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson
import torch
import transformers

from safety.scorer import ScorerOptions
from safety.scorer.detoxify import DetoxifyModel, load

LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
WORDS, SPECIAL = 30_522, ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TOGETHER = 4  # texts that wait at the same time
Predict = Callable[[str | list[str]], Mapping[str, list[float]]]


def checkpoint(folder: Path) -> Path:
    """A checkpoint of BERT-base in Detoxify's format."""
    model_dir = folder / "model"
    model_dir.mkdir()
    (model_dir / "vocab.txt").write_text("\n".join([*SPECIAL, *(f"w{number}" for number in range(WORDS - 5))]))
    transformers.BertTokenizer(str(model_dir / "vocab.txt"), model_max_length=512).save_pretrained(model_dir)
    torch.manual_seed(0)
    config = transformers.BertConfig(num_labels=len(LABELS), vocab_size=WORDS)
    config.save_pretrained(model_dir)
    names = {"model_name": "BertForSequenceClassification", "tokenizer_name": "BertTokenizer"}
    args = {"model_type": str(model_dir), "num_classes": len(LABELS), **names}
    told = {"dataset": {"args": {"classes": list(LABELS)}}, "arch": {"args": args}}
    path = folder / "base.ckpt"
    state = transformers.BertForSequenceClassification(config).state_dict()
    torch.save({"config": told, "state_dict": state}, path)
    return path


def measure(tokens: int, count: int) -> Mapping[str, object]:
    """Processor time of a text, its wall time, and how far the scores are from Detoxify's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from detoxify import Detoxify
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = checkpoint(folder)
        theirs = Detoxify(checkpoint=str(path))
        ours = load(ScorerOptions(str(folder), detoxify="original", checkpoint=str(path)))
    torch.set_num_threads(1)
    texts = [" ".join(f"w{(7 * at + 13 * number) % 20_000}" for at in range(tokens - 2)) for number in range(count)]
    _tried(theirs.predict, ours, texts[:TOGETHER])
    seen = [_tried(theirs.predict, ours, texts[at : at + TOGETHER]) for at in range(0, count, TOGETHER)]
    return _figures(seen)


class _Tried(dict[str, tuple[float, float]]):
    """Seconds of the processor and of the wall for a text, by who scored it and how; and the differences."""

    differences: Sequence[float] = ()


def _tried(predict: Predict, ours: DetoxifyModel, texts: list[str]) -> _Tried:
    tried = _Tried()
    scores = []
    tried["predict"] = _timed(lambda: [predict(text) for text in texts], len(texts))
    tried["predict_list"] = _timed(lambda: predict(texts), len(texts))
    tried["alone"] = _timed(lambda: [ours.score([text]) for text in texts], len(texts))
    tried["together"] = _timed(lambda: scores.extend(ours.score(texts)), len(texts))
    wanted = predict(texts)
    tried.differences = [
        abs(row[place] - wanted[label][at]) for at, row in enumerate(scores) for place, label in enumerate(ours.labels)
    ]
    return tried


def _timed(step: Callable[[], object], texts: int) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    step()
    return (time.process_time() - cpu) / texts, (time.perf_counter() - wall) / texts


def _figures(seen: Sequence[_Tried]) -> Mapping[str, object]:
    cpu = {name: 1000 * statistics.median(one[name][0] for one in seen) for name in seen[0]}
    wall = {name: 1000 * statistics.median(one[name][1] for one in seen) for name in seen[0]}
    differences = [value for one in seen for value in one.differences]
    return {
        "speedup": round(cpu["predict"] / cpu["together"], 2),
        "speedup_alone": round(cpu["predict"] / cpu["alone"], 2),
        "speedup_over_lists": round(cpu["predict_list"] / cpu["together"], 2),
        "speedup_wall": round(wall["predict"] / wall["together"], 2),
        "cpu_ms": {name: round(value, 1) for name, value in cpu.items()},
        "wall_ms": {name: round(value, 1) for name, value in wall.items()},
        "int8_difference": {"max": round(max(differences), 5), "mean": round(statistics.fmean(differences), 5)},
        "threads": 1,
    }


if __name__ == "__main__":
    print(orjson.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))).decode())
