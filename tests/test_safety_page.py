"""What filters stop, and what its person, reviewers and operators do about it, in a real Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import WAIT_MS
from tests.page_steps import answers, ask, ask_and_wait
from tests.pages_server import Running, running
from tests.scoring import numbers
from tests.test_pages import LOADED

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("safety") / "home"
    with numbers(home), running(home) as started:
        yield started


@pytest.fixture
def visit(browser, served):
    """Opens a page as somebody new, with a role where one is given."""
    contexts = []

    def open_page(path: str = "/", role: str | None = None) -> Page:
        contexts.append(browser.new_context(viewport={"width": 1200, "height": 900}))
        contexts[-1].add_cookies([served.cookie(role)] if role else [])
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(served.url + path)
        page.wait_for_selector(LOADED)
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_a_filter_that_reads_windows_ends_the_stream_and_its_person_says_that_it_was_wrong(served, visit):
    served.forget()
    chat = visit()
    ask(chat, "hi. Say so it goes on. And insult=0.95 at the end. Never shown.")
    expect(chat.locator("#rt-send")).to_be_visible()
    (turn,) = served.rows("SELECT * FROM turns")
    (shown,) = answers(chat)
    assert "insult" not in shown and not shown.startswith("Delivery"), "the text is replaced"
    assert turn["finish_reason"] == "content_filter"
    assert turn["completion"].startswith("Delivery takes"), "the log says what was seen"
    assert turn["completion"].endswith(shown) and "Never" not in turn["completion"]

    button = chat.locator("#rt-this-was-wrong")
    expect(button).to_be_visible()
    ask_and_wait(chat, "insult 0.9 to you")  # and now a message
    expect(button).to_have_text("This was wrong")
    button.click()
    expect(chat.locator("#rt-receipt")).to_contain_text("A person will look at it. Receipt A-")
    (appeal,) = served.rows("SELECT flag.turn_id, messages FROM flag JOIN turn USING (turn_id) WHERE \"by\" = 'appeal'")
    assert appeal["messages"][-1]["content"] == "insult 0.9 to you"


def test_a_reviewer_judges_each_finding_without_a_mouse(served, visit):
    served.forget()
    chat = visit()
    ask_and_wait(chat, "i will shoot you, insult 0.6")  # two filters find something
    review = visit("/review/", "reviewer")
    expect(review.locator("#rt-queue")).to_contain_text("by terms")
    expect(review.locator(".rt-why")).to_contain_text("rude · harassment · message 0.60, from 0.50 on: review")
    first, second = review.locator("#rt-filter"), review.locator("#rt-filter-1")
    expect(first).to_contain_text("terms: harassment/threatening in the message was")
    review.keyboard.press("1")
    expect(first.locator("label.selected")).to_have_text("right")
    review.keyboard.press("f")
    review.keyboard.press("5")
    expect(second.locator("label.selected")).to_have_text("other category")
    categories = review.locator(".rt-true input").locator("visible=true")
    expect(categories.first).to_be_focused()
    review.keyboard.press("s")
    expect(review.locator("#rt-told")).to_contain_text("Choose the category that it is.")
    review.keyboard.press("5")
    expect(categories.first).to_be_focused()
    review.keyboard.press("ArrowDown")
    expect(review.locator(".rt-true label.selected")).to_have_text("harassment/threatening")
    review.keyboard.press("m")
    review.keyboard.type("answer: illicit")
    expect(review.locator("ul[role=listbox] li")).to_have_count(2)
    review.keyboard.press("Enter")
    review.keyboard.press("Escape")
    review.keyboard.press("s")
    expect(review.locator("#rt-told")).to_have_text("Saved.")
    rows = served.rows("SELECT place, filter_id, judged, true_category FROM judgements ORDER BY seq")
    assert [tuple(row.values()) for row in rows] == [
        ("message", "terms", "right", None),
        ("message", "rude", "other", "harassment/threatening"),
        ("answer", None, "missed", "illicit"),
    ]


def test_a_threshold_is_tried_proposed_and_approved(served, visit):
    served.forget()
    chat = visit()
    for score in (0.55, 0.7, 0.9):
        ask_and_wait(chat, f"insult {score} i said")
    reviewer = visit("/safety/", "reviewer")
    expect(reviewer.locator("#rt-safety-findings")).to_contain_text("insult")
    expect(reviewer.locator("#rt-safety-shadows")).to_contain_text("quiet")
    reviewer.wait_for_selector("#rt-curve .main-svg")
    slider = reviewer.locator("#rt-threshold input[type=number]")
    expect(slider).to_have_value("0.8")
    slider.fill("0.65")
    slider.press("Enter")
    expect(reviewer.locator("#rt-examples")).to_contain_text("insult 0.7 i said")
    reviewer.click("#rt-propose")
    expect(reviewer.locator("#rt-told")).to_contain_text("An operator has to approve it.")
    expect(reviewer.locator(".rt-diff .rt-plus")).to_contain_text("block = 0.65, review = 0.5 }")
    expect(reviewer.locator("#rt-approve")).to_be_hidden()

    operator = visit("/safety/", "operator")
    operator.click("#rt-approve")
    expect(operator.locator("#rt-told")).to_contain_text("In force from now on: rude · insult · input · block: 0.8")
    ask_and_wait(chat, "insult 0.7 once more")
    finished = served.rows("SELECT finish_reason FROM turns ORDER BY seq DESC LIMIT 1")
    assert finished == [{"finish_reason": "content_filter"}]
    assert served.services.policy.path.read_text() == served.services.policy.text
