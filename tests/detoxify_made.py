"""Checkpoints in Detoxify's own format, of tiny models with random weights."""

from pathlib import Path

import torch
import transformers

LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{number}" for number in range(500))]


def checkpoint(folder: Path, *, max_length: bool = True, seed: int = 0, size: int = 32, range_: float = 0.6) -> Path:
    """A checkpoint beside a folder `model` with its configuration and tokenizer, which the checkpoint names."""
    model_dir = folder / "model"
    model_dir.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=size,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * size,
        num_labels=len(LABELS),
        initializer_range=range_,
    )
    config.save_pretrained(model_dir)
    (model_dir / "vocab.txt").write_text("\n".join(WORDS))
    length = {"model_max_length": 512} if max_length else {}
    transformers.BertTokenizer(str(model_dir / "vocab.txt"), **length).save_pretrained(model_dir)
    model = transformers.BertForSequenceClassification(config)
    path = folder / f"made-{seed}.ckpt"
    torch.save({"config": config_of(model_dir), "state_dict": model.state_dict()}, path)
    return path


def config_of(model_dir: Path) -> dict:
    args = {
        "model_type": str(model_dir),
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "BertTokenizer",
        "num_classes": len(LABELS),
    }
    return {"dataset": {"args": {"classes": list(LABELS)}}, "arch": {"type": "BERT", "args": args}}
