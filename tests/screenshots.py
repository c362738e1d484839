"""The pictures of the docs. Run as: PYTHONPATH=. .venv/bin/python tests/screenshots.py [PICTURE ...] [URL]

The pictures are chat, review, operate, card, experiment, drift, side-by-side and leaderboard; all if none is given.

With a URL the chat is pictured on the server that runs there, with its own model; everything else is pictured on the
canned engine, over a history that is made up below.
"""

import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from analytics import (
    Adapter,
    ArmComparison,
    Experiment,
    Feedback,
    Preference,
    Review,
    Routing,
    Run,
    SideBySide,
    Store,
)  # fmt: skip
from benchmarks.drift import fill
from learner.experiment import Plan
from learner.starter import STYLES, questions, render
from tests.adapters import finished
from tests.history import History, people
from tests.pages_server import ANSWERS, Running, running
from tests.test_gates import judge, measured

IMAGES = Path(__file__).parents[1] / "docs" / "images"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
QUESTIONS = ("How long does delivery take?", "How do I send something back?")
CHAMPION, CHALLENGER, SHA = "starter@1", "starter@2", "0" * 64
WAIT_MS = 60_000
ALL = ("chat", "review", "operate", "experiment")
VOTERS = 700


def chat(page: Page, url: str) -> None:
    """Two questions, a thumb up, and its receipt."""
    page.goto(url)
    page.wait_for_selector("#rt-learning:has-text(':')")
    for question in QUESTIONS:
        page.fill("#rt-composer textarea", question)
        page.keyboard.press("Enter")
        expect(page.locator("#rt-chat .user-row").last).to_contain_text(question)
        page.wait_for_selector("#rt-send")
    page.locator('#rt-chat button[aria-label="Like"]').last.click()
    page.click("text=Yes, learn from it")
    expect(page.locator("#rt-ask-consent")).to_be_hidden()
    page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / "chat.png")


def review(page: Page, served: Running) -> None:
    """A down-voted answer in the middle of its correction."""
    page.context.add_cookies([served.cookie("reviewer")])
    page.goto(f"{served.url}/review/")
    page.wait_for_selector("#rt-decision")
    for key in ("j", "c"):
        page.keyboard.press(key)
    expect(page.locator("#rt-queue")).to_contain_text("yours")
    expect(page.locator(".rt-talk")).to_contain_text("names the wrong number")
    for key in ("4", "e", "Control+A"):
        page.keyboard.press(key)
    page.keyboard.type("Three working days within the country, five to the islands.")
    page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / "review.png")


def operate(page: Page, served: Running) -> None:
    """A champion, a lap that passed its gates, and an experiment that is not decided yet."""
    page.context.add_cookies([served.cookie("operator")])
    page.goto(f"{served.url}/operate/")
    page.wait_for_selector("#rt-plot .xtick text")
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / "operate.png")


def drift(page: Page, served: Running) -> None:
    """Three weeks with a promotion in the second one, and answers that grow longer in the third."""
    home = Path(tempfile.mkdtemp())
    store = Store.open(home / "store.duckdb")
    fill(store, 21, 90, 4, plant="length", from_day=16, promoted_on=8, weights_sha256=SHA)
    store.close()
    with running(home) as own:
        while own.services.learner.drift.look():
            pass
        page.context.add_cookies([own.cookie("operator")])
        page.set_viewport_size({"width": 1200, "height": 1150})
        page.goto(f"{own.url}/models/")
        page.click("button[role=tab]:has-text('Drift')")
        page.wait_for_selector("#rt-drift-plot .xtick text")
        page.wait_for_timeout(1500)
        page.screenshot(path=IMAGES / "drift.png")
    shutil.rmtree(home)


def side_by_side(page: Page, served: Running) -> None:
    """A pair that waits for a reviewer."""
    page.context.add_cookies([served.cookie("reviewer")])
    page.goto(f"{served.url}/review/")
    page.click("button[role=tab]:has-text('Side by side')")
    expect(page.locator("#rt-pair")).to_contain_text("wait for you")
    page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / "side-by-side.png")


def leaderboard(page: Page, served: Running) -> None:
    """Four adapters, and where the newest fails."""
    page.context.add_cookies([served.cookie("operator")])
    page.goto(f"{served.url}/models/")
    page.click("button[role=tab]:has-text('Leaderboard')")
    page.wait_for_selector("#rt-board-plot .xtick text")
    page.wait_for_selector("#rt-errors .rt-table")
    page.set_viewport_size({"width": 1200, "height": 1500})
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / "leaderboard.png")


def card(page: Page, served: Running) -> None:
    """The promotion card of an adapter that one gate stopped, on made-up evidence."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        finished(run, 1, 0.1)
        with ThreadPoolExecutor() as apart:  # from the browser's event loop, as a lap is
            verdicts = apart.submit(judge, measured(accuracy=0.71, right=0.84, tokens=33.0)).result()
        told = [verdict.to_values() for verdict in verdicts]
        (run / "gates.json").write_text(json.dumps({"gates": told}))
        stopped = "Right answers went from 0.900 to 0.840 of 200 questions."
        served.services.learner.registry.register(run, run_id="20261124-081500", passed=False, reason=stopped)
    page.context.add_cookies([served.cookie("operator")])
    page.set_viewport_size({"width": 1200, "height": 1000})
    page.goto(f"{served.url}/models/")
    page.wait_for_selector("#rt-promotion-card svg")
    page.wait_for_timeout(800)
    page.screenshot(path=IMAGES / "card.png")


def make_up(home: Path) -> None:
    """A week of votes, a lap, and an experiment, written straight into the store."""
    store = Store.open(home / "store.duckdb")
    history, draw = History(store), random.Random(3)
    for number, person in enumerate(people("learn", VOTERS)):
        vote = 1 if draw.random() < 0.5 + 0.25 * number / VOTERS else -1
        history.say(person, history.answer(person, draw.choice(ANSWERS)), vote=vote)
    _experiment(store, history, draw)
    for row in store.rows("SELECT turn_id FROM review_queue"):
        store.append(Review(row["turn_id"], "reviewer", "decide", None, None, True, None, None))
    store.rows(
        'UPDATE feedback SET "at" = "at" - to_seconds(6 * 86400 * (1 - seq / (SELECT max(seq) FROM feedback))::DOUBLE)'
    )
    _waiting(store, history)
    store.rows("""UPDATE feedback SET "at" = "at" - INTERVAL 26 HOURS WHERE feedback_id LIKE 'W-%'""")
    _lap(store, home)
    _compared(store, draw)
    store.close()


def experiment(page: Page, served: Running) -> None:
    """Everything that the verdict of an experiment has."""
    page.context.add_cookies([served.cookie("operator")])
    page.set_viewport_size({"width": 1200, "height": 1500})
    page.goto(f"{served.url}/operate/")
    page.wait_for_selector(".rt-experiment")
    page.wait_for_timeout(1500)
    page.locator(".rt-experiment").screenshot(path=IMAGES / "experiment.png")


def _before(store: Store) -> None:
    """Candidates that came before, with the end of each."""
    for number, state in enumerate(("lost", "futile", "won", "futile", "lost", "stopped")):
        known = (f"starter@{number}#{number}", "base", f"starter@{number}", 0.5)
        store.append(Experiment(*known, "running", "", {}), Experiment(*known, state, "made up", {}))


def _comparisons(history: History, draw: random.Random, names: list[str], experiment: str) -> None:
    """People who compare; the challenger is on the right, and mostly better."""
    for person in names:
        one = history.answer(person, ANSWERS[0], experiment_id=experiment)
        two = history.answer(person, ANSWERS[1], arm="challenger", experiment_id=experiment, sibling_of=one)
        choice = draw.choices(("right", "left", "tie", "both_bad", "shown"), (5, 3, 2, 1, 1))[0]
        better, worse = (two, one) if choice == "right" else (one, two)
        if choice in ("left", "right"):
            history.say(person, better, preferred_over=worse)
        history.store.append(ArmComparison(experiment, person, one, two, one, 0.5, choice, better))


def _experiment(store: Store, history: History, draw: random.Random) -> None:
    _before(store)
    experiment = f"{CHALLENGER}#7"
    for name, state in ((CHAMPION, "champion"), (CHALLENGER, "challenger")):
        store.append(Adapter(name, SHA, "", "starter", None, state, ""))
    plan = Plan((0.2, 0.5), 150, compare_share=0.1, kind="language", segments=("en", "de"))
    store.append(Experiment(experiment, CHAMPION, CHALLENGER, 0.5, "running", "", {"plan": plan.to_values()}))
    store.append(Routing(CHAMPION, "base", CHALLENGER, experiment, 0.5, f"{experiment} started", "learner"))
    names = people("decide", 560)
    with history.together():
        for number, person in enumerate(names[:500]):
            share = plan.share(number)
            met = draw.random() < share
            told = {"arm": ("champion", "challenger")[met], "propensity": share if met else 1 - share}
            segment = draw.choice(("en", "en", "de"))
            turn = history.answer(person, draw.choice(ANSWERS), experiment_id=experiment, segment=segment, **told)
            if draw.random() < 0.8:
                history.say(person, turn, vote=1 if draw.random() < (0.7, 0.88)[met] else -1)
    _comparisons(history, draw, names[500:], experiment)


def _lap(store: Store, home: Path) -> None:
    run = "20261124-081500"
    folder = home / "runs" / run
    folder.mkdir(parents=True)
    gates = (
        ("preference", 0.713, 0.5, "The gain is at least +0.142 on 188 held-out pairs, above 0."),
        ("right_answers", 0.965, 0.97, "The loss is at most 0.024 of 200 questions, within 0.050."),
        ("verbosity", 27.4, 31.9, "A ratio of 0.86, within 0.25 to 1.50."),
    )
    names = ("gate", "measured", "against", "reason")
    passed = [{**dict(zip(names, gate, strict=True)), "passed": True, "skipped": False} for gate in gates]
    (folder / "result.json").write_text(json.dumps({"outcome": "passed", "gates": passed}))
    store.append(Run(run, "succeeded", "feedback", None, str(folder), "Passed.", {"adapter": CHALLENGER}))


def _waiting(store: Store, history: History) -> None:
    """What waits for a reviewer."""
    for number, (question, why) in enumerate((
        ("My parcel came damaged", "It does not say what to do."),
        ("How long does delivery take?", "It names the wrong number of days."),
        ("Can I pay by invoice?", "Too short."),
        ("Where is my order?", "I asked about the other one."),
    )):  # fmt: skip
        turn = history.answer(f"guest:{number}", ANSWERS[number % 2], prompt=question)
        store.append(Feedback(f"W-{number}", turn, f"guest:{number}", -1, ["wrong"], why, None, None, "user"))


def _compared(store: Store, draw: random.Random) -> None:
    """Reviewers' side-by-sides of three adapters beside the champion, and some that nobody has decided yet."""
    better = {"base": 0.3, CHALLENGER: 0.6, "starter@3": 0.68}
    for name in (CHALLENGER, "starter@3"):
        store.append(Adapter(name, SHA, "", "starter", None, "challenger", ""))
    for number, question in enumerate(questions(3, 240)):
        name, side = draw.choice(list(better)), draw.choice("ab")
        new, old = (render(question.intent, draw.choice(STYLES), draw, question.order) for _ in range(2))
        answers = (new, old) if side == "a" else (old, new)
        asked = list(question.messages)
        store.append(SideBySide("20261124", f"s-{number}", None, f"q-{number}", asked, name, CHAMPION, *answers, side))
        for reviewer in range(5 if number < 216 else 0):
            won = draw.random() < better[name] + (0.15 if len(new) > len(old) else -0.1)
            choice = draw.choice(("tie", "both-bad")) if draw.random() < 0.2 else side if won else "ab"[side == "a"]
            store.append(Preference(f"s-{number}", "reviewer", f"r{reviewer}", choice))


@contextmanager
def browsing() -> Iterator[Page]:
    """A page of 1200 by 800."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)
        yield page
        browser.close()


PICTURES: Mapping[str, Callable[[Page, Running], None]] = {
    "chat": lambda page, served: chat(page, served.url),
    "review": review,
    "operate": operate,
    "card": card,
    "experiment": experiment,
    "drift": drift,
    "side-by-side": side_by_side,
    "leaderboard": leaderboard,
}


def main(words: list[str]) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    url = next((word for word in words if word.startswith("http")), None)
    wanted = [word for word in words if word != url] or (["chat"] if url else list(PICTURES))
    if url is not None:
        with browsing() as page:
            chat(page, url)
        return
    home = Path(tempfile.mkdtemp())
    make_up(home)
    with running(home) as served, browsing() as page:
        for name in wanted:
            PICTURES[name](page, served)
    shutil.rmtree(home)


if __name__ == "__main__":
    main(sys.argv[1:])
