"""Presidio's recognisers as a filter that can be turned on, and a model of names in the scorer beside them."""

import json

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

from safety import BadPolicy, Context, Policy, Screen
from safety.entities import Entity, as_scores, entities_of
from safety.policy import BUNDLED
from safety.scorer import ScorerClient, ScorerOptions

NAMES = ["[PAD]", "[UNK]", "anna", "berg", "lives", "in", "hamburg", "and", "works", ",", "."]
LABELS = ["O", "B-PER", "I-PER", "B-LOC"]
OF_WORD = {"anna": 1, "berg": 2, "hamburg": 3}
INPUT = Context("input")
ON = BUNDLED.read_text().replace("[filters.presidio]\nenabled = false\n", "[filters.presidio]\n")


@pytest.fixture(scope="module")
def model_of_names(tmp_path_factory):
    """A BERT of one layer that adds nothing: the head knows each word's label by its embedding."""
    folder = tmp_path_factory.mktemp("names")
    vocabulary = {word: at for at, word in enumerate(NAMES)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    from tokenizers.normalizers import Lowercase

    words.normalizer = Lowercase()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]", model_max_length=64
    ).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(NAMES), hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        max_position_embeddings=64, num_labels=len(LABELS), id2label=dict(enumerate(LABELS)),
    )  # fmt: skip
    model = transformers.BertForTokenClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for name, parameter in model.named_parameters():
            if "LayerNorm.weight" in name:
                parameter.fill_(1)
        embeddings = model.bert.embeddings.word_embeddings.weight
        embeddings += torch.eye(len(NAMES), 16) * 4
        for word, at in vocabulary.items():
            model.classifier.weight[OF_WORD.get(word, 0), at] = 4
    model.save_pretrained(folder)
    assert (folder / "model.safetensors").is_file()
    return folder


@pytest.fixture(scope="module")
def scorer(model_of_names, tmp_path_factory):
    client = ScorerClient(
        ScorerOptions(str(tmp_path_factory.mktemp("scorer")), names=str(model_of_names)), timeout_s=60
    )
    client.start()
    assert client.wait(60)
    yield client
    client.close()


def test_the_scorer_finds_names_and_says_where(scorer, model_of_names):
    text = "Anna Berg lives in Hamburg, and Anna works."
    (found,) = scorer.scores("names", [text])
    assert [(text[one.start : one.end], one.label) for one in entities_of(found)] == [
        ("Anna Berg", "person"), ("Hamburg", "location"), ("Anna", "person"),
    ]  # fmt: skip
    assert scorer.version("names") == model_of_names.name
    long = "and works . " * 60 + text
    (found,) = scorer.scores("names", [long])
    assert {long[one.start : one.end] for one in entities_of(found)} == {"Anna Berg", "Hamburg", "Anna"}
    assert list(scorer.scores("bundled", ["hello"])[0])  # the classifier answers beside it


def test_entities_come_back_from_their_form_as_scores():
    entities = [Entity(0, 4, "date of birth", 0.5), Entity(9, 11, "person", 0.25)]
    assert entities_of(json.loads(json.dumps(as_scores(entities)))) == entities


def test_without_the_extra_the_policy_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "presidio_analyzer", None)
    from safety.filters import presidio

    presidio._analyzer.cache_clear()
    with pytest.raises(BadPolicy, match="install the extra"):
        Screen.from_policy(Policy.parse(ON))
    presidio._analyzer.cache_clear()


@pytest.fixture(scope="module")
def screen(scorer):
    pytest.importorskip("presidio_analyzer", reason="the extra `presidio` is not installed")
    policy = Policy.parse(ON).with_options("presidio", {"names": True})
    kept = tuple(entry for entry in policy.entries if entry.name == "presidio")
    return Screen.from_policy(Policy(kept, "block"), scorer)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("write to jo@corp.example.com now", "write to [email address] now"),
        ("my social security number is 536-90-4399", "my social security number is [us ssn]"),
        ("Anna Berg lives in Hamburg", "[person] lives in [location]"),
        ("see https://fernway.example/a on Monday", "see https://fernway.example/a on Monday"),
    ],
)
async def test_it_masks_what_recognisers_and_the_model_find(screen, text, shown):
    assert (await screen.check(text, INPUT)).text == shown


async def test_it_masks_in_a_stream(screen):
    stream = screen.stream(Context("output"))
    text = "Anna Berg lives in Hamburg and works. Mail jo@corp.example.com ."
    shown = [await stream.feed(text[at : at + 7]) for at in range(0, len(text), 7)]
    whole = "".join([*shown, await stream.finish()])
    assert "Berg" not in whole and "Hamburg" not in whole and "corp" not in whole
