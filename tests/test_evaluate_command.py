"""`./ratchet evaluate` for real, what is kept of it, and where it is shown."""

import json

import pytest
from typer.testing import CliRunner

from analytics import Store
from chatbot.cli.main import app
from chatbot.pages.models.evaluations import over_time, table
from learner import Registry, weights_sha256
from learner.errors import EvaluationFailed
from learner.evaluate.history import Evaluations
from learner.starter import MODEL_DIR
from tests.adapters import register
from tests.api import api, key_of

SHA = "a" * 64


def told(*words, code=0):
    done = CliRunner().invoke(app, ["evaluate", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.stdout


def an_evaluation(**given):
    scores = {"parts": [[1.0, 1.0], [0.0, 1.0]], "combine": "ratio", "higher_is_better": True, "extremes": None}
    metrics = {"right": {"value": 0.5, "low": 0.1, "high": 0.9, "rows": 2, "higher_is_better": True,
                         "slices": {"topic=<b>": {"value": 1.0, "low": None, "high": None}}}}  # fmt: skip
    detail = {"metrics": metrics, "lacking": {}, "row_ids": ["a", "b"], "scores": scores, "cut_off": 0}
    values = {
        "suite": "mine", "suite_sha256": SHA, "metric": "right", "margin": 0.1, "weight": 1.0, "adapter": "base",
        "weights_sha256": SHA, "base": "starter", "endpoint": None, "rows": 2, "value": 0.5, "low": 0.1, "high": 0.9,
        "against": None, "passed": None, "reason": "", "detail": detail, "folder": "",
    }  # fmt: skip
    return {**values, **given}


def test_an_adapter_that_speaks_gibberish_is_held_against_the_base(tmp_path):
    home = tmp_path / "home"
    store = Store.open(home / "store.duckdb")
    registry = Registry(store, home, base="starter", base_sha256=weights_sha256(MODEL_DIR))
    bad = register(registry, tmp_path / "run", 2, 3.0)
    store.close()
    words = ("--home", home, "--suite", "starter-canaries", "--suite", "starter-sycophancy", "--rows", 3, "--adapter")
    found = json.loads(told(*words, bad, "--png", tmp_path / "over.png", "--gate", "--json", code=1).splitlines()[-1])
    assert (found["adapter"], found["against"], found["passed"]) == (bad, "base", False)
    canaries, doubts = found["suites"]
    assert (canaries["suite"], canaries["value"], canaries["passed"]) == ("starter-canaries", 0.0, False)
    assert "Worse than before: " in canaries["reason"]
    assert doubts["metrics"]["right"]["value"] == 0.0
    assert doubts["value"] is None, "who was never right cannot give way"
    assert (tmp_path / "over.png").read_bytes().startswith(b"\x89PNG")

    store = Store.open(home / "store.duckdb")
    kept = Evaluations(store)
    rows = kept.list("starter-canaries")
    assert [(row["adapter"], row["against"]) for row in rows] == [(bad, rows[1]["evaluation_id"]), ("base", None)]
    assert rows[1]["value"] >= 0.8
    assert kept.latest(canaries["suite_sha256"], "base", rows[1]["weights_sha256"])["detail"]["row_ids"]
    assert kept.latest(SHA, "base", rows[1]["weights_sha256"]) is None, "other questions are no baseline"
    actions = [row["action"] for row in store.rows("SELECT action FROM audit WHERE action LIKE 'evaluation%'")]
    assert actions == ["evaluation.add"] * 4
    store.close()


def test_what_cannot_be_evaluated_is_told_before_anything_slow(tmp_path):
    for words, message in (
        (("--suite", "nowhere"), "There is no suite 'nowhere'"),
        (("--suite", "starter-canaries", "--adapter", "starter@7"), "There is no adapter 'starter@7'"),
        (("--suite", "starter-canaries", "--endpoint", "server"), "No server runs in"),
    ):
        done = CliRunner().invoke(app, ["evaluate", "--home", str(tmp_path), *words])
        assert message in str(done.exception), done.output


def test_the_suites_that_are_shipped_are_listed():
    listed = json.loads(told("--list", "--json"))["suites"]
    assert {one["name"]: one["metric"] for one in listed}["clinic-triage"] == "recall"


async def test_evaluations_are_kept_and_listed_over_the_api(house):
    operator = key_of(house, "operator")
    async with api(house) as client:
        for value in (0.25, 0.75):
            made = await client.post("/v1/evaluations", json=an_evaluation(value=value), headers=operator)
            assert made.status_code == 201, made.text
        listed = (await client.get("/v1/evaluations?suite=mine", headers=operator)).json()["evaluations"]
        assert [one["value"] for one in listed] == [0.75, 0.25]
        assert "scores" not in listed[0]["metrics"]
        path = f"/v1/evaluations/latest?suite_sha256={SHA}&adapter=base&weights_sha256={SHA}"
        newest = (await client.get(path, headers=operator)).json()["evaluation"]
        assert newest["detail"]["scores"]["parts"] == [[1.0, 1.0], [0.0, 1.0]]
        wrong = await client.post("/v1/evaluations", json=an_evaluation(rows=7), headers=operator)
        assert (wrong.status_code, "2 scores for 7 rows" in wrong.text) == (409, True)
        assert (await client.get("/v1/evaluations", headers=key_of(house, "reviewer"))).status_code == 403


def test_scores_that_are_no_numbers_are_not_kept(store):
    bad = an_evaluation()
    bad["detail"] = {**bad["detail"], "scores": {**bad["detail"]["scores"], "parts": [["x", 1.0]]}}
    with pytest.raises(EvaluationFailed, match="no evaluation that can be kept"):
        Evaluations(store).add(bad, "test")


def test_the_page_shows_a_suite_over_time_and_what_it_was_held_against(store):
    kept = Evaluations(store)
    first = kept.add(an_evaluation(), "test")["evaluation_id"]
    worse = an_evaluation(adapter="<i>bad", value=None, against=first, passed=False, reason="Worse <than> before.")
    kept.add(worse, "test")
    rows = kept.list("mine")
    assert kept.suites() == ("mine",)
    assert [line.name for line in over_time(rows).data] == ["&lt;i&gt;bad", "base"]
    shown = table(rows)
    assert "not shown to be no worse than base" in shown
    assert "<i>bad" not in shown
    assert "topic=&lt;b&gt; 1.000" in shown
    assert "No evaluation yet" in table([])
