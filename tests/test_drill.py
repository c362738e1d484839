"""Approvals, revocation and drills through the front door: the API as operators with keys, and a server on a port."""

import asyncio

import pytest

from chatbot.control import connect
from chatbot.drill import Drill
from chatbot.drilled import Flip, Measured
from chatbot.errors import NoServer
from chatbot.permissions import scopes_of
from chatbot.settings import Settings
from learner import BadMove, UnknownAdapter
from tests.adapters import register
from tests.api import api, asked, key_of
from tests.pages_server import running, services
from tests.real_server import ratchet

ADAPTER = "starter@1"


@pytest.fixture
def house(tmp_path):
    built = services(tmp_path / "house", promotion="two-person")
    yield built
    for part in (built.learner, built.screen, built.scorer, built.store):
        part.close()


def second_key(house, headers: dict[str, str]) -> dict[str, str]:
    """Another key of whom the first one belongs to."""
    (owner,) = {key.account_id for key in house.accounts.api_keys.all()}
    key, _ = house.accounts.api_keys.add(owner, "another", scopes_of("operator"), "test")
    return {"Authorization": f"Bearer {key}"}


async def test_two_keys_of_one_account_are_one_person_and_the_key_of_the_home_is_none(house, tmp_path):
    register(house.learner.registry, tmp_path / "run", 1, 0.1)
    path, reason = f"/v1/adapters/{ADAPTER}/approve", {"reason": "I read 30 answers"}
    ann = key_of(house, "operator")
    async with api(house, **ann) as one, api(house, **second_key(house, ann)) as other:
        assert len((await one.post(path, json=reason)).json()["approvals"]) == 1
        for refused in (await other.post(path, json=reason), await one.post(path, json=reason)):
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_approved")
        home = {"Authorization": f"Bearer {house.accounts.keys['operator']}"}
        async with api(house, **home) as command_line, api(house, **key_of(house, "operator")) as bob:
            alone = await command_line.post(path)
            assert "The key in the home is nobody's" in alone.json()["error"]["message"]
            promoted = {"adapter": ADAPTER, "override": "a test"}
            for somebody in (one, other, command_line):
                assert (await somebody.post("/v1/promote", json=promoted)).status_code == 409
            assert (await bob.post("/v1/promote", json=promoted)).json() == {"champion": ADAPTER}
        row = house.store.rows("SELECT detail FROM audit WHERE action = 'promote'")[0]
    (approved,) = row["detail"]["approvals"]
    assert approved["person"].startswith("account:")


async def test_a_revoked_champion_answers_nobody_from_the_next_turn_on(tmp_path):
    built = services(tmp_path / "house")
    register(built.learner.registry, tmp_path / "run", 1, 0.1)
    built.learner.promote(ADAPTER, "operator", "a test")
    async with api(built, **key_of(built, "operator")) as operator, api(built) as guest:
        assert (await asked(guest))["model"] == ADAPTER
        assert (await operator.post(f"/v1/adapters/{ADAPTER}/revoke", json={"reason": ""})).status_code == 400
        done = await operator.post(f"/v1/adapters/{ADAPTER}/revoke", json={"reason": "It was poisoned."})
        assert done.json() == {"champion": "base"}
        assert (await asked(guest))["ratchet"]["adapter"] == "base"
        named = {"model": ADAPTER, "messages": [{"role": "user", "content": "hello"}]}
        refused = await operator.post("/v1/chat/completions", json=named)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "revoked")
        listed = (await operator.get("/v1/adapters")).json()["adapters"]
    assert [(row["adapter"], row["state"], row["reason"]) for row in listed] == [
        (ADAPTER, "revoked", "It was poisoned.")
    ]
    for part in (built.learner, built.screen, built.scorer, built.store):
        part.close()


async def test_some_people_stay_on_the_previous_champion_with_their_propensity_and_out_of_experiments(tmp_path):
    built = services(tmp_path / "house", holdback_share=0.3)
    register(built.learner.registry, tmp_path / "run", 1, 0.1)
    built.learner.promote(ADAPTER, "operator", "a test")
    built.engine.pause = 0.0
    people, met = [f"user:{number}" for number in range(40)], []
    key = {"Authorization": f"Bearer {built.accounts.keys['operator']}"}
    async with api(built, **key) as operator:
        for _ in range(2):
            seen = {one: (await asked(operator, user=one.removeprefix("user:")))["ratchet"] for one in people}
            met.append({person: (way["arm"], way["adapter"]) for person, way in seen.items()})
            if len(met) == 1:
                built.learner.null_experiment("operator")
    stayed = {person for person, way in met[0].items() if way == ("previous", "base")}
    assert 4 < len(stayed) < 22
    assert all(met[0][person] == ("champion", ADAPTER) for person in people if person not in stayed)
    assert {person for person, way in met[1].items() if way == ("previous", "base")} == stayed
    rows = built.store.rows("SELECT DISTINCT arm, propensity, experiment_id FROM turn WHERE experiment_id IS NULL")
    assert {(row["arm"], row["propensity"]) for row in rows} == {("previous", 0.3), ("champion", 0.7)}
    split = built.store.rows("SELECT person FROM experiment_people")
    assert split and not {row["person"] for row in split} & stayed
    for part in (built.learner, built.screen, built.scorer, built.store):
        part.close()


def test_a_drill_promotes_and_rolls_back_under_64_streams_and_keeps_what_it_measured(tmp_path):
    with running(tmp_path / "home", holdback_share=0.5) as served:
        registry = served.services.learner.registry
        register(registry, tmp_path / "run", 1, 0.1)
        served.services.learner.promote(ADAPTER, "operator", "a test")
        before, key = registry.state(), served.services.accounts.keys["operator"]
        served.services.engine.pause = 0.3
        drill = Drill(served.url, key, streams=64, tokens=8, parameters={})
        found = asyncio.run(drill.run())
        assert registry.state() == before
        assert (found["state"], found["champion"]) == ("passed", ADAPTER), found["reason"]
        for flip in found["detail"].values():
            assert (flip["streams"], flip["dropped"], flip["turns"], flip["wrong"]) == (64, 0, 8, 0)
            assert 0 < flip["flip_ms"] < 1000
        answers = served.rows("SELECT adapter, count(*) AS turns FROM turn WHERE arm = 'champion' GROUP BY adapter")
        assert {row["adapter"] for row in answers} == {ADAPTER, found["adapter"]}
        assert all(row["turns"] >= 64 for row in answers)
        (row,) = served.rows("SELECT detail FROM audit WHERE action = 'drill.end'")
        assert row["detail"]["rollback"]["flip_ms"] == found["detail"]["rollback"]["flip_ms"]
        assert served.services.operator.status()["drill"]["drill_id"] == found["drill_id"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"dropped": 1}, "1 streams broke off"),
        ({"flip_ms": 1000.0}, "The rollback took 1000 ms"),
        ({"wrong": 2}, "2 of 8 new turns"),
        ({"streams": 0}, "No stream was open"),
        ({"short": 3}, "3 streams ended too soon"),
    ],
)
def test_a_drill_that_lost_anything_is_not_passed(changed, told):
    good = {"flip_ms": 5, "asked_ms": 9, "turn_ms": 30, "streams": 64, "dropped": 0, "short": 0, "turns": 8, "wrong": 0}
    assert Measured(promotion=Flip(**good), rollback=Flip(**good)).verdict().passed
    verdict = Measured(promotion=Flip(**good), rollback=Flip(**good | changed)).verdict()
    assert not verdict.passed and told in verdict.reason


def test_without_a_server_the_command_line_approves_and_revokes_and_says_what_it_cannot(tmp_path):
    settings = Settings.load({"home": str(tmp_path), "promotion": "ask"}, {})
    with connect(settings) as control:
        with pytest.raises(UnknownAdapter, match="There is no adapter 'starter@9'"):
            control.approve("starter@9", "")
        with pytest.raises(BadMove, match="the model itself"):
            control.revoke("base", "a test")
        assert control.drills() == []
    with pytest.raises(NoServer, match="--key needs a server"), connect(settings, "sk-x"):
        pass
    no_server = ratchet("drill", "rollback", "--home", str(tmp_path))
    assert no_server.returncode == 1 and "No server runs" in no_server.stderr
