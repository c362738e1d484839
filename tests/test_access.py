"""Who gets through which door: cookies, keys, and pages of other sites."""

import json

import httpx
import pytest

from chatbot.accounts import ROLE_COOKIE, Accounts
from chatbot.pages.access import Access
from tests.pages_server import running


async def answer(scope, receive, send):
    """What stands behind the doors: it answers everything."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


async def ask(accounts: Accounts, path: str, headers: dict[str, str], method: str = "POST") -> httpx.Response:
    """As somebody on this machine, with the operator's cookie."""
    cookie = accounts.role_cookie(accounts.keys["operator"], None)
    transport = httpx.ASGITransport(Access(answer, accounts), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://chat.example:7860") as client:
        return await client.request(method, path, headers={"Cookie": f"{ROLE_COOKIE}={cookie}", **headers})


OURS = [
    ("http://chat.example:7860", "chat.example:7860"),
    ("https://chat.example", "chat.example"),
    ("https://chat.example", "chat.example:443"),
    ("http://Chat.Example:80", "chat.example"),
    ("http://[::1]:7860", "[::1]:7860"),
]
FOREIGN = [
    ("http://chat.example:3000", "chat.example:7860"),
    ("http://localhost:7860", "127.0.0.1:7860"),
    ("https://chat.example:7860", "chat.example"),
    ("https://evil.example", "chat.example"),
    ("http://chat.example", "chat.example:7860"),
    ("null", "chat.example:7860"),
    ("null", "null"),
    ("http://chat.example:x", "chat.example:7860"),
    ("", "chat.example:7860"),
]
DOORS = ("/operate/gradio_api/queue/join", "/review/", "/gradio_api/queue/join", "/", "/v1/rollback")


@pytest.mark.parametrize("path", DOORS)
async def test_a_page_of_another_site_cannot_use_the_cookies_of_this_one(tmp_path, path):
    accounts = Accounts(tmp_path)
    for origin, host in OURS:
        assert (await ask(accounts, path, {"Origin": origin, "Host": host})).text == "inside", (origin, host)
    for origin, host in FOREIGN:
        for method in ("POST", "GET", "OPTIONS"):
            refused = await ask(accounts, path, {"Origin": origin, "Host": host}, method)
            assert refused.status_code == 403, (origin, host)
            assert not [name for name in refused.headers if name.startswith("access-control")]
    assert (await ask(accounts, path, {})).text == "inside"


async def test_who_sends_a_key_may_be_anywhere_and_the_api_answers_in_its_own_shape(tmp_path):
    accounts = Accounts(tmp_path)
    foreign = {"Origin": "https://evil.example"}
    assert (await ask(accounts, "/v1/status", {**foreign, "Authorization": "Bearer key"})).text == "inside"
    refused = (await ask(accounts, "/v1/status", foreign)).json()["error"]
    assert (refused["type"], refused["code"]) == ("permission_error", "not_allowed")
    assert "https://evil.example" in refused["message"]


def test_a_key_that_is_replaced_closes_the_doors_that_it_opened(tmp_path):
    before = Accounts(tmp_path)
    cookies = {role: before.role_cookie(before.keys[role], None) for role in ("operator", "reviewer")}
    (tmp_path / "keys.json").write_text(json.dumps({**before.keys, "operator": "another"}))
    after = Accounts(tmp_path)

    def role(held: str, host: str = "127.0.0.1") -> str:
        return after.caller(host=host, authorization=None, cookies={ROLE_COOKIE: held}).role

    assert role(cookies["reviewer"]) == "reviewer"
    assert role(cookies["operator"]) == "guest"
    assert role(cookies["operator"], host="192.0.2.1") == "nobody"
    assert role(after.role_cookie("another", cookies["operator"])) == "operator"
    assert after.role_cookie(before.keys["reviewer"], cookies["operator"]) != cookies["operator"]
    assert before.keys["reviewer"] not in cookies["reviewer"]


@pytest.mark.parametrize("door", ["", "/review", "/operate"])
@pytest.mark.parametrize("name", ["upload", "upload/", "process_recording"])
async def test_nobody_can_leave_files_here(tmp_path, door, name):
    refused = await ask(Accounts(tmp_path), f"{door}/gradio_api/{name}", {})
    assert refused.status_code == 403
    assert "No page here takes files." in refused.text


def test_the_pages_take_no_files(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    with running(tmp_path / "home") as served, httpx.Client(base_url=served.url, trust_env=False) as guest:
        assert guest.get("/").status_code == 200
        sent = {"files": ("big.bin", b"0" * 10_000)}
        assert guest.post("/gradio_api/upload", files=sent).status_code == 403
        pages = [route.app for route in served.app.routes if hasattr(route.app, "get_blocks")]
        assert [page.get_blocks().max_file_size for page in pages] == [1024] * 3
    assert not [path for path in tmp_path.glob("files/**/*") if path.is_file()]
