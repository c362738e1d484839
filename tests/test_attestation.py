"""An adapter that the engine does not apply as it was trained meets nobody, and the gate that stopped it is named."""

import json
from dataclasses import replace

import numpy as np
import pytest

from learner import BadAdapter
from learner.adapter import ATTESTATION, weights_sha256
from learner.attestation import Attestation, likeness
from learner.tokens import Encoded
from tests.adapters import finished
from tests.machine import ONE, TWO, Machine

BASE, TUNED = tuple(np.linspace(-3, -1, 40)), tuple(np.linspace(-2, -2.5, 40))
ROWS = (Encoded([1, 2], list(range(25))), Encoded([3], list(range(15))))
COPY = "starter-copy@1"


class Engine:
    """Says of every adapter what `served` has for it, by its name."""

    def __init__(self) -> None:
        self.served = {}

    def __call__(self, name, rows):
        assert tuple(rows) == ROWS
        found = self.served.get(name, TUNED)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def made(machine, engine):
    return machine(rate=engine)


def trained(made: Machine, folder, seed: int = 1, sworn: bool = True, sha256: str = "") -> str:
    """Register an adapter that passed its gates, with what its trainer swore to."""
    finished(folder, seed, 0.1, made.registry.state().champion.adapter)
    if sworn:
        weights = sha256 or weights_sha256(folder / "adapter")
        Attestation(weights, ROWS, BASE, TUNED).write(folder / "adapter")
    return made.registry.register(folder, run_id=folder.name, passed=True, reason="made by a test")


def glance(made: Machine) -> tuple[str | None, str]:
    """Let the learner look after its experiment; the challenger, and what the adapter's row says."""
    made.learner._glance()
    return made.learner.status()["challenger"], made.learner.card(ONE)["reason"]


def test_an_adapter_that_is_served_as_it_was_trained_has_its_experiment(made, engine, tmp_path):
    trained(made, tmp_path / "run")
    rounding = 0.02 * np.random.default_rng(0).standard_normal(40)  # as of bfloat16
    engine.served[ONE] = TUNED + rounding
    assert glance(made)[0] == ONE
    (gate,) = [gate for gate in made.learner.card(ONE)["gates"] if gate["gate"] == "attestation"]
    assert gate["passed"]
    assert gate["measured"] == pytest.approx(1, abs=0.05)
    assert gate["detail"]["where"] == "served by the engine"


@pytest.mark.parametrize(
    ("served", "told"),
    [
        (BASE, "as good as not applied"),
        (tuple((np.array(BASE) + np.array(TUNED)) / 2), "not within 0.250 of the whole"),
        (tuple(np.array(BASE) + 2 * (np.array(TUNED) - np.array(BASE))), "not within"),
        (tuple(np.random.default_rng(1).uniform(-5, 0, 40)), "not within"),
        (tuple(np.array(TUNED) + 0.35 * np.resize([1, -1], 40)), "tokens are off by 0.350 nats"),
    ],
    ids=["unapplied", "by half", "twice", "another", "noisy"],
)
def test_one_that_is_not_meets_nobody(made, engine, tmp_path, served, told):
    trained(made, tmp_path / "run")
    engine.served[ONE] = served
    challenger, reason = glance(made)
    assert challenger is None
    assert reason.startswith(f"The gate attestation stops {ONE}: As served by the engine it has")
    assert told in reason
    card = made.learner.card(ONE)
    assert card["state"] == "rejected"
    assert [gate["gate"] for gate in card["gates"] if not gate["passed"]] == ["attestation"]
    assert made.loaded == set(), "the engine lets go of it"
    with pytest.raises(BadAdapter, match="The gate attestation stops"):
        made.learner.promote(ONE, "operator", "a reason does not apply it either")


@pytest.mark.parametrize(
    ("given", "told"), [({"sworn": False}, "its trainer wrote none"), ({"sha256": "0" * 64}, "is of other weights")]
)
def test_one_of_which_nobody_swore_anything_meets_nobody(made, tmp_path, given, told):
    trained(made, tmp_path / "run", **given)
    challenger, reason = glance(made)
    assert challenger is None
    assert told in reason


def test_an_engine_that_cannot_be_asked_rejects_nothing_and_is_asked_again(made, engine, tmp_path):
    trained(made, tmp_path / "run")
    engine.served[ONE] = RuntimeError("the engine is waking up")
    assert glance(made)[0] is None
    assert made.learner.card(ONE)["state"] == "gated"
    del engine.served[ONE]
    assert glance(made)[0] == ONE


def test_a_copy_of_the_champion_is_attested_like_the_champion_and_its_experiment_runs(made, engine, tmp_path):
    made.learner.promote(trained(made, tmp_path / "run"), "operator", "a test")
    made.learner.null_experiment("operator")
    assert made.learner.status()["challenger"] == COPY
    assert made.learner.card(COPY)["gates"][0]["passed"]
    made.learner.stop_experiment("operator", "a test")
    engine.served["starter-copy@2"] = BASE
    with pytest.raises(BadAdapter, match="as good as not applied"):
        made.learner.null_experiment("operator")


def test_the_effect_is_found_under_roundings_that_are_larger_than_itself():
    rng = np.random.default_rng(2)
    base = rng.uniform(-5, 0, 400)
    sworn = Attestation("", (), tuple(base), tuple(base + 0.05 * rng.standard_normal(400)))
    noise = 0.05 * rng.standard_normal(400)
    for share in (0.0, 0.5, 1.0):
        found = likeness(sworn, base + share * (np.array(sworn.adapter) - base) + noise)
        assert abs(found.effect - share) <= found.blur + 0.05
    assert np.isnan(likeness(replace(sworn, adapter=sworn.base), base).effect)
    with pytest.raises(ValueError, match="399 tokens"):
        likeness(sworn, base[1:])


@pytest.mark.engine
def test_the_real_engine_applies_an_adapter_as_the_trainer_had_it_and_one_it_does_not_apply_is_found(server):
    from learner.settings import LapSettings
    from learner.starter import MODEL_DIR
    from learner.training.attest import attest
    from learner.training.policy import Policy

    folders = {name: server.home / "adapters" / name for name in (ONE, TWO)}
    sworn = {
        name: attest(Policy.load(str(MODEL_DIR), LapSettings(), adapter=folder), folder)
        for name, folder in folders.items()
    }
    try:
        with server.client("operator") as operator:

            def promoted(claim: Attestation) -> tuple[int, dict]:
                replace(claim, weights_sha256=sworn[ONE].weights_sha256).write(folders[ONE])
                answer = operator.post("/v1/promote", json={"adapter": ONE, "override": "a test"})
                gates = operator.get(f"/v1/adapters/{ONE}").json()["gates"]
                return answer.status_code, next(gate for gate in gates if gate["gate"] == "attestation")

            code, found = promoted(sworn[ONE])
            assert (code, found["passed"]) == (200, True), found["reason"]
            assert found["measured"] == pytest.approx(1, abs=0.1)
            operator.post("/v1/rollback")
            code, found = promoted(sworn[TWO])
            assert (code, found["passed"]) == (409, False), found["reason"]
            assert json.loads(operator.get("/v1/status").text)["champion"] == "base"
    finally:
        (folders[ONE] / ATTESTATION).unlink(missing_ok=True)
