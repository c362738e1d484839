"""The red team against a real server without an engine: what it counts, and what it never does."""

import asyncio
import json

import httpx
import pytest

from safety.errors import NotAllowedThere, RedTeamError
from safety.interval import wilson
from safety.redteam.campaign import Plan, run
from safety.redteam.families import FAMILIES, all_attacks
from safety.redteam.judge import Judge
from safety.redteam.page import page
from safety.redteam.report import report
from safety.redteam.sight import UNSEEN
from safety.redteam.target import Target, check_address
from tests.api import api, key_of
from tests.attacked import BOMB, GOALS, Listed, campaign_of, furnished, target  # noqa: F401 - a fixture


async def test_every_family_is_counted_and_what_the_real_screen_stops_is_told_from_what_it_lets_pass(furnish):
    house = furnish()
    made = await campaign_of(house, per_family=3, budget=0)
    told = report(made, url="http://127.0.0.1", run_id="test")
    assert [row["name"] for row in told["families"]] == list(FAMILIES)
    assert all(row["attacks"] == 3 == sum(row["outcomes"].values()) for row in told["families"])
    assert told["summary"]["twins"] == told["summary"]["attacks"] == 27
    assert told["summary"]["slipped"]["count"] == len(told["findings"]) == sum(one.slipped for one in made.attempts)
    assert sum(cell["of"] for cell in told["cells"]) == 27
    assert all(row["freed"]["of"] <= row["attacks"] for row in told["families"])
    confusion = told["summary"]["confusion"]
    assert confusion["attacks_flagged"] + confusion["attacks_passed"] == 27

    direct = await campaign_of(house, "again", families=("direct",), per_family=0, budget=0, goals=[BOMB])
    attack, twin = direct.attempts
    assert (attack.outcome, twin.outcome) == ("blocked_input", "answered")
    assert not attack.slipped and attack.sight.decision == "block" and attack.sight.by


async def test_its_turns_are_marked_and_teach_nothing(furnish):
    house = furnish()
    await campaign_of(house, families=("direct",), per_family=0, budget=0)
    turns = house.store.rows("SELECT person, conversation_id FROM turn")
    assert len(turns) == 2 * len(GOALS)
    assert house.store.rows("SELECT * FROM flag") != []
    assert all(turn["conversation_id"].startswith("red-team.test.") for turn in turns)
    (person,) = {turn["person"] for turn in turns}
    assert house.accounts.names.of(person) == {"red-team"}
    assert house.store.rows("SELECT person, given FROM consents") == [{"person": person, "given": False}]
    assert house.store.rows("SELECT * FROM feedback") == []
    # Of what a filter flagged, nothing is left for the reviewers.
    async with api(house, **key_of(house, "reviewer")) as reviewer:
        assert (await reviewer.get("/v1/reviews")).json()["items"] == []


async def test_the_same_seed_tries_the_same():
    first, again, other = (all_attacks(tuple(FAMILIES), list(GOALS.values()), seed) for seed in (1, 1, 2))
    assert first == again != other
    assert len({attack.attack_id for attack in first}) == len(first)


async def test_a_judge_takes_the_harm_out_of_an_answer(furnish):
    def say(request):
        asked = json.loads(request.content)["messages"][1]["content"]
        word = "Yes." if "pipe" in asked else "no"
        return httpx.Response(200, json={"choices": [{"message": {"content": word}}]})

    judge = Judge("http://127.0.0.1:1/v1", "judge", transport=httpx.MockTransport(say))
    async with judge, target(furnish(Listed("x", asleep=True))) as there:
        made = await run(there, Plan(families=("direct",), per_family=0, budget=0), judge)
    verdicts = {one.attack.goal: (one.harmful, one.slipped) for one in made.attempts if not one.attack.harmless}
    assert verdicts["pipe-bomb"] == (True, True) and verdicts["arson"] == (False, False)
    assert report(made, url="", run_id="")["summary"]["judged_harmful"] == 1


class Counting(httpx.AsyncBaseTransport):
    """A server that takes its time, and notes how many are with it."""

    def __init__(self):
        self.now = self.most = self.all = 0

    async def handle_async_request(self, request):
        self.now, self.all = self.now + 1, self.all + 1
        if request.url.path == "/v1/me":
            self.now -= 1
            return httpx.Response(404)
        if self.all == 9:  # once, it has no time
            self.now -= 1
            return httpx.Response(429, headers={"Retry-After": "0"})
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.1)
        self.now -= 1
        choice = {"message": {"content": "Hello."}, "finish_reason": "stop"}
        status = 404 if "moderations" in request.url.path else 200
        return httpx.Response(status, json={"choices": [choice]})


async def test_it_asks_no_more_at_once_and_no_faster_than_it_may():
    server, loop = Counting(), asyncio.get_running_loop()
    began = loop.time()
    async with Target("http://127.0.0.1", run_id="x", concurrency=3, per_second=100, transport=server) as there:
        made = await run(there, Plan(families=("direct",), per_family=10, budget=50))
    assert {one.outcome for one in made.attempts} == {"answered"}
    assert server.most == 3
    assert loop.time() - began >= (server.all - 1) / 100 - 0.02
    # Another server than ours may not show its filters: then there are none to search in.
    assert {one.sight for one in made.attempts} == {UNSEEN} and made.hunts == []


def test_another_machine_is_left_alone_unless_one_may():
    assert check_address("http://[::1]:7860/v1/", may_leave=False) == "http://[::1]:7860"
    assert check_address("https://chat.example.com", may_leave=True) == "https://chat.example.com"
    for url in ("http://192.0.2.7:7860", "http://localhost.example.com"):
        with pytest.raises(NotAllowedThere, match="--i-may-test-this-server"):
            check_address(url, may_leave=False)
    with pytest.raises(RedTeamError, match="no address"):
        check_address("7860", may_leave=False)


async def test_the_page_escapes_what_attackers_wrote_and_asks_nobody_for_anything(furnish):
    made = await campaign_of(furnish(Listed("x", asleep=True)), families=("injection",), per_family=8, budget=0)
    told = report(made, url="http://127.0.0.1", run_id="<b>")
    told["findings"][0]["messages"] = [{"role": "user", "content": "<script>alert(1)</script>\u200b"}]
    shown = page(told)
    assert "<script" not in shown and "&lt;script&gt;alert(1)&lt;/script&gt;\\u200b" in shown
    assert "src=" not in shown and "href=" not in shown and "<b>\n" not in shown


def test_wilsons_interval():
    # Brown, Cai and DasGupta print 0 of 10 as up to .278; for 5 of 10 it is .237 to .763.
    assert (wilson(0, 10).low, wilson(0, 10).high) == (0.0, 0.2775)
    assert (wilson(5, 10).low, wilson(5, 10).high) == (0.2366, 0.7634)
    assert wilson(0, 0).rate is None
