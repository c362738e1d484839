"""Detoxify's models by our own loader, from checkpoints made here in its own format."""

import json
import random
import warnings
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import save_file

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from detoxify import Detoxify

from safety import Context, Policy, ScorerFailed, Screen
from safety.scorer import ScorerClient, ScorerOptions
from safety.scorer.detoxify import load
from safety.scorer.encoder import Encoder
from safety.scorer.weights import published
from tests.detoxify_made import LABELS, checkpoint, config_of

MADE = random.Random(7)
TEXTS = [" ".join(f"w{MADE.randrange(500)}" for _ in range(words)) for words in (1, 7, 40, 200, 490)]


def options(home: Path, path: Path | str = "", **given) -> ScorerOptions:
    return ScorerOptions(str(home), detoxify="original", checkpoint=str(path), **given)


def predicted(path: Path, texts: list[str]) -> list[list[float]]:
    """By Detoxify itself, as our loader orders labels."""
    theirs = Detoxify(checkpoint=str(path))
    return [list(theirs.predict(text).values()) for text in texts]


@pytest.mark.parametrize("max_length", [True, False])
def test_scores_are_those_of_detoxify_itself(tmp_path, max_length):
    path = checkpoint(tmp_path, max_length=max_length)
    model = load(options(tmp_path, path, precision="fp32"))
    theirs = Detoxify(checkpoint=str(path))
    assert list(model.labels) == list(theirs.predict("w1"))
    assert torch.allclose(torch.tensor(model.score(TEXTS)), torch.tensor(predicted(path, TEXTS)), atol=1e-4)


def test_int8_stays_near_whatever_a_text_is_scored_beside(tmp_path):
    path = checkpoint(tmp_path, range_=0.1)
    ours, theirs = load(options(tmp_path, path)).score(TEXTS), predicted(path, TEXTS)
    assert torch.allclose(torch.tensor(ours), torch.tensor(theirs), atol=0.03)
    alone = load(options(tmp_path, path)).score(TEXTS[2:3])
    assert torch.allclose(torch.tensor(alone), torch.tensor(theirs[2:3]), atol=0.03)


@pytest.mark.parametrize("at", [0, 700, 1499])
def test_a_long_text_is_read_to_its_end(tmp_path, at):
    path = checkpoint(tmp_path, max_length=False)
    model = load(options(tmp_path, path, precision="fp32"))
    words = ["w1"] * 1500
    plain = model.score([" ".join(words)])[0]
    words[at : at + 1] = [f"w{number}" for number in range(300, 330)]
    assert model.score([" ".join(words)])[0] != pytest.approx(plain, abs=1e-3)


def test_safetensors_load_with_the_config_inside_or_with_the_labels_of_the_folder(tmp_path):
    path = checkpoint(tmp_path)
    loaded = torch.load(path, weights_only=True)
    inside, bare = tmp_path / "inside.safetensors", tmp_path / "bare.safetensors"
    save_file(loaded["state_dict"], inside, metadata={"config": json.dumps(loaded["config"])})
    save_file(loaded["state_dict"], bare)
    scores = load(options(tmp_path, path)).score(TEXTS)
    assert load(options(tmp_path, inside)).score(TEXTS) == scores
    assert load(options(tmp_path, bare, model_dir=str(tmp_path / "model"))).score(TEXTS) == scores


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def test_a_pickle_that_would_run_code_is_refused_and_never_run(tmp_path):
    good, marker = checkpoint(tmp_path), tmp_path / "it ran"
    loaded = torch.load(good, weights_only=True)
    evil = tmp_path / "evil.ckpt"
    torch.save({**loaded, "extra": Evil(marker)}, evil)
    with pytest.raises(ScorerFailed, match="could run code"):
        load(options(tmp_path, evil))
    assert not marker.exists()


def test_another_hash_than_the_given_or_the_first_is_refused(tmp_path):
    path = checkpoint(tmp_path)
    with pytest.raises(ScorerFailed, match="detoxify_sha256 is 00"):
        load(options(tmp_path, path, sha256="00"))
    load(options(tmp_path, path))
    path.write_bytes(checkpoint(tmp_path / "other", seed=1).read_bytes())
    with pytest.raises(ScorerFailed, match="has changed"):
        load(options(tmp_path, path))


def test_a_published_file_must_hash_as_its_name_says(tmp_path):
    there = tmp_path / "detoxify" / published("original").name
    there.parent.mkdir()
    there.write_bytes(checkpoint(tmp_path).read_bytes())
    with pytest.raises(ScorerFailed, match="begins with c1212f89"):
        load(options(tmp_path))


@pytest.mark.parametrize(
    ("loaded", "told"),
    [
        ({"state_dict": {}}, "needs `config`"),
        ({"config": {}, "state_dict": {"a": torch.zeros(1)}}, "none of Detoxify's"),
        ({"config": config_of(Path("nowhere")), "state_dict": {"a": torch.zeros(1)}}, "no model can be made"),
    ],
)
def test_what_is_no_checkpoint_is_told(tmp_path, loaded, told):
    torch.save(loaded, tmp_path / "bad.ckpt")
    with pytest.raises(ScorerFailed, match=told):
        load(options(tmp_path, tmp_path / "bad.ckpt"))


@pytest.mark.parametrize("family", ["Bert", "Roberta", "XLMRoberta"])
def test_texts_that_are_scored_together_score_as_by_transformers(family):
    torch.manual_seed(3)
    sizes = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48}
    config = getattr(transformers, f"{family}Config")(vocab_size=99, num_labels=5, initializer_range=0.5, **sizes)
    model = getattr(transformers, f"{family}ForSequenceClassification")(config).eval()
    texts = [[MADE.randrange(5, 99) for _ in range(size)] for size in (1, 9, 40)]
    with torch.inference_mode():
        theirs = torch.cat([model(input_ids=torch.tensor([text]))[0] for text in texts])
        assert torch.allclose(Encoder(model, int8=False)(texts), theirs, atol=1e-4)


def kept(tmp_path, path, **given) -> ScorerClient:
    return ScorerClient(options(tmp_path, path, classifier="tests.scorer_fakes:Words", **given))


RULES = '[filters.toxicity]\nmodel = "detoxify"\n[filters.toxicity.labels]\n"*" = { output = { block = 2.0 } }\n'


async def test_the_process_answers_with_detoxify_once_it_is_loaded_and_says_so(tmp_path, monkeypatch):
    path = checkpoint(tmp_path)
    client = kept(tmp_path, path)
    try:
        assert client.wait(60)
        assert client.status().told.startswith("Detoxify, original ")
        scores = await client.scores_async("detoxify", TEXTS[:2])
        assert scores[0].keys() == {"toxicity", "severe_toxicity", "identity_attack", *LABELS[2:5]}
        assert len(await client.scores_async("bundled", ["a"])) == 1
    finally:
        client.close()


@pytest.mark.parametrize("trouble", ["missing", "evil"])
async def test_without_its_weights_the_bundled_classifier_answers_and_the_status_says_why(
    tmp_path, trouble, monkeypatch
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    path: Path | str = ""
    if trouble == "evil":
        path = tmp_path / "evil.ckpt"
        torch.save(Evil(tmp_path / "it ran"), path)
    client = kept(tmp_path, path)
    try:
        assert client.wait(60)
        policy = Policy.parse(RULES.replace("2.0", "0.9"))
        screened = await Screen.from_policy(policy, client).check("an insult", Context("output"))
        assert (screened.decisive.filter_version, screened.decisive.failed) == ("bundled words 1", False)
        why = {"missing": "its weights are not there", "evil": "could run code"}[trouble]
        assert client.status().told.startswith("the bundled classifier, words 1; not Detoxify: ")
        assert why in client.status().why_not
        assert not (tmp_path / "it ran").exists()
    finally:
        client.close()
