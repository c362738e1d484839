"""Commands while no server is running: they open the store themselves, or say what is wrong."""

import json
import shutil
import socket

import pytest
from typer.testing import CliRunner, Result

from analytics import Store
from chatbot.cli.main import app
from chatbot.model import remember
from chatbot.server import home_lock
from learner import Registry, weights_sha256
from learner.starter import MODEL_DIR
from tests.adapters import register
from tests.history import History, people
from tests.real_server import ratchet, told


def test_a_command_without_a_server_leaves_the_champion_of_another_model_alone(tmp_path):
    model = tmp_path / "mine"
    shutil.copytree(MODEL_DIR, model)
    remember(tmp_path, str(model))
    store = Store.open(tmp_path / "store.duckdb")
    registry = Registry(store, tmp_path, base="mine", base_sha256=weights_sha256(model))
    registry.promote(register(registry, tmp_path / "run", 1, 0.1), "operator", "a test", override_reason="a test")
    store.close()
    for _ in range(2):
        assert told(ratchet("status", "--json", "--home", str(tmp_path)))["champion"] == "mine@1"


def test_what_a_person_can_fix_is_told_without_a_traceback(tmp_path):
    (tmp_path / "file").touch()
    for words in (
        ("status", "--home", str(tmp_path / "file" / "home")),
        ("export", "--home", str(tmp_path / "home"), "--out", str(tmp_path / "no" / "rows.jsonl")),
        ("promote", "nobody@1", "--override", "a test", "--home", str(tmp_path / "home")),
        ("up", "--home", str(tmp_path / "home"), "--model", str(tmp_path)),
    ):
        done = ratchet(*words)
        assert done.returncode == 1
        assert done.stderr.startswith("ratchet: ")
        assert len(done.stderr.splitlines()) == 1


def test_the_address_that_a_killed_server_left_is_not_believed(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.settimeout(0.1)
        url = f"http://127.0.0.1:{stranger.getsockname()[1]}"
        (tmp_path / "server.json").write_text(json.dumps({"url": url, "pid": 1, "operator_key": "secret"}))
        assert told(ratchet("status", "--json", "--home", str(tmp_path)))["server"] is None
        with pytest.raises(TimeoutError):
            stranger.accept()
    assert not (tmp_path / "server.json").exists()
    with home_lock(tmp_path):
        refused = ratchet("status", "--home", str(tmp_path))
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)


def test_with_no_server_running_the_command_line_opens_the_store_itself(tmp_path):
    store = Store.open(tmp_path / "store.duckdb")
    history = History(store)
    (person,) = people("learn", 1)
    history.say(person, history.answer(person, "short"), vote=1, rewrite="better")
    store.close()
    home = ("--home", str(tmp_path))
    state = told(ratchet("status", "--json", *home))
    assert (state["server"], state["champion"], state["turns"], state["feedback"]) == (None, "base", 1, 1)
    assert told(ratchet("export", "--out", str(tmp_path / "pairs.jsonl"), "--json", *home))["rows"] == 1
    rows = ratchet("export", "--what", "thumbs", *home)
    assert json.loads(rows.stdout)["label"] is True
    back = ratchet("rollback", "--json", *home)
    assert (back.returncode, back.stdout) == (1, "")
    assert "nothing before it to roll back to" in back.stderr
    assert "Traceback" not in back.stderr


def test_accounts_and_keys_are_made_without_a_server(tmp_path):
    def say(*words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--home", str(tmp_path)])

    def run(*words: str) -> dict:
        return json.loads(say(*words, "--json").stdout)

    assert run("accounts") == {"accounts": []}
    assert run("accounts", "add", "Ann", "--role", "admin")["link"].startswith("http://127.0.0.1:7860/join?token=")
    assert run("accounts", "add", "bob")["role"] == "user"
    assert run("accounts", "role", "bob", "reviewer")["role"] == "reviewer"
    assert run("accounts", "disable", "BOB")["active"] is False
    assert run("accounts", "enable", "bob")["active"] is True
    assert "bob is reviewer." in say("accounts", "link", "bob").stdout
    key = run("keys", "create", "notebook", "--scope", "chat", "--scope", "feedback", "--tokens-per-day", "9")
    assert key["key"].startswith(f"rk_{key['key_id']}_")
    assert (key["scopes"], key["tokens_per_day"]) == (["chat", "feedback"], 9)
    assert "notebook  Ann" in say("keys").stdout
    assert run("keys", "revoke", key["key_id"])["revoked"] is True
    (listed,) = run("keys")["keys"]
    assert listed["revoked"] and "key" not in listed
    for words, told_ in (
        (("accounts", "disable", "ann"), "Ann is the last admin"),
        (("accounts", "link", "nobody"), "There is no account of the name 'nobody'"),
        (("keys", "create", "more", "--scope", "review", "--days", "400"), "A key lasts up to 365 days"),
    ):
        assert told_ in str(say(*words).exception)
