"""Laps: what starts them, how they end, and what is kept of one that was cut off."""

import os
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import numpy as np
import pytest
from safetensors.numpy import load_file

from analytics import Event, NotStored, Run
from learner.adapter import check_adapter
from learner.gates import GATES
from learner.process import child_environment
from learner.progress import read_json, write_json
from learner.supervisor import Supervisor
from tests.adapters import finished
from tests.history import History, lesson, people
from tests.machine import ONE, TWO, Machine
from tests.real_server import until

# Of the gates that cost more than this lap has.
LITTLE = {
    "gate_safety_prompts": 2,
    "gate_sycophancy_questions": 2,
    "gate_canary_ways": 0,
    "gate_drift_questions": 4,
}


def test_votes_alone_start_a_lap_and_a_few_votes_do_not(machine, monkeypatch):
    monkeypatch.setattr("learner.scheduler.WATCH_SECONDS", 0.1)
    made = machine(learn_after_feedback=5)
    history, voters = History(made.store), people("learn", 5)
    turns = {person: history.answer(person, "text") for person in voters}
    judges = {person: history.answer(person, "text") for person in people("decide", 9)}
    made.learner.start()
    for person in voters[:4]:
        history.say(person, turns[person], vote=1)
    for person, turn in judges.items():
        history.say(person, turn, vote=1)
    time.sleep(1)
    assert made.learner.runs() == []
    history.say(voters[4], turns[voters[4]], vote=-1)
    until(made.learner.runs)
    made.learner.wait(60)
    time.sleep(0.5)
    (run,) = made.learner.runs()
    assert (run["trigger"], run["state"], run["outcome"]) == ("feedback", "succeeded", "not enough data")
    assert "Not enough to learn from yet: 0 usable pairs" in run["reason"]


def hours_pass(made: Machine, hours: float) -> None:
    """Stop the machine, and have all that its store tells of have happened `hours` earlier."""
    made.close()
    with duckdb.connect(str(made.home / "store.duckdb")) as file:
        for table in ("turn", "run"):
            file.execute(f'UPDATE {table} SET "at" = "at" - to_seconds(?)', (3600 * hours,))


def test_the_clock_counts_from_the_first_turn_and_then_from_the_last_lap_however_often_the_server_starts(
    machine, monkeypatch
):
    monkeypatch.setattr("learner.scheduler.WATCH_SECONDS", 0.1)
    laps_end("rejected", monkeypatch)

    def started() -> Machine:
        made = machine(learn_every_hours=24)
        made.learner.start()
        return made

    def laps(made: Machine) -> list[str]:
        time.sleep(0.5)
        return [run["trigger"] for run in made.learner.runs()]

    made = started()
    assert laps(made) == [], "nobody has said anything yet"
    History(made.store).answer("person-1", "text")
    hours_pass(made, 23.9)
    made = started()
    assert laps(made) == []
    hours_pass(made, 0.2)
    made = started()
    until(made.learner.runs)
    assert laps(made) == ["clock"]
    hours_pass(made, 23.9)
    made = started()
    assert laps(made) == ["clock"]
    one_lap(made)
    hours_pass(made, 0.2)
    made = started()
    assert laps(made) == ["operator", "clock"], "the lap in between has put it off"
    hours_pass(made, 24)
    assert len(laps(started())) == 3


def test_a_trainer_that_is_killed_is_shown_as_abandoned_and_the_next_lap_goes_all_the_way(machine):
    made = machine(dpo_epochs=1, gate_min_pairs=20, gate_questions=16, gate_max_tokens=24, **LITTLE)
    lesson(History(made.store), learners=40, judges=30)

    killed = made.learner.learn()
    until(lambda: made.learner.run(killed)["phase"] == "train")
    (row,) = made.store.rows("SELECT pid FROM run WHERE pid IS NOT NULL")
    os.kill(row["pid"], signal.SIGKILL)
    made.learner.wait(60)
    run = made.learner.run(killed)
    assert run["state"] == "abandoned"
    assert "was killed by signal 9" in run["reason"]
    assert list((made.home / "adapters").iterdir()) == []

    run_id = made.learner.learn()
    made.learner.wait(300)
    run, folder = made.learner.run(run_id), made.home / "runs" / run_id
    result = read_json(folder / "result.json")
    assert run["state"] == "succeeded", (folder / "log.txt").read_text()[-3000:]
    assert (result["pairs"], result["judge_pairs"]) == (40, 30)
    assert result["training"]["change"] > 0
    gates = {gate["gate"]: gate for gate in result["gates"]}
    assert list(gates) == [name for name, _ in GATES]
    assert [name for name, gate in gates.items() if gate["skipped"]] == ["suites", "canaries", "bias"]
    measured = [gate for gate in gates.values() if not gate["skipped"]]
    assert all(isinstance(gate[name], float) for gate in measured for name in ("measured", "bound", "limit", "margin"))
    assert gates["attestation"]["passed"], gates["attestation"]["reason"]
    assert result["stopped_by"] == [name for name, gate in gates.items() if not gate["passed"]]
    assert result["outcome"] == ("rejected" if result["stopped_by"] else "passed")
    registered = made.registry.folder(run["adapter"])
    check_adapter(registered, 16)
    weights = load_file(registered / "adapter_model.safetensors")
    assert all(np.isfinite(part).all() for part in weights.values())
    assert any(part.any() for name, part in weights.items() if "lora_B" in name)
    assert sorted(path.name for path in registered.iterdir()) == [
        "README.md", "adapter_config.json", "adapter_model.safetensors", "attestation.json", "card.json",
    ]  # fmt: skip
    assert read_json(registered / "card.json")["manifest"]["dataset_sha256"] == result["dataset_sha256"]
    assert made.store.verify_audit() > 0


def test_a_lap_that_was_running_when_its_server_stopped_is_shown_as_abandoned(machine):
    made = machine()
    run_id = made.learner.learn()
    made.close()
    again = machine()
    run = again.learner.run(run_id)
    assert (run["state"], run["phase"]) == ("abandoned", "done")
    assert "stopped while this lap was running" in run["reason"]


def fails_at(made: Machine, state: str, monkeypatch) -> None:
    """Until `monkeypatch` ends it the store takes no row of a run in `state`, nor what comes with it."""
    append = made.store.append

    def failing(*words: Event) -> None:
        if any(isinstance(word, Run) and word.state == state for word in words):
            raise NotStored("The disk is full.")
        append(*words)

    monkeypatch.setattr(made.store, "append", failing)


def laps_end(outcome: str, monkeypatch) -> None:
    """Laps start no child; each leaves an adapter and says that it ended with `outcome`."""

    def lap(supervisor: Supervisor, queued: Run, *asked: object) -> int:
        folder = Path(queued.folder)
        finished(folder, 1, 0.1)
        write_json(folder / "result.json", {"outcome": outcome, "message": "made by a test"})
        return 0

    monkeypatch.setattr(Supervisor, "_run_child", lap)


def one_lap(made: Machine) -> dict:
    """Start a lap, wait for its end, and return what there is to say of it."""
    run_id = made.learner.learn()
    made.learner.wait(60)
    return made.learner.run(run_id)


def test_an_adapter_and_the_end_of_its_run_are_kept_together_or_not_at_all(machine, monkeypatch):
    made = machine()
    laps_end("rejected", monkeypatch)
    run = one_lap(made)
    assert (run["state"], run["adapter"]) == ("succeeded", ONE), run["reason"]
    with monkeypatch.context() as full:
        fails_at(made, "succeeded", full)
        assert one_lap(made)["reason"] == "The lap could not be run: The disk is full."
    assert made.store.rows("SELECT adapter FROM adapter") == [{"adapter": ONE}]
    assert one_lap(made)["adapter"] == TWO, "what the lap before has left must not stand in its way"


@pytest.mark.parametrize(("outcome", "challenger"), [("passed", ONE), ("rejected", None)])
def test_an_adapter_that_passed_its_gates_begins_its_experiment_at_the_end_of_its_lap(
    machine, monkeypatch, outcome, challenger
):
    made = machine()
    laps_end(outcome, monkeypatch)
    run, status = one_lap(made), made.learner.status()
    assert (run["state"], run["outcome"], run["adapter"]) == ("succeeded", outcome, ONE)
    assert (status["champion"], status["challenger"]) == ("base", challenger)
    assert (status["experiment"] is not None) == (outcome == "passed")
    assert made.loaded == ({ONE} if challenger else set())


def test_a_lap_whose_start_cannot_be_kept_is_ended(machine, monkeypatch):
    made, children, popen = machine(), [], subprocess.Popen

    def start(*words: object, **more: object) -> subprocess.Popen[bytes]:
        children.append(popen(*words, **more))
        return children[-1]

    monkeypatch.setattr("learner.supervisor.subprocess.Popen", start)
    fails_at(made, "running", monkeypatch)
    assert one_lap(made)["reason"] == "The lap could not be run: The disk is full."
    assert [child.poll() is not None for child in children] == [True]


@pytest.mark.parametrize(
    ("visible", "used"),
    [(None, "0"), ("0", "0"), ("2, 3", "3"), ("GPU-1f,GPU-2e", "GPU-2e"), ("", ""), ("-1", "-1")],
)
def test_a_lap_sees_one_gpu_of_those_that_the_server_may_use(visible, used, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert child_environment(threads=1)["CUDA_VISIBLE_DEVICES"] == used


def test_a_lap_takes_the_recipe_that_it_is_asked_for_and_says_what_that_lacks(machine):
    made = machine()
    run_id = made.learner.learn(recipe="sft")
    made.learner.wait(60)
    assert made.learner.run(run_id)["reason"].startswith("Not enough to learn from yet: 0 answers that people wrote")
