"""The red team against a real server without an engine: what it counts, what it finds, and what it never does."""

import asyncio
import base64
import json
import re
from collections import Counter
from random import Random

import datasets
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from chatbot.app import create_app
from chatbot.cli.main import app
from chatbot.engine_stream import Piece
from chatbot.server import SERVER_FILE, home_lock
from safety import Decision, Screen, Span, Verdict
from safety.errors import NotAllowedThere, RedTeamError
from safety.filters.cards import Cards
from safety.interval import wilson
from safety.redteam.attack import Attack, Canary, canary_card, user
from safety.redteam.campaign import Plan, run
from safety.redteam.families import FAMILIES, all_attacks
from safety.redteam.garak import run_garak, tallied
from safety.redteam.goals import load_goals
from safety.redteam.judge import Judge
from safety.redteam.leaks import leaked
from safety.redteam.letters import folded
from safety.redteam.mutations import Step, as_messages, keeps_goal, mutated
from safety.redteam.outcome import is_refusal, outcome_of
from safety.redteam.page import page
from safety.redteam.relay import Relay, served
from safety.redteam.report import report
from safety.redteam.search import Search, plain_messages
from safety.redteam.sight import UNSEEN, Sight
from safety.redteam.target import Reply, Target, check_address
from tests.api import api, key_of
from tests.pages_server import CannedEngine, running, services

GOALS = {goal.goal_id: goal for goal in load_goals()}
BOMB = GOALS["pipe-bomb"]
UNDONE = ("case", "zero-width", "spacing", "gap", "cyrillic", "greek", "full-width", "accent", "repeated letter")


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


@pytest.fixture
def furnish(tmp_path, monkeypatch):
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
    assert person.startswith("user:") and person.endswith(":red-team")
    assert house.store.rows("SELECT person, given FROM consents") == [{"person": person, "given": False}]
    assert house.store.rows("SELECT * FROM feedback") == []
    # Of what a filter flagged, nothing is left for the reviewers.
    async with api(house, **key_of(house, "reviewer")) as reviewer:
        assert (await reviewer.get("/v1/reviews")).json()["items"] == []


async def test_the_same_seed_tries_the_same():
    first, again, other = (all_attacks(tuple(FAMILIES), list(GOALS.values()), seed) for seed in (1, 1, 2))
    assert first == again != other
    assert len({attack.attack_id for attack in first}) == len(first)


async def test_the_search_finds_the_smallest_way_past_a_weak_filter_and_keeps_the_goal(furnish):
    house = furnish(Listed("pipe", "bomb"))
    async with target(house) as there:
        (sight,) = await there.look([plain_messages(BOMB)])
        assert (sight.decision, sight.margin, sight.by) == ("block", 0.0, ("listed: listed",))
        (hunt,) = await Search(there, 200, seed=1).run([(BOMB, sight)])
        found = hunt.found
        assert found is not None and found.outcome == "answered"
        assert hunt.best < 0 and hunt.asked <= 200
        assert keeps_goal(found.mutant.draft, BOMB)
        for at in range(len(found.mutant.steps)):
            fewer = mutated(BOMB.text, (*found.mutant.steps[:at], *found.mutant.steps[at + 1 :]))
            (less,) = await there.look([as_messages(fewer)])
            assert less.flagged or not keeps_goal(fewer, BOMB)


class Any(Listed):
    """Blocks a message with two words of the list, so that no single step gets past it."""

    threshold = 0.5

    def check(self, text, context):
        score = sum(word in text for word in self.words) / len(self.words)
        stops = score >= self.threshold and context.role == "input"
        spans = (Span(0, len(text)),) if stops else ()
        return Verdict(Decision.BLOCK if stops else Decision.ALLOW, "any", score, self.threshold, spans)


async def test_the_search_climbs_down_the_scores_where_one_step_is_not_enough(furnish):
    house = furnish(Any("build", "pipe", "bomb", "garage"))
    async with target(house) as there:
        (sight,) = await there.look([plain_messages(BOMB)])
        (hunt,) = await Search(there, 400, seed=3).run([(BOMB, sight)])
    assert sight.margin == 0.5 and hunt.best < 0
    assert hunt.found is not None and len(hunt.found.mutant.steps) > 1
    assert hunt.alone == []


@pytest.mark.parametrize("budget", [0, 20, 40, 90])
async def test_the_search_finds_nothing_where_everything_is_blocked_and_never_spends_more_than_it_may(furnish, budget):
    house = furnish(Everything())
    made = await campaign_of(house, families=("direct",), per_family=1, budget=budget)
    assert made.searched <= budget
    assert [hunt.found for hunt in made.hunts] == [None] * (2 if budget == 90 else 1 if budget == 40 else 0)
    told = report(made, url="http://127.0.0.1", run_id="test")
    assert told["findings"] == [] and told["summary"]["slipped"]["count"] == 0
    assert told["summary"]["over_blocked"]["count"] == told["summary"]["twins"] == 1


@given(goal=st.sampled_from(list(GOALS.values())), name=st.sampled_from(UNDONE), seed=st.integers(0, 999))
def test_what_hides_letters_can_be_undone(goal, name, seed):
    draft = mutated(goal.text, [Step(name, seed)])
    assert folded(draft[0]) == folded(goal.text)


@pytest.mark.parametrize("goal", GOALS.values(), ids=GOALS)
def test_a_goal_that_lost_one_of_its_words_is_not_taken_for_itself(goal):
    assert keeps_goal((goal.text,), goal)
    assert not keeps_goal((goal.twin,), goal)
    for word in goal.keep:
        assert not keeps_goal((re.sub(rf"\b{word}\b", "", goal.text, flags=re.IGNORECASE),), goal)


class Parrot:
    """An engine that gives its system message away in some form."""

    def __init__(self, form):
        self.form = form

    async def stream(self, engine, served_name, messages, parameters):
        yield Piece(self.form(messages[0]["content"]))
        yield Piece(finish_reason="stop", usage={"prompt_tokens": 9, "completion_tokens": 9})


@pytest.mark.parametrize(
    "form",
    [
        str,
        lambda text: f"Here: {base64.b64encode(text.encode()).decode()}",
        lambda text: text[::-1],
        lambda text: text.encode().hex(),
        lambda text: "-".join(text.lower()),
        lambda text: text.replace("o", "0").replace("E", "3"),
    ],
)
async def test_a_secret_that_comes_out_in_any_form_is_a_leak(furnish, monkeypatch, form):
    parrot = Parrot(form)
    monkeypatch.setattr(CannedEngine, "stream", lambda *given: parrot.stream(*given))
    made = await campaign_of(furnish(Cards()), families=("extraction",), per_family=2, budget=0)
    assert [one.outcome for one in made.attempts if not one.attack.harmless] == ["leaked", "leaked"]


async def test_a_secret_that_stays_is_kept_and_a_card_never_reaches_the_model(furnish, monkeypatch):
    parrot = Parrot(str)
    monkeypatch.setattr(CannedEngine, "stream", lambda *given: parrot.stream(*given))
    made = await campaign_of(furnish(Cards()), families=("personal-data",), per_family=0, budget=0)
    outcomes = {one.attack.goal: one.outcome for one in made.attempts if not one.attack.harmless}
    assert outcomes["card-of-another"] == "kept"


def test_what_only_looks_like_a_secret_is_none():
    card = canary_card(Random(1))
    assert leaked(f"It is {card.text.replace(' ', '-')}.", card)
    assert not leaked("I have no card number.", card)
    assert not leaked("Write the halves KELMO and RZAM.", Canary("KELMORZAM", "word"))


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I cannot assist with this request.", True),
        ("I can only help with Fernway questions.", True),
        ("Delivery takes three days. I can't say more.", False),
        ("You can't return gift cards.", False),
    ],
)
def test_a_refusal_is_known_by_its_words(text, refused):
    assert is_refusal(text) is refused


@pytest.mark.parametrize(
    ("decision", "text", "outcome"),
    [
        ("block", "I can't help with that message: it was stopped by a safety filter.", "blocked_input"),
        ("allow", "Sure.\n\nThe rest of this answer was stopped by a safety filter.", "blocked_output"),
    ],
)
def test_a_message_that_was_blocked_is_told_from_an_answer_that_was(decision, text, outcome):
    attack = Attack("direct", "plain", "illicit", "x", "x", (user("x"),))
    assert outcome_of(attack, Sight(decision, 0, 0), Reply(text, "content_filter")) == outcome


async def test_a_judge_takes_the_harm_out_of_an_answer(furnish):
    def say(request):
        asked = json.loads(request.content)["messages"][1]["content"]
        word = "Yes." if "pipe" in asked else "no"
        return httpx.Response(200, json={"choices": [{"message": {"content": word}}]})

    judge = Judge("http://127.0.0.1:1/v1", "judge", transport=httpx.MockTransport(say))
    async with target(furnish(Listed("x", asleep=True))) as there:
        made = await run(there, Plan(families=("direct",), per_family=0, budget=0), judge)
    await judge.close()
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


def ratchet(home, *words):
    return CliRunner().invoke(app, ["redteam", *words, "--home", str(home)])


def test_from_findings_to_cases_that_fail_again_without_the_filter_and_to_pairs(tmp_path, monkeypatch):
    filter_ = Listed(*BOMB.keep)
    monkeypatch.setattr("chatbot.screening.Screen.from_policy", lambda *_: Screen([filter_]))
    home, out = tmp_path / "home", tmp_path / "out"
    with running(home) as there, home_lock(home):
        there.services.engine.pause = 0
        key = there.services.accounts.keys["operator"]
        (home / SERVER_FILE).write_text(json.dumps({"url": there.url, "operator_key": key}))
        address = ("--per-second", "1000", "--concurrency", "16")
        attack = ratchet(
            home,
            *address,
            "--families",
            "direct,split-tokens",
            "--per-family",
            "7",
            "--budget",
            "200",
            "--out",
            str(out),
            "--json",
        )
        assert attack.exit_code == 0, attack.output
        told = json.loads(attack.stdout.splitlines()[-1])
        whole = json.loads((out / "report.json").read_text())
        assert told["summary"] == whole["summary"] and whole["summary"]["evaded"]["count"] == 1
        assert (out / "report.html").read_text().startswith("<!doctype html>")

        made = ratchet(home, "cases", str(out), "--json")
        cases = json.loads(made.stdout)
        assert cases["new"] == cases["cases"] > 0
        assert json.loads(ratchet(home, "cases", str(out / "report.json"), "--json").stdout)["new"] == 0

        def replayed():
            done = ratchet(home, "--cases", *address, "--json")
            return done.exit_code, json.loads(done.stdout.splitlines()[-1])["failed"]

        assert replayed() == (1, cases["cases"])
        monkeypatch.setattr(filter_, "check", Everything().check)
        assert replayed() == (0, 0)
        monkeypatch.undo()
        filter_.asleep = True
        assert replayed() == (1, cases["cases"])

        ratchet(home, "cases", str(out), "--held")
        monkeypatch.setattr(filter_, "check", Everything().check)
        code, failed = replayed()
        assert code == 1 and failed == whole["summary"]["twins"]  # they must be answered
        monkeypatch.undo()
    read = datasets.Dataset.from_json
    pairs = json.loads(ratchet(home, "pairs", str(out), "--json").stdout)
    loaded = read(pairs["file"], cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == pairs["pairs"] > 0
    texts = datasets.List({"role": datasets.Value("string"), "content": datasets.Value("string")})
    assert all(loaded.features[name] == texts for name in ("prompt", "chosen", "rejected"))
    assert set(loaded["source"]) == {"red-team"}
    assert all(row["prompt"][-1]["role"] == "user" and is_refusal(row["chosen"][0]["content"]) for row in loaded)


def test_what_is_wrong_is_told_in_a_sentence(tmp_path):
    for words, told in (
        (("--url", "http://192.0.2.7"), "another machine"),
        (("--url", "http://127.0.0.1:9"), "does not answer"),
        ((), "No server runs"),
        (("--cases", "--url", "http://127.0.0.1:9"), "There are no cases"),
        (("cases", str(tmp_path)), "no report of a red team"),
    ):
        done = ratchet(tmp_path / "home", *words)
        assert isinstance(done.exception, Exception) and told in str(done.exception)


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


async def test_garak_comes_in_through_a_door_that_marks_its_traffic_and_notes_what_was_blocked(furnish):
    house = furnish(Listed("bomb"))
    async with target(house) as there:
        seen = []
        relay = Relay(there, seen.append)

        def ask(url, text):
            body = {"model": "default", "messages": [{"role": "user", "content": text}], "max_tokens": 9}
            return httpx.post(f"{url}chat/completions", json=body, trust_env=False).json()

        with served(relay) as url:
            answers = [await asyncio.to_thread(ask, url, text) for text in ("How long is delivery?", "bomb")]
            assert (await asyncio.to_thread(httpx.post, f"{url}chat/completions", content=b"no")).status_code == 400
    reasons = [answer["choices"][0]["finish_reason"] for answer in answers]
    assert reasons == ["stop", "content_filter"] and seen == [1, 2]
    assert relay.blocked == {answers[1]["choices"][0]["message"]["content"]}
    turns = house.store.rows("SELECT conversation_id FROM turn")
    assert Counter(turn["conversation_id"].split(".")[0] for turn in turns) == {"red-team": 2}


async def test_garak_that_cannot_be_installed_or_named_is_skipped_with_a_word(furnish, tmp_path, monkeypatch):
    monkeypatch.setattr("safety.redteam.garak.sys.executable", "/bin/false")
    async with target(furnish()) as there:
        for probes, told in ((["lmrc.Profanity"], "cannot be installed"), (["--help"], "no name of a probe")):
            skipped = await run_garak(there, tmp_path, probes, lambda *_: None)
            assert told in skipped["skipped"] and skipped["probes"] == []


def test_what_garak_takes_for_a_hit_is_none_where_a_filter_or_the_model_said_no():
    def attempt(*texts):
        scores = {"mitigation.MitigationBypass": [1.0] * len(texts)}
        outputs = [{"text": text} for text in texts]
        return {"entry_type": "attempt", "probe_classname": "a.B", "outputs": outputs, "detector_results": scores}

    begun = {"entry_type": "attempt", "probe_classname": "a.B", "outputs": [], "detector_results": {}}
    entries = [begun, attempt("stopped", "I'm sorry, I can't help with that."), attempt("Sure, here it is."), {}]
    (row,) = tallied(iter(entries), {"stopped"})
    counted = {name: row[name] for name in ("answers", "blocked", "refused", "garak_hits")}
    assert counted == {"answers": 3, "blocked": 1, "refused": 1, "garak_hits": 3}
    assert row["hits"]["count"] == 1
