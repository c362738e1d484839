"""One lap of the loop and every way in which it can be cut off: nothing is lost, and nothing is left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from analytics import Event, NotStored, Run, Store
from chatbot.engine import Engine
from chatbot.errors import EngineDown
from chatbot.model import Model
from chatbot.settings import Settings
from learner import (
    AlreadyChampion,
    BadAdapter,
    ExperimentRunning,
    Learner,
    LearnerSettings,
    NothingToRollBackTo,
    Registry,
    free_port,
    person_group,
    weights_sha256,
)
from learner.adapter import check_adapter
from learner.process import child_environment
from learner.progress import read_json, write_json
from learner.starter import MODEL_DIR
from learner.supervisor import Supervisor
from tests.adapters import finished, register
from tests.history import History, lesson, people
from tests.real_server import ask, events, long_answer, ratchet, told, until

ONE, TWO = "starter@1", "starter@2"
LONG = long_answer(400)


def spoil(machine: "Machine", adapter: str) -> None:
    with (machine.home / "adapters" / adapter / "adapter_model.safetensors").open("ab") as file:
        file.write(b"x")


class Machine:
    """A learner in a home of its own, with an engine that only remembers what it was told."""

    def __init__(self, home: Path, base: str = "starter", rank: int = 16, **settings: object) -> None:
        self.home, self.loaded, self.refused, self.dies_after = home, set(), set(), ""
        self.store = Store.open(home / "store.duckdb")
        self.registry = Registry(self.store, home, base=base, base_sha256=weights_sha256(MODEL_DIR), rank=rank)
        self.learner = Learner(
            self.store,
            self.registry,
            home=home,
            model=str(MODEL_DIR),
            base=base,
            settings=LearnerSettings(**{"learn_every_hours": 0, "learn_after_feedback": 0, **settings}),
            groups=(60, 30, 10),
            load=self._load,
            unload=lambda name: self.loaded.discard(name),
        )

    def _load(self, name: str, folder: Path) -> None:
        if name in self.refused:
            raise BadAdapter(f"The engine refuses {name}: it has a cold.")
        self.loaded.add(name)
        if name == self.dies_after:  # and starts again, with what is live by now
            self.loaded = {live for live, _ in self.registry.live()}
            self.dies_after = ""

    def close(self) -> None:
        self.learner.close()
        self.store.close()


@pytest.fixture
def machine(tmp_path):
    machines = []

    def make(*words: object, **settings: object) -> Machine:
        machines.append(Machine(tmp_path / "home", *words, **settings))
        return machines[-1]

    yield make
    for made in machines:
        made.close()


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


def test_a_trainer_that_is_killed_is_shown_as_failed_and_the_next_lap_goes_all_the_way(machine):
    made = machine(dpo_epochs=1, gate_min_pairs=20, gate_questions=16, gate_max_tokens=24)
    lesson(History(made.store), learners=40, judges=30)

    killed = made.learner.learn()
    until(lambda: made.learner.run(killed)["phase"] == "train")
    (row,) = made.store.rows("SELECT pid FROM run WHERE pid IS NOT NULL")
    os.kill(row["pid"], signal.SIGKILL)
    made.learner.wait(60)
    run = made.learner.run(killed)
    assert run["state"] == "failed"
    assert "died without a result (exit -9)" in run["reason"]
    assert list((made.home / "adapters").iterdir()) == []

    run_id = made.learner.learn()
    made.learner.wait(300)
    run, folder = made.learner.run(run_id), made.home / "runs" / run_id
    result = read_json(folder / "result.json")
    assert run["state"] == "succeeded", (folder / "log.txt").read_text()[-3000:]
    assert (result["pairs"], result["judge_pairs"]) == (40, 30)
    assert result["training"]["change"] > 0
    gates = {gate["gate"]: gate for gate in result["gates"]}
    assert set(gates) == {"preference", "right_answers", "length"}
    assert all(isinstance(gate[name], float) for gate in gates.values() for name in ("measured", "against", "margin"))
    assert result["stopped_by"] == [name for name, gate in gates.items() if not gate["passed"]]
    assert result["outcome"] == ("rejected" if result["stopped_by"] else "passed")
    registered = made.registry.folder(run["adapter"])
    check_adapter(registered, 16)
    weights = load_file(registered / "adapter_model.safetensors")
    assert all(np.isfinite(part).all() for part in weights.values())
    assert any(part.any() for name, part in weights.items() if "lora_B" in name)
    assert sorted(path.name for path in registered.iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "card.json",
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

    def lap(supervisor: Supervisor, queued: Run) -> int:
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
    assert (run["state"], run["adapter"]) == ("succeeded", ONE)
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


def test_an_adapter_that_no_row_names_is_swept_away(machine, tmp_path):
    made = machine()
    register(made.registry, tmp_path / "run", 1, 0.1)
    made.close()
    for name in (TWO, f".{TWO}.draft"):
        (made.home / "adapters" / name).mkdir()
    again = machine()
    assert [path.name for path in (again.home / "adapters").iterdir()] == [ONE]


def test_a_home_can_move_and_its_champion_goes_with_it(machine, tmp_path):
    made = machine()
    register(made.registry, tmp_path / "run", 1, 0.1)
    made.learner.promote(ONE, "operator", "a test")
    made.close()
    made.home.rename(tmp_path / "elsewhere")
    moved = Machine(tmp_path / "elsewhere")
    assert moved.registry.live() == [(ONE, tmp_path / "elsewhere" / "adapters" / ONE)]
    moved.close()


def test_changed_weights_are_never_served_and_do_not_stand_in_the_way_of_a_rollback(machine, tmp_path):
    made = machine()
    for seed in (1, 2, 3):
        name = register(made.registry, tmp_path / f"run-{seed}", seed, 0.1)
        made.learner.promote(name, "operator", "a test")
    spoil(made, ONE)
    with pytest.raises(BadAdapter, match="were changed"):
        made.learner.hold(ONE)
    assert made.learner.rollback("operator").champion == TWO
    with pytest.raises(NothingToRollBackTo):
        made.learner.rollback("operator")


def test_a_start_serves_the_base_where_the_champion_was_changed_and_says_so(machine, tmp_path):
    made = machine()
    register(made.registry, tmp_path / "run", 1, 0.1)
    made.learner.promote(ONE, "operator", "a test")
    made.learner.null_experiment("operator")
    made.close()
    spoil(made, ONE)
    again = machine()
    state = again.learner.status()
    assert (state["champion"], state["challenger"]) == ("base", None)
    changed = f"The files of {ONE} were changed after it was registered; it cannot be served."
    assert (state["experiment"]["state"], state["experiment"]["reason"]) == ("stopped", changed)
    assert state["warning"] == f"{ONE} is not served any more: {changed} The champion is base."
    (row,) = again.store.rows("SELECT * FROM audit ORDER BY seq DESC LIMIT 1")
    assert (row["action"], row["detail"]["from"]) == ("adapter.unusable", ONE)


@pytest.mark.parametrize(
    ("name", "content"),
    [("adapter_config.json", "[]"), ("adapter_config.json", "{"), ("card.json", "{}"), ("card.json", None)],
)
def test_a_start_serves_the_champion_before_the_one_whose_folder_is_broken(machine, tmp_path, name, content):
    made = machine()
    for seed in (1, 2, 3):
        made.learner.promote(register(made.registry, tmp_path / f"run-{seed}", seed, 0.1), "operator", "a test")
    made.close()
    broken = made.home / "adapters" / "starter@3" / name
    broken.unlink()
    if content is not None:
        broken.write_text(content)
    again = machine()
    state = again.learner.status()
    assert state["champion"] == TWO
    assert state["warning"].startswith("starter@3 is not served any more: ")
    assert again.learner.rollback("operator").champion == ONE
    assert again.learner.status()["warning"] is None


def test_a_rank_that_the_engine_no_longer_takes_keeps_nobody_from_the_base(machine, tmp_path):
    made = machine()
    register(made.registry, tmp_path / "run", 1, 0.1)
    made.learner.promote(ONE, "operator", "a test")
    made.close()
    again = machine(rank=2)
    assert again.registry.live() == []
    assert "rank 4 exceeds 2" in again.learner.status()["warning"]
    assert again.learner.status()["champion"] == "base"
    with pytest.raises(BadAdapter, match="rank 4 exceeds 2"):
        again.learner.promote(ONE, "operator", "a test")
    assert again.loaded == set()


def test_an_adapter_that_the_engine_refuses_is_rejected_and_the_next_one_has_its_experiment(machine, tmp_path):
    made = machine(experiment_look_seconds=0.1)
    for seed in (1, 2):
        register(made.registry, tmp_path / f"run-{seed}", seed, 0.1, passed=True)
    made.refused.add(TWO)
    made.learner.start()
    until(lambda: made.learner.status()["challenger"])
    assert made.learner.status()["challenger"] == ONE
    (row,) = made.store.rows("SELECT state, reason FROM adapter WHERE adapter = ? AND state <> 'gated'", (TWO,))
    assert (row["state"], row["reason"]) == ("rejected", f"The engine refuses {TWO}: it has a cold.")


def test_an_engine_that_starts_again_while_an_experiment_begins_holds_both_arms(machine, tmp_path):
    made = machine()
    made.learner.promote(register(made.registry, tmp_path / "run", 1, 0.1), "operator", "a test")
    made.dies_after = "starter-copy@1"
    made.learner.null_experiment("operator")
    assert made.loaded == {ONE, "starter-copy@1"}


def test_a_way_back_that_the_engine_refuses_does_not_undo_a_rollback(machine, tmp_path):
    made = machine()
    for seed in (1, 2, 3):
        made.learner.promote(register(made.registry, tmp_path / f"run-{seed}", seed, 0.1), "operator", "a test")
    made.refused.add(ONE)
    assert made.learner.rollback("operator").champion == TWO
    assert made.learner.status()["champion"] == TWO
    assert f"The engine refuses {ONE}: it has a cold." in made.learner.status()["warning"]
    with pytest.raises(NothingToRollBackTo):
        made.learner.rollback("operator")


def test_an_adapter_of_another_model_is_neither_served_nor_promoted(machine, tmp_path):
    made = machine()
    other = Registry(made.store, made.home, base="other", base_sha256="of another model")
    name = register(other, tmp_path / "run", 1, 0.1)
    for use in (made.learner.hold, lambda name: made.learner.promote(name, "operator", "a test")):
        with pytest.raises(BadAdapter, match="made for another model"):
            use(name)


def test_each_model_keeps_its_own_champion_and_its_own_way_back(machine, tmp_path):
    made = machine()
    for seed in (1, 2):
        made.learner.promote(register(made.registry, tmp_path / f"run-{seed}", seed, 0.1), "operator", "a test")
    experiment_id, state = made.learner.null_experiment("operator"), made.registry.state()
    made.close()

    other = machine("other")
    assert (other.learner.status()["champion"], other.learner.status()["experiment"]) == ("base", None)
    other.learner.promote(register(other.registry, tmp_path / "run-3", 3, 0.1), "operator", "a test")
    other.learner.null_experiment("operator")
    other.learner.stop_experiment("operator", "a test")
    assert other.learner.rollback("operator").champion == "base"
    with pytest.raises(NothingToRollBackTo):
        other.learner.rollback("operator")
    other.close()

    again = machine()
    assert again.registry.state() == state
    found = again.learner.status()["experiment"]
    assert (found["experiment_id"], found["state"]) == (experiment_id, "running")
    assert [again.learner.rollback("operator").champion for _ in range(2)] == [ONE, "base"]


def test_the_champion_cannot_be_promoted_over_itself(machine):
    with pytest.raises(AlreadyChampion):
        machine().learner.promote("base", "operator", "a test")


def test_a_copy_of_an_adapter_is_the_same_bytes_under_another_name(machine, tmp_path):
    made = machine()
    register(made.registry, tmp_path / "run", 1, 0.1)
    made.learner.promote(ONE, "operator", "a test")
    made.learner.null_experiment("operator")
    champion, challenger = made.registry.state().champion, made.registry.state().challenger
    assert (challenger.adapter, challenger.served_name) == ("starter-copy@1", "starter-copy@1")
    assert challenger.weights_sha256 == champion.weights_sha256
    weights = [made.registry.folder(arm.adapter) / "adapter_model.safetensors" for arm in (champion, challenger)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert made.loaded == {ONE, "starter-copy@1"}


REFUSES_ADAPTERS = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Refuses(BaseHTTPRequestHandler):
    health = 200

    def do_GET(self):
        self.send_response(self.health)
        self.end_headers()

    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500 if "lora" in self.path else 200)
        self.end_headers()
        self.wfile.write(b"it has a cold")
        if b"deadly" in sent:
            Refuses.health = 503

HTTPServer(("127.0.0.1", int(sys.argv[1])), Refuses).serve_forever()
"""


class ColdEngine(Engine):
    """One whose first start fails for want of memory; after that it answers, and takes no adapter."""

    starts = 0

    def spawn(self) -> None:
        self.starts += 1
        if self.starts == 1:
            raise OSError("Cannot allocate memory")
        self._port = free_port()
        words = [sys.executable, "-c", REFUSES_ADAPTERS, str(self._port)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )


async def test_a_start_that_fails_is_tried_again_and_what_the_engine_refuses_is_a_bad_adapter(tmp_path, monkeypatch):
    monkeypatch.setattr("chatbot.engine.STOP_SECONDS", 0.1)
    engine = ColdEngine(
        Model("starter", MODEL_DIR, ""), Settings.load({"home": str(tmp_path)}, environ={}), tmp_path, lambda load: None
    )
    await engine.start()
    await asyncio.to_thread(until, lambda: engine.trouble)
    assert engine.trouble == "Cannot allocate memory"
    await asyncio.to_thread(until, lambda: engine.ready)
    with pytest.raises(BadAdapter, match=f"The engine refuses {ONE}: it has a cold"):
        await asyncio.to_thread(engine.load, ONE, tmp_path)
    with pytest.raises(EngineDown):  # which says nothing of the adapter
        await asyncio.to_thread(engine.load, "deadly@1", tmp_path)
    await engine.close()


async def test_a_champion_that_the_engine_refuses_does_not_keep_the_server_down(machine, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("chatbot.engine.STOP_SECONDS", 0.1)
    made = machine()
    for seed in (1, 2):
        made.learner.promote(register(made.registry, tmp_path / f"run-{seed}", seed, 0.1), "operator", "a test")
    settings = Settings.load({"home": str(made.home)}, environ={})
    engine = ColdEngine(Model("starter", MODEL_DIR, ""), settings, made.home, made.registry.hold_live)
    await engine.start()
    await asyncio.to_thread(until, lambda: engine.ready)
    await engine.close()
    assert engine.starts == 2, "the first one fails for want of memory"
    assert made.learner.status()["champion"] == "base"
    assert f"{TWO} is not served any more: The engine refuses {TWO}: it has a cold." in caplog.text
    told = " ".join(f"{name} is not served any more: The engine refuses {name}: it has a cold." for name in (TWO, ONE))
    assert made.learner.status()["warning"] == f"{told} The champion is base."
    made.close()
    assert machine().learner.status()["champion"] == "base"


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


@pytest.mark.engine
def test_a_promotion_moves_everybody_and_a_rollback_moves_them_back_without_dropping_a_stream(server):
    sha256 = weights_sha256(server.home / "adapters" / ONE)
    with server.client("operator") as operator, server.client() as guest, server.client() as reader:
        base = ask(guest, "hello")["ratchet"]["weights_sha256"]
        assert base == weights_sha256(MODEL_DIR) != sha256
        refused = operator.post("/v1/promote", json={"adapter": ONE})
        assert (refused.status_code, "has not won" in refused.json()["error"]["message"]) == (409, True)
        promoted = operator.post("/v1/promote", json={"adapter": ONE, "override": "a test"})
        assert promoted.json() == {"champion": ONE}
        assert operator.get("/v1/status").json()["champion"] == ONE
        answer = ask(guest, "hello")
        assert (answer["model"], answer["ratchet"]["weights_sha256"]) == (ONE, sha256)
        sent = {"messages": [{"role": "user", "content": "hello"}], "stream": True, **LONG}
        sent["stream_options"] = {"include_usage": True}
        with reader.stream("POST", "/v1/chat/completions", json=sent) as response:
            chunks = events(response)
            first = [next(chunks) for _ in range(3)]
            done = operator.post("/v1/rollback").json()
            assert ask(guest, "hello")["ratchet"]["weights_sha256"] == base
            rest = list(chunks)
    assert done["champion"] == "base"
    assert done["seconds"] < 1
    assert first[0]["ratchet"]["weights_sha256"] == rest[-2]["ratchet"]["weights_sha256"] == sha256
    assert rest[-1]["usage"]["completion_tokens"] == LONG["max_tokens"]


@pytest.mark.engine
def test_the_weights_that_are_named_are_the_weights_that_answer(server):
    with server.client("operator") as operator:
        answers = {
            name: ask(operator, "how long is delivery?", model=name, temperature=0, max_tokens=40)
            for name in ("base", ONE, TWO)
        }
    texts = {name: answer["choices"][0]["message"]["content"] for name, answer in answers.items()}
    assert texts[TWO] != texts["base"], "an adapter with large weights cannot say the same"
    assert len({answer["ratchet"]["weights_sha256"] for answer in answers.values()}) == 3


@pytest.mark.engine
def test_the_command_line_promotes_and_rolls_back_step_by_step(server):
    home = ("--home", str(server.home), "--json")
    for name in (ONE, TWO):
        assert told(ratchet("promote", name, "--override", "a test", *home)) == {"champion": name}
    for name in (ONE, "base"):
        back = told(ratchet("rollback", *home))
        assert (back["champion"], back["seconds"] < 1) == (name, True)
    over = ratchet("rollback", *home)
    assert (over.returncode, over.stdout) == (1, "")
    assert "base was the first champion; there is nothing before it to roll back to." in over.stderr


@pytest.mark.engine
def test_the_copy_of_the_base_is_an_arm_with_another_name_and_the_same_weights(server):
    crowd = [f"member-{number}" for number in range(100)]
    judges = [name for name in crowd if person_group(f"user:{name}") == "decide"][:12]
    other = next(name for name in crowd if person_group(f"user:{name}") == "learn")
    with server.client("operator") as operator:
        experiment_id = operator.post("/v1/experiments", json={"null": True}).json()["experiment_id"]
        again = operator.post("/v1/experiments", json={"null": True})
        answers = {name: ask(operator, "hello", user=name, max_tokens=4) for name in judges}
        sticky = {name: ask(operator, "hello again", user=name, max_tokens=4)["ratchet"]["arm"] for name in judges}
        turns = [operator.get(f"/v1/reviews/{answer['id']}").json()["turns"][0] for answer in answers.values()]
        outside = ask(operator, "hello", user=other)["ratchet"]
        state = operator.get("/v1/status").json()
        refused = operator.post("/v1/promote", json={})
        operator.post("/v1/experiments/stop", json={})
        after = ask(operator, "hello", user=judges[0])["ratchet"]
    served = {name: answer["ratchet"] for name, answer in answers.items()}
    assert again.status_code == 409
    assert (state["champion"], state["challenger"]) == ("base", "starter-copy@1")
    assert state["experiment"]["experiment_id"] == experiment_id
    assert {(route["arm"], route["adapter"]) for route in served.values()} == {
        ("champion", "base"),
        ("challenger", "starter-copy@1"),
    }
    assert len({route["weights_sha256"] for route in served.values()}) == 1
    assert all(turn["propensity"] == 0.5 and turn["logprob"] < 0 for turn in turns)
    assert sticky == {name: route["arm"] for name, route in served.items()}
    assert (outside["adapter"], outside["experiment_id"]) == ("base", None)
    assert refused.status_code == 409, "votes of nobody prove nothing"
    assert (after["adapter"], after["experiment_id"]) == ("base", None)


@pytest.mark.engine
def test_an_engine_that_dies_comes_back_with_what_is_live_and_leaves_nothing_behind(server):
    with server.client("operator") as operator, server.client() as guest:
        operator.post("/v1/promote", json={"adapter": ONE, "override": "a test"})
        (keeper,) = psutil.Process(server.process.pid).children()
        engine = keeper.children(recursive=True)
        engine[0].kill()
        until(lambda: not server.ready())
        refused = guest.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "hello"}]})
        assert (refused.status_code, refused.json()["error"]["type"]) == (503, "unavailable_error")
        _, alive = psutil.wait_procs([keeper, *engine], timeout=20)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
        until(server.ready, 180)
        assert ask(guest, "hello")["ratchet"]["adapter"] == ONE
        operator.post("/v1/rollback")


@pytest.mark.engine
def test_a_server_that_is_killed_in_mid_answer_and_mid_lap_has_kept_its_word(server):
    with server.client("operator") as operator, server.client() as guest:
        rated = ask(guest, "hello")
        voted = guest.post("/v1/feedback", json={"response_id": rated["id"], "vote": 1, "consent_to_train": True})
        run_id = operator.post("/v1/runs").json()["run_id"]
        until(lambda: operator.get(f"/v1/runs/{run_id}").json()["phase"] == "train", 120)
        sent = {"messages": [{"role": "user", "content": "tell me all"}], "stream": True, **LONG}
        with guest.stream("POST", "/v1/chat/completions", json=sent) as response:
            begun = next(events(response))
            code, left = server.end(signal.SIGKILL)
    assert voted.status_code == 201
    assert (code, left) == (-signal.SIGKILL, [])

    half = server.home / "adapters" / "starter@99"
    half.mkdir()
    server.start()
    assert not half.exists()
    with server.client("operator") as operator:
        run = operator.get(f"/v1/runs/{run_id}").json()
        exported = operator.get("/v1/export", params={"what": "thumbs"}).text
        (turn,) = operator.get(f"/v1/reviews/{begun['id']}").json()["turns"]
        assert ask(operator, "hello")["ratchet"]["adapter"] == "base"
    assert (run["state"], run["reason"]) == ("abandoned", "The server stopped while this lap was running.")
    assert rated["id"] in exported
    assert turn["messages"][-1]["content"] == "tell me all"
    assert turn["completion"] is None, "an answer that was cut off is shown as interrupted"
