"""What is served: the adapters that are live, and what takes the place of one that cannot be served."""

import pytest

from learner import BadAdapter, NothingToRollBackTo, Registry
from tests.adapters import register
from tests.machine import ONE, TWO, Machine
from tests.real_server import until


def spoil(machine: Machine, adapter: str) -> None:
    with (machine.home / "adapters" / adapter / "adapter_model.safetensors").open("ab") as file:
        file.write(b"x")


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
