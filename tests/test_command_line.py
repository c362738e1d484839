"""What the command line says to people, and how it speaks with the server."""

import importlib
import io
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from chatbot import control, server
from chatbot.cli import doctor, learn, promote, status
from chatbot.cli.doctor import Finding
from chatbot.errors import NoServer, UserError
from chatbot.settings import Settings
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


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ((), "config.json and no model.safetensors and no tokenizer.json and no training.json"),
        (("config.json", "model.safetensors", "tokenizer.json"), "training.json"),
    ],
)
def test_a_folder_that_the_demo_model_cannot_be_trained_from_is_told_in_a_sentence(tmp_path, files, missing):
    start, out = tmp_path / "start", tmp_path / "out"
    start.mkdir()
    for name in files:
        (start / name).touch()
    refused = ratchet("starter", "train", "--from", str(start), "--out", str(out))
    assert refused.returncode == 1
    told = f"ratchet: {start} holds no demo model to start from: it has no {missing}. Name the folder"
    assert refused.stderr.startswith(told) and len(refused.stderr.splitlines()) == 1
    assert not out.exists()


class Odd:
    """Answers in words that look like markup."""

    def promote(self, adapter, override):
        return {"champion": ODD}

    def rollback(self):
        return {"champion": ODD, "seconds": 0.1}

    def status(self):
        return {"champion": ODD, "runs": [{"run_id": "run-1", "state": "failed", "reason": ODD}]}

    def learn(self, recipe=None):
        return "run-1"

    def run(self, run_id):
        return {"state": "succeeded", "reason": ODD, "progress": 1.0}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize("command", [promote.promote, promote.rollback, status.status, learn.learn])
def test_what_the_loop_says_is_printed_as_it_is(tmp_path, monkeypatch, capsys, command):
    monkeypatch.setattr("chatbot.control.connect", lambda settings, key=None: Odd())
    monkeypatch.setenv("COLUMNS", "200")
    command(home=str(tmp_path), **({"adapter": None, "override": None} if command is promote.promote else {}))
    assert ODD in capsys.readouterr().out


def test_the_doctor_prints_what_was_seen_as_it_is(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    doctor._print([Finding("disk", True, ODD), Finding("model", False, ODD, ODD)])
    assert capsys.readouterr().out.count(ODD) == 3


def test_the_greeting_prints_the_home_and_the_links_as_they_are(house, capsys):
    accounts = house.accounts
    services = SimpleNamespace(
        settings=SimpleNamespace(home=ODD), accounts=accounts, model=SimpleNamespace(name="a[/b]")
    )
    server._greet(services, "http://[fe80::1]:7860")
    said = capsys.readouterr().out
    (token,) = re.findall(
        r"  Admin    http://\[fe80::1\]:7860/join\?token=(\S+)\n +once, within a day; makes you", said
    )
    for line in (
        "Chat     http://[fe80::1]:7860",
        "Review   http://[fe80::1]:7860/review",
        "Operate  http://[fe80::1]:7860/operate",
        "Model    a[/b]",
        f"Home     {ODD}",
    ):
        assert f"  {line}\n" in said
    accounts.links.use(token, "ann", "correct horse battery")
    server._greet(services, "http://[fe80::1]:7860")
    assert "Admin" not in capsys.readouterr().out


def test_an_error_is_printed_as_it_is(monkeypatch, capsys):
    main = importlib.import_module("chatbot.cli.main")

    def fails(prog_name: str) -> None:
        raise UserError(ODD)

    monkeypatch.setattr(main, "app", fails)
    with pytest.raises(SystemExit):
        main.main()
    assert capsys.readouterr().err == f"ratchet: {ODD}\n"


class Slow(BaseHTTPRequestHandler):
    """A server that is alive, takes its time over an export, and breaks off one of parquet."""

    def do_GET(self):
        export = self.path.startswith("/v1/export")
        time.sleep(0.5 if export else 0.0)
        self.send_response(200)
        self.send_header("X-Rows", "1")
        self.send_header("Content-Length", "100" if "parquet" in self.path else "4" if export else "0")
        self.end_headers()
        self.wfile.write(b"row\n" if export else b"")

    def log_message(self, *_): ...


@pytest.fixture
def connected(tmp_path, monkeypatch):
    """A home that such a server holds, and what a command gets there."""
    monkeypatch.setattr("chatbot.control.remote.TIMEOUT_SECONDS", 0.2)
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as slow, server.home_lock(tmp_path):
        serving = threading.Thread(target=slow.serve_forever)
        serving.start()
        told = {"url": f"http://127.0.0.1:{slow.server_port}", "pid": 1, "operator_key": "key"}
        (tmp_path / "server.json").write_text(json.dumps(told))
        with control.connect(Settings.load({"home": str(tmp_path)}, {})) as reached:
            yield reached
        slow.shutdown()
        serving.join()


def test_an_export_waits_until_the_server_has_written_it(connected):
    file = io.BytesIO()
    assert connected.export("pairs", "jsonl", file) == 1
    assert file.getvalue() == b"row\n"


def test_an_export_that_breaks_off_is_told_in_a_sentence(connected):
    with pytest.raises(NoServer, match="does not answer"):
        connected.export("pairs", "parquet", io.BytesIO())
