"""What Open WebUI 0.12.4 sends to an OpenAI connection, as it was recorded, played to our API.

The key and who asked are made up; of its 36 tools two are left, and of the texts of its tasks their first lines.
"""

import json
from pathlib import Path

import pytest

from tests.house import furnished

SENT = {
    sent["what"]: sent
    for sent in json.loads(Path(__file__).with_name("clients").joinpath("open_webui.json").read_text())
}
HEADER = "X-OpenWebUI-User-Id"
WHO = SENT["chat"]["headers"][HEADER]


@pytest.fixture
def furnish(tmp_path):
    with furnished(tmp_path) as make:
        yield make


async def play(program, what: str, key: str):
    sent = SENT[what]
    headers = sent["headers"] | {"Authorization": f"Bearer {key}"}
    response = await program.client.request(sent["method"], sent["path"], headers=headers, json=sent["body"])
    assert response.status_code == 200, response.text
    return response


def streamed(response) -> tuple[str, str]:
    """The text of a stream, and why it ended."""
    *events, done = [line[6:] for line in response.text.splitlines() if line]
    assert done == "[DONE]"
    choices = [json.loads(event)["choices"][0] for event in events]
    return "".join(choice["delta"].get("content", "") for choice in choices), choices[-1]["finish_reason"]


async def test_what_open_webui_sends_is_answered_and_its_header_names_the_person(furnish):
    house = furnish(user_header=HEADER)
    owner = house.account("webui", "operator")
    key = house.key(owner, "chat", "act-for-users")
    async with house.visitor() as program:
        listed = (await play(program, "models", key)).json()
        assert [model["id"] for model in listed["data"]] == [SENT["chat"]["body"]["model"]]
        chat = await play(program, "chat", key)
        assert chat.headers["content-type"].startswith("text/event-stream")
        assert streamed(chat) == ("Delivery takes two to four days. You get a link to follow your parcel.", "stop")
        for task in ("title", "tags", "follow-ups"):
            (choice,) = (await play(program, task, key)).json()["choices"]
            assert choice["message"]["content"] and choice["finish_reason"] == "stop"
    persons = house.services.store.rows("SELECT DISTINCT person FROM turn")
    assert persons == [{"person": house.services.accounts.names.person(owner.account_id, WHO)}]


async def test_a_chat_goes_on_after_a_message_that_was_blocked(furnish):
    house = furnish()
    key = house.key(house.account("webui"), "chat")
    async with house.visitor() as program:
        assert streamed(await play(program, "after a block", key))[1] == "stop"
    (turn,) = house.services.store.rows("SELECT messages FROM turn")
    assert [message["content"] for message in turn["messages"] if message["role"] == "user"][-2:] == [
        "[stopped by a safety filter]",
        "How long is delivery?",
    ]


async def test_the_header_names_nobody_without_the_setting_without_the_scope_or_without_a_key(furnish):
    plain, named = furnish(), furnish(user_header=HEADER)
    for house, scopes in ((plain, ("chat", "act-for-users")), (named, ("chat",))):
        owner = house.account("webui", "operator")
        key = house.key(owner, *scopes)
        async with house.visitor() as program:
            await play(program, "chat", key)
        assert house.services.store.rows("SELECT person FROM turn") == [{"person": f"key:{key.split('_')[1]}"}]
    owner = named.account("ann", "operator")
    async with named.visitor(owner) as ann:
        asked = {"messages": SENT["chat"]["body"]["messages"], "user": "carol"}
        assert (await ann.post("/v1/chat/completions", json=asked, headers={HEADER: WHO})).status_code == 200
    async with named.visitor(key=named.key(owner, "chat", "act-for-users")) as program:
        for header in (WHO, ""):  # the body comes first, and an empty header names nobody
            body = asked if header else {"messages": asked["messages"]}
            assert (await program.post("/v1/chat/completions", json=body, headers={HEADER: header})).status_code == 200
    persons = [row["person"] for row in named.services.store.rows("SELECT person FROM turn ORDER BY seq")][1:]
    assert persons[0] == f"account:{owner.account_id}"
    assert persons[1] == named.services.accounts.names.person(owner.account_id, "carol")
    assert persons[2].startswith("key:")
