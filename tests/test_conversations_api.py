"""A person's own conversations over HTTP: list, search, read, rename, delete, export, share."""

import json

import pytest

from tests.api import api, as_json, asked, key_of


async def talk(client, *texts: str) -> str:
    """A conversation in which `texts` are asked one after the other; returns its id."""
    more: dict = {}
    for text in texts:
        completion = await asked(client, text, **more)
        more = {"conversation_id": completion["ratchet"]["conversation_id"]}
    return more["conversation_id"]


async def test_conversations_are_listed_newest_first_and_page_by_page(house):
    async with api(house) as ann:
        made = [await talk(ann, f"Question number {number}") for number in range(5)]
        await asked(ann, "And one more", conversation_id=made[0])
        wanted = [made[0], *reversed(made[1:])]
        seen, after = [], {}
        for more in (True, True, False):
            page = (await ann.get("/v1/conversations", params={"limit": 2, **after})).json()
            seen += [line["id"] for line in page["data"]]
            after = {"after": page["last_id"]}
            assert page["has_more"] is more
        assert seen == wanted
        newest = (await ann.get("/v1/conversations", params={"limit": 1})).json()["data"][0]
        assert (newest["title"], newest["turns"]) == ("Question number 0", 2)
        assert newest["created"] < newest["updated"]


async def test_nobody_sees_or_touches_the_conversations_of_others(house):
    async with api(house) as ann, api(house) as bob:
        own = await talk(ann, "Where is my parcel?")
        share = (await ann.post(f"/v1/conversations/{own}/share")).json()["share_id"]
        assert (await bob.get("/v1/conversations")).json()["data"] == []
        assert (await bob.get("/v1/conversations", params={"q": "parcel"})).json()["data"] == []
        for method, path, body in (
            ("GET", "", None),
            ("PATCH", "", {"title": "mine"}),
            ("DELETE", "", None),
            ("GET", "/export", None),
            ("POST", "/share", None),
            ("DELETE", f"/share/{share}", None),
        ):
            refused = await bob.request(method, f"/v1/conversations/{own}{path}", json=body)
            assert (refused.status_code, refused.json()["error"]["code"]) == (404, "unknown_conversation")
        assert (await bob.get("/v1/conversations", params={"after": own})).status_code == 404
        assert (await ann.get(f"/v1/conversations/{own}")).json()["title"] == "Where is my parcel?"


async def test_a_search_finds_questions_and_answers_and_shows_what_is_around(house):
    async with api(house) as ann:
        asked_of = await talk(ann, "x" * 300 + " Ünder the 100% _bridge_ " + "y" * 300)
        answered = await talk(ann, "Something else")
        for text, wanted in (("üNDER THE 100%", asked_of), ("TWO TO four", answered), ("_bridge_", asked_of)):
            hits = (await ann.get("/v1/conversations", params={"q": text})).json()["data"]
            assert wanted in [hit["id"] for hit in hits], text
            (snippet,) = (hit["snippet"] for hit in hits if hit["id"] == wanted)
            assert text.casefold() in snippet.casefold()
            assert len(snippet) < 150
        nothing = await ann.get("/v1/conversations", params={"q": "100_"})
        assert nothing.json()["data"] == [], "there are no wildcards"


async def test_a_conversation_is_read_with_the_answers_on_show_and_the_own_votes(house):
    async with api(house) as ann:
        first = await asked(ann, "How long?")
        second = await asked(ann, "How long?", sibling_of=first["id"])
        await ann.post("/v1/feedback", json={"response_id": second["id"], "stars": 5})
        read = (await ann.get(f"/v1/conversations/{first['ratchet']['conversation_id']}")).json()
    question, answer = read["messages"]
    assert (question["role"], question["content"]) == ("user", "How long?")
    assert (answer["response_id"], answer["finish_reason"]) == (second["id"], "stop")
    assert answer["content"] == second["choices"][0]["message"]["content"]
    assert (answer["vote"], answer["stars"], read["turns"]) == (1, 5, 1)


async def test_a_title_holds_until_the_next_and_is_screened(house):
    async with api(house) as ann:
        own = await talk(ann, "word " * 40)
        title = (await ann.get(f"/v1/conversations/{own}")).json()["title"]
        assert len(title) <= 60
        assert title.endswith("word …")
        for sent, kept in (
            ("  Two\nlines\x00 ", "Two lines"),
            ("Card 4111 1111 1111 1111", "Card [card number]"),
            ("half \ud800", "half ?"),
            ("ä" * 200, "ä" * 200),
        ):
            renamed = await ann.patch(f"/v1/conversations/{own}", **as_json({"title": sent}))
            assert (renamed.status_code, renamed.json()["title"]) == (200, kept)
        for sent in ("", " \n", "\x00", "a" * 201, None, 7):
            refused = await ann.patch(f"/v1/conversations/{own}", **as_json({"title": sent}))
            assert refused.status_code == 400, sent
            assert "title" in refused.json()["error"]["message"], sent
        assert (await ann.get("/v1/conversations")).json()["data"][0]["title"] == "ä" * 200


@pytest.mark.parametrize("format", ["json", "markdown", "jsonl"])
async def test_an_export_is_a_download_in_the_form_that_was_asked_for(house, format):
    async with api(house) as ann:
        own = await talk(ann, 'One "quoted" question?', "And a second?")
        file = await ann.get(f"/v1/conversations/{own}/export", params={"format": format})
    ending = {"json": "json", "markdown": "md", "jsonl": "jsonl"}[format]
    assert file.headers["content-disposition"] == f'attachment; filename="conversation-{own}.{ending}"'
    if format == "markdown":
        assert file.text.index("# One") < file.text.index("**You:**") < file.text.index("And a second?")
        return
    told = json.loads(file.text)
    if format == "json":
        assert (told["id"], [turn["question"] for turn in told["turns"]]) == (
            own,
            ['One "quoted" question?', "And a second?"],
        )
        return
    assert file.text.count("\n") == 1
    assert [message["role"] for message in told["messages"]] == ["user", "assistant"] * 2
    assert told["messages"][2]["content"] == "And a second?"


async def test_a_link_shows_what_there_was_when_it_was_made_and_nothing_of_anybody(house):
    async with api(house, host="192.0.2.1") as stranger, api(house) as ann:
        own = await talk(ann, "How long?", "And abroad?")
        first = (await ann.get(f"/v1/conversations/{own}")).json()["messages"][1]["response_id"]
        await ann.post("/v1/feedback", json={"response_id": first, "vote": -1})
        opened = await ann.post(f"/v1/conversations/{own}/share")
        share = opened.json()
        assert (opened.status_code, share["url"]) == (201, f"http://127.0.0.1/shared/{share['share_id']}")
        await asked(ann, "This comes later", conversation_id=own)
        again = await asked(ann, "How long?", sibling_of=first)

        seen = await stranger.get(f"/v1/shared/{share['share_id']}")
        assert seen.status_code == 200
        assert "set-cookie" not in seen.headers
        assert "noindex" in seen.headers["x-robots-tag"]
        assert [message["content"] for message in seen.json()["messages"]][::2] == ["How long?", "And abroad?"]
        assert seen.json()["messages"][1]["content"] != again["choices"][0]["message"]["content"]
        assert {key for message in seen.json()["messages"] for key in message} == {"role", "content"}
        (person,) = house.store.rows("SELECT DISTINCT person FROM turn")
        for secret in (person["person"], own, first, "starter", "base", "vote"):
            assert secret not in seen.text, secret

        assert (await ann.get(f"/v1/conversations/{own}")).json()["shares"] == [share]
        assert (await ann.delete(f"/v1/conversations/{own}/share/{share['share_id']}")).status_code == 204
        assert (await ann.delete(f"/v1/conversations/{own}/share/{share['share_id']}")).status_code == 404
        gone = await stranger.get(f"/v1/shared/{share['share_id']}")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_share")


async def test_what_is_deleted_is_gone_everywhere(house):
    async with api(house) as ann:
        own, other = await talk(ann, "How long?"), await talk(ann, "Something else")
        share = (await ann.post(f"/v1/conversations/{own}/share")).json()["share_id"]
        turn = (await ann.get(f"/v1/conversations/{own}")).json()["messages"][1]["response_id"]
        said = {"response_id": turn, "vote": -1, "rewrite": "A better one.", "consent_to_train": True}
        await ann.post("/v1/feedback", json=said)
        await ann.post("/v1/consent", json={"given": True, "conversation_id": other})
        assert [item.turn_id for item in house.reviews.queue()] == [turn]
        assert (await ann.delete(f"/v1/conversations/{own}")).status_code == 204
        assert [line["id"] for line in (await ann.get("/v1/conversations")).json()["data"]] == [other]
        hits = (await ann.get("/v1/conversations", params={"q": "how LONG"})).json()["data"]
        assert hits == []
        for path in ("", "/export"):
            assert (await ann.get(f"/v1/conversations/{own}{path}")).status_code == 404
        assert (await ann.delete(f"/v1/conversations/{own}")).status_code == 404
        assert (await ann.get(f"/v1/shared/{share}")).status_code == 404
        assert (await ann.post("/v1/feedback", json=said)).status_code == 404
        for more in ({"conversation_id": own}, {"sibling_of": turn}):
            body = {"messages": [{"role": "user", "content": "And abroad?"}], **more}
            assert (await ann.post("/v1/chat/completions", json=body)).status_code == 404
        assert house.reviews.queue() == []
        key = key_of(house, "reviewer")
        assert (await ann.get(f"/v1/reviews/{turn}", headers=key)).status_code == 404
        key = {"Authorization": f"Bearer {house.accounts.keys['operator']}"}
        for what in ("pairs", "thumbs"):
            exported = await ann.get("/v1/export", params={"what": what}, headers=key)
            assert exported.headers["x-rows"] == "0"
        turns = await ann.get("/v1/export", params={"what": "turns"}, headers=key)
        assert "How long?" not in turns.text
        assert "Something else" in turns.text


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"}, {"limit": "101"}, {"limit": "9" * 40}, {"limit": "9" * 5000}, {"limit": "many"},
        {"limit": "-1"}, {"q": ""}, {"q": " "}, {"q": "a" * 201},
    ],
)  # fmt: skip
async def test_a_list_that_cannot_be_made_says_why(house, query):
    async with api(house) as ann:
        refused = await ann.get("/v1/conversations", params=query)
    assert refused.status_code == 400
    assert next(iter(query)) in refused.json()["error"]["message"]


@pytest.mark.parametrize("odd", ["%00", "%ED%A0%80", "%FF", "%F0%9F%92%A9", "a%27%3B--", "a" * 5000, "%25"])
async def test_odd_ids_and_searches_find_nothing_and_break_nothing(house, odd):
    async with api(house) as ann:
        await talk(ann, "How long?")
        for path in (f"/v1/conversations/{odd}", f"/v1/shared/{odd}", f"/v1/receipts/{odd}", f"/v1/feedback/{odd}"):
            assert (await ann.get(path)).status_code == 404, path
        found = await ann.get(f"/v1/conversations?q={odd[:200]}&after={odd}")
        assert found.status_code == 404
        assert (await ann.get(f"/v1/conversations?q={odd[:200]}")).json()["data"] == []
