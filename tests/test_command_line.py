"""What the command line says to people, and how it speaks with the server."""

import importlib
from types import SimpleNamespace

import pytest

from chatbot import server
from chatbot.cli import doctor, learn, promote, status
from chatbot.cli.doctor import Finding
from chatbot.errors import UserError
from tests.real_server import ratchet

# A folder or a reason like these would change the look of what is printed, or break off the printing.
ODD = "a[/b] [red]c\\"


def test_a_path_that_looks_like_markup_is_printed_as_it_is(tmp_path):
    (tmp_path / "a[").mkdir()
    (tmp_path / "a[" / "b]").touch()
    refused = ratchet("status", "--home", str(tmp_path / "a[" / "b]" / "home"))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"ratchet: The home {tmp_path}/a[/b]/home cannot be used")
    out = tmp_path / "a[" / "c]"
    done = ratchet("export", "--home", str(tmp_path / "home"), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "".join(done.stderr.splitlines()) == f"0 rows in {out}"


class Odd:
    """Answers in words that look like markup."""

    def promote(self, adapter, override):
        return {"champion": ODD}

    def rollback(self):
        return {"champion": ODD, "seconds": 0.1}

    def status(self):
        return {"champion": ODD, "runs": [{"reason": ODD}]}

    def learn(self):
        return "run-1"

    def run(self, run_id):
        return {"state": "succeeded", "reason": ODD, "progress": 1.0}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize("command", [promote.promote, promote.rollback, status.status, learn.learn])
def test_what_the_loop_says_is_printed_as_it_is(tmp_path, monkeypatch, capsys, command):
    monkeypatch.setattr("chatbot.control.connect", lambda settings: Odd())
    monkeypatch.setenv("COLUMNS", "200")
    command(home=str(tmp_path), **({"adapter": None, "override": None} if command is promote.promote else {}))
    assert ODD in capsys.readouterr().out


def test_the_doctor_prints_what_was_seen_as_it_is(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    doctor._print([Finding("disk", True, ODD), Finding("model", False, ODD, ODD)])
    assert capsys.readouterr().out.count(ODD) == 3


def test_the_greeting_prints_the_home_and_the_links_as_they_are(capsys):
    keys = {"chat": "k1", "reviewer": "k2", "operator": "k3"}
    settings = SimpleNamespace(home=ODD, text={"host": "fe80::1"}.__getitem__)
    services = SimpleNamespace(
        settings=settings, accounts=SimpleNamespace(keys=keys), model=SimpleNamespace(name="a[/b]")
    )
    server._greet(services, "http://[fe80::1]:7860")
    said = capsys.readouterr().out
    for line in (
        "Chat     http://[fe80::1]:7860/?key=k1",
        "Review   http://[fe80::1]:7860/review?key=k2",
        "Model    a[/b]",
        f"Home     {ODD}",
    ):
        assert f"  {line}\n" in said


def test_an_error_is_printed_as_it_is(monkeypatch, capsys):
    main = importlib.import_module("chatbot.cli.main")

    def fails(prog_name: str) -> None:
        raise UserError(ODD)

    monkeypatch.setattr(main, "app", fails)
    with pytest.raises(SystemExit):
        main.main()
    assert capsys.readouterr().err == f"ratchet: {ODD}\n"
