"""One answer or several to the same message: each is a turn of its own, which can be rated by its id."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace

from chatbot.turn import Begun, Done, Step, TurnRequest, Turns

MOST_CHOICES = 8

Numbered = tuple[int, Step]


class Choices:
    """Runs `n` turns side by side. `spent` is told the tokens that each of them took.

    With `both_arms` the first two are by the two arms of an experiment, in an order that chance decides.
    """

    def __init__(
        self, turns: Turns, asked: TurnRequest, n: int, spent: Callable[[int], None], *, both_arms: bool = False
    ) -> None:
        self._turns, self._asked, self._spent = turns, asked, spent
        self._other = secrets.randbelow(2) if both_arms else None
        self._streams = [turns.run(replace(asked, other_arm=self._other == 0))]
        self._more = n - 1
        self._steps: AsyncGenerator[Numbered, None] | None = None
        self.begun: list[Begun] = []

    async def begin(self) -> Begun:
        """Begin every turn; returns what the first says. Raises what `Turns.run` raises."""
        await self._begin(0)
        for choice in range(1, self._more + 1):
            sibling = replace(self._asked, sibling_of=self.begun[0].turn_id, choice=choice)
            sibling = replace(sibling, other_arm=self._other == choice)
            self._streams.append(self._turns.run(sibling))
            await self._begin(choice)
        self._steps = self._one() if self._more == 0 else self._merged()
        return self.begun[0]

    async def first(self) -> Numbered:
        """The first step after all have begun."""
        assert self._steps is not None
        try:
            return await anext(self._steps)
        except BaseException:
            await self.aclose()
            raise

    def steps(self) -> AsyncGenerator[Numbered, None]:
        """The other steps, each with the number of its choice."""
        assert self._steps is not None
        return self._steps

    async def aclose(self) -> None:
        """Stop what is still being answered."""
        if self._steps is not None:
            await self._steps.aclose()
        for stream in self._streams:
            await stream.aclose()

    async def _begin(self, choice: int) -> None:
        try:
            begun = await anext(self._streams[choice])
        except BaseException:
            await self.aclose()
            raise
        assert isinstance(begun, Begun)
        self.begun.append(begun)

    async def _one(self) -> AsyncGenerator[Numbered, None]:
        async for step in self._streams[0]:
            self._charge(step)
            yield 0, step

    async def _merged(self) -> AsyncGenerator[Numbered, None]:
        """The steps of all, in the order in which they come. What one raises ends all of them."""
        queue: asyncio.Queue[Numbered | Exception | None] = asyncio.Queue(maxsize=len(self._streams))

        async def pump(choice: int, stream: AsyncGenerator[Step, None]) -> None:
            try:
                async with contextlib.aclosing(stream):
                    async for step in stream:
                        await queue.put((choice, step))
                await queue.put(None)
            except Exception as error:
                await queue.put(error)

        tasks = [asyncio.create_task(pump(*numbered)) for numbered in enumerate(self._streams)]
        left = len(tasks)
        try:
            while left:
                step = await queue.get()
                if isinstance(step, Exception):
                    raise step
                if step is None:
                    left -= 1
                    continue
                self._charge(step[1])
                yield step
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _charge(self, step: Step) -> None:
        if isinstance(step, Done):
            self._spent(step.usage.get("total_tokens", 0))


def usage_of(dones: Mapping[int, Done]) -> dict[str, int]:
    """The tokens of all choices together; the prompt they share is counted once."""
    prompt = max((done.usage.get("prompt_tokens", 0) for done in dones.values()), default=0)
    completion = sum(done.usage.get("completion_tokens", 0) for done in dones.values())
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
