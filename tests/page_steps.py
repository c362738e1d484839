"""What people do on the chat page, step by step, and what the store has of it."""

import re
import time

from playwright.sync_api import Page, expect

from tests.pages_server import Running

RECEIPT = re.compile(r"Receipt ([FA]-[2-9A-Z]{8})\.")


def ask(page: Page, text: str) -> None:
    page.fill("#rt-composer textarea", text)
    page.keyboard.press("Enter")
    expect(page.locator("#rt-composer textarea")).to_have_value("")


def ask_and_wait(page: Page, text: str) -> str:
    """Ask, wait for the whole answer, and return it."""
    ask(page, text)
    expect(page.locator("#rt-send")).to_be_visible()
    return answers(page)[-1]


def answers(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#rt-chat .bot-row").all_inner_texts()]


def press(page: Page, label: str, answer: int = -1) -> None:
    """Press one of the small buttons under an answer."""
    page.locator(f'#rt-chat .message-buttons-left button[aria-label="{label}"]').nth(answer).click()


def receipt(page: Page, *, after: str = "") -> str:
    """The receipt on screen, once it is another than `after`."""
    note = page.locator("#rt-receipt")
    expect(note).to_contain_text(re.compile(rf"Receipt (?!{after or '-'}).{{10}}"))
    return RECEIPT.search(note.inner_text())[1]


def kept(served: Running, number: str) -> dict:
    (row,) = served.rows("SELECT * FROM feedback WHERE feedback_id = ?", number)
    return row


def eventually(found, within: float = 5.0):
    until = time.monotonic() + within
    while not (value := found()) and time.monotonic() < until:
        time.sleep(0.03)
    return value
