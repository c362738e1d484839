"""The command line of `./ratchet demo`. Run as: python -m learner.simulate"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from learner.simulate.client import Client, DemoError
from learner.simulate.crowd import Crowd
from learner.simulate.people import Votes
from learner.simulate.plan import AT_ONCE, PLANS, Plan, Size
from learner.simulate.server import own_server
from learner.simulate.show import picture, screen
from learner.simulate.stage import Outcome, Stage, Story
from learner.simulate.taste import Taste, TasteError, load_taste


def demo(
    taste: Annotated[
        str, typer.Option(help="What the people like: 'default', 'longer' (only length), or a TOML file of your own.")
    ] = "default",
    votes: Annotated[Votes, typer.Option(help="'random' gives votes that mean nothing.")] = "honest",
    null: Annotated[
        str | None, typer.Option(help="'aa' sends a byte copy of the champion through the experiment.")
    ] = None,
    size: Annotated[
        Size, typer.Option(help="'small' has fewer people and a larger effect, and is over sooner.")
    ] = "full",
    seed: Annotated[int, typer.Option(help="Seed of the people and of what they ask.")] = 0,
    url: Annotated[str | None, typer.Option(help="Use a running server instead of starting one; needs --key.")] = None,
    key: Annotated[str, typer.Option(help="Operator's key of that server; keys.json in its home has it.")] = "",
    png: Annotated[Path, typer.Option(help="Where the picture goes.")] = Path("ratchet-demo.png"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, last, and nothing for people.")
    ] = False,
) -> None:
    """Watch the loop: simulated people chat, rate and rewrite; the learner trains; the experiment decides.

    Without --url it starts a server of its own on a free port with a temporary home, and yours is not touched. The
    people have a hidden taste and their own noise, and talk over HTTP alone. A taste is a small TOML file: see
    learner/simulate/tastes/.
    """
    _check(null, url, key, png)
    trouble: BaseException | None = None
    try:
        plan = PLANS[size]
        story, outcome = _run(plan, plan.taste(load_taste(taste)), votes, null == "aa", seed, url, key, as_json)
        picture(story, outcome, png)
    except* (DemoError, TasteError, aiohttp.ClientError, TimeoutError) as errors:
        trouble = _first(errors)
    if trouble is not None:
        # Raised in the handler it would become part of a group, which nobody can read.
        told = str(trouble) or "The server did not answer in time."
        Console(stderr=True).print(Text.assemble(("ratchet:", "bold red"), f" {told}"), soft_wrap=True)
        raise typer.Exit(1)
    _tell(outcome, png, as_json)


def _check(null: str | None, url: str | None, key: str, png: Path) -> None:
    if null not in (None, "aa"):
        raise typer.BadParameter("the only null is 'aa'", param_hint="--null")
    if url and not key:
        raise typer.BadParameter("a running server needs its operator's key: --key KEY", param_hint="--url")
    if not os.access(png.resolve().parent, os.W_OK):
        raise typer.BadParameter(f"{png.resolve().parent} is no folder that can be written to", param_hint="--png")


def _run(
    plan: Plan, taste: Taste, votes: Votes, null: bool, seed: int, url: str | None, key: str, as_json: bool
) -> tuple[Story, Outcome]:
    story = Story()
    with contextlib.ExitStack() as stack:
        if not as_json:
            stack.enter_context(_watched(story))
        own = None if url else stack.enter_context(own_server(plan.settings))
        check: Callable[[], None] = own.check if own else lambda: None
        address = url or (own.url if own else "")

        async def play() -> Outcome:
            client = Client(address, key)
            try:
                crowd = Crowd(client, taste, votes, seed=seed, at_once=AT_ONCE, on_seen=story.seen.append)
                stage = Stage(client, crowd, plan, story, seed)
                await stage.wait_until_ready(check)
                if own:
                    client.key = own.key()
                return await stage.play(null)
            finally:
                await client.close()

        return story, asyncio.run(play())


@contextlib.contextmanager
def _watched(story: Story) -> Iterator[None]:
    with Live(get_renderable=lambda: screen(story), console=Console(stderr=True), refresh_per_second=4):
        yield


def _tell(outcome: Outcome, png: Path, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({**asdict(outcome), "picture": str(png)}) + "\n")
        return
    promoted = (f"{outcome.promoted} was promoted.", "bold green")
    ended = promoted if outcome.promoted else ("Nothing was promoted.", "bold")
    before, after = outcome.satisfaction_before, outcome.satisfaction_after
    change = f"True satisfaction of new people: {before:.2f} before, {after:.2f} after."
    # Not markup, which a path and what a server says may look like.
    Console().print(Text.assemble(ended, f" {outcome.reason}\n{change}\nThe picture is {png}."))


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    # Whoever ends the demo from outside wants its server and its home gone as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
    app.command()(demo)
    app(prog_name="./ratchet demo")
