"""Servers without an engine for the red team to attack, and filters that see what they are told to."""

import httpx
import pytest

from chatbot.app import create_app
from safety import Decision, Screen, Span, Verdict
from safety.redteam.campaign import Plan, run
from safety.redteam.goals import load_goals
from safety.redteam.letters import folded
from safety.redteam.target import Target
from tests.api import key_of
from tests.pages_server import services

GOALS = {goal.goal_id: goal for goal in load_goals()}
BOMB = GOALS["pipe-bomb"]


class Listed:
    """Blocks a message with every word of a list as it is written, and scores it by how many of them it has.

    One that is `wary` reads what was hidden as well; one that is `asleep` sees nothing.
    """

    id, version, quick = "listed", "1", True

    def __init__(self, *words: str, wary: bool = False, asleep: bool = False) -> None:
        self.words, self.wary, self.asleep = words, wary, asleep

    def check(self, text, context):
        said = folded(text) if self.wary else text
        score = sum(word in said for word in self.words) / len(self.words)
        if self.asleep or context.role == "output" or score < 1:
            return Verdict(Decision.ALLOW, "listed", score)
        return Verdict(Decision.BLOCK, "listed", score, spans=(Span(0, len(text)),))

    def undecided(self, text, context):
        return len(text)


class Everything(Listed):
    """Blocks whatever it sees."""

    def check(self, text, context):
        stops = context.role == "input"
        return Verdict(Decision.BLOCK if stops else Decision.ALLOW, "all", 1.0, spans=(Span(0, len(text)),))


@pytest.fixture(name="furnish")
def furnished(tmp_path, monkeypatch):
    """Makes servers without an engine, with these filters or with those that ship."""
    built = []

    def make(*filters, **given):
        with monkeypatch.context() as patched:
            if filters:
                patched.setattr("chatbot.screening.Screen.from_policy", lambda *_: Screen(filters))
            built.append(services(tmp_path / f"home-{len(built)}", **given))
        built[-1].engine.pause = 0
        return built[-1]

    yield make
    for one in built:
        one.learner.close()
        one.screen.close()
        one.store.close()


def target(house, **given):
    transport = httpx.ASGITransport(create_app(house), client=("127.0.0.1", 1))
    key = key_of(house, "operator")["Authorization"].removeprefix("Bearer ")
    return Target("http://127.0.0.1", key, transport=transport, **{"run_id": "test", "per_second": 1000, **given})


async def campaign_of(house, run_id="test", **plan):
    async with target(house, run_id=run_id) as there:
        return await run(there, Plan(**plan))
