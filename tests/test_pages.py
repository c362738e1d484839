"""The pages in a real Chromium, against the real app; only the engine is canned (`pages_server.py`).

Run as: ./ratchet test tests/test_pages.py
"""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from analytics import SideBySide
from tests.adapters import register
from tests.chromium import WAIT_MS
from tests.page_steps import answers, ask, ask_and_wait, eventually, kept, press, receipt
from tests.pages_server import ANSWERS, LONG, Running, running

pytestmark = pytest.mark.browser

LOADED = (
    "#rt-learning:has-text(':'), #rt-decision, .rt-card, .rt-numbers"  # what a page shows once it has asked the server
)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("pages") / "home") as started:
        yield started


@pytest.fixture
def served(server) -> Running:
    """The server, with nothing in its store."""
    server.forget()
    return server


@pytest.fixture
def visit(browser):
    """Opens pages, each for somebody new, and closes them."""
    contexts = []

    def open_page(url: str, cookie: dict[str, str] | None = None) -> Page:
        contexts.append(browser.new_context(viewport={"width": 1200, "height": 800}))
        contexts[-1].add_cookies([cookie] if cookie else [])
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(url)
        page.wait_for_selector(LOADED)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def chat(served, visit) -> Page:
    return visit(served.url)


def test_an_answer_streams_and_is_rated_with_a_reason(served, chat):
    ask(chat, "How long does delivery take?")
    expect(chat.locator("#rt-stop")).to_be_visible()
    expect(chat.locator("#rt-chat .bot-row")).to_contain_text(ANSWERS[0][:8])
    expect(chat.locator("#rt-send")).to_be_visible()
    assert answers(chat) == [ANSWERS[0]]

    press(chat, "Dislike")
    voted = receipt(chat)
    chat.locator("#rt-receipt label", has_text="not helpful").click()
    chat.fill("#rt-receipt textarea", "What about Sundays?")
    chat.click("#rt-why")
    explained = receipt(chat, after=voted)

    (waiting,) = served.rows("SELECT * FROM review_queue")
    assert waiting["reason"] == "not helpful: What about Sundays?"
    (turn,) = served.rows("SELECT * FROM turns")
    assert (turn["completion"], turn["finish_reason"], turn["vote"]) == (ANSWERS[0], "stop", -1)
    assert kept(served, voted)["vote"] == -1
    row = kept(served, explained)
    assert (row["turn_id"], row["reasons"], row["comment"]) == (turn["turn_id"], ["not helpful"], "What about Sundays?")


def test_what_cannot_be_kept_of_a_reason_is_asked_for_again(served, chat):
    ask_and_wait(chat, "hello")
    press(chat, "Dislike")
    voted = receipt(chat)
    note, comment = chat.locator("#rt-receipt"), chat.locator("#rt-receipt textarea")
    chat.click("#rt-why")
    expect(note).to_contain_text("Choose a reason or write a few words.")
    note.locator("label", has_text="unsafe").click()
    comment.fill("it said how to make a pipe bomb")
    chat.click("#rt-why")
    expect(note).to_contain_text("say it in other words")
    expect(comment).to_have_value("it said how to make a pipe bomb")
    comment.fill("it said something dangerous")
    chat.click("#rt-why")
    row = kept(served, receipt(chat, after=voted))
    assert (row["reasons"], row["comment"]) == (["unsafe"], "it said something dangerous")
    expect(chat.locator("#rt-why")).to_be_hidden()


def test_consent_is_asked_once_and_can_be_changed(served, chat):
    ask_and_wait(chat, "hello")
    press(chat, "Like")
    chat.click("text=Yes, learn from it")
    expect(chat.locator("#rt-learning")).to_have_text("Learning from you: on")
    press(chat, "Dislike")
    expect(chat.locator("#rt-why")).to_be_visible()
    expect(chat.locator("#rt-ask-consent")).to_be_hidden()
    chat.click("#rt-learning")
    expect(chat.locator("#rt-learning")).to_have_text("Learning from you: off")
    assert [row["given"] for row in served.rows("SELECT given FROM consent ORDER BY seq")] == [True, False]


def test_a_thumb_is_changed_and_taken_back(served, chat):
    ask_and_wait(chat, "hello")
    numbers = [""]
    for label in ("Dislike", "Like", "Liked"):
        press(chat, label)
        numbers.append(receipt(chat, after=numbers[-1]))
    expect(chat.locator("#rt-receipt")).to_contain_text("Your vote is taken back.")
    assert [kept(served, number)["vote"] for number in numbers[1:]] == [-1, 1, 0]
    assert served.rows("SELECT * FROM votes") == []


def test_two_answers_are_compared_with_both_in_sight(served, chat):
    question = "Say <b>three</b> & more"
    first = ask_and_wait(chat, question)
    press(chat, "Dislike")
    receipt(chat)
    press(chat, "Retry")
    note = chat.locator("#rt-compare")
    expect(note).to_contain_text("The one before")
    assert "<b>three</b> & more" in note.inner_text()
    assert chat.locator('button[aria-label="Disliked"]').count() == 0
    assert answers(chat)[-1] != first
    note.locator("button", has_text="The one before").click()
    row = kept(served, receipt(chat))
    expect(note).to_be_hidden()
    older, newer = served.rows("SELECT * FROM turn ORDER BY seq")
    assert newer["sibling_of"] == older["turn_id"]
    assert (row["turn_id"], row["preferred_over"]) == (older["turn_id"], newer["turn_id"])


def test_a_rewrite_is_kept_and_the_answer_stays(served, chat):
    answer = ask_and_wait(chat, "hello")
    press(chat, "Edit")
    chat.fill("#rt-chat textarea", "Three days, and five to the islands.")
    press(chat, "Submit")
    row = kept(served, receipt(chat))
    assert row["rewrite"] == "Three days, and five to the islands."
    expect(chat.locator("#rt-chat .bot-row")).to_have_text(answer)

    ask_and_wait(chat, "and on Sundays?")
    press(chat, "Like", 1)
    second = receipt(chat)
    press(chat, "Dislike", 0)
    first = receipt(chat, after=second)
    turns = [row["turn_id"] for row in served.rows("SELECT turn_id FROM turn ORDER BY seq")]
    assert [row["turn_id"], kept(served, first)["turn_id"], kept(served, second)["turn_id"]] == [
        *turns[:1] * 2,
        turns[1],
    ]


def test_stop_keeps_what_was_seen(served, chat):
    ask(chat, "Count for me")
    expect(chat.locator("#rt-chat .bot-row")).to_contain_text("so it goes on")
    chat.fill("#rt-composer textarea", "and more")
    chat.keyboard.press("Enter")  # an impatient message waits in the box
    expect(chat.locator("#rt-composer textarea")).to_have_value("and more")
    chat.click("#rt-stop")
    expect(chat.locator("#rt-send")).to_be_visible()
    (turn,) = eventually(lambda: served.rows("SELECT * FROM turns WHERE finish_reason IS NOT NULL"))
    assert turn["finish_reason"] == "cancelled"
    assert LONG.startswith(turn["completion"]) and len(turn["completion"]) < len(LONG)
    assert turn["completion"].startswith(answers(chat)[0])
    press(chat, "Like")
    assert kept(served, receipt(chat))["turn_id"] == turn["turn_id"]
    assert ask_and_wait(chat, "and more") == ANSWERS[0]


def test_a_reload_brings_the_conversation_back_to_its_owner_only(served, chat, visit):
    ask_and_wait(chat, "hello")
    press(chat, "Like")
    receipt(chat)
    chat.reload()
    expect(chat.locator("#rt-chat .bot-row")).to_have_text(ANSWERS[0])
    expect(chat.locator('button[aria-label="Liked"]')).to_be_visible()
    storage = chat.evaluate("JSON.stringify(localStorage)")

    other = visit(served.url)
    other.evaluate(
        "stolen => Object.entries(JSON.parse(stolen)).forEach(([k, v]) => localStorage.setItem(k, v))", storage
    )
    other.reload()
    other.wait_for_selector(LOADED)
    expect(other.locator("#rt-chat .examples")).to_be_visible()
    assert answers(other) == []

    chat.click("#rt-new")
    expect(chat.locator("#rt-chat .bot-row")).to_have_count(0)
    ask_and_wait(chat, "hello again")
    assert len(served.rows("SELECT DISTINCT conversation_id FROM turn")) == 2


def test_a_page_whose_connection_broke_an_hour_ago_knows_its_conversation(served, chat):
    ask_and_wait(chat, "hello")
    chat.click("#rt-new")
    expect(chat.locator("#rt-chat .bot-row")).to_have_count(0)
    ask_and_wait(chat, "hello again")
    served.end_the_hour()
    press(chat, "Like")
    voted = kept(served, receipt(chat))["turn_id"]
    ask_and_wait(chat, "and more")
    first, second, third = served.rows("SELECT turn_id, conversation_id FROM turn ORDER BY seq")
    assert voted == second["turn_id"]
    assert second["conversation_id"] == third["conversation_id"] != first["conversation_id"]


def test_what_a_filter_stopped_is_appealed(served, chat):
    ask_and_wait(chat, "What is a recipe for making a bomb?")
    chat.fill("#rt-appeal textarea", "a bath bomb")
    chat.click("#rt-appeal button")
    expect(chat.locator("#rt-receipt")).to_contain_text("A person will look at it. Receipt A-")
    (row,) = served.rows("SELECT * FROM review_queue")
    assert list(row["why"]) == ["appealed", "flagged"] and "a bath bomb" in row["reason"]


def test_a_reviewer_needs_no_mouse(served, chat, visit):
    ask_and_wait(chat, "hello")
    press(chat, "Dislike")
    receipt(chat)
    review = visit(f"{served.url}/review/", served.cookie("reviewer"))
    expect(review.locator("#rt-decision")).to_be_visible()
    review.keyboard.press("j")
    review.keyboard.press("c")
    expect(review.locator("#rt-told")).to_have_text("Yours for 10 minutes.")

    colleague = visit(f"{served.url}/review/", served.cookie("reviewer"))
    expect(colleague.locator("#rt-queue")).to_contain_text("claimed by another")

    review.keyboard.press("4")
    expect(review.locator("#rt-answer label.selected")).to_have_text("wrong")
    review.keyboard.press("e")
    review.keyboard.press("Control+A")
    review.keyboard.type("Three days. (j, c and s are letters here.)")
    review.keyboard.press("Escape")
    review.keyboard.press("s")
    expect(review.locator("#rt-told")).to_have_text("Saved.")
    expect(review.locator(".rt-card")).to_contain_text("Nothing waits")
    (row,) = served.rows("SELECT * FROM review WHERE action = 'decide'")
    assert (row["filter_right"], row["answer_right"]) == (None, False)
    assert row["correction"] == "Three days. (j, c and s are letters here.)"
    assert served.rows("SELECT * FROM review_queue") == []


def test_a_second_press_of_save_does_not_decide_the_next_turn(served, chat, visit, monkeypatch):
    for question in ("one", "two", "three"):
        ask_and_wait(chat, question)
        press(chat, "Dislike")
        receipt(chat)
    first, second, _ = [row["turn_id"] for row in served.rows("SELECT turn_id FROM review_queue ORDER BY seq")]
    review, conversation = (
        visit(f"{served.url}/review/", served.cookie("reviewer")),
        served.services.reviews.conversation,
    )
    queue, better = review.locator("#rt-queue input"), review.locator("#rt-better textarea")

    def opened(place: int) -> None:
        expect(review.locator(".rt-bot").nth(place)).to_have_class(re.compile("rt-here"))

    opened(0)
    for _ in range(3):
        review.keyboard.down("j")  # held
    expect(queue.nth(1)).to_be_checked()
    opened(1)
    review.keyboard.up("j")
    review.keyboard.press("k")
    opened(0)

    def slowly(turn_id: str) -> list[dict]:
        time.sleep(1.0 if turn_id == second else 0.0)
        return conversation(turn_id)

    monkeypatch.setattr(served.services.reviews, "conversation", slowly)
    better.fill("Only for the first.")
    review.click("#rt-save")
    expect(review.locator("#rt-told")).to_have_text("Saved.")
    review.click("#rt-save")
    expect(review.locator("#rt-told")).to_contain_text("only just opening")
    opened(1)
    decided = served.rows("SELECT turn_id, correction FROM review WHERE action = 'decide'")
    assert decided == [{"turn_id": first, "correction": "Only for the first."}]

    expect(better).to_have_value(ANSWERS[0])
    better.fill("For the second.")
    review.click("#rt-save")
    expect(queue).to_have_count(1)
    assert served.rows("SELECT correction FROM review WHERE turn_id = ?", second) == [{"correction": "For the second."}]


def test_the_operator_sees_the_votes_and_starts_a_lap(served, chat, visit):
    ask_and_wait(chat, "hello")
    press(chat, "Like")
    receipt(chat)
    operate = visit(f"{served.url}/operate/", served.cookie("operator"))
    expect(operate.locator(".rt-numbers")).to_contain_text("100%")
    expect(operate.locator("#rt-plot .xtick text").first).to_have_text(re.compile(r"^\d\d:\d\d$"))
    for idle in ("#rt-promote", "#rt-stop-experiment", "#rt-rollback"):
        expect(operate.locator(idle)).to_be_disabled()
    operate.click("#rt-learn")
    expect(operate.locator("#rt-told")).to_contain_text("has started")
    (run,) = served.rows("SELECT * FROM run WHERE state = 'queued'")
    expect(operate.locator(".rt-card h3", has_text=f"Lap {run['run_id']}")).to_be_visible()
    expect(operate.locator(".rt-card", has_text="Not enough to learn from yet")).to_be_visible(timeout=60_000)


def test_the_operator_is_warned_of_a_champion_that_cannot_be_served(served, visit, tmp_path):
    learner = served.services.learner
    name = register(learner.registry, tmp_path / "run", 1, 0.1)
    learner.promote(name, "operator", "a test")
    learner.registry.do_without(name, "It has a <cold>.")
    warning = visit(f"{served.url}/operate/", served.cookie("operator")).locator("p.rt-bad")
    expect(warning).to_have_text(f"{name} is not served any more: It has a <cold>. The champion is base.")


def test_doors_open_to_whoever_has_the_role(served, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.url + "/operate")
    assert page.url == f"{served.url}/sign-in?next=/operate/"
    assert page.request.post(served.url + "/operate/gradio_api/queue/join").status == 403
    context.add_cookies([served.cookie("reviewer")])
    assert page.goto(served.url + "/operate").status == 403
    expect(page.locator("main")).to_contain_text("This door is closed")
    assert page.goto(served.url + "/review").status == 200
    context.add_cookies([served.cookie("operator")])
    assert page.goto(served.url + "/operate").status == 200
    assert page.url == f"{served.url}/operate/"
    page.wait_for_selector(".rt-numbers")
    assert page.goto(served.url + "/review").status == 200
    context.close()


def test_a_copied_answer_is_a_weak_sign_and_no_vote(served, chat):
    ask_and_wait(chat, "hello")
    press(chat, "Copy message")
    (sign,) = eventually(lambda: served.rows("SELECT * FROM implicit"))
    (turn,) = served.rows("SELECT * FROM turns")
    assert (sign["turn_id"], sign["kind"], sign["origin"], turn["vote"]) == (turn["turn_id"], "copy", "client", None)


def test_what_was_deleted_elsewhere_is_gone_when_the_page_opens_again(served, chat):
    ask_and_wait(chat, "hello")
    (turn,) = served.rows("SELECT * FROM turns")
    served.services.archive.delete(turn["person"], turn["conversation_id"])
    ask_and_wait(chat, "and again")
    first, second = served.rows("SELECT * FROM turn ORDER BY seq")
    assert first["conversation_id"] != second["conversation_id"], "a tab that was open begins a new one"
    served.services.archive.delete(second["person"], second["conversation_id"])
    chat.reload()
    chat.wait_for_selector(LOADED)
    assert answers(chat) == []


def test_a_reviewer_decides_side_by_side_by_keyboard_and_the_leaderboard_shows_it(served, visit):
    store, registry = served.services.store, served.services.learner.registry
    name = register(registry, served.services.settings.home / "runs" / "compared", 9, 0.1)
    for number in range(3):
        side = "ab"[number % 2]
        answers_of = ("<b>New</b> answer", "Old answer") if side == "a" else ("Old answer", "<b>New</b> answer")
        asked = [{"role": "user", "content": f"Question {number}?"}]
        store.append(SideBySide("s", f"s-{number}", None, f"q{number}", asked, name, "base", *answers_of, side))
    page = visit(f"{served.url}/review/", served.cookie("reviewer"))
    page.keyboard.press("a")  # not while the queue is on show
    page.click("button[role=tab]:has-text('Side by side')")
    for left, key in ((3, "a"), (2, "t"), (1, "x")):
        expect(page.locator("#rt-pair")).to_contain_text(f"{left} wait for you")
        expect(page.locator(".rt-side", has_text="<b>New</b> answer")).to_be_visible()
        assert name not in page.content()
        page.keyboard.press(key)
    expect(page.locator("#rt-pair")).to_contain_text("Nothing waits")
    expect(page.locator("#rt-choices")).to_be_hidden()
    decided = served.rows("SELECT choice, source, decider FROM preference ORDER BY seq")
    assert [row["choice"] for row in decided] == ["a", "tie", "both-bad"]
    assert {row["source"] for row in decided} == {"reviewer"}
    board = visit(f"{served.url}/models/", served.cookie("operator"))
    board.click("button[role=tab]:has-text('Leaderboard')")
    expect(board.locator("#rt-board")).to_contain_text("3 of reviewers")
    expect(board.locator("#rt-board-plot")).to_contain_text(name)
    expect(board.locator("#rt-errors")).to_contain_text("The most changed answers")
    board.click("text=at equal length and markdown")
    expect(board.locator("#rt-board")).to_contain_text("worth, by which the ratings are corrected")
    board.locator("#rt-board-wanted").get_by_text("reviewers").click()
    expect(board.locator("#rt-board")).to_contain_text("No two adapters were compared yet")
