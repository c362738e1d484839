"""From a won experiment to everybody: the steps, the re-test on fresh votes, the way back, and the holdback."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.pages.rollout import panel
from learner import NotProven, person_group, route
from learner.errors import BadMove, BadSteps, NoSignal, NotApproved, Revoked, RolloutRunning
from learner.experiment import Arm, RoutingState, salt_of
from learner.people import share_of
from learner.promotion.policy import NoSideBySide
from learner.settings import LearnerSettings
from learner.states import MOVES, STATES, check_move
from tests.adapters import register
from tests.history import History, people
from tests.machine import ONE, TWO, Machine

STEPS = {"rollout_steps": "30,50,100", "rollout_min_users": 5, "experiment_min_users": 5, "holdback_share": 0.1}
COPY, HOUR = "starter-copy@1", timedelta(minutes=61)
OLD, NEW, LAST = Arm("a@1", "a@1", "1"), Arm("a@2", "a@2", "2"), Arm("a@0", "a@0", "0")


def won(made: Machine) -> str:
    """An experiment whose ten people are all of one mind."""
    experiment_id, history = made.learner.null_experiment("operator"), History(made.store)
    for number, person in enumerate(people("decide", 10)):
        arm = ("champion", "challenger")[number % 2]
        adapter = ("base", COPY)[number % 2]
        turn = history.answer(person, "text", arm=arm, experiment_id=experiment_id, adapter=adapter)
        history.say(person, turn, vote=(-1, 1)[number % 2])
    assert made.learner.look().outcome == "won"
    return experiment_id


def arrive(made: Machine, count: int, *, group: str = "decide", liked: float | None = 1.0, **answer: object) -> None:
    """New people who are sent where the router sends them; of the challenger's a share `liked` votes up."""
    history, state = History(made.store), made.registry.state()
    for number in range(count):
        person = next(name for name in (f"new-{number}" for number in made.newcomers) if person_group(name) == group)
        way = route(person, group, state)
        bad = answer if way.arm == "challenger" or (not state.rollout and way.arm == "champion") else {}
        turn = history.answer(
            person, "text", arm=way.arm, adapter=way.adapter, experiment_id=way.experiment_id,
            propensity=way.propensity, **bad,
        )  # fmt: skip
        if liked is not None:
            up = liked if way.adapter == COPY else 1 - liked
            history.say(person, turn, vote=1 if number % 10 < 10 * up else -1)


def rollout(made: Machine) -> dict:
    return made.learner.status()["rollout"]


def moves(made: Machine, action: str) -> list[dict]:
    return made.store.rows("SELECT actor, detail FROM audit WHERE action = ? ORDER BY seq", (action,))


def test_a_winner_goes_to_everybody_step_by_step_on_fresh_votes_and_survives_a_crash_in_the_middle(machine):
    made = machine(**STEPS)
    experiment_id = won(made)
    assert (made.learner.status()["champion"], rollout(made)["share"]) == ("base", 0.3)
    made.learner.look()
    assert "Waiting for 5 people on the challenger" in rollout(made)["reason"]
    arrive(made, 60, group="learn")
    made.learner.look()
    assert "takes 60 minutes" in rollout(made)["reason"], "people alone do not carry it on"
    made.ahead = HOUR
    made.learner.look()
    assert (rollout(made)["share"], rollout(made)["people"]) == (0.5, 0), "each step begins anew"
    made.close()

    again = machine(**STEPS)
    again.ahead, again.newcomers = 2 * HOUR, made.newcomers
    assert (again.registry.state(), rollout(again)["share"]) == (made.registry.state(), 0.5)
    arrive(again, 30, group="learn")
    again.learner.look()
    shown = panel(again.learner.status())
    assert "<b>50%</b> of all people" in shown and "+1.000 per person, the best of 1 tried" in shown
    assert rollout(again)["fresh"]["users_new"] == 0, "people of the learn group crown nobody"
    assert "Waiting for 5 people with a fresh vote" in rollout(again)["reason"]
    arrive(again, 40, liked=0.9)
    again.learner.look()
    state = again.learner.status()
    assert (state["champion"], state["rollout"]) == (COPY, None)
    assert [row["share"] for row in again.store.rows("SELECT share FROM rollout ORDER BY seq")] == [0.3, 0.5, 1.0]
    (promoted,) = moves(again, "promote")
    assert promoted["detail"]["experiment"]["difference"] == 1.0
    fresh = promoted["detail"]["fresh"]
    assert (fresh["promised"], fresh["tried"], fresh["experiment_id"]) == (1.0, 1, experiment_id)
    assert 0.5 < fresh["fresh"]["difference"] < 1.0, "the winner's own votes flattered it"
    assert again.registry.state().holdback == 0.1


def test_fresh_votes_that_turn_against_a_winner_take_it_back(machine):
    made = machine(**STEPS)
    won(made)
    arrive(made, 60, liked=0.0)
    made.learner.look()
    state = made.learner.status()
    assert (state["champion"], state["challenger"], state["rollout"]) == ("base", None, None)
    (row,) = made.store.rows("SELECT state, reason FROM rollout ORDER BY seq DESC LIMIT 1")
    assert row["state"] == "rolled back" and "On fresh traffic it is worse" in row["reason"]
    assert made.store.rows("SELECT state FROM experiment ORDER BY seq DESC LIMIT 1") == [{"state": "won"}]
    assert made.loaded == set()
    assert state["taken_back"].startswith(f"{COPY} was taken back by itself. On fresh traffic it is worse")


def test_votes_of_before_do_not_confirm_a_winner(machine):
    made = machine(**{**STEPS, "rollout_steps": "50,100"})
    experiment_id, history = won(made), History(made.store)
    made.ahead = HOUR
    arrive(made, 20, group="learn")
    for person in people("decide", 10):  # they come again, and are of the same mind
        way = route(person, "decide", made.registry.state())
        history.say(person, history.answer(
            person, "text", arm=way.arm, adapter=way.adapter, propensity=way.propensity
        ), vote=1 if way.arm == "challenger" else -1)  # fmt: skip
    made.learner.look()
    assert rollout(made)["fresh"]["users_new"] == rollout(made)["fresh"]["users_old"] == 0
    assert made.learner.status()["champion"] == "base"
    assert made.registry.state().experiment_id == experiment_id


def test_a_guardrail_that_breaks_on_the_way_takes_the_winner_back_by_itself(machine):
    made = machine(**STEPS)
    won(made)
    arrive(made, 80, group="learn", liked=None, finish_reason="content_filter")
    made.learner.look()
    assert made.learner.status()["champion"] == "base"
    (ended,) = moves(made, "rollout.end")
    assert ended["actor"] == "learner" and "refusals" in ended["detail"]["reason"]


def test_an_operator_stops_a_rollout_by_a_rollback_and_the_champion_stays(machine, tmp_path):
    made = machine(**STEPS)
    made.learner.promote(register(made.registry, tmp_path / "run", 1, 0.1), "operator", "a test")
    won(made)
    with pytest.raises(RolloutRunning, match="30% of all people"):
        made.learner.promote(None, "operator")
    assert made.learner.rollback("operator").champion == ONE
    assert made.learner.status()["champion"] == ONE and made.registry.state().previous.adapter == "base"
    assert made.learner.rollback("operator").champion == "base"


def test_a_reason_promotes_whoever_is_on_the_way_to_everybody_at_once(machine):
    made = machine(**STEPS)
    won(made)
    assert made.learner.promote(None, "operator", "it is Friday") == COPY
    assert made.learner.status()["rollout"] is None
    assert made.store.rows("SELECT state FROM rollout ORDER BY seq DESC LIMIT 1") == [{"state": "promoted"}]


def test_the_holdback_brings_the_champion_before_back_when_a_guardrail_breaks(machine):
    made = machine(**{**STEPS, "rollout_steps": "100", "holdback_share": 0.3})
    won(made)
    assert made.learner.status()["champion"] == COPY
    arrive(made, 60, group="holdout", liked=0.5)
    made.learner.watch()
    assert made.learner.status()["champion"] == COPY
    effect = made.learner.status()["holdback"]["effect"]
    assert effect["users_old"] + effect["users_new"] == 60 and effect["difference"] is not None
    arrive(made, 90, group="learn", liked=None, finish_reason="content_filter")
    made.learner.road._next_watch = 0.0
    made.learner.watch()
    state = made.learner.status()
    assert (state["champion"], state["holdback"]) == ("base", None)
    (back,) = moves(made, "rollback")
    assert "refusals" in back["detail"]["reason"] and back["detail"]["lasting"]["harm"] == back["detail"]["reason"]
    made.learner.promote(COPY, "operator", "the filter was wrong")
    made.learner.road._next_watch = 0.0
    made.learner.watch()
    assert made.learner.status()["champion"] == COPY, "what was seen before does not count against it again"


def test_the_holdback_of_the_promotion_before_goes_on_after_a_rollback(machine, tmp_path):
    made = machine(holdback_share=0.1)
    made.learner.promote(register(made.registry, tmp_path / "run-1", 1, 0.1), "operator", "a test")
    state = made.registry.state()
    made.learner.promote(register(made.registry, tmp_path / "run-2", 2, 0.1), "operator", "a test")
    assert made.registry.state().holdback_salt != state.holdback_salt
    made.learner.rollback("operator")
    assert made.registry.state() == state
    since = made.registry.promoted_at()
    made.close()
    again = machine(holdback_share=0.1)
    assert (again.registry.state(), again.registry.promoted_at()) == (state, since)


def test_thumbs_never_promote_alone_and_a_reason_is_told_to_the_audit(machine):
    made = machine(experiment_min_users=5, promotion_signal="required")
    won(made)
    assert made.learner.status()["champion"] == "base"
    assert made.learner.status()["promotion"]["waits"] == "There is no side-by-side yet."
    with pytest.raises(NoSignal, match="Thumbs never promote alone"):
        made.learner.promote(None, "operator")
    made.signal = NoSideBySide(holds=True, reason="Reviewers prefer it.")
    made.learner.look()
    assert made.learner.status()["champion"] == COPY
    (promoted,) = moves(made, "promote")
    assert promoted["detail"]["signal"] == {"holds": True, "reason": "Reviewers prefer it."}
    made.learner.rollback("operator")
    made.signal = NoSideBySide()
    made.learner.promote(COPY, "operator", "they are on holiday")
    told = moves(made, "promote")[-1]["detail"]
    assert (told["override"], told["signal"]["holds"]) == ("they are on holiday", False)


def test_two_people_have_to_approve_and_one_by_two_keys_is_one(machine):
    made = machine(experiment_min_users=5, promotion="two-person")
    won(made)
    made.learner.approve(COPY, "account:ann", "<ann>", "I read 30 answers")
    assert "another operator has to approve of it (1 of 2)" in made.learner.status()["promotion"]["waits"]
    assert "&lt;ann&gt; (1 of 2)" in panel(made.learner.status())
    with pytest.raises(NotApproved, match="You approve of starter-copy@1 already"):
        made.learner.approve(COPY, "account:ann", "ann's notebook")
    for promotes in (None, "an emergency"):
        with pytest.raises(NotApproved, match="1 of 2"):
            made.learner.promote(COPY, "key:1", promotes, "account:ann")
    with pytest.raises(NotApproved, match="operator's account"):
        made.learner.approve(COPY, "key:operator", "command line")
    made.learner.policy.withdraw(COPY, "account:ann", "ann")
    made.learner.approve(COPY, "account:bob", "bob")
    assert made.learner.status()["champion"] == "base", "what was taken back does not count"
    made.learner.approve(COPY, "account:ann", "ann")
    assert made.learner.status()["champion"] == COPY
    assert [one["name"] for one in moves(made, "promote")[0]["detail"]["approvals"]] == ["bob", "ann"]


def test_an_approval_falls_with_the_role_of_whoever_gave_it_and_with_the_champion(machine, tmp_path):
    made = machine(experiment_min_users=5, promotion="two-person")
    won(made)
    made.learner.approve(COPY, "account:ann", "ann")
    made.strangers.add("account:ann")
    made.learner.approve(COPY, "account:bob", "bob")
    assert made.learner.status()["champion"] == "base"
    made.strangers.remove("account:ann")
    made.learner.stop_experiment("operator", "a test")
    one = register(made.registry, tmp_path / "run", 1, 0.1)
    for who in ("ann", "bob"):
        made.learner.approve(one, f"account:{who}", who)
    made.learner.promote(one, "key:1", "a test", "account:ann")
    assert made.learner.policy.approvals(COPY) == [], "it was approved in place of another champion"


@pytest.mark.parametrize("role", ["champion", "previous", "challenger", "on the way", "retired"])
def test_what_is_revoked_is_served_to_nobody_whatever_it_was_and_never_comes_back(machine, tmp_path, role):
    made = machine(**(STEPS if role == "on the way" else {"experiment_min_users": 5, "holdback_share": 0.1}))
    name = register(made.registry, tmp_path / "run-1", 1, 0.1)
    if role in ("champion", "previous", "retired"):
        made.learner.promote(name, "operator", "a test")
    if role in ("previous", "retired"):
        made.learner.promote(register(made.registry, tmp_path / "run-2", 2, 0.1), "operator", "a test")
    if role == "retired":
        made.learner.rollback("operator")
        name = TWO
    if role in ("challenger", "on the way"):
        name = COPY
        won(made) if role == "on the way" else made.learner.null_experiment("operator")
    made.learner.revoke(name, "account:ann", "it was taught by somebody who is erased")
    state = made.registry.state()
    assert name not in [arm.adapter for arm in (state.champion, state.previous, state.challenger) if arm]
    assert name not in made.loaded and not state.rollout
    assert not state.holdback or state.previous is not None
    for again in (made.learner.hold, lambda one: made.learner.promote(one, "operator", "a test")):
        with pytest.raises(Revoked, match="somebody who is erased"):
            again(name)
    with pytest.raises(BadMove, match="is revoked and cannot become revoked"):
        made.learner.revoke(name, "account:ann", "once more")
    (told,) = moves(made, "adapter.revoke")
    assert (told["actor"], told["detail"]["adapter"]) == ("account:ann", name)
    made.close()
    assert machine().registry.state() == state


def test_no_adapter_is_moved_without_a_reason_or_against_the_table(machine, tmp_path):
    made = machine()
    name = register(made.registry, tmp_path / "run", 1, 0.1)
    with pytest.raises(BadMove, match="without a reason"):
        made.learner.revoke(name, "operator", "  ")
    with pytest.raises(BadMove, match="the model itself"):
        made.learner.revoke("base", "operator", "a test")
    with pytest.raises(BadMove, match="is rejected and cannot become challenger"):
        made.registry.start_experiment(name, 0.5, "operator")
    with pytest.raises(NotProven):
        made.learner.promote(name, "operator")
    assert made.store.rows("SELECT state, actor FROM adapter") == [{"state": "rejected", "actor": "learner"}]
    assert set(MOVES) == {None, *STATES}
    assert all("revoked" in MOVES[state] for state in STATES if state != "revoked")
    for after in STATES:
        with pytest.raises(BadMove):
            check_move("a@1", "revoked", after, "a reason")


@pytest.mark.parametrize("text", ["", "10,50", "50,10,100", "0,100", "10,10,100", "1;100", "50,100,200"])
def test_steps_must_rise_to_everybody(text):
    with pytest.raises(BadSteps, match="rise to 100"):
        LearnerSettings(rollout_steps=text)


def test_a_drill_that_nobody_ends_leaves_the_champion_of_before(machine, tmp_path):
    made = machine(holdback_share=0.1)
    made.learner.promote(register(made.registry, tmp_path / "run", 1, 0.1), "operator", "a test")
    state = made.registry.state()
    drill = made.learner.begin_drill("operator")
    made.learner.drills.promote(drill.drill_id, "operator")
    assert made.registry.state().champion.weights_sha256 == state.champion.weights_sha256
    assert made.learner.status()["champion"] == drill.adapter
    made.close()
    again = machine(holdback_share=0.1)
    again.learner.start()
    assert again.registry.state() == state, "with the holdback of before"
    assert again.learner.status()["drill"]["state"] == "abandoned"


shares = st.floats(0.001, 1.0)
names = st.text(min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(names, st.sampled_from(["learn", "decide", "holdout"]), shares, shares, shares, st.floats(0.001, 0.2))
def test_routing_is_sticky_monotone_and_moves_nobody_back_on_the_way_to_everybody(
    person, group, share, one, other, holdback
):
    low, high = sorted((one, other))
    experiment = RoutingState(OLD, LAST, NEW, "a@2#1", min(share, 1 - holdback))
    on_the_way = [RoutingState(*_parts(experiment), rollout=min(step, 1 - holdback)) for step in (low, high)]
    promoted = RoutingState(NEW, OLD, holdback=holdback, holdback_salt=salt_of("a@2#1"))
    path = [route(person, group, state) for state in (experiment, *on_the_way, promoted)]
    assert path == [route(person, group, state) for state in (experiment, *on_the_way, promoted)]
    served = [way.adapter for way in path]
    assert served == sorted(served), "once somebody has the new one they keep it"
    assert {way.experiment_id for way in path[1:]} == {None}, "no turn of a rollout is counted in the experiment"
    assert [way.rollout for way in path] == [False, True, True, False]
    assert served[-1] == "a@1" if share_of(person, salt_of("a@2#1")) >= 1 - holdback else served[-1] == "a@2"


@settings(max_examples=6, deadline=None)
@given(st.floats(0.01, 0.5), st.floats(0.05, 0.95), st.floats(0.02, 0.95))
def test_each_arm_gets_the_people_that_its_propensity_says(holdback, share, rolled):
    states = [
        RoutingState(OLD, LAST, NEW, "a@2#1", share, rolled, holdback, "promotion-x"),
        RoutingState(OLD, LAST, NEW, "a@2#1", share, 0.0, holdback, "promotion-x"),
        RoutingState(OLD, LAST, holdback=holdback, holdback_salt="promotion-x"),
    ]
    crowd = [f"person-{number}" for number in range(2000)]
    for state, group in itertools.product(states, ("learn", "decide")):
        ways = [route(person, group, state) for person in crowd]
        drawn = {way.arm: way.propensity for way in ways}
        counts = {arm: sum(way.arm == arm for way in ways) for arm in drawn}
        assert counts.pop("previous", 0) == pytest.approx(2000 * holdback, abs=110)
        rest, first = sum(counts.values()), drawn.pop("previous", holdback)
        assert first == holdback and all(way.experiment_id is None for way in ways if way.arm == "previous")
        if "challenger" in drawn:
            assert sum(drawn.values()) == pytest.approx(1)
            assert counts["challenger"] == pytest.approx(rest * drawn["challenger"], abs=110)


def _parts(state: RoutingState) -> tuple:
    return state.champion, None, state.challenger, state.experiment_id, state.share
