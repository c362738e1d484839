"""The filters' own errors: flags that say what was found, reviewers' judgements, rates, replay, and proposals."""

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.looks import Looks
from analytics.rates import Cell, precision, recall, wilson
from chatbot.accounts import Caller
from chatbot.services import Services
from safety import Context, Decision, drawn
from safety.change import Change, diff
from safety.replay import OUTCOMES, decisions
from safety.rules import Rule, Rules, Step
from safety.verdict import STRICTEST_FIRST
from tests.api import api, asked, key_of
from tests.history import History
from tests.pages_server import services
from tests.scoring import numbers

LABEL = {"filter": "rude", "label": "insult", "role": "input", "action": "block"}


@pytest.fixture
def house(tmp_path) -> Iterator[Services]:
    """A server whose screen has a filter that scores, and the same in shadow with other thresholds."""
    home = tmp_path / "home"
    with numbers(home):
        built = services(home, review_sample=1.0)
        built.engine.pause = 0.0
        yield built
        built.learner.close()
        built.screen.close()
        built.store.close()


@pytest.fixture
async def reviewer(house) -> httpx.AsyncClient:
    async with api(house, **key_of(house, "reviewer")) as client:
        yield client


async def items(client: httpx.AsyncClient, **query: str) -> list[dict]:
    return (await client.get("/v1/reviews", params=query)).json()["items"]


async def decide(client: httpx.AsyncClient, turn: str, **said: object) -> None:
    response = await client.post(f"/v1/reviews/{turn}/decision", json=said)
    assert response.status_code == 200, response.text


def found(overview: dict, filter_: str, label: str, place: str) -> dict:
    wanted = (filter_, label, place)
    return next(row for row in overview["findings"] if (row["filter"], row["label"], row["place"]) == wanted)


async def test_a_flag_says_what_was_found_where_and_how_sure_and_the_queue_is_sorted_and_filtered_by_it(
    house, reviewer
):
    async with api(house) as ann:
        low = (await asked(ann, "insult 0.55"))["id"]
        high = (await asked(ann, "insult 0.95"))["id"]
        answer = (await asked(ann, "hi. Say insult=0.85 now"))["id"]
        clean = (await asked(ann, "good morning"))["id"]
        for_help = (await asked(ann, "i want to kill myself"))["id"]
        sent = {"response_id": clean, "comment": "insult 0.6 it was"}
        assert (await ann.post("/v1/appeals", json=sent)).status_code == 201
    by_turn = {item["turn_id"]: item for item in await items(reviewer)}
    assert by_turn[low]["findings"] == [
        {"filter": "rude", "place": "message", "category": "harassment", "score": 0.55, "threshold": 0.5}
    ]
    assert by_turn[clean]["why"] == ["appealed", "flagged", "sample"]
    assert [(one["filter"], one["place"]) for one in by_turn[clean]["findings"]] == [("rude", "comment")]
    places = {turn: [one["place"] for one in by_turn[turn]["findings"]] for turn in (high, answer)}
    assert places == {high: ["message"], answer: ["answer"]}
    assert [item["turn_id"] for item in await items(reviewer, filter="self_harm")] == [for_help]
    assert [item["turn_id"] for item in await items(reviewer, kind="appealed")] == [clean]
    ranked = await items(reviewer, sort="score", filter="rude")
    assert [item["turn_id"] for item in ranked] == [high, answer, clean, low]
    doubtful = await items(reviewer, sort="doubt", filter="rude")
    assert doubtful[0]["turn_id"] in (low, answer)
    assert (await reviewer.get("/v1/reviews", params={"kind": "odd"})).status_code == 400


async def test_a_turn_with_several_findings_is_judged_one_by_one_and_the_rates_follow(house, reviewer):
    async with api(house) as ann:
        flagged = [(await asked(ann, f"insult 0.6 number {number}"))["id"] for number in range(4)]
        passed = [(await asked(ann, f"insult 0.35 number {number}"))["id"] for number in range(3)]
        passed.append((await asked(ann, "good morning"))["id"])
    for turn in flagged[:2]:
        await decide(reviewer, turn, filter_right=True)
    said = {"place": "message", "filter": "rude", "judged": "other", "true_category": "violence"}
    await decide(reviewer, flagged[2], verdicts=[said])
    await decide(reviewer, flagged[3], verdicts=[{**said, "judged": "wrong", "true_category": None}])
    await decide(reviewer, passed[0], missed=[{"place": "message", "category": "harassment"}])
    for turn in passed[1:]:
        await decide(reviewer, turn, filter_right=True)
    overview = (await reviewer.get("/v1/safety")).json()
    acts = found(overview, "rude", "insult", "message")
    assert (acts["flagged"], acts["review"], acts["judged"], acts["missed"]) == (4, 4, 4, 1)
    assert acts["precision"]["value"] == 0.5 and acts["recall"]["value"] == pytest.approx(2 / 3)
    assert acts["precision"]["low"] < 0.5 < acts["precision"]["high"]
    assert 0 < acts["recall"]["low"] < 2 / 3 < acts["recall"]["high"] < 1
    # The shadow saw all seven, and found what the other missed.
    quiet = found(overview, "quiet", "insult", "message")
    assert (quiet["shadow"], quiet["flagged"], quiet["judged"]) == (True, 7, 7)
    assert quiet["precision"]["value"] == pytest.approx(3 / 7) and quiet["recall"]["value"] == 1
    agreement = {row["place"]: row for row in overview["shadows"] if row["filter"] == "quiet"}["message"]
    assert (agreement["both"], agreement["shadow"], agreement["acted"], agreement["neither"]) == (4, 3, 0, 1)
    rows = house.store.rows("SELECT judged, label, true_category FROM judgements WHERE turn_id = ?", (flagged[2],))
    assert rows == [{"judged": "other", "label": "insult", "true_category": "violence"}]
    assert [row["filter_right"] for row in house.store.rows("SELECT filter_right FROM review ORDER BY seq")] == [
        True, True, False, False, False, True, True, True,
    ]  # fmt: skip
    await decide(reviewer, flagged[3], filter_right=True)  # the last word holds
    assert house.store.rows("SELECT judged FROM judgements WHERE turn_id = ?", (flagged[3],)) == [{"judged": "right"}]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"verdicts": [{"place": "answer", "filter": "rude", "judged": "right"}]}, "found nothing in the answer"),
        ({"verdicts": [{"place": "message", "filter": "rude", "judged": "other"}]}, "needs its true_category"),
        ({"missed": [{"place": "message", "category": "rudeness"}]}, "must be one of harassment, "),
    ],
)
async def test_a_judgement_that_cannot_be_meant_is_refused_and_the_turn_waits_on(house, reviewer, said, told):
    async with api(house) as ann:
        turn = (await asked(ann, "insult 0.6"))["id"]
    response = await reviewer.post(f"/v1/reviews/{turn}/decision", json=said)
    assert response.status_code == 400 and told in response.json()["error"]["message"]
    assert [item["turn_id"] for item in await items(reviewer)] == [turn]


async def test_what_no_filter_flagged_is_drawn_with_a_probability_that_is_kept(house, reviewer):
    async with api(house) as ann:
        near, far = (await asked(ann, "insult 0.45"))["id"], (await asked(ann, "good morning"))["id"]
        await asked(ann, "insult 0.6")
    house.turns._review_sample = 0.04
    async with api(house) as ann:
        turns = [(await asked(ann, f"insult 0.{40 if number % 2 else 1} {number}"))["id"] for number in range(60)]
    waits = {item["turn_id"]: item["why"] for item in await items(reviewer, kind="sample")}
    assert waits[near] == waits[far] == ["sample"]
    chances = {turn: 0.4 if number % 2 else 0.04 for number, turn in enumerate(turns)}
    assert set(waits) - {near, far} == {turn for turn, chance in chances.items() if drawn(turn, chance)}
    rows = house.store.rows("SELECT turn_id, probability FROM flag WHERE \"by\" = 'sample'")
    kept = {row["turn_id"]: row["probability"] for row in rows}
    assert kept == {near: 1.0, far: 1.0} | {turn: pytest.approx(chances[turn]) for turn in waits if turn in chances}


async def test_the_log_is_replayed_under_another_threshold(house, reviewer):
    async with api(house) as ann:
        turns = {score: (await asked(ann, f"insult {score} i say"))["id"] for score in (0.2, 0.55, 0.65, 0.75, 0.9)}
        await asked(ann, "hello. Say insult=0.7 please")
    await decide(reviewer, turns[0.75], filter_right=True)
    await decide(reviewer, turns[0.65], filter_right=False)
    replayed = (await reviewer.get("/v1/safety/what-if", params={**LABEL, "threshold": 0.6})).json()
    assert (replayed["before"], replayed["texts"], replayed["category"]) == (0.8, 6, "harassment")
    assert replayed["now"] == {"block": 1, "review": 3, "transform": 0, "allow": 2}
    assert replayed["then"] == {"block": 3, "review": 1, "transform": 0, "allow": 2}
    assert (replayed["changed"], replayed["judged_true"], replayed["judged_false"]) == (2, 1, 1)
    shown = {row["turn_id"]: row for row in replayed["examples"]}
    assert shown[turns[0.75]] == {
        "turn_id": turns[0.75], "text": "insult 0.75 i say", "score": 0.75, "now": "review", "then": "block",
        "right": True,
    }  # fmt: skip
    curve = replayed["curve"]
    at = curve["thresholds"].index(0.7)
    assert (curve["texts"][at], curve["precision"][at]) == (2, 1.0)
    answers = (await reviewer.get("/v1/safety/what-if", params={**LABEL, "role": "output", "threshold": 0.6})).json()
    assert answers["now"]["block"] == 0 and answers["then"]["block"] == 1
    added = {**LABEL, "filter": "quiet", "label": "gore", "role": "output", "threshold": 0.0}
    none_yet = (await reviewer.get("/v1/safety/what-if", params=added)).json()
    assert (none_yet["before"], none_yet["now"]["block"], none_yet["then"]["block"]) == (None, 1, 5)
    unscored = {**LABEL, "filter": "terms", "label": "threat", "threshold": 0.6}
    assert "no scores of 'threat'" in (await reviewer.get("/v1/safety/what-if", params=unscored)).text
    nothing = await reviewer.get("/v1/safety/what-if", params={**LABEL, "filter": "cards", "threshold": 0.6})
    assert nothing.status_code == 400 and "no rule for 'insult'" in nothing.json()["error"]["message"]


async def test_a_proposal_is_a_diff_that_another_operator_approves_and_that_holds_at_once(house, reviewer):
    async with api(house) as ann, api(house, **key_of(house, "operator")) as operator:
        await asked(ann, "insult 0.7 it is")
        sent = {**LABEL, "threshold": 0.65, "reason": "too much gets through"}
        assert (await ann.post("/v1/safety/proposals", json=sent)).status_code == 403
        made = (await reviewer.post("/v1/safety/proposals", json=sent)).json()
        assert made["evidence"]["then"]["block"] == 1 and made["state"] == "open"
        assert "-input = { block = 0.8, review = 0.5 }   # agreed upon in spring\n" in made["diff"]
        assert "+input = { block = 0.65, review = 0.5 }   # agreed upon in spring\n" in made["diff"]
        path = f"/v1/safety/proposals/{made['proposal_id']}"
        assert (await reviewer.post(f"{path}/approve")).status_code == 403
        assert (await asked(ann, "insult 0.7 again"))["choices"][0]["finish_reason"] == "stop"
        done = (await operator.post(f"{path}/approve")).json()
        assert (done["state"], done["diff"]) == ("approved", made["diff"])
        assert (await asked(ann, "insult 0.7 again"))["choices"][0]["finish_reason"] == "content_filter"
        assert (await operator.post(f"{path}/approve")).status_code == 409
    text = (house.settings.home / "policy.toml").read_text()
    assert "block = 0.65, review = 0.5 }   # agreed upon in spring" in text and "# the one that acts" in text
    assert tomllib.loads(text)["filters"]["rude"]["labels"]["insult"]["input"]["block"] == 0.65
    (told,) = house.store.rows("SELECT detail FROM audit WHERE action = 'policy.approve'")
    assert told["detail"]["diff"] == made["diff"] and told["detail"]["sha256"] == house.policy.sha256
    assert house.store.verify_audit() >= 2


async def test_nobody_approves_their_own_proposal_while_another_operator_could(house):
    async with api(house, **key_of(house, "operator")) as first, api(house) as ann:
        await asked(ann, "insult 0.7 it is")
        made = (await first.post("/v1/safety/proposals", json={**LABEL, "threshold": 0.7})).json()
        path = f"/v1/safety/proposals/{made['proposal_id']}"
        second = key_of(house, "operator")
        refused = await first.post(f"{path}/approve")
        assert refused.status_code == 403 and "another operator" in refused.json()["error"]["message"]
        async with api(house, **second) as other:
            assert (await other.post(f"{path}/reject")).json()["state"] == "rejected"
        account = house.accounts.people.all()[-1]
        house.accounts.people.change(account.account_id, "test", active=False)
        sent = {**LABEL, "role": "output", "threshold": 0.6}
        alone = (await first.post("/v1/safety/proposals", json=sent)).json()
        under_way = house.screen.stream(Context("output"))
        approved = await first.post(f"/v1/safety/proposals/{alone['proposal_id']}/approve")
        assert approved.json()["state"] == "approved"
        begun = house.screen.stream(Context("output"))
        text = "Well, insult=0.7 is what I say to that. "
        assert await under_way.feed(text) + await under_way.finish() == text, "it keeps the screen it began with"
        await begun.feed(text)
        await begun.finish()
        assert begun.blocked is not None


async def test_a_change_that_was_approved_and_never_written_is_told_at_the_next_start(tmp_path, caplog, monkeypatch):
    home, caller = tmp_path / "home", Caller("key:operator", "admin")

    @contextmanager
    def started() -> Iterator[Services]:
        built = services(home)
        try:
            yield built
        finally:
            built.learner.close()
            built.screen.close()
            built.store.close()

    def approve(built: Services, to: float) -> str:
        made = built.proposals.propose(caller, Change("rude", "insult", "input", "block", to), 30, "")
        return built.proposals.approve(made.proposal_id, caller).proposal_id

    def told(built: Services) -> tuple[str, str]:
        policy = built.filter_errors.overview(30)["policy"]
        return policy["trouble"], built.operator.status()["policy"] or ""

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with numbers(home):
        with started() as built:
            async with api(built) as ann:
                await asked(ann, "insult 0.7 it is")
            approve(built, 0.7)
            assert told(built) == ("", "")
            with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt):
                dying.setattr("pathlib.Path.replace", dies)
                approve(built, 0.6)
        with started() as built:
            for words in (*told(built), caplog.text):
                assert "is not in force" in words and "propose it anew" in words
            approve(built, 0.6)
            assert "block = 0.6" in built.policy.path.read_text()
            assert told(built)[1] == ""
            built.policy.path.write_text(f"{built.policy.text}# by hand\n")
        with started() as built:
            assert "was changed by hand" in told(built)[0]
            assert "was changed by hand" in told(built)[1]


async def test_a_proposal_that_the_policy_has_left_behind_cannot_be_approved(house, reviewer):
    async with api(house, **key_of(house, "operator")) as operator, api(house) as ann:
        await asked(ann, "insult 0.7 it is")
        first, second = [
            (await reviewer.post("/v1/safety/proposals", json={**LABEL, "threshold": to})).json()["proposal_id"]
            for to in (0.6, 0.7)
        ]
        assert (await operator.post(f"/v1/safety/proposals/{first}/approve")).status_code == 200
        late = await operator.post(f"/v1/safety/proposals/{second}/approve")
        assert late.status_code == 409 and "the threshold is 0.6 now" in late.json()["error"]["message"]
        house.policy.path.write_text("filters = [")
        third = await reviewer.post("/v1/safety/proposals", json={**LABEL, "threshold": 0.7})
        by_hand = await operator.post(f"/v1/safety/proposals/{third.json()['proposal_id']}/approve")
        assert by_hand.status_code == 409 and "by hand" in by_hand.json()["error"]["message"]
    assert house.policy.path.read_text() == "filters = ["


async def test_prometheus_counts_verdicts_by_filter_decision_and_role(house):
    async with api(house) as ann:
        await asked(ann, "insult 0.6")
        text = (await ann.get("/metrics")).text
    assert 'ratchet_filter_verdicts_total{decision="review",filter="rude",role="input"} 1.0' in text
    assert 'ratchet_filter_latency_seconds_count{filter="rude"}' in text


def test_looks_are_counted_once_for_windows_of_any_length(store):
    def turn(number: int, *decisions: str) -> None:
        verdicts = [
            {"filter_id": name, "decision": said.split()[0], "failed": "failed" in said, "latency_ms": float(number)}
            for name, said in zip(("cards", "terms"), decisions, strict=True)
        ]
        turn_id = History(store).answer("ann", "yes")
        store.rows(
            f'UPDATE turn SET verdicts = ?, "at" = "at" - INTERVAL {10 * (number % 2)} DAY WHERE turn_id = ?',
            (json.dumps(verdicts), turn_id),
        )

    def looked(looks: Looks, days: int) -> dict[str, tuple]:
        rows = looks.since(datetime.now(UTC) - timedelta(days=days))
        return {row["filter_id"]: (row["looks"], row["failures"], row["acted"], row["p50_ms"]) for row in rows}

    looks = Looks(store)
    assert looked(looks, 7) == {}
    turn(1, "allow", "block")
    turn(2, "allow", "block failed")
    turn(4, "transform", "allow")
    assert looked(looks, 7) == {"cards": (2, 0, 1, 3.0), "terms": (2, 1, 0, 3.0)}
    assert looked(looks, 30) == {"cards": (3, 0, 1, 2.0), "terms": (3, 1, 1, 2.0)}
    store.rows("UPDATE turn SET verdicts = '[]'")
    turn(6, "allow", "review")
    assert looked(looks, 7) == {"cards": (3, 0, 1, 6.0), "terms": (3, 1, 1, 6.0)}, "only what is new was read"
    turn(7, "allow", "review")
    assert looked(looks, 30)["terms"][:3] == (5, 1, 3)
    store.rows("DELETE FROM turn WHERE seq = (SELECT max(seq) FROM turn)")
    assert looked(looks, 30) == looked(Looks(store), 30) == {"cards": (1, 0, 0, 6.0), "terms": (1, 0, 1, 6.0)}


def test_wilson_is_the_interval_of_the_books():
    assert wilson(8, 10) == pytest.approx((0.490, 0.943), abs=5e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.161), abs=5e-4)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    "log",
    [
        {},
        {"share": 0.05},
        {"prevalence": 0.1},
        {"quality": 2.5},
    ],
)
def test_the_true_recall_lies_in_its_interval(log):
    held = [_simulated(seed, **log) for seed in range(300)]
    assert sum(held) / len(held) >= 0.92


def _simulated(seed: int, share: float = 0.01, prevalence: float = 0.02, quality: float = 1.5) -> bool:
    """Whether the interval from a made-up log holds the recall that is true of it."""
    draw, size, threshold = np.random.default_rng(seed), 20_000, 0.6
    truth = draw.random(size) < prevalence
    score = 1 / (1 + np.exp(4 - 3 * quality * truth - draw.normal(0, 1.5, size)))
    flagged = score >= threshold
    down_voted = draw.random(size) < np.where(truth, 0.05, 0.01)
    near = np.where(score >= threshold / 2, min(1.0, 10 * share), share)
    chance = np.where(flagged | down_voted, 1.0, near)
    waits = draw.random(size) < chance
    judged = waits & (draw.random(size) < 0.8)
    cells = []
    for is_flagged in (True, False):
        for is_down_voted in (True, False):
            for one in np.unique(chance):
                inside = waits & (flagged == is_flagged) & (down_voted == is_down_voted) & (chance == one)
                if inside.any():
                    seen = inside & judged
                    cells.append(Cell(is_flagged, int(inside.sum()), one, int(seen.sum()), int((seen & truth).sum())))
    rate = recall(cells)
    assert rate is not None and precision(cells) is not None
    return rate.low <= (flagged & truth).sum() / truth.sum() <= rate.high


def test_what_was_never_looked_for_is_not_known():
    assert recall([Cell(True, 10, 1.0, 10, 8)]) is None
    assert recall([Cell(True, 10, 1.0, 0, 0), Cell(False, 10, 0.1, 10, 1)]) is None
    assert precision([Cell(True, 10, 1.0, 0, 0)]) is None
    whole = recall([Cell(True, 10, 1.0, 10, 8), Cell(False, 50, 0.01, 50, 0)])
    assert whole is not None and (whole.value, whole.high) == (1.0, 1.0) and whole.low < 0.5


STEP = st.builds(Step, st.sampled_from(STRICTEST_FIRST[:3]), st.sampled_from([0.1, 0.5, 0.9]))
RULE = st.lists(STEP, min_size=1, max_size=3, unique_by=lambda step: step.decision).map(
    lambda steps: Rule("c", tuple(sorted(steps, key=lambda step: STRICTEST_FIRST.index(step.decision))))
)
TEXT = st.dictionaries(st.sampled_from(["a", "b", "x"]), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9, 1.0]), min_size=1)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "*"]), RULE, max_size=3), st.lists(TEXT, min_size=1))
def test_a_replay_decides_as_the_screen_does(by_label, texts):
    rules = Rules({"input": by_label})
    columns = {label: np.array([text.get(label, np.nan) for text in texts]) for label in ("a", "b", "x")}
    replayed = [OUTCOMES[place] for place in decisions(rules, "input", columns)]
    assert replayed == [rules.verdict("input", text).decision for text in texts]


def test_a_change_of_the_shipped_policy_changes_one_line():
    from safety.policy import BUNDLED

    before = BUNDLED.read_text()
    lines = diff(before, Change("terms", "threat", "output", str(Decision.REVIEW), 0.5).applied(before)).splitlines()
    assert [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")] == [
        '-threat = { category = "harassment/threatening", input = "review" }',
        '+threat = { category = "harassment/threatening", input = "review", output = { review = 0.5 }}',
    ]
