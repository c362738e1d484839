"""Self-review: what a model finds in its own answers, what becomes of it, and what does not."""

import json

from learner.self_review import Past, examined
from learner.self_review.agreement import Said, Words, conflict
from learner.self_review.run import facts_of, pairs_of, past
from learner.starter import MODEL_DIR
from tests.history import History, people
from tests.pages_server import services

ASKED = "how long does delivery take?"
RIGHT = "Delivery takes 2 to 4 working days."


def answer(turn: str, text: str, *samples: str, question: str = ASKED, may_teach: bool = True) -> Past:
    return Past(turn, "p", [{"role": "user", "content": question}], text, samples, may_teach)


def house_talk(count: int = 30) -> list[Past]:
    """Answers on many subjects, so that it shows which words tell a subject."""
    things = ("vouchers", "carpets", "lanterns", "kettles", "mirrors", "ladders")
    return [
        answer(
            f"talk-{n}",
            f"I hope that helps. Look for {things[n % 6]} in the list.",
            question=f"about {things[n % 6]} {n}",
        )
        for n in range(count)
    ]


def test_an_answer_that_no_other_sample_gives_is_found_and_what_they_agree_on_is_preferred():
    samples = (RIGHT, "It comes within 2 to 4 working days.", "Delivery: 2 to 4 working days.", RIGHT)
    odd = answer("odd", "Gift wrapping is chosen at checkout.", *samples)
    wordy = "I hope that helps. Your delivery takes 2 to 4 working days, look for the list."
    found = examined([odd, answer("same", RIGHT, *samples), answer("wordy", wordy, *samples), *house_talk()], None)
    assert [(one.turn_id, one.kind) for one in found] == [("odd", "inconsistent")]
    (pair,) = pairs_of([odd], found)
    assert (pair.turn_id, pair.person, pair.rejected, pair.source) == ("odd", "p", odd.answer, "self-review")
    assert "2 to 4" in pair.chosen
    silent = answer("odd", odd.answer, *samples, may_teach=False)
    assert pairs_of([silent], found) == []


def test_samples_that_do_not_agree_with_one_another_find_nothing():
    apart = ("Pay by card.", "The garden opens in May.", "Boxes are recycled.", "Ask a neighbour.")
    assert examined([answer("odd", "Gift wrapping is free.", *apart), *house_talk()], None) == []


def test_a_value_against_several_answers_to_nearly_the_same_question_is_found_with_its_place():
    said = [
        answer(f"t{n}", "It takes 3 days.", question=f"how long does the delivery take {'.?!'[n]}") for n in range(3)
    ]
    (found,) = examined(
        [*said, answer("odd", "Good day! It takes 9 days.", question="How long does the delivery take")], None
    )
    assert (found.turn_id, found.kind) == ("odd", "contradicts itself")
    assert "Good day! It takes 9 days."[found.start : found.end] == "9 days"


def test_a_value_against_the_facts_beside_the_model_is_found():
    (found,) = examined(
        [answer("odd", "Delivery takes 9 working days."), answer("fine", RIGHT)], facts_of(str(MODEL_DIR))
    )
    assert (found.turn_id, found.kind) == ("odd", "contradicts the facts")
    assert "9" in "Delivery takes 9 working days."[found.start : found.end]


def test_values_conflict_where_none_of_a_kind_is_shared():
    one, other = Said.of("It takes 3 days and costs 5 euros."), Said.of("It takes 4 days.")
    assert conflict(one, other) == {"3 day"}
    assert conflict(other, Said.of("Within 4 days, at most 9 days.")) == set()
    assert Words.of(["a b c"]).overlaps(["", "of it"]).min() == 1.0


async def test_a_run_reads_past_answers_and_reviewers_see_what_it_found(tmp_path):
    built = services(tmp_path / "home")
    try:
        history = History(built.store)
        (learner,), (judge,) = people("learn", 1), people("decide", 1)
        odd = history.answer(learner, "Delivery takes 99 working days.", prompt=ASKED)
        history.answer(judge, RIGHT, prompt=ASKED)
        waits = history.answer(learner, "Delivery takes 77 working days.", prompt=ASKED)
        history.say(learner, waits, vote=-1)
        built.store.snapshot(tmp_path / "events")
        assert {one.may_teach for one in past(tmp_path / "events", 10)} == {True, False}
        run_id = built.learner.self_review(10)
        built.learner.wait(400)
        run = built.learner.run(run_id)
        assert (run["state"], run["outcome"]) == ("succeeded", "reviewed"), run["reason"]
        kept = json.loads((built.settings.home / "runs" / run_id / "self_review.json").read_text())
        assert odd in {one["turn_id"] for one in kept["findings"]}
        items = {item.turn_id: item for item in built.reviews.queue()}
        assert items[odd].why == ("self-review",)
        assert items[odd].reason.count("contradicts the facts") == 1
        assert items[waits].why == ("down-voted",)
        read = {item.turn_id for item in built.reviews.queue("self-review")}
        assert odd in read
        assert waits not in read
    finally:
        built.learner.close()
        built.screen.close()
        built.store.close()
