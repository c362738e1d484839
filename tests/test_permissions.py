"""The table of permissions is whole, and what it says is what happens: every route and page is walked in every role."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi.routing import APIRoute

from chatbot.api import routers
from chatbot.pages import account, erase_me, people, provider, sign_in
from chatbot.permissions import API, PAGES, SCOPES, Permit, scopes_of
from tests.house import ELSEWHERE, PASSWORD, House, Visitor, furnished
from tests.pages_server import running

ORDER = ("nobody", "guest", "user", "reviewer", "operator", "admin")
OWN_FORMS = ("/sign-out",)  # pages without anything to look at
ADMIN_VERBS = (
    "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/completions", "/v1/embeddings", "/v1/responses", "/sleep",
    "/wake_up", "/pause", "/resume", "/collective_rpc", "/reset_prefix_cache", "/update_weights", "/server_info",
    "/metrics", "/tokenize", "/detokenize", "/invocations", "/start_profile", "/scale_elastic_ep",
)  # fmt: skip


def routes(*of) -> dict[str, APIRoute]:
    return {
        f"{method} {route.path}": route
        for router in of
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }


def test_every_route_has_its_line_in_the_table_and_every_line_its_route():
    assert set(routes(*routers)) == set(API)


def test_every_page_of_forms_has_its_line_in_the_table_and_the_chats_line_covers_the_chat_alone():
    plain = routes(*(page.router for page in (account, erase_me, people, provider, sign_in)))
    lines = [page for page in PAGES if page != "/"]
    assert [route for route in plain if not route.split(" ")[1].startswith(tuple(lines))] == []
    assert list(PAGES)[-1] == "/"
    assert list(PAGES).index("/account/people") < list(PAGES).index("/account")


def allowed(role: str, scopes: set[str] | None, permit: Permit) -> bool:
    has_scope = scopes is None or permit.scope is None or permit.scope in scopes
    return ORDER.index(role) >= ORDER.index(permit.role) and has_scope


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    with furnished(tmp_path) as furnish:
        house = furnish()
        house.account("root", "admin")
        house.services.learner.close()  # a lap that the walk starts ends at once
        yield house


@asynccontextmanager
async def walker(house: House, who: str) -> AsyncIterator[tuple[Visitor, str, set[str] | None]]:
    """Somebody, their role, and the scopes of their key."""
    scope = who.removeprefix("key ")
    if who in ("nobody", "guest"):
        async with house.visitor(host=ELSEWHERE if who == "nobody" else "127.0.0.1") as visitor:
            yield visitor, who, None
    elif scope == who:
        async with house.visitor(house.account("ann", who), host=ELSEWHERE) as visitor:
            yield visitor, who, None
    else:
        key = house.key(house.account("ann", "admin"), scope)
        async with house.visitor(key=key, host=ELSEWHERE) as visitor:
            yield visitor, "admin", {scope}


def expected(role: str, may: bool) -> set[int]:
    return set() if may else {401} if role == "nobody" else {403}


@pytest.mark.parametrize("who", [*ORDER, *(f"key {scope}" for scope in SCOPES)])
async def test_every_route_lets_through_whom_the_table_names_and_nobody_else(house, who):
    wrong = []
    async with walker(house, who) as (visitor, role, scopes):
        for line, permit in API.items():
            method, path = line.split(" ")
            sent = {"json": {}} if method in ("POST", "PATCH") else {}
            answer = await visitor.client.request(method, re.sub(r"\{\w+\}", "made-up", path), **sent)
            refused = {answer.status_code} & {401, 403}
            if refused != expected(role, allowed(role, scopes, permit)) or answer.status_code == 500:
                wrong.append((line, answer.status_code, answer.text[:200]))
    assert wrong == []


@pytest.mark.parametrize("who", ORDER)
async def test_every_page_lets_through_whom_the_table_names_and_sends_the_others_to_sign_in(house, who):
    wrong = []
    async with walker(house, who) as (visitor, role, _):
        for page, permit in PAGES.items():
            path = f"{page}/" if page in ("/review", "/safety", "/models", "/operate") else page
            if page in OWN_FORMS:
                continue
            seen, inside = await visitor.get(path), await visitor.post(f"{page.rstrip('/')}/gradio_api/queue/join")
            may, strange = allowed(role, None, permit), role in ("nobody", "guest")
            refusal = None if may else 303 if strange else 403
            if (seen.status_code if seen.status_code in (303, 401, 403) else None) != refusal:
                wrong.append((page, seen.status_code))
            if seen.status_code == 303 and seen.headers["location"] != f"/sign-in?next={path}":
                wrong.append((page, seen.headers["location"]))
            if (inside.status_code == 403) == may:
                wrong.append((page, "inside", inside.status_code))
    assert wrong == []


@pytest.mark.parametrize("owner", ["user", "reviewer", "operator", "admin"])
async def test_a_key_can_have_no_scope_beyond_its_owners_role_and_falls_with_it(house, owner):
    ann = house.account("ann", owner)
    beyond = [scope for scope in SCOPES if scope not in scopes_of(owner)]
    async with house.visitor(ann) as visitor:
        for scope in beyond:
            assert (await visitor.post("/v1/keys", json={"name": "k", "scopes": ["chat", scope]})).status_code == 400
        made = (await visitor.post("/v1/keys", json={"name": "k", "scopes": list(scopes_of(owner))})).json()
    async with house.visitor(key=made["key"]) as program:
        me = (await program.get("/v1/me")).json()
        assert (me["role"], set(me["scopes"])) == (owner, set(scopes_of(owner)))
        house.services.accounts.people.change(ann.account_id, "test", role="user")
        me = (await program.get("/v1/me")).json()
        assert (me["role"], set(me["scopes"])) == ("user", {"chat", "feedback"})
        assert (await program.get("/v1/status")).status_code == 403


async def test_no_secret_is_at_rest(house, tmp_path):
    async with house.visitor() as ann:
        link = house.services.accounts.links.for_account(house.account("ann", "operator").account_id, "test")
        assert (await ann.fill(f"/join?token={link}", "/join", password=PASSWORD)).status_code == 303
        made = (await ann.post("/v1/keys", json={"name": "notebook", "scopes": ["chat"]})).json()
        session = ann.client.cookies["ratchet_session"]
    home = house.services.settings.home
    house.services.store.rows("CHECKPOINT")
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"notebook" in kept and b"$argon2id$" in kept  # what is kept can be found
    for secret in (PASSWORD, made["key"], made["key"].rpartition("_")[2], session, link):
        assert secret.encode() not in kept


def test_the_engines_own_verbs_cannot_be_reached_through_our_port(tmp_path):
    with running(tmp_path / "home") as served:
        admin = served.cookie("admin")
        keys = ({}, {"Authorization": f"Bearer {served.services.accounts.keys['operator']}"})
        for cookies in ({}, {admin["name"]: admin["value"]}):
            with httpx.Client(base_url=served.url, cookies=cookies, trust_env=False) as client:
                reached = [
                    (path, answer.status_code, answer.text[:100])
                    for path in ADMIN_VERBS
                    for headers in keys
                    for answer in (client.post(path, json={}, headers=headers),)
                    if answer.status_code not in (403, 404, 405)
                ]
                assert reached == []
