"""From an adapter that passed its gates to the end of its experiment, and to its promotion."""

import pytest

from learner import AlreadyChampion, ExperimentRunning
from tests.adapters import register
from tests.history import History, people
from tests.machine import ONE, TWO, Machine
from tests.real_server import until


def test_an_adapter_that_was_gated_against_another_champion_waits_until_that_one_is_back(machine, tmp_path):
    made = machine(experiment_look_seconds=0.1)
    made.learner.promote(register(made.registry, tmp_path / "run-1", 1, 0.1), "operator", "a test")
    register(made.registry, tmp_path / "run-2", 2, 0.1, champion=ONE, passed=True)
    register(made.registry, tmp_path / "run-3", 3, 0.1, champion="base", passed=True)
    made.learner.start()
    until(lambda: made.learner.status()["challenger"])
    assert made.learner.status()["challenger"] == TWO, "the newest one was compared with the base"
    made.learner.rollback("operator")
    until(lambda: made.learner.status()["challenger"])
    assert made.learner.status()["challenger"] == "starter@3"


def votes(made: Machine, experiment_id: str, *, champion: int, challenger: int) -> None:
    """Five people of each arm, all of one mind, vote on one answer each."""
    history = History(made.store)
    for number, person in enumerate(people("decide", 10)):
        arm, vote = (("champion", champion), ("challenger", challenger))[number % 2]
        history.say(person, history.answer(person, "text", arm=arm, experiment_id=experiment_id), vote=vote)


def test_a_winner_whose_server_died_is_promoted_by_the_next_and_a_rollback_of_it_stands(machine):
    made = machine(promotion="ask", experiment_min_users=5)
    votes(made, made.learner.null_experiment("operator"), champion=-1, challenger=1)
    assert made.learner.look().outcome == "won"
    assert made.learner.status()["champion"] == "base"
    made.close()
    again = machine(experiment_min_users=5)
    assert again.learner.look().outcome == "won"
    assert again.learner.status()["champion"] == "starter-copy@1"
    again.learner.rollback("operator")
    assert again.learner.look() is None
    assert again.learner.status()["champion"] == "base"
    again.close()
    assert machine(experiment_min_users=5).learner.look() is None


@pytest.mark.parametrize("end", ["stopped", "rolled back", "lost"])
def test_what_ended_an_experiment_is_not_changed_by_votes_that_come_later(machine, tmp_path, end):
    made = machine(experiment_min_users=5 if end == "lost" else 50)
    made.learner.promote(register(made.registry, tmp_path / "run", 1, 0.1), "operator", "a test")
    experiment_id = made.learner.null_experiment("operator")
    votes(made, experiment_id, champion=1, challenger=-1)
    if end == "stopped":
        made.learner.stop_experiment("operator", "a test")
    elif end == "rolled back":
        made.learner.rollback("operator")
    else:
        made.learner.look()
    ended = made.learner.status()["experiment"]
    assert (ended["state"], ended["users"], ended["difference"]) == ("lost" if end == "lost" else "stopped", 10, -1)
    votes(made, experiment_id, champion=-1, challenger=1)
    assert made.learner.status()["experiment"] == ended


def test_a_second_experiment_is_refused_before_anything_is_copied(machine):
    made = machine()
    made.learner.null_experiment("operator")
    with pytest.raises(ExperimentRunning):
        made.learner.null_experiment("operator")
    assert made.store.rows("SELECT DISTINCT adapter FROM adapter") == [{"adapter": "starter-copy@1"}]


def test_the_champion_cannot_be_promoted_over_itself(machine):
    with pytest.raises(AlreadyChampion):
        machine().learner.promote("base", "operator", "a test")


def crowd(made: Machine, experiment_id: str, arm: str, start: int, count: int, **answer: object) -> None:
    """People of the decide group who got an answer each on one arm, and said nothing of it."""
    history = History(made.store)
    for person in people("decide", start + count)[start:]:
        history.answer(person, "text", arm=arm, experiment_id=experiment_id, **answer)


def test_a_split_that_is_off_ends_the_experiment_by_name(machine):
    made = machine(experiment_min_users=5)
    experiment_id = made.learner.null_experiment("operator")
    crowd(made, experiment_id, "champion", 10, 45)
    votes(made, experiment_id, champion=-1, challenger=1)
    assert made.learner.look().outcome == "stopped"
    status = made.learner.status()
    assert status["champion"] == "base" and status["challenger"] is None
    assert "The split of people is off" in status["experiment"]["reason"]
    assert status["experiment"]["balance"]["people"] == [50, 5]


def test_a_breached_guardrail_ends_the_experiment_by_name_however_much_the_challenger_is_liked(machine):
    made = machine(experiment_min_users=5)
    experiment_id = made.learner.null_experiment("operator")
    crowd(made, experiment_id, "champion", 10, 20)
    crowd(made, experiment_id, "challenger", 30, 20, finish_reason="content_filter")
    votes(made, experiment_id, champion=-1, challenger=1)
    assert made.learner.look().outcome == "stopped"
    found = made.learner.status()["experiment"]
    assert "A guardrail is breached: refusals" in found["reason"]
    states = {rail["name"]: rail["state"] for rail in found["guardrails"]}
    assert states["refusals"] == "breached" and states["length"] == "held"


def test_a_winner_waits_until_its_guardrails_are_shown_to_hold(machine):
    made = machine(experiment_min_users=5, experiment_guardrails="show")
    votes(made, made.learner.null_experiment("operator"), champion=-1, challenger=1)
    assert made.learner.look().outcome == "running"
    assert "not yet shown to hold: flags" in made.learner.status()["experiment"]["reason"]


def test_people_who_compare_are_a_cohort_of_their_own_and_may_decide_alone(machine):
    made = machine(experiment_min_users=5)
    experiment_id, history = made.learner.null_experiment("operator"), History(made.store)
    for person in people("decide", 40)[10:]:
        first = history.answer(person, "text", experiment_id=experiment_id)
        other = history.answer(person, "text", arm="challenger", experiment_id=experiment_id, sibling_of=first)
        history.say(person, first, vote=1)
        history.say(person, first, preferred_over=other)  # and then they think again
        history.say(person, other, preferred_over=first)
    judged = made.learner.look()
    assert (judged.users_champion, judged.users_challenger) == (0, 0), "who compares counts in no split"
    assert (judged.comparisons["users"], judged.comparisons["difference"]) == (30, 1.0)
    assert (judged.outcome, judged.p_thumbs, judged.balance) == ("won", None, None)
    assert judged.p_value <= judged.alpha


def test_the_alpha_of_a_candidate_depends_on_what_the_ones_before_it_came_to(machine):
    made = machine(experiment_spending="lord", experiment_min_users=5)
    spent = []
    for _ in range(2):
        made.learner.null_experiment("operator")
        spent.append(made.learner.status()["experiment"]["alpha"])
        made.learner.stop_experiment("operator", "a test")
    assert spent[0] == pytest.approx(0.00544, abs=1e-5)
    assert 0 < spent[1] < spent[0] / 2
