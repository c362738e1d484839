"""Augmentations: what is changed, what never is, whose a row is, and what is right of it after."""

import json
import random
import re
from collections import Counter
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from learner import BadFile, LapSettings
from learner.augment import STEPS, Measured, augment, write_measured
from learner.lessons import Lessons
from learner.pair import Pair
from learner.starter import MODEL_DIR, questions, render, score
from learner.trust.claims import claims

SETTINGS = LapSettings()
CHEAP = ("synonyms", "insertion", "typos", "counterfactual")


def shop(count: int = 120) -> list[Pair]:
    """Pairs on the starter's questions, whose chosen answer is right."""
    rng, asked = random.Random(1), questions(5, count)
    made = []
    for number, question in enumerate(asked):
        warm, terse = (render(question.intent, style, rng, question.order) for style in ("warm", "terse"))
        made.append(Pair(f"t{number}", f"p{number % 40}", question.messages, warm, terse, "comparison"))
    return made


def about(text: str, chosen: str = "Yes.", rejected: str = "No.") -> Lessons:
    return Lessons([Pair("t", "p", ({"role": "user", "content": text},), chosen, rejected, "comparison")])


def taken(names: str, lessons: Lessons, **settings: object):
    more, reports = augment(lessons, replace(SETTINGS, augment=names, **settings))
    assert list(more.pairs[: len(lessons.pairs)]) == list(lessons.pairs) or "reweighting" in names
    return list(more.pairs[len(lessons.pairs) :]), reports


@pytest.mark.parametrize("name", CHEAP)
def test_a_step_makes_rows_of_the_same_people_that_still_mean_what_they_meant(name):
    pairs = shop()
    made, (report,) = taken(name, Lessons(pairs))
    of_turn = {pair.turn_id: pair for pair in pairs}
    assert report.added == len(made) > 5
    assert report.added + sum(report.left.values()) >= report.of == len(pairs)
    asked = {f"t{number}": question for number, question in enumerate(questions(5, 120))}
    for row in made:
        origin = of_turn[row.turn_id]
        assert (row.person, row.source) == (origin.person, "augmentation")
        assert 0 < row.weight <= origin.weight * SETTINGS.augment_weight
        assert row.prompt != origin.prompt
        question = asked[row.turn_id]
        for now, was in ((row.chosen, origin.chosen), (row.rejected, origin.rejected)):
            before, after = (score(question.intent, text, question.order) for text in (was, now))
            assert before.right == after.right
        numbers = [set(re.findall(r"\d+", one.prompt[-1]["content"])) for one in (row, origin)]
        assert numbers[0] == numbers[1]


@pytest.mark.parametrize("name", CHEAP)
def test_without_one_person_the_rows_of_all_others_are_made_as_before(name):
    pairs = shop(60)
    whole, _ = taken(name, Lessons(pairs))
    fewer, _ = taken(name, Lessons([pair for pair in pairs if pair.person != "p3"]))
    assert fewer == [row for row in whole if row.person != "p3"]
    if name != "counterfactual":  # few of so few questions leave it a choice
        assert taken(name, Lessons(pairs), seed=1)[0] != whole


def test_numbers_names_links_and_placeholders_stay_as_they_are():
    text = "Please tell me where order 48213 to Whitcombe is, I bought it at https://a.example/buy and <EMAIL> was told"
    for seed in range(20):
        for name in ("synonyms", "insertion", "typos"):
            for row in taken(name, about(text), seed=seed)[0]:
                said = row.prompt[-1]["content"]
                assert claims(text) == claims(said)
                assert "<EMAIL>" in said


def test_an_exchange_goes_through_the_answers_too_and_is_left_out_where_only_they_speak_of_anybody():
    made, _ = taken("counterfactual", about("My wife asks: may she return it?", "Yes, she may.", "No, she may not."))
    assert ("My husband asks: may he return it?", "Yes, he may.", "No, he may not.") in [
        (row.prompt[-1]["content"], row.chosen, row.rejected) for row in made
    ]
    assert taken("counterfactual", about("May it be returned?", "Yes, she may.", "No."))[0] == []


def test_what_was_made_is_not_made_from_again():
    pairs = [replace(pair, source=source) for pair, source in zip(shop(2), ("anchor", "augmentation"), strict=True)]
    assert taken(",".join(CHEAP), Lessons(pairs))[0] == []


def test_an_audit_gives_rows_about_whom_it_found_worse_treated_more_weight(tmp_path):
    gap = {"target": "model", "axis": "gender", "outcome": "quality", "reference": "men"}
    shown = {**gap, "group": "women", "difference": -0.1, "low": -0.15, "high": -0.05}
    chance = {**gap, "group": "men", "difference": -0.2, "low": -0.5, "high": 0.1}
    path = tmp_path / "audit.json"
    path.write_text(json.dumps({"comparisons": [shown, chance]}))
    lessons = Lessons([*about("My wife asks").pairs, *about("My husband asks").pairs, *about("Somebody asks").pairs])
    more, (report,) = augment(lessons, replace(SETTINGS, augment="reweighting", augment_audit=str(path)))
    assert [pair.weight for pair in more.pairs] == [2.0, 1.0, 1.0]
    assert report.added == 0
    assert "women 0.10" in report.note
    path.write_text("{}")
    with pytest.raises(BadFile, match="audit-bias"):
        augment(lessons, replace(SETTINGS, augment="reweighting", augment_audit=str(path)))


def test_rows_near_wrong_answers_come_again_and_new_ones_are_right_where_the_model_was_wrong(tmp_path):
    wrong = "Delivery takes 99 days."
    measured = [Measured(f"how long does delivery take {n}", 0.0, "delivery_time", wrong) for n in range(5)]
    measured += [Measured(f"do you sell gift cards {n}", 1.0, "gift_card") for n in range(15)]
    write_measured(tmp_path / "measured.jsonl", measured)
    lessons = Lessons([*about("how long does delivery take").pairs, *about("do you sell gift cards").pairs])
    made, _ = taken("weak-spots", lessons, augment_measured=str(tmp_path / "measured.jsonl"))
    again = [row for row in made if row.person == "p"]
    assert [row.prompt[-1]["content"] for row in again] == ["how long does delivery take"]
    new = [row for row in made if row.person != "p"]
    assert len(new) > 5
    assert all(score("delivery_time", row.chosen).right and row.rejected == wrong for row in new)


def test_a_name_that_is_no_step_is_refused_with_those_there_are():
    with pytest.raises(BadFile, match=r"'typo'.*typos"):
        augment(Lessons(), replace(SETTINGS, augment="typo"))
    assert Counter(STEPS).keys() >= set(CHEAP)


THERE, BACK = "wie lange dauert die lieferung", "how many days until it is delivered"


def taught(folder, asked: str, said: str) -> str:
    """A tiny model of the T5 kind that has learned to say one thing."""
    words = sorted({*asked.split(), *said.split()})
    vocabulary = {word: place for place, word in enumerate(["<pad>", "</s>", "<unk>", *words])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    torch.manual_seed(0)
    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 32, "num_layers": 1, "num_heads": 2, "dropout_rate": 0.0}
    model = T5ForConditionalGeneration(
        T5Config(vocab_size=len(vocabulary), **sizes, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1)
    )
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    inputs, labels = (tokenizer(text, return_tensors="pt").input_ids for text in (asked, said))
    for _ in range(60):
        model(input_ids=inputs, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    for one in (tokenizer, model):
        one.save_pretrained(folder)
    return str(folder)


def test_a_question_goes_there_and_back_and_what_lost_its_number_is_left_out(tmp_path):
    asked = "how long does delivery take"
    both = f"{taught(tmp_path / 'there', asked, THERE)},{taught(tmp_path / 'back', THERE, BACK)}"
    made, _ = taken("back-translation", about(asked), augment_translation=both)
    assert [row.prompt[-1]["content"] for row in made] == [BACK]
    assert (made[0].chosen, made[0].person, made[0].source) == ("Yes.", "p", "augmentation")
    made, (report,) = taken("back-translation", about("how long does order 48213 take"), augment_translation=both)
    assert made == []
    assert report.left == {"a name, a number or a link came or went": 1}
    with pytest.raises(BadFile, match="THERE,BACK"):
        taken("back-translation", about(asked), augment_translation="one")
    with pytest.raises(BadFile, match="cannot be loaded"):
        taken("back-translation", about(asked), augment_translation=f"{tmp_path}/x,{tmp_path}/y")


def test_a_model_that_answers_instead_of_rephrasing_adds_nothing():
    made, (report,) = taken("paraphrase", Lessons(shop(6)), augment_paraphrase=str(MODEL_DIR))
    assert report.added == len(made)
    assert report.added + sum(report.left.values()) == 6
    for row in made:  # what passes has words of the question, and the same numbers
        origin = next(pair for pair in shop(6) if pair.turn_id == row.turn_id)
        assert claims(row.prompt[-1]["content"]) == claims(origin.prompt[-1]["content"])
    with pytest.raises(BadFile, match="augment_paraphrase"):
        taken("paraphrase", Lessons(shop(1)))
