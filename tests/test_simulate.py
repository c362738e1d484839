"""The people of the demo: as unlike each other as people are, and noisy; and its play against a server that is busy."""

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console

from learner.simulate.__main__ import _tell, demo
from learner.simulate.client import Client, DemoError
from learner.simulate.crowd import Seen
from learner.simulate.people import Person
from learner.simulate.plan import PLANS
from learner.simulate.show import screen
from learner.simulate.stage import Outcome, Stage, Story
from learner.simulate.taste import load_taste
from learner.starter import STYLES, held_out_questions, render

QUESTIONS = held_out_questions(3, 400)


def satisfied(size: str, people: int = 300, answers: int = 20) -> np.ndarray:
    """Whether each person is satisfied with each of their answers, shape (people, answers); one in twelve is wrong."""
    taste, rng = PLANS[size].taste(load_taste("default")), random.Random(1)
    found = np.zeros((people, answers))
    for seed in range(people):
        person = Person.draw(taste, "honest", seed)
        for number, question in enumerate(rng.choices(QUESTIONS, k=answers)):
            right = render(question.intent, rng.choice(STYLES), rng, question.order)
            answer = right if rng.random() > 1 / 12 else "No."
            found[seed, number] = rng.random() < person.satisfaction(question, answer)
    return found


def intra_class_correlation(values: np.ndarray) -> float:
    """ICC(1) of one-way analysis of variance; `values` has the shape (people, answers)."""
    people, answers = values.shape
    between = answers * values.mean(axis=1).var(ddof=1)
    within = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum() / (people * (answers - 1))
    return (between - within) / (between + (answers - 1) * within)


@pytest.mark.parametrize("size", ["small", "full"])
def test_people_differ_as_much_as_promised(size):
    assert intra_class_correlation(satisfied(size)) >= 0.2


def test_thumbs_are_flipped_now_and_then_and_random_voters_say_nothing():
    taste, question = load_taste("default"), QUESTIONS[0]
    answers = {style: render(question.intent, style, random.Random(0), question.order) for style in STYLES}
    honest, coins = ([Person.draw(taste, votes, seed) for seed in range(2000)] for votes in ("honest", "random"))
    truth = np.mean([person.satisfaction(question, answers["warm"]) for person in honest])
    ups = {
        votes: np.mean([person.thumb(question, answers["warm"]) > 0 for person in people])
        for votes, people in (("honest", honest), ("random", coins))
    }
    flips = taste.habits.flips
    assert ups["honest"] == pytest.approx(truth * (1 - flips) + (1 - truth) * flips, abs=0.03)
    assert ups["random"] == pytest.approx(0.5, abs=0.03)


class BusyServer:
    """The operator's API of a server that learns by itself as well; `laps` are the outcomes of its laps, in order.

    A lap ends and an experiment is won after so many questions about it.
    """

    def __init__(self, *laps: str) -> None:
        self.laps, self.runs, self.experiment, self.champion = list(laps), [], None, "base"
        self.started_by_hand = 0

    def begin_lap(self) -> None:
        run = {"run_id": f"run-{len(self.runs) + 1}", "state": "running", "reason": "", "progress": 0, "questions": 2}
        self.runs.insert(0, run)

    def begin_experiment(self, adapter: str, questions: int = 4) -> None:
        names = {"experiment_id": f"{adapter}#1", "challenger": adapter, "questions": questions}
        self.experiment = {**names, "state": "running", "reason": "votes", "interval": None}

    async def start_lap(self, request: web.Request) -> web.Response:
        if any(run["state"] == "running" for run in self.runs):
            return web.json_response({"error": {"message": "a lap is running"}}, status=409)
        self.started_by_hand += 1
        self.begin_lap()
        return web.json_response({"run_id": self.runs[0]["run_id"]}, status=201)

    async def run(self, request: web.Request) -> web.Response:
        (run,) = (run for run in self.runs if run["run_id"] == request.match_info["run_id"])
        run["questions"] -= 1
        if run["questions"] == 0:
            outcome, adapter = self.laps.pop(0), f"starter@{len(self.runs)}"
            run |= {"state": "succeeded", "outcome": outcome, "adapter": adapter, "stopped_by": ["length"]}
            if outcome == "passed" and self.experiment is None:
                self.begin_experiment(adapter)
        return web.json_response(run)

    async def status(self, request: web.Request) -> web.Response:
        if self.experiment is not None:
            self.experiment["questions"] -= 1
            if self.experiment["questions"] == 0:
                self.experiment["state"], self.champion = "won", self.experiment["challenger"]
        return web.json_response({"runs": self.runs, "experiment": self.experiment, "champion": self.champion})


class Silent:
    """A crowd that asks what it must; `meanwhile` happens while it teaches."""

    def __init__(self, server: BusyServer, meanwhile: Callable[[], None]) -> None:
        self.server, self.meanwhile, self.people = server, meanwhile, []

    async def talk(self, people: int, turns: int) -> None:
        self.meanwhile()

    async def judge(self, newcomers: int, turns: int, stop: Callable[[], bool]) -> None: ...

    async def examine(self, people: int, seed: int) -> list[Seen]:
        return [Seen(0.0, 1.0, "champion", self.server.champion, self.server.champion)]


@pytest.fixture
def play(monkeypatch) -> Callable[[BusyServer, Callable[[], None]], Awaitable[Outcome]]:
    """Plays the demo against a server; `meanwhile` happens on that server while people talk."""
    monkeypatch.setattr("learner.simulate.stage.GLANCE_SECONDS", 0.01)

    async def play(server: BusyServer, meanwhile: Callable[[], None] = lambda: None) -> Outcome:
        app = web.Application()
        app.add_routes([web.post("/v1/runs", server.start_lap), web.get("/v1/runs/{run_id}", server.run)])
        app.add_routes([web.get("/v1/status", server.status)])
        async with TestServer(app) as listening:
            client = Client(str(listening.make_url("/")), "key")
            try:
                return await Stage(client, Silent(server, meanwhile), PLANS["small"], Story(), 0).play(null=False)
            finally:
                await client.close()

    return play


async def test_the_demo_follows_a_lap_that_is_running_already(play):
    server = BusyServer("passed")
    outcome = await play(server, server.begin_lap)
    assert (outcome.promoted, server.started_by_hand) == ("starter@1", 0)


async def test_the_demo_starts_a_lap_of_its_own_after_one_that_led_to_nothing(play):
    server = BusyServer("not enough data", "passed")
    outcome = await play(server, server.begin_lap)
    assert (outcome.promoted, server.started_by_hand) == ("starter@2", 1)


async def test_the_demo_takes_an_experiment_that_began_while_people_talked(play):
    server = BusyServer()
    outcome = await play(server, lambda: server.begin_experiment("starter@7"))
    assert (outcome.promoted, server.started_by_hand) == ("starter@7", 0)


async def test_the_demo_leaves_an_experiment_alone_that_ran_before_it_came(play):
    server = BusyServer()
    server.begin_experiment("starter@7")
    with pytest.raises(DemoError, match="The experiment starter@7#1 is running on this server"):
        await play(server)


async def test_the_demo_says_which_experiment_stands_in_the_way_of_its_own(play):
    server = BusyServer("passed")
    start = server.start_lap

    async def start_both(request: web.Request) -> web.Response:
        told = await start(request)
        server.begin_experiment("starter@7", questions=100)
        return told

    server.start_lap = start_both
    with pytest.raises(DemoError, match="starter@1 passed its gates, but the experiment starter@7#1 is running"):
        await play(server)


async def test_the_demo_does_not_stop_an_experiment_that_took_the_place_of_its_own(play):
    server = BusyServer()
    status = server.status

    async def another(request: web.Request) -> web.Response:
        if server.experiment is not None and server.experiment["questions"] == 1:
            server.begin_experiment("starter@8", questions=100)
        return await status(request)

    server.status = another
    with pytest.raises(DemoError, match="starter@7#1 has ended and starter@8#1 has begun in its place"):
        await play(server, lambda: server.begin_experiment("starter@7"))


def test_a_picture_that_has_no_place_is_told_before_anybody_talks(tmp_path):
    with pytest.raises(typer.BadParameter, match="is no folder that can be written to"):
        demo(null=None, url=None, png=tmp_path / "nowhere" / "demo.png")


def test_what_the_server_says_is_printed_as_it_is(monkeypatch, capsys):
    odd = "a[/b] [red]c\\"
    monkeypatch.setenv("COLUMNS", "200")
    _tell(Outcome(None, "length", 0.5, 0.5, None, 1, 1.0, 1, "0", odd), Path(odd), as_json=False)
    assert capsys.readouterr().out.count(odd) == 2
    Console().print(screen(Story(note=odd)))
    assert odd in capsys.readouterr().out
