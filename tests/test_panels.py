"""What the pages show and say, without a browser."""

from types import SimpleNamespace

from analytics import NotStored
from chatbot.pages import panels
from chatbot.pages.ratings import Ratings
from chatbot.pages.talk import Talk


def test_a_vote_that_could_not_be_stored_is_told():
    def give(*_, **given):
        raise NotStored("The disk is full.")

    ratings = Ratings(SimpleNamespace(accounts=None, feedbacks=SimpleNamespace(give=give)))
    ratings._person_of = lambda request: "guest:1"
    assert ratings.rate(1, 1, Talk(turns={1: "turn-1"}), None) == "The disk is full."


def test_a_lap_that_failed_after_its_gates_is_not_shown_as_passed():
    gate = {"gate": "length", "measured": 1.0, "against": 1.0, "passed": True, "skipped": False, "reason": "Within."}
    run = {"run_id": "1", "state": "succeeded", "outcome": "passed", "adapter": "a@1", "gates": [gate], "reason": "Why"}
    assert "<span class='rt-good'>passed</span> a@1" in panels.lap([run]) and "Within." in panels.lap([run])
    failed = panels.lap([{**run, "state": "failed", "adapter": None}])
    assert "<span class='rt-bad'>failed</span>" in failed and "Why" in failed and "passed" not in failed
