"""Sign-in at a real OIDC provider, in a process of its own, and at a crooked one that sends forged tokens."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from chatbot.errors import BadSetting
from learner import free_port
from tests.house import Visitor, furnished

STARTS_IN = 30.0
USERS = ({"sub": "s-1", "preferred_username": "ann", "email": "ann@example.com"}, {"sub": "s-2", "name": "Bob"})


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    port = free_port()
    known = [word for user in USERS for word in ("--user-claims", json.dumps(user))]
    words = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", *known]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + STARTS_IN
    try:
        while not _answers(url):
            assert process.poll() is None and time.monotonic() < until, "the provider did not start"
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/.well-known/openid-configuration", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def open_house(tmp_path):
    """Opens a house whose people may sign in at a provider."""
    with furnished(tmp_path) as furnish:
        yield lambda issuer, **more: furnish(oidc_issuer=issuer, oidc_client_secret="s", oidc_name="Login Ltd", **more)


async def sent_there(visitor: Visitor, path: str = "/sign-in/provider?next=/account") -> str:
    """The address at the provider that somebody is sent to."""
    gone = await visitor.get(path)
    assert gone.status_code == 303, gone.text
    return gone.headers["location"]


async def agree(address: str, subject: str) -> str:
    """What somebody does at the provider; returns the path that it sends them back to."""
    async with httpx.AsyncClient(trust_env=False) as there:
        sent_back = await there.post(address, data={"sub": subject})
    assert sent_back.status_code == 302, sent_back.text
    return sent_back.headers["location"].removeprefix("http://127.0.0.1")


async def test_who_signs_in_there_has_an_account_here_and_the_same_one_next_time(issuer, open_house):
    house = open_house(issuer)
    async with house.visitor() as ann, house.visitor() as again, house.visitor() as bob:
        assert "Sign in with Login Ltd" in (await ann.get("/sign-in")).text
        address = await sent_there(ann)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert {"code_challenge", "nonce", "state"} < set(asked)
        arrived = await ann.get(await agree(address, "s-1"))
        assert (arrived.status_code, arrived.headers["location"]) == (303, "/account")
        who = (await ann.get("/v1/me")).json()
        assert (who["name"], who["role"]) == ("ann", "user")
        await again.get(await agree(await sent_there(again), "s-1"))
        assert (await again.get("/v1/me")).json()["person"] == who["person"]
        await bob.get(await agree(await sent_there(bob), "s-2"))
        assert (await bob.get("/v1/me")).json()["name"] == "Bob"
    assert [one["oidc_issuer"] for one in house.roster.accounts()] == [issuer, issuer]


async def test_another_browser_cannot_finish_a_sign_in_and_a_code_works_once(issuer, open_house):
    house = open_house(issuer)
    async with house.visitor() as ann, house.visitor() as thief:
        back = await agree(await sent_there(ann), "s-1")
        refused = await thief.get(back)
        assert refused.status_code == 403 and "begun in another browser" in refused.text
        forged = await ann.get(re.sub(r"state=[^&]+", "state=another", back))
        assert forged.status_code == 403
        assert (await ann.get("/v1/me")).json()["account_id"] is None
        # The note was used up by the try with the wrong state: it works once, whatever comes of it.
        assert (await ann.get(back)).status_code == 403
        note = await _note(ann)
        back = await agree(note[0], "s-1")
        assert (await ann.get(back)).status_code == 303
        ann.client.cookies.set("ratchet_oidc", note[1])
        replayed = await ann.get(back)
        assert replayed.status_code == 403 and "not valid" in replayed.text


async def _note(visitor: Visitor) -> tuple[str, str]:
    return await sent_there(visitor), visitor.client.cookies["ratchet_oidc"]


async def test_a_disabled_account_and_an_uninvited_newcomer_are_refused(issuer, open_house):
    house = open_house(issuer, oidc_role="none")
    people = house.services.accounts.people
    async with house.visitor() as ann, house.visitor() as bob:
        uninvited = await bob.get(await agree(await sent_there(bob), "s-2"))
        assert uninvited.status_code == 403 and "newcomers get none" in uninvited.text
        known = people.add("ann", "reviewer", "test", subject=(issuer, "s-1"))
        assert (await ann.get(await agree(await sent_there(ann), "s-1"))).status_code == 303
        people.change(known.account_id, "test", active=False)
        assert (await ann.get("/v1/me")).json()["account_id"] is None
        refused = await ann.get(await agree(await sent_there(ann), "s-1"))
        assert refused.status_code == 403 and "disabled" in refused.text


async def test_what_somebody_denies_there_and_a_provider_that_is_down_are_told(issuer, open_house):
    house = open_house(issuer)
    async with house.visitor() as ann:
        address = await sent_there(ann)
        state = parse_qs(urlsplit(address).query)["state"][0]
        denied = await ann.get(f"/sign-in/callback?error=access_denied&state={state}")
        assert denied.status_code == 403 and "access_denied" in denied.text
        house.services.accounts.provider._known = None
        house.services.accounts.provider.issuer = f"http://127.0.0.1:{free_port()}"
        assert (await ann.get("/sign-in/provider")).status_code == 503


class Crooked(BaseHTTPRequestHandler):
    """A provider that answers every code with whatever ID token it was told to make."""

    key, other = RSAKey.generate_key(2048, {"kid": "1"}), RSAKey.generate_key(2048, {"kid": "1"})
    make = staticmethod(lambda key, claims: "")
    nonce = ""

    def do_GET(self) -> None:
        url = f"http://{self.headers['Host']}"
        metadata = {
            "issuer": url,
            "authorization_endpoint": f"{url}/go",
            "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }
        self._say({"keys": [self.key.as_dict(private=False)]} if self.path == "/keys" else metadata)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        claims = {"iss": f"http://{self.headers['Host']}", "aud": "ratchet", "sub": "s-1", "nonce": Crooked.nonce,
                  "iat": int(time.time()), "exp": int(time.time()) + 60}  # fmt: skip
        self._say({"access_token": "a", "token_type": "Bearer", "id_token": Crooked.make(self.key, claims)})

    def _say(self, what: dict) -> None:
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None: ...


@pytest.fixture
def crooked() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Crooked) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def signed(key: RSAKey, claims: dict, **change: object) -> str:
    given = {name: value for name, value in {**claims, **change}.items() if value is not None}
    return jwt.encode({"alg": "RS256", "kid": "1"}, given, key)


FORGERIES = {
    "another key": lambda key, claims: signed(Crooked.other, claims),
    "another nonce": lambda key, claims: signed(key, claims, nonce="another"),
    "no nonce": lambda key, claims: signed(key, claims, nonce=None),
    "another audience": lambda key, claims: signed(key, claims, aud="another"),
    "another issuer": lambda key, claims: signed(key, claims, iss="https://evil.example"),
    "expired": lambda key, claims: signed(key, claims, exp=int(time.time()) - 3600),
    "no end": lambda key, claims: signed(key, claims, exp=None),
    "changed": lambda key, claims: signed(key, claims)[:-6] + "AAAAAA",
    "unsigned": lambda key, claims: "eyJhbGciOiJub25lIn0." + signed(key, claims).split(".")[1] + ".",
    "no token": lambda key, claims: "nonsense",
}


@pytest.mark.parametrize("forgery", [None, *FORGERIES])
async def test_a_forged_token_signs_nobody_in(crooked, open_house, monkeypatch, forgery):
    monkeypatch.setattr(Crooked, "make", staticmethod(FORGERIES.get(forgery, signed)))
    house = open_house(crooked)
    async with house.visitor() as ann:
        asked = parse_qs(urlsplit(await sent_there(ann)).query)
        monkeypatch.setattr(Crooked, "nonce", asked["nonce"][0])
        done = await ann.get(f"/sign-in/callback?code=c&state={asked['state'][0]}")
        assert done.status_code == (303 if forgery is None else 403), done.text
    assert len(house.roster.accounts()) == (forgery is None)


@pytest.mark.parametrize("issuer", ["http://login.example.com", "login.example.com", "ftp://127.0.0.1"])
def test_a_provider_in_the_clear_is_refused(open_house, issuer):
    with pytest.raises(BadSetting, match="must begin with https"):
        open_house(issuer)
