"""Receipts over HTTP: the way of what somebody said, from the store and from real run folders."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics import Run
from learner.attester import Attester
from learner.dataset import curate
from learner.lap import Job
from learner.progress import write_json
from learner.supervisor import Supervisor
from tests.adapters import finished
from tests.api import api, key_of
from tests.history import History, people

TODAY = f"{datetime.now(UTC).day} {datetime.now(UTC):%B %Y}"


@pytest.fixture
def laps(house, monkeypatch):
    """Runs a lap that freezes its pairs as every lap does, but trains nothing, and ends as it is told."""
    ends = {"outcome": "passed", "stopped_by": []}

    def child(supervisor: Supervisor, queued: Run, *asked: object) -> int:
        folder = Path(queued.folder)
        house.store.snapshot(folder / "events")
        settings = supervisor._settings
        Job(queued.run_id, "model", "starter", "base", None, settings, (60, 30, 10)).write(folder)
        dataset = curate(folder / "events", settings)
        if ends["outcome"] in ("passed", "rejected"):
            finished(folder, 1, 0.1)
        dataset.write(folder)
        gates = [{"gate": gate, "passed": gate not in ends["stopped_by"]} for gate in ("preference", "length")]
        write_json(folder / "result.json", {**ends, "message": "made by a test", "gates": gates})
        return 0

    monkeypatch.setattr(Supervisor, "_run_child", child)
    # What is registered here was never trained, and there is no engine that could apply it.
    monkeypatch.setattr(Attester, "attest", lambda attester, adapter, *, sworn: None)

    def run(**how: object) -> str:
        ends.update({"outcome": "passed", "stopped_by": [], **how})
        run_id = house.learner.learn()
        house.learner.wait(60)
        return run_id

    return run


async def give(client, turn: str, **said: object) -> str:
    response = await client.post("/v1/feedback", json={"response_id": turn, **said})
    assert response.status_code == 201, response.text
    return response.json()["receipt"]


async def way(client, receipt: str) -> dict:
    response = await client.get(f"/v1/receipts/{receipt}")
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_rewrite_is_followed_from_the_data_to_the_live_adapter_and_back(house, laps):
    (ann,) = people("learn", 1)
    turn = History(house.store).answer(ann, "short", consent=False)
    async with api(house, ann) as client:
        receipt = await give(client, turn, rewrite="A better one.", comment="too dry")
        before = await way(client, receipt)
        assert (before["consent"], before["runs"], before["group"]) == (None, [], "learn")
        assert before["told"] == "It is kept and not used for learning, since you have not agreed to that."
        await client.post("/v1/consent", json={"given": True})
        assert (await way(client, receipt))["told"] == "No run has used it yet; the next one can learn from it."

        run_id = laps()
        (use,) = (await way(client, receipt))["runs"]
        assert (use["run_id"], use["outcome"], use["used_for"], use["pair"]) == (
            run_id,
            "passed",
            "learning",
            "rewrite",
        )
        assert use["gates"] == [{"name": "preference", "passed": True}, {"name": "length", "passed": True}]
        assert (use["adapter"]["name"], use["adapter"]["state"]) == ("starter@1", "challenger")
        begun = f"Your rewrite is in the data of run {run_id}, which made starter@1; that"
        assert (await way(client, receipt))["told"] == f"{begun} is in an experiment since {TODAY}."
        house.operator.promote("starter@1", "for the test", "operator")
        assert (await way(client, receipt))["told"] == f"{begun} is live since {TODAY}."
        house.operator.rollback("operator")
        assert (await way(client, receipt))["told"] == f"{begun} was live and was rolled back on {TODAY}."

        await client.post("/v1/consent", json={"given": False})
        laps()
        told = await way(client, receipt)
        assert [use["run_id"] for use in told["runs"]] == [run_id]
        assert told["told"].endswith("No later run will use it, since you do not agree to that.")
        await client.delete(f"/v1/conversations/conversation-{ann}")
        told = await way(client, receipt)
        assert told["deleted"] is True
        assert told["told"].endswith("since you deleted the conversation.")


async def test_a_receipt_tells_only_of_pairs_that_came_of_what_it_is_for(house):
    (ann,) = people("learn", 1)
    history = History(house.store)
    first = history.answer(ann, "first")
    second = history.answer(ann, "second", sibling_of=first)
    async with api(house, ann) as client:
        against = await give(client, first, vote=1)
        down = await give(client, first, stars=1)
        up = await give(client, second, vote=1)
        old, new = await give(client, second, rewrite="One."), await give(client, second, rewrite="Two.")
        comment = await give(client, second, comment="nice")
        third = history.answer(ann, "third", prompt="and abroad?")
        neutral = await give(client, third, stars=3)
        run_id = house.learner.learn()  # a real lap, which ends when it has frozen its pairs
        house.learner.wait(120)
        seen = {receipt: await way(client, receipt) for receipt in (against, down, up, old, new, comment, neutral)}
    uses = {receipt: [(use["run_id"], use["pair"]) for use in told["runs"]] for receipt, told in seen.items()}
    assert uses == {
        against: [],
        down: [(run_id, "sibling")],
        up: [(run_id, "sibling")],
        old: [],
        new: [(run_id, "rewrite")],
        comment: [],
        neutral: [],
    }
    assert seen[against]["kept"] == [{"what": "vote", "state": "replaced"}]
    assert seen[down]["kept"] == [{"what": "stars", "state": "stands"}]
    assert seen[old]["told"].startswith("A later rewrite of yours took the place of this one.")
    made = f"Your votes on two answers are in the data of run {run_id}, which made no adapter: not enough data."
    assert seen[up]["told"] == made
    assert "no run learns from it" in seen[comment]["told"]
    assert seen[neutral]["kept"] == [{"what": "neutral stars", "state": "stands"}]
    assert "no run learns from it" in seen[neutral]["told"]


async def test_the_other_groups_judge_and_are_told_whom(house, laps):
    (bob,) = people("decide", 1)
    history = History(house.store)
    turn = history.answer(bob, "short", experiment_id="starter@1#1", arm="challenger")
    async with api(house, bob) as client:
        receipt = await give(client, turn, vote=-1, rewrite="A better one.")
        run_id = laps(outcome="rejected", stopped_by=["length"])
        told = await way(client, receipt)
        assert told["judges"] == {
            "experiment_id": "starter@1#1", "adapter": "base", "arm": "challenger", "state": None,
        }  # fmt: skip
        assert told["told"] == (
            "This vote judges base in the experiment starter@1#1. Your rewrite is among the pairs that judge the "
            f"adapter of run {run_id}, which made starter@1; that was rejected on {TODAY}."
        )
        assert told["runs"][0]["gates"][1] == {"name": "length", "passed": False}
        taken = (await client.delete(f"/v1/feedback/{turn}")).json()["receipt"]
        told = await way(client, receipt)
        assert told["kept"][0] == {"what": "vote", "state": "withdrawn"}
        assert told["told"].startswith("You took the vote back. Your rewrite")
        assert (await way(client, taken))["kept"] == [{"what": "withdrawal", "state": "stands"}]


async def test_an_appeal_is_followed_to_its_decision_and_to_what_was_learned(house, laps):
    (ann,) = people("learn", 1)
    turn = History(house.store).answer(ann, "stopped")
    async with api(house, ann) as client:
        sent = {"response_id": turn, "comment": "it was harmless"}
        receipt = (await client.post("/v1/appeals", json=sent)).json()["receipt"]
        before = await way(client, receipt)
        assert (before["kind"], before["decided"], before["response_id"]) == ("appeal", None, turn)
        assert before["told"].startswith("It waits for a reviewer.")
        decision = {"filter_right": False, "answer_right": True, "correction": "A better one."}
        reviewer = key_of(house, "reviewer")
        done = await client.post(f"/v1/reviews/{turn}/decision", json=decision, headers=reviewer)
        assert done.status_code == 200
        after = await way(client, receipt)
        assert {**after["decided"], "at": None} == {
            "at": None, "filter_right": False, "answer_right": True, "corrected": True,
        }  # fmt: skip
        decided = f"A reviewer decided on {TODAY}. The filter was wrong. The answer was right."
        decided += " They wrote a better answer."
        assert after["told"].startswith(decided)
        run_id = laps()
        told = (await way(client, receipt))["told"]
        assert told.startswith(f"{decided} A reviewer's correction of this answer is in the data of run {run_id},")


async def test_a_receipt_of_somebody_else_is_unknown_but_to_operators(house):
    ann, bob = people("learn", 2)
    turn = History(house.store).answer(ann, "short")
    async with api(house, ann) as client, api(house, bob) as other:
        receipts = [
            await give(client, turn, vote=1),
            (await client.post("/v1/appeals", json={"response_id": turn})).json()["receipt"],
        ]
        for receipt in (*receipts, "F-NONE", "A-NONE", "F-"):
            refused = await other.get(f"/v1/receipts/{receipt}")
            assert (refused.status_code, refused.json()["error"]["code"]) == (404, "unknown_receipt")
        operator = {"Authorization": f"Bearer {house.accounts.keys['operator']}"}
        for receipt in receipts:
            assert (await other.get(f"/v1/receipts/{receipt}", headers=operator)).json()["response_id"] == turn


async def test_a_run_that_was_killed_while_it_froze_its_pairs_breaks_no_receipt(house):
    (ann,) = people("learn", 1)
    turn = History(house.store).answer(ann, "short")
    async with api(house, ann) as client:
        receipt = await give(client, turn, rewrite="A better one.")
        folder = house.settings.home / "runs" / "killed"
        folder.mkdir(parents=True)
        (folder / "dataset.parquet").write_bytes(b"PAR1 half of it")
        house.store.append(Run("killed", "running", "clock", None, str(folder), "", {}))
        assert "The run killed is under way" in (await way(client, receipt))["told"]
        house.store.append(Run("killed", "abandoned", "clock", None, str(folder), "", {}))
        assert (await way(client, receipt))["runs"] == []
