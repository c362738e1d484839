"""What an adapter adapts, in models too small to say anything, and in which order it learns."""

import itertools
from collections import Counter

import pytest
from peft import get_peft_model
from transformers import BloomConfig, BloomForCausalLM, LlamaConfig, LlamaForCausalLM

from learner import LapSettings
from learner.pair import Pair
from learner.training.batches import drawn, in_batches
from learner.training.policy import lora_config

SIZES = {"vocab_size": 8, "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 4}
IN_LAYERS = LlamaForCausalLM(LlamaConfig(**SIZES, intermediate_size=8))  # model.layers.3.mlp.up_proj
IN_H = BloomForCausalLM(BloomConfig(**SIZES))  # transformer.h.3.mlp.dense_h_to_4h


@pytest.mark.parametrize(("model", "adapted"), [(IN_LAYERS, {"2", "3"}), (IN_H, {"0", "1", "2", "3"})])
def test_the_last_layers_are_adapted_and_all_of_a_model_that_names_its_layers_otherwise(model, adapted):
    lora = get_peft_model(model, lora_config(model, LapSettings(lora_top_share=0.5)))
    trained = [name for name, weight in lora.named_parameters() if weight.requires_grad]
    assert {part for name in trained for part in name.split(".") if part.isdecimal()} == adapted
    assert all("lora_" in name for name in trained)


def test_the_pairs_of_a_batch_are_about_as_long_and_the_batches_come_in_any_order():
    lengths = [(number * 37) % 100 for number in range(42)]
    batches = in_batches(lengths, lambda length: length, 4, seed=0)  # a pair is as good as its length here
    assert sorted(length for batch in batches for length in batch) == sorted(lengths)
    by_length = sorted(batches, key=min)
    assert all(max(shorter) < min(longer) for shorter, longer in itertools.pairwise(by_length))
    assert batches[:-1] != by_length[:-1]
    assert len(batches[-1]) == 2


def test_a_pair_is_met_as_often_as_it_weighs():
    pairs = [Pair(f"t-{n}", "p", (), "a", "b", "anchor", weight) for weight in (0.25, 1.0, 2.5) for n in range(400)]
    met = Counter(pair.weight for pair in drawn(pairs, seed=0))
    assert met[1.0] == 400
    assert met[0.25] == pytest.approx(100, abs=30)
    assert met[2.5] == pytest.approx(1000, abs=40)
