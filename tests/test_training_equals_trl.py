"""The loss and the gradients of our recipes and of TRL's trainers, on one batch with the same weights."""

import pytest
import torch
from datasets import Dataset
from peft import get_peft_model
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

from learner import LapSettings
from learner.lessons import Rating
from learner.pair import Pair
from learner.recipe_settings import DpoSettings, KtoSettings
from learner.recipes import dpo, kto
from learner.recipes.passes import of_pairs, of_ratings
from learner.starter import MODEL_DIR
from learner.training.policy import Policy, lora_config

QUIET = {
    "per_device_train_batch_size": 4, "bf16": False, "use_cpu": True, "report_to": [], "gradient_checkpointing": False,
    "disable_tqdm": True, "dataloader_pin_memory": False, "max_length": 2048,
}  # fmt: skip
ASKED = ["Where is my parcel?", "Hello!", "Which of the two is better, and why do you think so?", "Hello!"]
SAID = ["It is on its way.", "Good morning to you, and welcome.", "The first.", "Hi. What can I do for you today?"]
WORSE = ["I do not know, and I cannot find out.", "What?", "Neither of them is any good at all.", "Go."]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(MODEL_DIR)


def policy(tokenizer) -> Policy:
    """Three layers, the last two of them with an adapter that has learned something already."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = LlamaConfig(**sizes, vocab_size=len(tokenizer), num_hidden_layers=3, max_position_embeddings=2048)
    config.pad_token_id, config.eos_token_id, config.bos_token_id = tokenizer.pad_token_id, tokenizer.eos_token_id, None
    base = LlamaForCausalLM(config)
    tuned = get_peft_model(base, lora_config(base, LapSettings(lora_top_share=0.7, lora_rank=4)))
    made = Policy(tuned.eval(), tokenizer)
    assert made.halves is not None, made.whole_because
    assert made.halves.first == 1
    for name, weight in made.trained().items():
        torch.nn.init.normal_(weight, std=0.3 if "lora_B" in name else 0.1)
    return made


def gradients(policy: Policy, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    policy.model.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in policy.trained().items()}


def assert_same(policy: Policy, ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    found, wanted = gradients(policy, ours), gradients(policy, theirs)
    assert all(wanted[name].abs().max() > 0 for name in wanted)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-4 * float(gradient.abs().max()))


def as_answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def asked(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def their_loss(trainer, policy: Policy) -> torch.Tensor:
    if "ref" in policy.model.peft_config:  # a copy that TRL makes of an adapter which has learned already
        policy.model.delete_adapter("ref")
    rows = [trainer.train_dataset[number] for number in range(4)]
    return trainer._compute_loss(policy.model, trainer.data_collator(rows), return_outputs=False)


@pytest.mark.parametrize(
    ("loss", "sft", "smoothing"),
    [
        ("sigmoid", 0.0, 0.0),
        ("apo_zero", 0.7, 0.0),
        ("robust", 0.0, 0.2),
        ("ipo", 0.0, 0.0),
        ("sigmoid_norm", 0.0, 0.0),
    ],
)
def test_dpo(tokenizer, tmp_path, loss, sft, smoothing):
    ours = policy(tokenizer)
    pairs = [Pair(f"t-{n}", "p", tuple(asked(text)), SAID[n], WORSE[n], "comparison") for n, text in enumerate(ASKED)]
    settings = DpoSettings(loss=loss, beta=0.3, sft_weight=sft, flip_rate=smoothing)
    examples = of_pairs(tokenizer, pairs)
    ours.prepare([side for row in examples for side in row.sides], share=2, reference=True)
    value, figures = dpo.loss_of(settings)(ours, examples)
    rows = [
        {"prompt": asked(a), "chosen": as_answer(s), "rejected": as_answer(w)}
        for a, s, w in zip(ASKED, SAID, WORSE, strict=True)
    ]
    names = [loss, "sft"] if sft else [loss]
    arguments = DPOConfig(
        **QUIET, output_dir=str(tmp_path), loss_type=names, loss_weights=[1.0, sft] if sft else None, beta=0.3,
        label_smoothing=smoothing,
    )  # fmt: skip
    trainer = DPOTrainer(
        model=ours.model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer
    )
    theirs = their_loss(trainer, ours)
    assert_same(ours, value, theirs)
    assert figures["accuracy"] == pytest.approx(trainer._metrics["eval"]["rewards/accuracies"][-1])


@pytest.mark.parametrize("loss", ["kto", "apo_zero_unpaired"])
def test_kto(tokenizer, tmp_path, loss):
    ours = policy(tokenizer)
    good = [True, False, True, True]
    ratings = [Rating(f"t-{n}", "p", tuple(asked(text)), SAID[n], good[n], "thumb") for n, text in enumerate(ASKED)]
    settings = KtoSettings(loss=loss, beta=0.3, good_weight=1.0, bad_weight=2.5)
    examples = of_ratings(tokenizer, ratings)
    if loss == "kto":
        examples = kto.mismatched(4, 2048)(examples)
    value, figures = kto.loss_of(settings)(ours, examples)
    # TRL pairs neighbours in the order of its rows, so it gets them in ours.
    order = sorted(range(4), key=lambda n: of_ratings(tokenizer, ratings)[n].tokens)
    rows = [{"prompt": asked(ASKED[n]), "completion": as_answer(SAID[n]), "label": good[n]} for n in order]
    arguments = KTOConfig(
        **QUIET, output_dir=str(tmp_path), loss_type=loss, beta=0.3, desirable_weight=1.0, undesirable_weight=2.5
    )
    trainer = KTOTrainer(
        model=ours.model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer
    )
    assert_same(ours, value, their_loss(trainer, ours))
    assert figures["kl"] == pytest.approx(trainer._metrics["eval"]["kl"][-1], rel=1e-4, abs=1e-6)
