"""What passes the filters, what does not, and that no way of cutting an answer lets a secret slip through."""

import asyncio
import re
import time
from dataclasses import replace

import httpx
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatbot.app import create_app
from safety import BadPolicy, Context, Decision, Policy, Screen, Span, StreamEnded, Verdict, default_screen, told
from safety.filters.cards import Cards
from safety.filters.partial import undecided
from safety.normalise import normalise
from tests.history import History

INPUT, OUTPUT = Context("input"), Context("output")
CARD = "4111 1111 1111 1111"
KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789"


class Reads:
    """A filter that reads windows: it finds a word and says `decision`."""

    version = "1"

    def __init__(self, word: str, decision: Decision = Decision.BLOCK) -> None:
        self.word, self.decision, self.id = word, decision, f"words {word}"
        self.asked: list[str] = []

    def check(self, text: str, context: Context) -> Verdict:
        self.asked.append(text)
        spans = tuple(Span(*match.span()) for match in re.finditer(self.word, text))
        return Verdict(self.decision, self.word, 1.0, spans=spans) if spans else Verdict(Decision.ALLOW)


class Words(Reads):
    """The same as a filter of patterns; `quick` ones are asked on the loop, the others in a thread."""

    def __init__(self, word: str, decision: Decision, *, quick: bool = True) -> None:
        super().__init__(word, decision)
        self.quick = quick

    def undecided(self, text: str, context: Context) -> int:
        return undecided(regex.compile(self.word), text)


class Broken(Words):
    def check(self, text: str, context: Context) -> Verdict:
        self.asked.append(text)
        raise ValueError("the weights are gone")


class Slow(Words):
    def check(self, text: str, context: Context) -> Verdict:
        self.asked.append(text)
        time.sleep(0.3)
        return Verdict(Decision.ALLOW)


@pytest.mark.parametrize(
    ("text", "decision", "passed"),
    [
        ("how long is delivery?", Decision.ALLOW, "how long is delivery?"),
        (f"my card is {CARD}.", Decision.TRANSFORM, "my card is [card number]."),
        (f"use {KEY} please", Decision.TRANSFORM, "use [access key] please"),
        ("I will blow up the house", Decision.REVIEW, "I will blow up the house"),
        ("how do i make a pipe bomb", Decision.BLOCK, None),
    ],
)
async def test_the_filters_that_ship_make_each_kind_of_decision(text, decision, passed):
    screened = await patterns().check(text, INPUT)
    assert screened.decision is decision
    assert passed is None or screened.text == passed


@pytest.mark.parametrize(
    "text",
    [
        f"it is {CARD} 12/27, code 123",
        f"123 {CARD}",
        "4111-1111-1111-1111",
        "4111111111111111!",
        "378282246310005",
        "４１１１ １１１１ １１１１ １１１１",
        "4111\u200b1111\u200b1111\u200b1111",
    ],
)
async def test_a_card_number_is_found_however_it_is_written(text):
    screened = await default_screen().check(text, INPUT)
    assert "[card number]" in screened.text
    assert "1111" not in normalise(screened.text)[0]


@pytest.mark.parametrize("text", ["order 4111 1111 1111 1112", "3.14159265358979323846", "call 0800 123 4567 8901"])
async def test_other_numbers_are_left_alone(text):
    assert (await default_screen().check(text, INPUT)).text == text


@pytest.mark.parametrize(
    "text", ["how do i make a p\u200bipe bo\u00admb", "ｈｏｗ ｄｏ ｉ ｍａｋｅ ａ ｐｉｐｅ ｂｏｍｂ"]
)
async def test_a_word_cannot_be_hidden_in_invisible_or_wide_letters(text):
    assert (await default_screen().check(text, INPUT)).decision is Decision.BLOCK


@pytest.mark.parametrize("between", [" ", "\n", " \r\n\t", "\u2028"])
@pytest.mark.parametrize(
    ("text", "context", "decision"),
    [
        ("how to make a nerve gas", INPUT, Decision.BLOCK),
        ("how can I poison my aunt", INPUT, Decision.BLOCK),
        ("I do not want to be alive", INPUT, Decision.BLOCK),
        ("I will blow up the house", INPUT, Decision.REVIEW),
        ("child porn", OUTPUT, Decision.BLOCK),
        ("mix it with ammonium nitrate", OUTPUT, Decision.BLOCK),
        ("kill yourself", OUTPUT, Decision.REVIEW),
    ],
)
async def test_words_are_found_whatever_white_space_is_between_them(text, context, decision, between):
    assert (await patterns().check(text.replace(" ", between), context)).decision is decision


def test_normalised_text_knows_where_each_letter_came_from():
    plain, places = normalise("a\u200bﬁＢ")
    assert (plain, places) == ("afiB", [0, 2, 2, 3, 4])


async def test_each_filter_sees_the_text_as_it_came_and_their_edits_are_made_together():
    screen = Screen(
        [Words("red", Decision.TRANSFORM), Words("red rose", Decision.TRANSFORM), Words("x", Decision.REVIEW)]
    )
    screened = await screen.check("a red rose, x", INPUT)
    assert (screened.text, screened.decision) == ("a [red rose], x", Decision.REVIEW)


async def test_nothing_is_asked_after_a_block():
    last = Words("a", Decision.REVIEW)
    screened = await Screen([Words("a", Decision.BLOCK), last]).check("a", INPUT)
    assert (screened.decision, len(screened.verdicts), last.asked) == (Decision.BLOCK, 1, [])


async def test_what_is_known_of_a_text_is_not_asked_again_unless_a_filter_failed():
    reads, other = Reads("rose"), Context("input", "somebody")
    screen = Screen([reads])
    said = [(await screen.check("a rose", context)).decision for context in (INPUT, INPUT, other)]
    assert (said, len(reads.asked)) == ([Decision.BLOCK] * 3, 2)
    broken = Broken("", Decision.ALLOW)
    screen = Screen([broken])
    for _ in range(2):
        await screen.check("a rose", INPUT)
    assert len(broken.asked) == 2


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize(
    ("context", "setting", "decision"),
    [
        (INPUT, "block", Decision.BLOCK),
        (INPUT, "review", Decision.REVIEW),
        (OUTPUT, "block", Decision.BLOCK),
        (OUTPUT, "review", Decision.BLOCK),
    ],
)
async def test_a_filter_that_raises_counts_against_the_text(context, setting, decision, quick):
    screen = Screen([Broken("", Decision.ALLOW, quick=quick)], input_failure=setting)
    screened = await screen.check("hello", context)
    assert (screened.decision, screened.verdicts[0].failed) == (decision, True)


async def test_a_filter_that_is_too_slow_counts_against_the_text_and_holds_nobody_up():
    screen = Screen([Slow("", Decision.ALLOW, quick=False)], timeout_s=0.02)
    began = time.perf_counter()
    screened = await screen.check("hello", INPUT)
    assert (screened.decision, screened.verdicts[0].failed) == (Decision.BLOCK, True)
    assert time.perf_counter() - began < 0.2


async def test_a_filter_that_always_fails_is_left_alone_for_a_while_and_then_asked_again(monkeypatch):
    monkeypatch.setattr("safety.watched.BREAK_SECONDS", 0.1)
    broken = Broken("", Decision.ALLOW)
    screen = Screen([broken])
    decisions = [(await screen.check("hello", OUTPUT)).decision for _ in range(9)]
    assert (len(broken.asked), set(decisions)) == (5, {Decision.BLOCK})
    await asyncio.sleep(0.1)
    await screen.check("hello", OUTPUT)
    assert len(broken.asked) == 6


def patterns() -> Screen:
    """The filters of patterns; what classifiers make of random letters is their own affair."""
    policy = Policy.read()
    return Screen.from_policy(
        replace(policy, entries=tuple(e for e in policy.entries if e.name not in ("toxicity", "harm")))
    )


async def stream(text: str, cuts: list[int], screen: Screen) -> tuple[str, bool]:
    """What is shown of `text` when it comes in pieces that end at `cuts`, and whether it was stopped."""
    screening = screen.stream(OUTPUT)
    ends = [*sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
    shown = [await screening.feed(text[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
    return "".join([*shown, await screening.finish()]), screening.blocked is not None


SECRET = st.sampled_from([CARD, CARD.replace(" ", ""), KEY, "AKIAABCDEFGHIJKLMNOP", KEY * 9, f"{CARD} {CARD} 12"])
STOPPED = st.sampled_from(["child porn", "child\n porn", "heat the acetone peroxide", "heat\nthe\nacetone\n\nperoxide"])
BEGUN = st.sampled_from(["heat it", "child", "sk-xyz", "gho_", "3.14", "4111 11", "child porno"])
FILLER = st.one_of(st.text(st.sampled_from("ab1 4-.\n\u200bé４ﬁ"), max_size=90), BEGUN)


def answers(special):
    parts = st.lists(st.one_of(FILLER, special), max_size=8)
    return parts.map(lambda words: " ".join(words))


@settings(max_examples=150, deadline=None)
@given(text=answers(st.one_of(SECRET, STOPPED)), cuts=st.lists(st.integers(0, 2000), max_size=40))
@example(text="Here you are. " * 12 + "It is child porn.", cuts=[*range(0, 200, 5)])
async def test_any_cutting_into_pieces_shows_the_same(text, cuts):
    screen = patterns()
    assert await stream(text, cuts, screen) == await stream(text, [], screen)


@settings(max_examples=150, deadline=None)
@given(text=answers(SECRET), cuts=st.lists(st.integers(0, 2000), max_size=40))
async def test_a_stream_shows_what_the_whole_would_and_never_a_secret(text, cuts):
    screen = patterns()
    shown, _ = await stream(text, cuts, screen)
    assert shown == (await screen.check(text, OUTPUT)).text
    assert "sk-abc" not in shown
    assert Cards().check(normalise(shown)[0], OUTPUT).decision is Decision.ALLOW


async def test_what_is_blocked_later_ends_the_stream():
    screening = default_screen().stream(OUTPUT)
    shown = "".join(
        [await screening.feed(word) for word in ("Here you are. " * 20, "It is child ", "porn. ", "a " * 90)]
    )
    assert shown.startswith("Here you are.")
    assert "child" not in shown
    assert screening.blocked is not None
    assert await screening.feed("more") + await screening.finish() == ""
    with pytest.raises(StreamEnded):
        await screening.feed("and more")


WINDOWED = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "a rose",
                "ro se",
                "No.",
                "Well? ",
                "3.5 ",
                "e.g. it",
                "rot",
                "mask",
                "ask",
                "玫瑰",
                "a" * 40,
                "\n\n",
                " " * 40,
            ]
        ),
        st.text(st.sampled_from("ab. !\u200bñ玫"), max_size=30),
    ),
    max_size=40,
).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(text=WINDOWED, cuts=st.lists(st.integers(0, 2000), max_size=60))
async def test_any_cutting_shows_the_same_where_filters_read_windows(text, cuts):
    def screen() -> Screen:
        masks = Reads("ask", Decision.TRANSFORM)
        return Screen([Words("rot", Decision.TRANSFORM), Words("ros", Decision.BLOCK), masks, Reads(r"玫|b\. a")])

    shown, stopped = await stream(text, cuts, screen())
    assert (shown, stopped) == await stream(text, [], screen())
    assert not re.search(r"玫|b\. a|ros|rot(?!\])|(?<!\[)ask", shown)


async def test_windows_begin_small_and_end_with_sentences_and_carry_what_came_before():
    reads = Reads("never")
    text = "One two three four five six seven. Eight nine ten eleven twelve thirteen fourteen fifteen. " + "word " * 70
    assert await stream(text, [*range(0, 500, 3)], Screen([reads])) == (text, False)
    windows = reads.asked
    assert [windows[0], windows[1]] == ["One two", "One two three four five six"]
    assert windows[2].endswith("fourteen fifteen.")
    assert windows[3].startswith("One two")
    assert [len(window.split()) for window in windows[3:5]] == [15 + 32, 24 + 32]


async def test_patterns_look_when_more_can_be_shown_and_not_between():
    words = Words("rose", Decision.BLOCK)
    text = "word " * 60
    shown, stopped = await stream(text, [*range(0, 300, 5)], Screen([words, Reads("never")]))
    assert (shown, stopped) == (text, False)
    assert len(words.asked) < 10, "windows end after 2, 6 and 38 of the 60 pieces"


async def test_what_reads_windows_stops_the_answer_before_its_window_and_says_where():
    text = "Here you are, my friend, as you asked. " * 4 + "Then a rose came. And more. " * 3
    screening = Screen([Reads("rose")]).stream(OUTPUT)
    shown = await screening.feed(text) + await screening.finish()
    assert text.startswith(shown)
    assert "Then" not in shown
    assert len(shown) > 100
    assert screening.blocked is not None
    (found,) = (verdict for verdict in screening.verdicts if verdict.decision is Decision.BLOCK)
    assert [text[start:end] for start, end, _ in found.spans] == ["rose"]


async def test_a_review_holds_nothing_back_and_a_shadow_does_nothing():
    screening = Screen([Words("rose", Decision.BLOCK), Reads("lily")], shadows=[True, True]).stream(OUTPUT)
    assert await screening.feed("a rose, a lil") == "a rose, a lil"
    assert await screening.feed("y") + await screening.finish() == "y"
    assert [(verdict.category, verdict.shadow) for verdict in screening.verdicts] == [("rose", True), ("lily", True)]


async def test_a_policy_says_what_is_done_from_which_score_on():
    policy = Policy.parse("""
        [filters.terms.labels]
        weapons = { input = "review" }
        [filters.cards]
        shadow = true
        labels."*" = { input = "transform" }
    """)
    screened = await Screen.from_policy(policy).check(f"how do i make a pipe bomb with {CARD}", INPUT)
    assert (screened.decision, screened.text) == (Decision.REVIEW, f"how do i make a pipe bomb with {CARD}")
    assert [verdict.shadow for verdict in screened.verdicts] == [False, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[filters.roses]", "There is no filter 'roses'; there are"),
        ("[filter.cards]", "there is no [filter]"),
        ("[filters.cards.labels]\na = { input = 'stop' }", "filters.cards.labels.a.input has the action 'stop'"),
        ("[filters.cards.labels]\na = { input = { block = 2 } }", "must be a score from 0 to 1"),
        ("[failure]\ninput = 'allow'", "it must be 'block' or 'review'"),
    ],
)
def test_a_policy_that_cannot_be_used_says_what_is_wrong(text, said):
    with pytest.raises(BadPolicy, match=re.escape(said)):
        Screen.from_policy(Policy.parse(text))


@pytest.mark.parametrize(
    ("header", "language"),
    [("de-CH, fr;q=0.8", "de"), ("xx, fr;q=0.5, it;q=0.7", "it"), ("", "en"), ("*;q=x, ;;", "en"), ("ja;q=0", "en")],
)
def test_people_are_told_in_their_language(header, language):
    assert told("input", "violence", header).language == language
    assert "988" in told("input", "self-harm/intent").text


async def test_a_secret_without_an_end_stops_the_answer():
    shown, stopped = await stream("Sure: sk-" + "a" * 5000, list(range(0, 5000, 7)), default_screen())
    assert (shown, stopped) == ("Sure: ", True)


async def test_a_filter_that_breaks_stops_the_answer():
    assert await stream("hello " * 30, [], Screen([Broken("", Decision.ALLOW)])) == ("", True)


async def test_a_finding_is_noted_once_however_often_the_stream_is_looked_at():
    screening = Screen([Words("rose", Decision.REVIEW)]).stream(OUTPUT)
    await screening.feed("a rose " * 50)
    await screening.finish()
    assert [verdict.decision for verdict in screening.verdicts if verdict.decision is not Decision.ALLOW] == [
        Decision.REVIEW
    ]


@pytest.fixture
def caller(house):
    """An operator's program, which may speak for a user and review."""
    headers = {"Authorization": f"Bearer {house.accounts.keys['operator']}"}
    transport = httpx.ASGITransport(create_app(house))
    return httpx.AsyncClient(transport=transport, base_url="http://house", headers=headers)


@pytest.mark.parametrize(
    ("path", "name", "table", "column"),
    [
        ("feedback", "comment", "feedback", "comment"),
        ("feedback", "rewrite", "feedback", "rewrite"),
        ("appeals", "comment", "flag", "reason"),
        ("reviews/{turn}/decision", "correction", "review", "correction"),
        ("reviews/{turn}/decision", "note", "review", "note"),
    ],
)
async def test_what_people_write_about_an_answer_is_screened_before_it_is_kept(
    house, caller, path, name, table, column
):
    turn = History(house.store).answer(house.accounts.names.person("", "alice"), "Within five days.")
    about = {"answer_right": False} if "reviews" in path else {"response_id": turn, "user": "alice"}

    async def send(text: str) -> httpx.Response:
        return await caller.post("/v1/" + path.format(turn=turn), json={**about, name: text})

    as_answer = name in ("rewrite", "correction")
    refused = await send("child porn")
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].startswith(f"The {name} was stopped by a safety filter")
    assert house.store.rows(f"SELECT * FROM {table}") == []

    assert (await send(f"use {CARD} or {KEY}")).is_success
    assert [row[column] for row in house.store.rows(f"SELECT * FROM {table}")] == ["use [card number] or [access key]"]
    if as_answer:
        assert (await send("kill yourself")).status_code == 400
        return
    # Who says that they may harm themselves is heard, where a chat would be met with help.
    assert (await send("i want to kill myself")).is_success
    flags = house.store.rows("SELECT * FROM flag WHERE \"by\" = 'filter'")
    assert (turn, f"self_harm: self-harm/intent in the {name}") in [(row["turn_id"], row["reason"]) for row in flags]


async def test_what_the_filters_could_not_look_at_is_asked_for_again_and_not_called_unsafe(house, caller, monkeypatch):
    turn = History(house.store).answer(house.accounts.names.person("", "alice"), "Within five days.")

    def broken(*_: object) -> None:
        raise OSError("the scorer is gone")

    monkeypatch.setattr(house.scorer, "scores", broken)
    said = {"response_id": turn, "user": "alice", "rewrite": "Within five working days."}
    refused = await caller.post("/v1/feedback", json=said)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "screen_unavailable")
    assert house.store.rows("SELECT * FROM feedback") == []


async def test_a_reviewer_reads_what_people_explained_after_their_vote_and_what_colleagues_noted(house, caller):
    from chatbot.pages import transcript  # brings Gradio, which takes seconds

    turn = History(house.store).answer(house.accounts.names.person("", "alice"), "Within five days.")

    async def say(**said: object) -> None:
        sent = {"response_id": turn, "user": "alice", **said}
        assert (await caller.post("/v1/feedback", json=sent)).status_code == 201

    async def waits() -> list[tuple[list[str], str]]:
        items = (await caller.get("/v1/reviews")).json()["items"]
        return [(item["why"], item["reason"]) for item in items]

    await say(vote=1, comment="fine")
    assert await waits() == []
    await say(vote=-1)
    await say(reasons=["wrong", "too short"], comment="not on <Sundays>")
    await say(rewrite="Within five working days.")
    explained = "wrong, too short: not on <Sundays>"
    assert await waits() == [(["down-voted"], explained)]
    await caller.post(f"/v1/reviews/{turn}/decision", json={"answer_right": False, "note": "ask <Ben>"})
    await say(rewrite="As soon as we can.")
    assert await waits() == []
    await say(comment="nor on Saturdays")
    assert await waits() == [(["down-voted"], f"{explained}; nor on Saturdays")]
    (shown,) = (await caller.get(f"/v1/reviews/{turn}")).json()["turns"]
    assert [note["note"] for note in shown["notes"]] == ["ask <Ben>"]
    page = transcript.conversation(house.reviews.conversation(turn), turn, ["down-voted"], explained)
    assert "A reviewer noted, just now: ask &lt;Ben&gt;" in page
    await say(vote=0)
    assert await waits() == []
