"""Accounts, sessions, keys and one-time links, through the pages and the API."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from argon2 import PasswordHasher

from chatbot.accounts import Accounts, attempts
from chatbot.accounts import accounts as accounts_module
from chatbot.accounts.names import Names
from chatbot.errors import BadSetting
from tests.history import History
from tests.house import ELSEWHERE, PASSWORD, House, furnished

ANOTHER = "staple battery horse correct"


@pytest.fixture
def furnish(tmp_path):
    with furnished(tmp_path) as make:
        yield make


@pytest.fixture
def house(furnish) -> Iterator[House]:
    return furnish()


def audited(house: House, *actions: str) -> list[dict]:
    """The audit's lines of these actions; the chain must hold."""
    house.services.store.verify_audit()
    rows = house.services.store.rows("SELECT action, actor, detail FROM audit ORDER BY seq")
    return [row for row in rows if row["action"] in actions]


async def test_the_first_link_makes_the_admin_once_and_its_next_start_takes_its_place(house):
    links = house.services.accounts.links
    first, second = links.for_first_admin(), links.for_first_admin()
    async with house.visitor(host=ELSEWHERE) as ann, house.visitor(host=ELSEWHERE) as late:
        assert (await ann.get(f"/join?token={first}")).status_code == 404
        assert "makes the account that manages all others" in (await ann.get(f"/join?token={second}")).text
        late_form = await late.get(f"/join?token={second}")
        short = await ann.fill(f"/join?token={second}", "/join", name="ann", password="short")
        assert short.status_code == 400 and "10 to 1000 characters" in short.text
        joined = await ann.fill(f"/join?token={second}", "/join", name="Ann", password=PASSWORD)
        assert (joined.status_code, joined.headers["location"]) == (303, "/account")
        assert (await ann.get("/v1/me")).json()["role"] == "admin"
        hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', late_form.text))
        assert (await late.post("/join", data={**hidden, "name": "eve", "password": PASSWORD})).status_code == 404
    assert links.for_first_admin() is None
    assert [one["name"] for one in house.roster.accounts()] == ["Ann"]
    assert len(audited(house, "link.make")) == 2 and len(audited(house, "account.make", "link.use")) == 2


async def test_an_invitation_sets_a_password_and_a_new_one_withdraws_the_last(house):
    root = house.account("root", "admin")
    async with house.visitor(root) as admin, house.visitor(host=ELSEWHERE) as bob:
        page = await admin.fill("/account/people", "/account/people", name="bob", role="reviewer")
        link = html.unescape(re.search(r'value="(http[^"]+join[^"]+)"', page.text)[1]).removeprefix("http://127.0.0.1")
        account = house.services.accounts.people.named("BOB")
        newer = await admin.fill("/account/people", f"/account/people/{account.account_id}", step="link")
        assert (await bob.get(link)).status_code == 404
        link = re.search(r"http://127.0.0.1(/join[^\"]+)", newer.text)[1]
        assert "Welcome, bob" in (await bob.get(link)).text
        assert (await bob.fill(link, "/join", password=PASSWORD)).status_code == 303
        assert (await bob.get("/v1/me")).json()["role"] == "reviewer"
        assert (await bob.get(link)).status_code == 404


async def test_signing_in_goes_on_to_where_somebody_wanted_and_never_to_another_site(house):
    house.account("ann", "operator", PASSWORD)
    async with house.visitor(host=ELSEWHERE) as ann:
        sent = await ann.get("/operate/?tab=2")
        assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=/operate/%3Ftab%3D2")
        done = await ann.fill(sent.headers["location"], "/sign-in", name=" ANN ", password=PASSWORD)
        assert (done.status_code, done.headers["location"]) == (303, "/operate/?tab=2")
        for foreign in ("https://evil.example", "//evil.example", "/\\evil.example", "evil", "/%0d%0aa", "/\tx", ""):
            done = await ann.fill("/sign-in", "/sign-in", name="ann", password=PASSWORD, next=foreign)
            assert done.headers["location"] in ("/", "/%0d%0aa"), foreign


async def test_a_session_ends_by_signing_out_by_a_new_password_and_by_being_disabled(house):
    ann = house.account("ann", password=PASSWORD)
    async with house.visitor(host=ELSEWHERE) as one, house.visitor(host=ELSEWHERE) as two:
        await one.sign_in("ann")
        held = one.client.cookies["ratchet_session"]
        assert (await one.fill("/account", "/sign-out")).status_code == 303
        one.client.cookies.set("ratchet_session", held)
        assert (await one.get("/v1/me")).status_code == 401
        one.client.cookies.clear()
        await one.sign_in("ann")
        await two.sign_in("ann")
        wrong = await one.fill("/account", "/account/password", old="guess", password=ANOTHER)
        assert wrong.status_code == 400 and "The old password is wrong." in wrong.text
        assert (await one.fill("/account", "/account/password", old=PASSWORD, password=ANOTHER)).status_code == 303
        assert (await one.get("/v1/me")).status_code == 200
        assert (await two.get("/v1/me")).status_code == 401
        assert (await two.sign_in("ann")).status_code == 403
        assert (await two.sign_in("ann", ANOTHER)).status_code == 303
        house.services.accounts.people.change(ann.account_id, "test", active=False)
        assert (await two.get("/v1/me")).status_code == 401
        house.services.accounts.people.change(ann.account_id, "test", active=True)
        assert (await two.get("/v1/me")).status_code == 401
    assert len(audited(house, "account.password", "account.change")) == 3


async def test_a_role_holds_at_once(house):
    ann = house.account("ann", "operator")
    async with house.visitor(ann) as visitor:
        assert (await visitor.get("/v1/status")).status_code == 200
        house.services.accounts.people.change(ann.account_id, "test", role="user")
        assert (await visitor.get("/v1/status")).status_code == 403


async def test_a_form_without_its_token_is_refused_and_so_is_another_browsers(house):
    ann = house.account("ann", "admin", PASSWORD)
    async with house.visitor(ann) as one, house.visitor(host=ELSEWHERE) as two:
        theirs = re.search(r'name="form" value="(\w+)"', (await two.get("/sign-in")).text)[1]
        for path in ("/sign-in", "/sign-out", "/join", "/account/password", "/account/keys", "/account/people"):
            for form in ({}, {"form": ""}, {"form": "0" * 64}, {"form": "é"}, {"form": theirs}):
                assert (await one.post(path, data=form)).status_code == 403, (path, form)
        assert (await one.get("/v1/me")).json()["name"] == "ann"


async def test_who_guesses_passwords_has_to_wait_and_whoever_knows_one_does_not_pay_for_it(house):
    now = [0.0]
    house.services.accounts._attempts.clock = lambda: now[0]
    house.account("ann", password=PASSWORD)
    async with house.visitor(host=ELSEWHERE) as thief, house.visitor(host="192.0.2.8") as bob:
        house.account("bob", password=PASSWORD)
        codes = [(await thief.sign_in("ann", f"guess number {number}")).status_code for number in range(6)]
        assert codes == [403] * 5 + [429]
        refused = await thief.sign_in("ann")
        assert refused.status_code == 429 and refused.headers["retry-after"] == "60"
        assert [(await bob.sign_in("bob")).status_code for _ in range(6)] == [303] * 6
        now[0] = 60.1
        assert (await thief.sign_in("ann")).status_code == 303
    (locked,) = audited(house, "account.lock")
    assert locked["detail"]["address"] == ELSEWHERE


def test_an_address_that_tries_many_names_has_to_wait_as_well():
    counted = attempts.Attempts()
    for number in range(20):
        counted.begin(f"name {number}", ELSEWHERE)
    with pytest.raises(attempts.TooMany) as refused:
        counted.begin("another", ELSEWHERE)
    assert 1 <= refused.value.retry_after <= 60
    counted.begin("another", "192.0.2.8")


def test_a_name_that_is_not_known_takes_as_long_as_a_wrong_password(house, monkeypatch):
    asked = []
    fits = accounts_module.passwords.fits
    monkeypatch.setattr(accounts_module.passwords, "fits", lambda *given: asked.append(given) or fits(*given))
    house.account("ann", password=PASSWORD)
    house.account("invited")
    for name in ("ann", "nobody", "invited"):
        with pytest.raises(accounts_module.NotAllowed, match="The name or the password is wrong"):
            house.services.accounts.sign_in(name, "nobody's password", name)
    assert [kept is None for _, kept in asked] == [False, True, True]


def test_a_hash_of_older_parameters_is_made_anew_when_its_owner_signs_in(house):
    accounts = house.services.accounts
    ann = house.account("ann")
    older = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    accounts._ledger.keep(replace(ann, password=older))
    accounts.sign_in("ann", PASSWORD, ELSEWHERE)
    kept = accounts.people.named("ann").password
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$") and kept != older
    accounts.sign_in("ann", PASSWORD, ELSEWHERE)


async def test_the_last_admin_stays_and_a_name_is_given_once(house):
    root, ann = house.account("root", "admin"), house.account("ann")
    async with house.visitor(root) as admin:
        for change in ({"active": False}, {"role": "operator"}):
            refused = await admin.client.patch(f"/v1/accounts/{root.account_id}", json=change)
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "last_admin")
        taken = await admin.post("/v1/accounts", json={"name": "ＡＮＮ"})
        assert (taken.status_code, taken.json()["error"]["code"]) == (409, "name_taken")
        for name in ("", " ", "a\nb", "x" * 65):
            assert (await admin.post("/v1/accounts", json={"name": name})).status_code == 400
        unknown = await admin.client.patch("/v1/accounts/none", json={"active": False})
        assert unknown.json()["error"]["code"] == "unknown_account"
        changed = await admin.client.patch(f"/v1/accounts/{ann.account_id}", json={"role": "admin"})
        assert changed.json()["role"] == "admin"
        assert (await admin.client.patch(f"/v1/accounts/{root.account_id}", json={"active": False})).status_code == 200
        assert (await admin.get("/v1/accounts")).status_code == 403
    (made, *changes) = audited(house, "account.change")
    assert (made["actor"], made["detail"]["account"]) == (f"account:{root.account_id}", ann.account_id)
    assert "ann" not in str(made["detail"]).split("'"), "a name is kept where it can be erased"
    assert [change["detail"]["active"] for change in changes] == [False]


async def test_a_key_says_why_it_opens_nothing_any_more(house):
    ann = house.account("ann")
    keys = house.services.accounts.api_keys
    text, key = keys.add(ann.account_id, "notebook", ["chat"], "test", days=1)

    async def refused(sent: str) -> str:
        async with house.visitor(key=sent) as program:
            answer = await program.get("/v1/me")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["type"]) == (401, "invalid_api_key", "authentication_error")
        return error["message"]

    async with house.visitor(key=text) as program:
        assert (await program.get("/v1/me")).json()["person"] == f"key:{key.key_id}"
    assert "not known" in await refused("guess") and "not known" in await refused(text + "x")
    house.services.accounts._ledger.keep(replace(key, until=1_000_000_000.0))
    assert "expired on 2001-09-09" in await refused(text)
    house.services.accounts._ledger.keep(key)
    house.services.accounts.people.change(ann.account_id, "test", active=False)
    assert "disabled" in await refused(text)
    house.services.accounts.people.change(ann.account_id, "test", active=True)
    keys.revoke(key.key_id, "test")
    assert "was revoked" in await refused(text)
    async with house.visitor() as program:
        assert (await program.get("/v1/me", headers={"Authorization": "Basic YTpi"})).status_code == 401
    assert len(audited(house, "key.make", "key.revoke")) == 2


async def test_a_key_is_ones_own_and_an_admin_sees_all(house):
    ann, bob, root = house.account("ann"), house.account("bob"), house.account("root", "admin")
    async with house.visitor(ann) as one, house.visitor(bob) as two, house.visitor(root) as admin:
        made = (await one.post("/v1/keys", json={"name": "k", "scopes": ["chat"], "requests_per_minute": 5})).json()
        assert (await two.get("/v1/keys")).json() == {"keys": []}
        assert (await two.client.delete(f"/v1/keys/{made['key_id']}")).status_code == 404
        theirs = {"name": "k", "scopes": ["chat"], "account_id": ann.account_id}
        assert (await two.post("/v1/keys", json=theirs)).status_code == 403
        assert (await admin.post("/v1/keys", json={**theirs, "name": "by the admin"})).status_code == 201
        assert [key["name"] for key in (await admin.get("/v1/keys")).json()["keys"]] == ["k", "by the admin"]
        assert all("secret" not in json.dumps(key) for key in (await admin.get("/v1/keys")).json()["keys"])
        async with house.visitor(key=made["key"]) as program:
            assert (await program.get("/v1/me")).json()["requests_per_minute"] == 5
            assert (await program.post("/v1/keys", json={"name": "more", "scopes": ["chat"]})).status_code == 403
        assert (await admin.client.delete(f"/v1/keys/{made['key_id']}")).json()["revoked"] is True


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"days": 366}, "up to 365 days"),
        ({"days": 0}, "up to 365 days"),
        ({"days": None}, "Only an admin's key"),
        ({"scopes": []}, "a scope at least"),
        ({"scopes": ["fly"]}, "'fly'"),
        ({"name": " "}, "needs a name"),
        ({"tokens_per_day": 0}, "whole number above 0"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_key_that_cannot_be_is_told_in_a_sentence(house, given, told):
    async with house.visitor(house.account("ann")) as ann:
        refused = await ann.post("/v1/keys", json={"name": "k", "scopes": ["chat"], **given})
    assert refused.status_code == 400 and told in refused.json()["error"]["message"]


async def test_only_a_key_that_may_speaks_for_others(house):
    operator = house.account("ann", "operator")
    said = {"messages": [{"role": "user", "content": "hello"}], "user": "carol"}
    speaks, silent = house.key(operator, "chat", "act-for-users"), house.key(operator, "chat")
    command_line = house.services.accounts.keys["operator"]
    async with house.visitor(operator) as ann:
        assert (await ann.post("/v1/chat/completions", json=said)).status_code == 200
    for key in (speaks, silent, command_line):
        async with house.visitor(key=key) as program:
            assert (await program.post("/v1/chat/completions", json=said)).status_code == 200
    persons = [row["person"] for row in house.services.store.rows("SELECT person FROM turn ORDER BY seq")]
    key_id = silent.split("_")[1]
    names = house.services.accounts.names
    carol, other = names.person(operator.account_id, "carol"), names.person("", "carol")
    assert persons == [f"account:{operator.account_id}", carol, f"key:{key_id}", other]
    assert re.fullmatch("user:[0-9a-f]{24}", carol) and carol != other


def test_whoever_was_known_by_a_name_before_ids_were_random_stays_the_same_person(store):
    turn = History(store).answer("user:a1:carol", "hello")
    names = Names(store)
    assert names.person("a1", "carol") == "user:a1:carol" and names.person("a2", "carol") != "user:a2:carol"
    assert names.people("carol") == {"user:a1:carol", names.person("a2", "carol")}
    store.append()  # what was queued before it is durable
    names = Names(store)
    assert names.of("user:a1:carol") == {"carol"} and store.asked(turn).person == "user:a1:carol"


async def test_the_account_page_makes_a_key_shows_it_once_and_revokes_it(house):
    async with house.visitor(house.account("ann", "reviewer")) as ann:
        made = await ann.fill("/account", "/account/keys", name="notebook", scopes=["chat", "review"], days="7")
        key = re.search(r'value="(rk_\w+[^"]*)"', made.text)[1]
        shown = (await ann.get("/account")).text
        assert key not in shown and "notebook" in shown
        async with house.visitor(key=key) as program:
            assert (await program.get("/v1/reviews")).status_code == 200
        key_id = key.split("_")[1]
        assert "is revoked" in (await ann.fill("/account", f"/account/keys/{key_id}/revoke")).text
        wrong = await ann.fill("/account", "/account/keys", name="more", scopes=["admin"], days="7")
        assert wrong.status_code == 400 and "cannot give a key the scope" in wrong.text


async def test_anybody_may_make_an_account_where_the_setting_says_so(furnish):
    closed, open_ = furnish(), furnish(sign_up="open")
    async with closed.visitor() as ann:
        assert (await ann.get("/join")).status_code == 404
        form = re.search(r'name="form" value="(\w+)"', (await ann.get("/sign-in")).text)[1]
        sent = {"form": form, "name": "ann", "password": PASSWORD}
        assert (await ann.post("/join", data=sent)).status_code == 403
    async with open_.visitor(host=ELSEWHERE) as ann:
        assert "Make an account" in (await ann.get("/sign-in")).text
        assert (await ann.fill("/join", "/join", name="ann", password=PASSWORD)).status_code == 303
        assert (await ann.get("/v1/me")).json()["role"] == "user"
    assert closed.roster.accounts() == []


async def test_everything_is_known_again_after_a_start(house):
    ann = house.account("ann", "reviewer", PASSWORD)
    key = house.key(ann, "review")
    accounts, store, home = house.services.accounts, house.services.store, house.services.settings.home
    session, link = accounts.sign_in("ann", PASSWORD, ELSEWHERE), accounts.links.for_account(ann.account_id, "test")
    ended = accounts.sessions.begin(ann.account_id)
    accounts.sessions.end(ended)
    again = Accounts(home, store)
    assert again.sessions.find(session) is not None and again.sessions.find(ended) is None
    assert again.api_keys.good(key)[1] == accounts.people.named("ann")
    assert again.links.find(link).account_id == ann.account_id


def test_keys_of_an_older_version_open_nothing_and_the_command_lines_own_stays(tmp_path, store):
    older = {"operator": "o", "reviewer": "r", "chat": "c", "signature": "s"}
    (tmp_path / "keys.json").write_text(json.dumps(older))
    accounts = Accounts(tmp_path, store)
    assert accounts.keys == {"operator": "o", "signature": "s"}
    for key in ("r", "c"):
        with pytest.raises(accounts_module.UnknownKey):
            accounts.api_keys.good(key)
    assert json.loads((tmp_path / "keys.json").read_text()) == older


def test_no_lap_gets_a_copy_of_the_accounts(house, tmp_path):
    house.account("ann", password=PASSWORD)
    house.services.store.snapshot(tmp_path / "events")
    names = {path.stem for path in (tmp_path / "events").iterdir()}
    assert "turn" in names and not names & {"account", "api_key", "session", "link"}


@pytest.mark.parametrize("url", ["chat.example.com", "ftp://chat.example.com", "https://a.example/path", "https://"])
def test_a_public_address_that_cannot_be_is_refused(tmp_path, store, url):
    with pytest.raises(BadSetting, match="public_url"):
        Accounts(tmp_path, store, public_url=url)


def test_a_password_that_is_changed_while_somebody_signs_in_begins_no_session(house, monkeypatch):
    accounts, ann = house.services.accounts, house.account("ann", password=PASSWORD)
    fits = accounts_module.passwords.fits

    def change_meanwhile(*given: str) -> bool:
        right = fits(*given)
        accounts.people.set_password(ann.account_id, ANOTHER, "test")
        return right

    monkeypatch.setattr(accounts_module.passwords, "fits", change_meanwhile)
    with pytest.raises(accounts_module.NotAllowed):
        accounts.sign_in("ann", PASSWORD, ELSEWHERE)
    assert house.services.store.rows("SELECT * FROM session") == []


@pytest.mark.parametrize("wish", ["ann", "", " \n", "x" * 200, "\ufdfa" * 30, "a\u202eb", "x" * 57 + " y"])
def test_whatever_a_provider_calls_somebody_becomes_a_name(house, wish):
    people = house.services.accounts.people
    names = [people.add(people.free_name(wish), "user", "oidc").name for _ in range(3)]
    assert len({name.casefold() for name in names}) == 3 and all(1 <= len(name) <= 64 for name in names)
