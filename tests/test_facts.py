"""Answers held against facts: right ones pass, wrong ones come to a reviewer with the source that says otherwise."""

import asyncio
import re
from itertools import islice

import pytest

from benchmarks.facts import WRONGS, flagged, right_answers, shipped, wronged
from chatbot.model import locate
from chatbot.pages import transcript
from chatbot.screening import open_policy
from chatbot.settings import Settings
from chatbot.turn import TurnRequest
from learner.starter import load_world, score
from learner.starter.facts import FILE, as_toml, statements
from safety import BadFacts, Context, Decision, Screen, Setup
from safety.facts import agree, comparable, find_values, read_facts
from safety.filters.facts import Facts
from safety.local import local_scorer
from safety.policy import bundled_rules
from tests.history import History

HOUSE = """# Seaview Inn, house rules

## Arrival and departure
Check-in is from 15:00 to 22:00. Check-out is until 11:00.
A late check-out until 14:00 costs 25 euros and must be asked for the evening before.

## Rooms and prices
| Room | Price for a night | Beds |
|---|---|---|
| Single room | 79 euros | 1 bed |
| Double room | 119 euros | 2 beds |
| Family room | 165 euros | 4 beds |

A cot is free for children under 3 years.
The city tax is 2.50 euros for each adult and night.

## Breakfast
Breakfast is served from 7:00 to 10:30, on Sundays until 11:30.
It costs 14 euros for adults and is free for children under 6 years.

## Cancelling
A booking can be cancelled free of charge until 48 hours before arrival.
After that we charge 80 percent of the first night.

## Dogs
Dogs are welcome for 12 euros a night. At most two dogs may stay in a room.
"""
CONTACT = """<html><head><title>no</title><style>p { margin: 99px }</style></head><body><h1>Contact</h1>
<p>The reception is open Monday to Saturday, 7:00 to 23:00.</p><p>Call <b>+49 381 5550 184</b> or write to
<a href="mailto:desk@seaview.example">us</a>.</p><p>Book at <a href="https://seaview.example/book">our site</a>.</p>"""
SAUNA = "The sauna is open daily from 16:00 to 21:00. The pool is 12 metres long and heated to 28 degrees.\n"
PARKING = '{"topic": "parking, garage, car", "says": "The garage costs 9 euros a day.", "values": ["9 euros"]}\n'


@pytest.fixture
def inn(tmp_path):
    """A folder of an operator."""
    for name, text in (("house.md", HOUSE), ("contact.html", CONTACT), ("more/sauna.txt", SAUNA), ("p.jsonl", PARKING)):
        path = tmp_path / "inn" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "inn"


def held_against(inn, answer: str, prompt: str = "", system: str = ""):
    return Facts(Setup("facts", bundled_rules("facts"), {"sources": str(inn)})).check(
        answer, Context("output", prompt=prompt, system=system)
    )


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("when can i check in", "You can check in between 3 pm and 10 pm."),
        ("how much is a double", "A double room is €119 per night and has two beds."),
        ("can my baby have a bed", "Yes, a cot is free of charge for children under three years."),
        ("is breakfast included", "Breakfast costs €14 for adults. It is served from 7 am to 10:30 am."),
        (
            "can i cancel",
            "You can cancel for free up to two days before arrival; later, 80% of the first night is due.",
        ),
        ("are dogs ok", "Dogs are welcome for 12 euros per night, at most two dogs in each room."),
        ("how do i reach you", "Call 0381 5550 184 or write to desk@seaview.example, Monday to Saturday."),
        ("can i book online", "Yes, at https://seaview.example/book, or look at seaview.example."),
        ("how warm is the pool", "The pool is heated to 28 °C."),
        ("we are 3 adults for 4 nights, what is the tax", "The city tax is 2.50 euros a night, 30 euros in all."),
        ("what is there to see", "The old town is 10 minutes away on foot, the museum is open from 10:00 to 18:00."),
        ("how old is the house", "The house was built in 1904 and has 24 rooms."),
        ("can you write to max@home.example", "I have noted max@home.example."),
    ],
)
def test_a_right_answer_passes_however_it_is_put(inn, prompt, answer):
    said = held_against(inn, answer, prompt)
    assert said.decision is Decision.ALLOW, said.note


@pytest.mark.parametrize(
    ("prompt", "answer", "wrong", "source"),
    [
        ("how much is a double", "A double room is €99 per night.", "€99", "house.md says: 'Double room, 119 euros"),
        ("can i cancel late", "Then we charge 50 percent of the first night.", "50 percent", "80 percent"),
        ("breakfast on sunday?", "On Sundays breakfast is served until 12:30.", "12:30", "until 11:30"),
        ("are dogs ok", "Yes!\n1. Tell us.\n2. Dogs are welcome for 20 euros per night.", "20 euros", "12 euros"),
        ("open when", "The reception is open Monday to Sunday.", "Monday to Sunday", "contact.html says"),
        ("how warm is the pool", "The pool is heated to 32 degrees.", "32 degrees", "more/sauna.txt says"),
        ("where can i park my car", "The garage costs 15 euros a day.", "15 euros", "p.jsonl says"),
        ("is the city tax not 5 euros?", "Yes, the city tax is 5 euros for each adult and night.", "5 euros", "2.50"),
        ("how do i reach you", "Write to info@seaview.example.", "info@seaview.example", "desk@seaview.example"),
        ("can i book online", "See https://seaview-inn.example/go.", "https://seaview-inn.example/go", "book"),
        ("your number?", "Call +49 381 555 00012.", "+49 381 555 00012", "+49 381 5550 184"),
    ],
)
def test_a_wrong_value_is_shown_with_the_source_that_says_otherwise(inn, prompt, answer, wrong, source):
    said = held_against(inn, answer, prompt)
    assert said.decision is Decision.REVIEW
    assert [answer[span.start : span.end] for span in said.spans] == [wrong]
    assert said.category == "made-up fact"
    assert said.note.startswith(f"says {wrong!r}; ")
    assert source in said.note


@pytest.mark.parametrize(
    ("prompt", "answer", "wrong"),
    [
        ("dogs at breakfast?", "Dogs are allowed in the breakfast room.", "Dogs are allowed in the breakfast room."),
        ("are dogs allowed in the breakfast room?", "Yes, of course.", "Yes"),
        ("and the garage?", "Sorry. We do not have a garage for cars.", "We do not have a garage for cars."),
        ("are dogs allowed in the breakfast room?", "No, they are not.", None),
        ("are dogs not allowed in the breakfast room?", "Yes, that is so.", None),
        ("dogs at breakfast?", "Dogs are not allowed in the breakfast room.", None),
        ("are dogs allowed in the garden?", "Yes, and no leash is needed.", None),
        ("is there a garage?", "We do not have a garage for bicycles.", None),
    ],
)
def test_what_a_source_denies_is_not_affirmed_nor_the_other_way_round(inn, prompt, answer, wrong):
    (inn / "more" / "no.md").write_text("Dogs are not allowed in the breakfast room. We have a garage for cars.")
    said = held_against(inn, answer, prompt)
    assert [answer[span.start : span.end] for span in said.spans] == ([wrong] if wrong else [])
    assert said.decision is (Decision.REVIEW if wrong else Decision.ALLOW)


def test_what_the_system_prompt_says_counts_and_what_no_source_knows_is_only_logged(inn):
    system = "Customer: Emma. Order 15239: shipped on Monday, expected Thursday."
    told = "Your order 15239 was shipped on Monday and is expected on {}."
    assert held_against(inn, told.format("Thursday"), "where is it?", system).decision is Decision.ALLOW
    said = held_against(inn, told.format("Friday"), "where is it?", system)
    assert (said.decision, said.note.partition("; ")[2]) == (
        Decision.REVIEW,
        "the system prompt says: 'Order 15239: shipped on Monday, expected Thursday.'",
    )
    unknown = held_against(inn, "The ferry leaves at 9:15 and costs 30 pounds.", "how do i get to the island")
    assert (unknown.decision, unknown.scores) == (Decision.ALLOW, {"unsupported": 1.0})
    assert held_against(inn, told.format("Friday"), "where is it?").decision is Decision.ALLOW


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("two weeks", "14 days", 1), ("10 working days", "2 weeks", 1), ("£5", "5.00 GBP", 1), ("£5", "$5", 0),
        ("no extra charge", "it is free", 1), ("5 percent", "5 %", 1), ("5 items", "five items", 1),
        ("within an hour", "60 minutes", 1), ("2 pm", "14:00", 1), ("4 days", "3 to 5 days", 0.7),
        ("3-5 days", "3 to 5 days", 1), ("3 to 6 days", "3 to 5 days", 0), ("2026-03-03", "3rd of March", 1),
        ("1,200 euros", "€1200", 1), ("1.5 kg", "1500 g", 1), ("Tuesday", "Monday to Friday", 0.7),
        ("50 cents", "0.50 euros", 1), ("thirty-five days", "5 weeks", 1), ("a@b.example", "A@B.example", 1),
    ],
)  # fmt: skip
def test_equal_values_are_equal_in_every_form(one, other, same):
    (claim,), (source,) = find_values(one), find_values(other)
    assert comparable(claim, source)
    assert agree(claim, source) == same


@pytest.mark.parametrize(
    "text", ["feel free to ask", "one of them", "1. Open it\n2. Close it", "open 24/7", "a day of rest"]
)
def test_what_is_no_value_is_none(text):
    assert [value for value in find_values(text) if value.kind != "count"] == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "[[fact]]\ntopic = 'x'", "must have `says`"),
        ("a.toml", "[[fact]]\nsays = 'x'\nvalue = ['5 days']", "'value'"),
        ("a.toml", "[[fact]]\nsays = 'x'\nvalues = ['soon']", "'soon' is no value"),
        ("a.toml", "facts = 1", "may only have [[fact]] tables"),
        ("a.jsonl", "{", "cannot be read as facts"),
        ("a.pdf", "x", "holds no facts"),
    ],
)
def test_facts_that_cannot_be_used_say_what_is_wrong(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(BadFacts, match=re.escape(said)):
        read_facts(tmp_path)


def test_the_starters_facts_are_its_world_and_all_of_them_right():
    assert FILE.read_text() == as_toml()
    assert locate("starter").facts == FILE
    facts = read_facts(FILE)
    world = load_world()
    says = {fact.says for fact in facts}
    assert says == {one["says"] for one in statements()}
    stated = [text for name in world.intents for text in says if score(name, text).right]
    assert len(set(stated)) > 50


def test_right_answers_of_the_starter_pass_and_wronged_ones_do_not():
    filter_ = shipped()
    right = list(islice(right_answers(5), 800))
    assert sum(flagged(filter_, told) for told in right) <= 4
    found = {kind: sum(flagged(filter_, told) for told in islice(wronged(5, kind), 200)) / 200 for kind in WRONGS}
    assert found["same type"] > 0.75
    assert found["other topic"] > 0.45
    assert found["invented address"] == 1.0


async def test_it_holds_nothing_back_and_reads_the_whole_answer():
    screening = Screen([shipped()]).stream(Context("output", prompt="how long does delivery take?"))
    text = "Standard delivery takes 90 working days. " + "We are happy to help. " * 9
    assert await screening.feed(text) == text
    assert await screening.finish() == ""
    (said,) = (verdict for verdict in screening.verdicts if verdict.decision is Decision.REVIEW)
    assert [text[span.start : span.end] for span in said.spans] == ["90 working days"]


def test_the_setting_names_other_facts_than_those_of_the_model(tmp_path, inn):
    def screen(**given: str) -> Screen:
        settings = Settings.load({"home": str(tmp_path), **given}, {})
        return open_policy(settings, locate("starter"), local_scorer()).screen

    context = Context("output", prompt="how much is a double room?")
    for facts, decision in (("", Decision.ALLOW), (str(inn), Decision.REVIEW)):
        assert screen(facts=facts).check_in_thread("A double room is 99 euros.", context).decision is decision
    with pytest.raises(Exception, match="no file or folder"):
        screen(facts=str(tmp_path / "nowhere"))


def test_a_reviewer_sees_the_words_and_the_source_even_where_something_was_taken_out(house):
    turn = History(house.store).answer("user:alice", "[access key] is <b>90 days</b>.")
    (shown,) = house.reviews.conversation(turn)
    said = {"filter_id": "facts", "decision": "review", "category": "made-up fact", "score": 0.61, "note": "x: '<5>'"}
    shown["reply_verdicts"] = [
        {**said, "spans": [[9, 16, "contradicted"]]},  # places in the answer as the model wrote it
        {"filter_id": "keys", "decision": "transform", "category": "access key", "spans": [[0, 2, "access key"]]},
        {**said, "filter_id": "hidden", "shadow": True, "spans": [[0, 2]]},
    ]
    page = transcript.conversation([shown], turn, ["flagged"], None)
    assert "[access key] is &lt;b&gt;<mark>90 days</mark>&lt;/b&gt;." in page
    assert (
        "<b>facts</b>: made-up fact in the answer, 0.61 <mark>90 days</mark><div>x: &#x27;&lt;5&gt;&#x27;</div>" in page
    )
    assert "hidden" not in page
    elsewhere = transcript.conversation([shown], "another turn", ["flagged"], None)
    assert "<mark>" not in elsewhere
    stopped = transcript.conversation([{**shown, "finish_reason": "content_filter"}], turn, ["flagged"], None)
    assert "made-up fact in the answer" in stopped
    assert "<mark>" not in stopped


def test_an_answer_that_contradicts_the_model_s_facts_comes_to_a_reviewer(house, monkeypatch):
    monkeypatch.setattr("tests.pages_server.ANSWERS", ("You have 90 days to return it.",))

    async def ask() -> str:
        request = TurnRequest("guest:1", [{"role": "user", "content": "how long can i return something?"}], "api")
        steps = [step async for step in house.turns.run(request)]
        return steps[-1].turn_id

    turn = asyncio.run(ask())
    (item,) = house.reviews.queue()
    assert (item.turn_id, item.reason) == (turn, "facts: made-up fact in the answer")
    page = transcript.conversation(house.reviews.conversation(turn), turn, item.why, item.reason)
    assert "<mark>90 days</mark>" in page
    assert "facts.toml says: &#x27;You have 30 days to return it.&#x27;" in page
