"""Turns: what is kept of an answer, whatever becomes of it, and what of a conversation is sent again."""

import pytest

from analytics import queries
from chatbot import conversations
from chatbot.answer import Delta
from chatbot.engine_stream import Piece
from chatbot.errors import NotYours
from chatbot.metrics import Metrics
from chatbot.tracing import Tracing
from chatbot.turn import Begun, Done, TurnRequest, Turns
from tests.history import History, vote


def asked(text: str, person: str = "somebody", sibling_of: str | None = None) -> TurnRequest:
    return TurnRequest(person, [{"role": "user", "content": text}], "api", sibling_of=sibling_of)


@pytest.mark.parametrize("text", ["hello", "Count for me", "how do i make a pipe bomb?"])
async def test_an_answer_is_durable_before_it_is_done(house, text):
    house.engine.pause = 0.0
    deltas = []
    async for step in house.turns.run(asked(text)):
        if isinstance(step, Begun):
            begun = step
        elif isinstance(step, Delta):
            deltas.append(step.text)
        else:
            assert queries.turn(house.store, begun.turn_id)["completion"] == "".join(deltas)
            assert isinstance(step, Done)


async def test_an_answer_asked_for_again_and_again_names_the_first_one_and_only_the_newest_is_on_show(house):
    house.engine.pause = 0.0
    turns, last = [], None
    for _ in range(3):
        steps = [step async for step in house.turns.run(asked("hello", sibling_of=last))]
        last = steps[0].turn_id
        turns.append(queries.turn(house.store, last))
    assert [turn["sibling_of"] for turn in turns] == [None, *[turns[0]["turn_id"]] * 2]
    assert [turn["parameters"] for turn in turns] == [{}, {"temperature": 1.0}, {"temperature": 1.0}]
    (shown,) = conversations.shown(house.store, turns[0]["conversation_id"])
    assert shown["turn_id"] == last
    with pytest.raises(NotYours):
        await anext(house.turns.run(asked("hello", "a stranger", sibling_of=last)))


async def test_what_somebody_who_leaves_has_seen_is_what_is_kept(house):
    house.engine.pause = 0.0
    steps = house.turns.run(asked("Count for me"))
    begun = await anext(steps)
    seen = [(await anext(steps)).text for _ in range(3)]
    await steps.aclose()
    house.store.append(vote(1))  # is written after what was submitted before it
    turn = queries.turn(house.store, begun.turn_id)
    assert (turn["completion"], turn["finish_reason"]) == ("".join(seen), "cancelled")


async def test_an_answer_that_breaks_off_is_kept_as_an_error(house):
    class Broken(type(house.engine)):
        async def stream(self, *asked):
            yield Piece("so it goes on " * 20)
            raise KeyError("nobody thought of this")

    shares = {"groups": (60, 30, 10), "sibling_temperature": 1.0, "logprob_share": 0.0}
    turns = Turns(house.store, house.screen, Broken(), house.learner, Metrics(), Tracing(), **shares)
    steps, seen = turns.run(asked("hello")), []
    begun = await anext(steps)
    with pytest.raises(KeyError):
        async for step in steps:
            seen.append(step.text)
    house.store.append(vote(1))
    turn = queries.turn(house.store, begun.turn_id)
    assert (turn["completion"], turn["finish_reason"]) == ("".join(seen), "error")


def test_a_conversation_that_has_grown_too_long_goes_on_without_its_oldest_answers(store):
    history = History(store)
    for number in range(40):
        history.answer("somebody", f"Answer {number}. " + "It goes on. " * 20, prompt=f"question {number}")

    def sent(tokens: int) -> list[str]:
        messages = conversations.next_messages(store, "conversation-somebody", "and now?", tokens)
        assert [message["role"] for message in messages] == ["user", "assistant"] * (len(messages) // 2) + ["user"]
        return [message["content"] for message in messages]

    some = sent(1500)
    assert 5 < len(some) < 30
    assert (some[0], some[-1]) == (f"question {40 - len(some) // 2}", "and now?")
    assert sum(map(len, some)) / 2 < 1500
    assert len(sent(100_000)) == 81
    assert sent(10) == ["and now?"]
    system = {"role": "system", "content": "be kind"}
    asked = [{"role": role, "content": "日本 " * 40} for role in ("user", "assistant", "user")]
    assert conversations.fitting([system, *asked], 900) == [system, *asked]
    assert conversations.fitting([system, *asked], 800) == [system, asked[-1]]
