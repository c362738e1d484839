"""`./ratchet up` in a process of its own, with an engine that somebody else runs and that is not there yet."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from learner import free_port
from tests.house import PASSWORD
from tests.real_server import ROOT, plain_environment, ratchet, told, until


@contextmanager
def up(folder) -> Iterator[tuple[str, str]]:
    """A server's address, and what it printed."""
    port, said = free_port(), folder / "said.txt"
    words = [
        "up",
        "--home",
        str(folder / "home"),
        "--port",
        str(port),
        "--engine-url",
        f"http://127.0.0.1:{free_port()}",
    ]
    with said.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "chatbot", *words], cwd=ROOT, env=plain_environment(), stdout=out, stderr=out
        )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or answers(url))
        assert process.poll() is None, said.read_text()
        yield url, said.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_the_first_start_prints_a_link_that_makes_the_admin_and_later_ones_do_not(tmp_path):
    home = ("--home", str(tmp_path / "home"))
    with up(tmp_path) as (url, said), httpx.Client(base_url=url, trust_env=False) as browser:
        assert f"  Chat     {url}\n" in said
        token = re.search(rf"  Admin    {url}/join\?token=(\S+)\n +once, within a day; makes you the admin\n", said)[1]
        form = re.search(r'name="form" value="(\w+)"', browser.get("/join", params={"token": token}).text)[1]
        sent = {"form": form, "token": token, "name": "ann", "password": PASSWORD}
        assert browser.post("/join", data=sent).headers["location"] == "/account"
        assert browser.get("/v1/me").json()["role"] == "admin"
        link = told(ratchet("accounts", "add", "bob", "--json", *home))["link"]
        assert "Welcome, bob" in httpx.get(link, trust_env=False).text
        key = told(ratchet("keys", "create", "notebook", "--scope", "chat", "--json", *home))["key"]
    with up(tmp_path) as (url, said):
        assert "Admin" not in said
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{url}/v1/me", headers=headers, trust_env=False).json()["name"] == "notebook"
