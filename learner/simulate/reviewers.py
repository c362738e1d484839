"""Simulated reviewers: they decide side-by-sides by the hidden taste, blind, over the API that real ones use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from learner.runs import ALIVE
from learner.simulate.client import Client, DemoError
from learner.simulate.people import Person, Votes
from learner.simulate.taste import Taste
from learner.starter import Question

REVIEWERS, PROMPTS = 8, 120
AT_ONCE = 100  # items of one request
GLANCE_SECONDS = 0.5


class Reviewers:
    """A team with accounts of their own; `asked` are the questions that they know how to judge.

    Each has weights of their own around the taste, and slips as often as everybody. Where an answer is to another
    question, or both please them alike, they say that neither is better.
    """

    def __init__(
        self,
        client: Client,
        taste: Taste,
        votes: Votes,
        asked: Iterable[Question],
        *,
        seed: int,
        count: int = REVIEWERS,
    ) -> None:
        self._client, self._seed = client, seed
        self._known = {_key(question.messages): question for question in asked}
        self._team = [Person.draw(taste, votes, seed=900_000_001 + 1_000_003 * seed + n) for n in range(count)]
        self._keys: list[str] = []

    async def compare(self, adapter: str, against: str | None = None, count: int = PROMPTS) -> dict[str, Any]:
        """Have the server set `adapter` and `against` side by side, decide all of it, and return what it came to.

        Raises DemoError, and Conflict while a lap is under way.
        """
        body: dict[str, object] = {"adapter": adapter, "against": against, "count": count}
        run_id = str((await self._client.operate("POST", "/v1/side-by-sides", body))["run_id"])
        await self._ended(run_id)
        await self.decide()
        sets = (await self._client.operate("GET", "/v1/side-by-sides"))["sets"]
        found = next((one for one in sets if one["set_id"] == run_id), None)
        if found is None:
            raise DemoError(f"{adapter} answered as before to every prompt, so there is nothing to compare.")
        return dict(found)

    async def decide(self) -> None:
        """Everybody decides whatever waits for them."""
        if not self._keys:
            self._keys = [await self._hired(number) for number in range(len(self._team))]
        await asyncio.gather(*map(self._decide_all, self._team, self._keys))

    async def _decide_all(self, reviewer: Person, key: str) -> None:
        while True:
            told = await self._client.operate("GET", f"/v1/side-by-sides/items?limit={AT_ONCE}", key=key)
            for item in told["items"]:
                path = f"/v1/side-by-sides/items/{item['item_id']}/decision"
                await self._client.operate("POST", path, {"choice": self._choice(reviewer, item)}, key=key)
            if told["waiting"] <= len(told["items"]):
                return

    def _choice(self, reviewer: Person, item: Mapping[str, Any]) -> str:
        question, a, b = self._known.get(_key(item["messages"])), item["answer_a"], item["answer_b"]
        if question is None or reviewer.satisfaction(question, a) == reviewer.satisfaction(question, b):
            return "tie"
        return "a" if reviewer.prefers_first(question, a, b) else "b"

    async def _hired(self, number: int) -> str:
        """An account with the role and a key that may do nothing else."""
        name = f"simulated reviewer {self._seed}-{number}"
        known = (await self._client.operate("GET", "/v1/accounts"))["accounts"]
        account = next((one for one in known if one["name"] == name), None)
        if account is None:
            account = await self._client.operate("POST", "/v1/accounts", {"name": name, "role": "reviewer"})
        body = {"name": name, "account_id": account["account_id"], "scopes": ["review"]}
        return str((await self._client.operate("POST", "/v1/keys", body))["key"])

    async def _ended(self, run_id: str) -> None:
        while True:
            run = await self._client.operate("GET", f"/v1/runs/{run_id}")
            if run["state"] == "succeeded":
                return
            if run["state"] not in ALIVE:
                raise DemoError(f"The comparison {run['state']}: {run['reason']}")
            await asyncio.sleep(GLANCE_SECONDS)


def _key(messages: Sequence[Mapping[str, str]]) -> str:
    return json.dumps([[message["role"], message["content"]] for message in messages])
