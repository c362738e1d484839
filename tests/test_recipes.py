"""Recipes: which is chosen and why, how their settings are written, and a run on a dataset without any server."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from learner import BadRecipeSetting, LapSettings
from learner.adapter import check_adapter
from learner.lessons import Lessons, Rating
from learner.pair import Pair
from learner.recipe_settings import DpoSettings, KtoSettings
from learner.recipes.choose import choose
from learner.starter import questions
from tests.real_server import ratchet

ASKED = ({"role": "user", "content": "Hello!"},)


def pairs(count: int, source: str = "comparison") -> list[Pair]:
    return [Pair(f"t-{n}", f"p-{n}", ASKED, "Good day.", "What?", source) for n in range(count)]


def thumbs(up: int, down: int) -> list[Rating]:
    return [Rating(f"t-{n}", f"p-{n}", ASKED, "Good day.", n < up, "thumb") for n in range(up + down)]


def written(count: int) -> list[Rating]:
    return [Rating(f"t-{n}", "import", ASKED, "Good day.", True, "demonstration") for n in range(count)]


@pytest.mark.parametrize(
    ("lessons", "recipe"),
    [
        (Lessons(pairs(20)), "dpo"),
        (Lessons(pairs(19), thumbs(40, 40)), "kto"),
        (Lessons(pairs(5), thumbs(30, 0)), "kto"),  # a pair's other side is bad
        (Lessons((), thumbs(5, 5) + written(20)), "kto"),
        (Lessons((), written(20)), "sft"),
        (Lessons(pairs(200, "anchor")), None),  # clean pairs alone teach nobody's taste
        (Lessons((), thumbs(100, 0)), None),
        (Lessons(), None),
    ],
)
def test_the_recipe_fits_what_people_said(lessons, recipe):
    chosen = choose(lessons, LapSettings())
    assert (chosen.recipe and chosen.recipe.name) == recipe
    assert chosen.reason.endswith(".")


def test_a_recipe_that_the_settings_name_says_what_it_lacks():
    settings = LapSettings(recipe="kto")
    assert choose(Lessons(pairs(20)), settings).recipe.name == "kto"
    assert choose(Lessons((), thumbs(30, 0)), settings) == (
        None,
        "30 rated answers, all of them good: both kinds are needed.",
    )


def test_the_words_of_a_recipe_go_above_its_defaults():
    settings = LapSettings(dpo_beta=0.5, dpo_epochs=4, recipe_settings="dpo.beta=0.2 kto.bad_weight=1.5, kto.epochs=3")
    assert settings.of(DpoSettings) == DpoSettings(beta=0.2, epochs=4)
    assert settings.of(KtoSettings) == KtoSettings(bad_weight=1.5, epochs=3)
    assert LapSettings.from_values(json.loads(json.dumps(settings.to_values()))) == settings


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("kto.beta", "'kto.beta' sets nothing; write a recipe's setting as in kto.beta=0.2."),
        ("ppo.beta=1", "There is no recipe 'ppo' with settings; there are "),
        ("kto.gamma=1", "kto has no setting 'gamma'; it has epochs, batch, "),
        ("kto.beta=-1", "kto.beta is -1; it must be from 0.001 to "),
        ("kto.epochs=1.5", "kto.epochs is '1.5'; it must be a whole number."),
        ("kto.beta=nan", "kto.beta is 'nan'; it must be a number."),
        ("dpo.loss=hinge", "dpo.loss is 'hinge'; it must be one of apo_zero, "),
        (
            "lora.use_dora=true",
            "lora.use_dora cannot be set: the engine serves no DoRA, so adapters are made without it.",
        ),
        ("lora.modules_to_save=lm_head", "lora.modules_to_save cannot be set: the engine takes no whole layers "),
    ],
)
def test_what_cannot_be_set_is_refused_when_settings_are_read_with_the_reason(words, told):
    with pytest.raises(BadRecipeSetting) as refused:
        LapSettings(recipe_settings=words)
    assert str(refused.value).startswith(told)


def test_a_dataset_of_thumbs_trains_by_kto_and_is_measured_on_its_held_out_rows(tmp_path):
    for name, first, count in (("ratings", 0, 24), ("judge_ratings", 100, 8)):
        rows = [
            {
                "turn_id": f"t-{n}", "person": f"p-{n}", "prompt": list(asked.messages), "good": n % 2 == 0,
                "completion": "Yes." if n % 2 == 0 else "I would rather not say anything about that at all.",
                "source": "thumb", "weight": 1.0,
            }
            for n, asked in enumerate(questions(first, count))
        ]  # fmt: skip
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    out = tmp_path / "out"
    done = ratchet("learn", "--dataset", str(tmp_path), "--out", str(out), "--home", str(tmp_path / "home"), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["recipe"], told["measure"], told["judged"]) == ("kto", "area under the ROC curve", 8)
    assert told["held_out_after"] > told["held_out_before"]
    assert (told["training"]["rows"], told["training"]["steps"]) == (24, 6)
    check_adapter(out / "adapter", 16)
    assert not (out / "checkpoints").exists()
    figures = [json.loads(line) for line in (out / "figures.jsonl").read_text().splitlines()]
    assert [line["step"] for line in figures] == list(range(1, 7))
    refused = ratchet("learn", "--dataset", str(tmp_path), "--recipe", "dpo", "--home", str(tmp_path / "home"))
    assert "ratchet: Not enough to learn from in " in refused.stderr
