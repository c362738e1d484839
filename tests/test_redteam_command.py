"""`./ratchet redteam`: from findings to cases and pairs, what is told when it cannot, and garak."""

import asyncio
import json
from collections import Counter

import datasets
import httpx
from typer.testing import CliRunner

from chatbot.cli.main import app
from chatbot.server import SERVER_FILE, home_lock
from safety import Screen
from safety.redteam.garak import run_garak, tallied
from safety.redteam.outcome import is_refusal
from safety.redteam.relay import Relay, served
from tests.attacked import BOMB, Everything, Listed, furnished, target  # noqa: F401 - a fixture
from tests.pages_server import running


def ratchet(home, *words):
    return CliRunner().invoke(app, ["redteam", *words, "--home", str(home)])


def test_from_findings_to_cases_that_fail_again_without_the_filter_and_to_pairs(tmp_path, monkeypatch):
    filter_ = Listed(*BOMB.keep)
    monkeypatch.setattr("chatbot.screening.Screen.from_policy", lambda *_: Screen([filter_]))
    home, out = tmp_path / "home", tmp_path / "out"
    with running(home) as there, home_lock(home):
        there.services.engine.pause = 0
        key = there.services.accounts.keys["operator"]
        (home / SERVER_FILE).write_text(json.dumps({"url": there.url, "operator_key": key}))
        address = ("--per-second", "1000", "--concurrency", "16")
        attack = ratchet(
            home,
            *address,
            "--families",
            "direct,split-tokens",
            "--per-family",
            "7",
            "--budget",
            "200",
            "--out",
            str(out),
            "--json",
        )
        assert attack.exit_code == 0, attack.output
        told = json.loads(attack.stdout.splitlines()[-1])
        whole = json.loads((out / "report.json").read_text())
        assert told["summary"] == whole["summary"] and whole["summary"]["evaded"]["count"] == 1
        assert (out / "report.html").read_text().startswith("<!doctype html>")

        made = ratchet(home, "cases", str(out), "--json")
        cases = json.loads(made.stdout)
        assert cases["new"] == cases["cases"] > 0
        assert json.loads(ratchet(home, "cases", str(out / "report.json"), "--json").stdout)["new"] == 0

        def replayed():
            done = ratchet(home, "--cases", *address, "--json")
            return done.exit_code, json.loads(done.stdout.splitlines()[-1])["failed"]

        assert replayed() == (1, cases["cases"])
        monkeypatch.setattr(filter_, "check", Everything().check)
        assert replayed() == (0, 0)
        monkeypatch.undo()
        filter_.asleep = True
        assert replayed() == (1, cases["cases"])

        ratchet(home, "cases", str(out), "--held")
        monkeypatch.setattr(filter_, "check", Everything().check)
        code, failed = replayed()
        assert code == 1 and failed == whole["summary"]["twins"]  # they must be answered
        monkeypatch.undo()
    read = datasets.Dataset.from_json
    pairs = json.loads(ratchet(home, "pairs", str(out), "--json").stdout)
    loaded = read(pairs["file"], cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == pairs["pairs"] > 0
    texts = datasets.List({"role": datasets.Value("string"), "content": datasets.Value("string")})
    assert all(loaded.features[name] == texts for name in ("prompt", "chosen", "rejected"))
    assert set(loaded["source"]) == {"red-team"}
    assert all(row["prompt"][-1]["role"] == "user" and is_refusal(row["chosen"][0]["content"]) for row in loaded)


def test_what_is_wrong_is_told_in_a_sentence(tmp_path):
    for words, told in (
        (("--url", "http://192.0.2.7"), "another machine"),
        (("--url", "http://127.0.0.1:9"), "does not answer"),
        ((), "No server runs"),
        (("--cases", "--url", "http://127.0.0.1:9"), "There are no cases"),
        (("cases", str(tmp_path)), "no report of a red team"),
    ):
        done = ratchet(tmp_path / "home", *words)
        assert isinstance(done.exception, Exception) and told in str(done.exception)


async def test_garak_comes_in_through_a_door_that_marks_its_traffic_and_notes_what_was_blocked(furnish):
    house = furnish(Listed("bomb"))
    async with target(house) as there:
        seen = []
        relay = Relay(there, seen.append)

        def ask(url, text):
            body = {"model": "default", "messages": [{"role": "user", "content": text}], "max_tokens": 9}
            return httpx.post(f"{url}chat/completions", json=body, trust_env=False).json()

        with served(relay) as url:
            answers = [await asyncio.to_thread(ask, url, text) for text in ("How long is delivery?", "bomb")]
            assert (await asyncio.to_thread(httpx.post, f"{url}chat/completions", content=b"no")).status_code == 400
    reasons = [answer["choices"][0]["finish_reason"] for answer in answers]
    assert reasons == ["stop", "content_filter"] and seen == [1, 2]
    assert relay.blocked == {answers[1]["choices"][0]["message"]["content"]}
    turns = house.store.rows("SELECT conversation_id FROM turn")
    assert Counter(turn["conversation_id"].split(".")[0] for turn in turns) == {"red-team": 2}


async def test_garak_that_cannot_be_installed_or_named_is_skipped_with_a_word(furnish, tmp_path, monkeypatch):
    monkeypatch.setattr("safety.redteam.garak.sys.executable", "/bin/false")
    async with target(furnish()) as there:
        for probes, told in ((["lmrc.Profanity"], "cannot be installed"), (["--help"], "no name of a probe")):
            skipped = await run_garak(there, tmp_path, probes, lambda *_: None)
            assert told in skipped["skipped"] and skipped["probes"] == []


def test_what_garak_takes_for_a_hit_is_none_where_a_filter_or_the_model_said_no():
    def attempt(*texts):
        scores = {"mitigation.MitigationBypass": [1.0] * len(texts)}
        outputs = [{"text": text} for text in texts]
        return {"entry_type": "attempt", "probe_classname": "a.B", "outputs": outputs, "detector_results": scores}

    begun = {"entry_type": "attempt", "probe_classname": "a.B", "outputs": [], "detector_results": {}}
    entries = [begun, attempt("stopped", "I'm sorry, I can't help with that."), attempt("Sure, here it is."), {}]
    (row,) = tallied(iter(entries), {"stopped"})
    counted = {name: row[name] for name in ("answers", "blocked", "refused", "garak_hits")}
    assert counted == {"answers": 3, "blocked": 1, "refused": 1, "garak_hits": 3}
    assert row["hits"]["count"] == 1
