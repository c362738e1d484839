"""Who gets through which door: guests, sessions, proxies, forms, and pages of other sites."""

import httpx
import pytest
from starlette.requests import HTTPConnection

from analytics import Store
from chatbot.accounts import SESSION_COOKIE, Accounts
from chatbot.pages.access import Access
from tests.house import ELSEWHERE, HERE, PASSWORD, furnished
from tests.pages_server import running


async def answer(scope, receive, send):
    """What stands behind the doors: it answers everything."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


@pytest.fixture
def accounts(tmp_path):
    store = Store.open(tmp_path / "store.duckdb")
    yield Accounts(tmp_path, store)
    store.close()


async def ask(accounts: Accounts, path: str, headers: dict[str, str], method: str = "POST") -> httpx.Response:
    """As an operator who has signed in."""
    people = accounts.people
    operator = people.named("ann") or people.add("ann", "operator", "test")
    cookie = accounts.sessions.begin(operator.account_id)
    transport = httpx.ASGITransport(Access(answer, accounts), client=(HERE, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://chat.example:7860") as client:
        return await client.request(method, path, headers={"Cookie": f"{SESSION_COOKIE}={cookie}", **headers})


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
async def test_a_page_of_another_site_cannot_use_the_cookies_of_this_one(accounts, path):
    for origin, host in OURS:
        assert (await ask(accounts, path, {"Origin": origin, "Host": host})).text == "inside", (origin, host)
    for origin, host in FOREIGN:
        for method in ("POST", "GET", "OPTIONS"):
            refused = await ask(accounts, path, {"Origin": origin, "Host": host}, method)
            assert refused.status_code == 403, (origin, host)
            assert not [name for name in refused.headers if name.startswith("access-control")]
    ours = await ask(accounts, path, {})
    assert ours.text == "inside"
    assert path.startswith("/v1/") or ours.headers["content-security-policy"] == "frame-ancestors 'self'"


@pytest.mark.parametrize("path", DOORS)
async def test_what_a_browser_says_of_where_a_request_comes_from_is_believed(accounts, path):
    for site, method, inside in (
        ("same-origin", "POST", True), ("none", "POST", True), ("cross-site", "GET", True),
        ("cross-site", "POST", False), ("same-site", "POST", False), ("cross-site", "DELETE", False),
    ):  # fmt: skip
        seen = await ask(accounts, path, {"Sec-Fetch-Site": site}, method)
        assert (seen.status_code == 200) == inside, (site, method)
    keyed = {"Sec-Fetch-Site": "cross-site", "Authorization": "Bearer key"}
    assert (await ask(accounts, "/v1/rollback", keyed)).text == "inside"


async def test_who_sends_a_key_may_be_anywhere_and_the_api_answers_in_its_own_shape(accounts):
    foreign = {"Origin": "https://evil.example"}
    assert (await ask(accounts, "/v1/status", {**foreign, "Authorization": "Bearer key"})).text == "inside"
    refused = (await ask(accounts, "/v1/status", foreign)).json()["error"]
    assert (refused["type"], refused["code"]) == ("permission_error", "not_allowed")
    assert "https://evil.example" in refused["message"]


async def test_the_address_that_people_use_may_be_told_by_a_setting(tmp_path):
    store = Store.open(tmp_path / "store.duckdb")
    accounts = Accounts(tmp_path, store, public_url="https://chat.example/")
    behind = {"Host": "127.0.0.1:7860", "Origin": "https://chat.example"}
    assert (await ask(accounts, "/", behind)).text == "inside"
    assert (await ask(accounts, "/", {**behind, "Origin": "https://evil.example"})).status_code == 403
    store.close()


def connection(address: str | None, **headers: str) -> HTTPConnection:
    named = {"host": "127.0.0.1:7860", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.lower().encode(), value.encode()) for name, value in named.items()]
    client = None if address is None else (address, 1)
    return HTTPConnection({"type": "http", "headers": raw, "client": client, "path": "/", "scheme": "http"})


@pytest.mark.parametrize(
    ("host", "headers", "role"),
    [
        ("127.0.0.1", {}, "guest"),
        ("127.8.9.1", {}, "guest"),
        ("::1", {"host": "[::1]:7860"}, "guest"),
        ("::ffff:127.0.0.1", {"host": "localhost"}, "guest"),
        ("127.0.0.1", {"host": "chat.localhost:7860"}, "guest"),
        ("192.0.2.7", {}, "nobody"),
        ("::ffff:192.0.2.7", {}, "nobody"),
        (None, {}, "nobody"),
        ("127.0.0.1", {"x_forwarded_for": "192.0.2.7"}, "nobody"),
        ("127.0.0.1", {"x_forwarded_for": "127.0.0.1"}, "nobody"),  # whoever wrote that, a proxy passed it on
        ("127.0.0.1", {"forwarded": "for=192.0.2.7"}, "nobody"),
        ("127.0.0.1", {"x_real_ip": "192.0.2.7"}, "nobody"),
        ("127.0.0.1", {"via": "1.1 proxy"}, "nobody"),
        ("127.0.0.1", {"host": "evil.example:7860"}, "nobody"),  # a name that its owner led to this machine
        ("127.0.0.1", {"host": "127.0.0.1.evil.example"}, "nobody"),
        ("127.0.0.1", {"host": ""}, "nobody"),
    ],
)
def test_guests_are_on_this_machine_itself(accounts, host, headers, role):
    assert accounts.caller(connection(host, **headers)).role == role


def test_a_server_that_is_published_has_no_guests(tmp_path):
    store = Store.open(tmp_path / "store.duckdb")
    published = Accounts(tmp_path, store, public_url="https://chat.example")
    assert published.caller(connection("127.0.0.1")).role == "nobody"
    store.close()


def test_a_proxy_on_this_machine_does_not_make_guests_of_the_world(tmp_path):
    with running(tmp_path / "home") as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        assert client.get("/v1/me").json()["role"] == "guest"
        for forwarded in ("192.0.2.7", "127.0.0.1", "127.0.0.1, 192.0.2.7", "192.0.2.7, 127.0.0.1", "garbage", ""):
            assert client.get("/v1/me", headers={"X-Forwarded-For": forwarded}).status_code == 401, forwarded


async def test_over_https_the_cookie_is_secure_and_no_other_host_can_have_set_it(tmp_path):
    with furnished(tmp_path) as furnish:
        house = furnish()
        house.account("ann", password=PASSWORD)
        async with house.visitor(host=ELSEWHERE, url="https://chat.example") as ann:
            done = await ann.sign_in("ann")
            (cookie,) = (one for one in done.headers.get_list("set-cookie") if "session" in one)
            assert cookie.startswith("__Host-ratchet_session=")
            assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(
                cookie.split("; ")
            ) and "Domain" not in cookie
            assert (await ann.get("/v1/me")).json()["name"] == "ann"
            secret = ann.client.cookies["__Host-ratchet_session"]
        async with house.visitor(host=ELSEWHERE, url="https://chat.example") as other:
            other.client.cookies.set("ratchet_session", secret)
            assert (await other.get("/v1/me")).status_code == 401


@pytest.mark.parametrize("door", ["", "/review", "/operate"])
@pytest.mark.parametrize("name", ["upload", "upload/", "process_recording"])
async def test_nobody_can_leave_files_here(accounts, door, name):
    refused = await ask(accounts, f"{door}/gradio_api/{name}", {})
    assert refused.status_code == 403
    assert "No page here takes files." in refused.text


def test_the_pages_take_no_files(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    with running(tmp_path / "home") as served, httpx.Client(base_url=served.url, trust_env=False) as guest:
        assert guest.get("/").status_code == 200
        sent = {"files": ("big.bin", b"0" * 10_000)}
        assert guest.post("/gradio_api/upload", files=sent).status_code == 403
        pages = [route.app for route in served.app.routes if hasattr(route.app, "get_blocks")]
        assert [page.get_blocks().max_file_size for page in pages] == [1024] * 5
    assert not [path for path in tmp_path.glob("files/**/*") if path.is_file()]
