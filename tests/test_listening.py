"""Where the server listens, what it calls that, and what `./ratchet doctor` says of the same place."""

import contextlib
import json
import socket
from urllib.parse import urlsplit

import pytest

from chatbot.cli.doctor import examine
from chatbot.errors import PortTaken
from chatbot.server import address, take_port
from chatbot.settings import Settings
from tests.real_server import ratchet


def settings(home, host: str = "127.0.0.1", port: int = 0) -> Settings:
    return Settings.load({"home": str(home), "host": host, "port": port}, {})


def port_finding(settings: Settings) -> tuple[bool, str]:
    (found,) = (finding for finding in examine(settings) if finding.name == "port")
    return found.fine, found.seen


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::1", "[::1]"),
        ("::", "[::1]"),
    ],
)
def test_the_address_that_is_printed_leads_to_the_server(tmp_path, host, shown):
    with contextlib.ExitStack() as held:
        try:
            listening = held.enter_context(take_port(settings(tmp_path, host)))
        except PortTaken:
            assert ":" in host
            pytest.skip("this machine has no IPv6")
        port = listening.getsockname()[1]
        url = address(host, port)
        assert url == f"http://{shown}:{port}"
        socket.create_connection((urlsplit(url).hostname, port), timeout=5).close()
        fine, seen = port_finding(settings(tmp_path, host, port))
        assert not fine and "Address already in use" in seen
    assert port_finding(settings(tmp_path, host, port))[0]


def test_of_two_servers_one_gets_the_port(tmp_path):
    with take_port(settings(tmp_path)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} of 127.0.0.1"), take_port(settings(tmp_path, port=port)):
            pass


@pytest.mark.parametrize("words", [("up",), ("doctor", "--json")])
def test_a_port_that_cannot_be_is_told_in_a_sentence(tmp_path, words):
    done = ratchet(*words, "--home", str(tmp_path), "--port", "99999")
    assert done.returncode == 1
    assert done.stderr == "ratchet: The setting 'port' is 99999 as a flag; it must be from 0 to 65535.\n"


def test_the_doctor_knows_the_server_of_this_home_by_its_port(tmp_path):
    with take_port(settings(tmp_path, "::1")) as listening:
        port = listening.getsockname()[1]
        (tmp_path / "server.json").write_text(json.dumps({"url": address("::1", port), "pid": 1}))
        assert port_finding(settings(tmp_path, "::1", port)) == (True, "a Ratchet server of this home runs there")
