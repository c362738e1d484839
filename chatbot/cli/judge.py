"""`./ratchet judge`: AI feedback by a judge that has shown that it agrees with people."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.cli.starter import bars
from chatbot.errors import UserError
from chatbot.settings import Settings

if TYPE_CHECKING:
    from learner.judges import Calibration, Candidate, Judge

app = typer.Typer(
    help="AI feedback: calibrate a judge against people, then let it label what nobody has rated.", no_args_is_help=True
)
Run = Annotated[Path | None, typer.Option(help="Folder of the run; the latest with a dataset if left out.")]

AtOnce = Annotated[int, typer.Option(min=1, max=256, help="Requests at the same time.")]
Tokens = Annotated[int, typer.Option(min=0, help="Tokens that it may use up; 0 is no limit.")]


@app.command()
@with_settings("home")
def calibrate(
    settings: Settings,
    url: Annotated[str, typer.Option(help="Server with OpenAI's API, such as http://127.0.0.1:8001.")] = "",
    model: Annotated[str, typer.Option(help="Model to ask there.")] = "default",
    key: Annotated[str, typer.Option(help="Its API key.", envvar="RATCHET_JUDGE_KEY")] = "",
    rubric: Annotated[str, typer.Option(help="'helpful', 'starter', or a TOML or Markdown file.")] = "helpful",
    reward_model: Annotated[Path | None, typer.Option(help="Folder of a reward model, to judge by that.")] = None,
    run: Run = None,
    margin: Annotated[float, typer.Option(min=0, max=0.49, help="How far above one half it must agree.")] = 0.05,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of people to try it on, at most.")] = 400,
    at_once: AtOnce = 8,
    tokens: Tokens = 0,
    out: Annotated[
        Path | None, typer.Option(help="The judge's file; judges/NAME.json in the home if left out.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Ask a judge about pairs that people decided, in both orders, and keep it with how well it agreed.

    The pairs are those that the run learned from. Their texts are sent to the judge's server.
    """
    from learner.judges import JudgeServer, ModelJudge, load_rubric
    from learner.judges import calibrate as tried
    from learner.judges.record import JudgeRecord
    from learner.lesson_files import read_lessons
    from learner.pair import Pair

    if bool(url) == (reward_model is not None):
        raise typer.BadParameter("name a server with --url, or a reward model with --reward-model")
    folder = run or _latest_run(settings.home)
    known = read_lessons(Pair, folder / "dataset.parquet")
    with _counted("pairs, in both orders") as report:
        if reward_model is not None:
            judge, about = _reward_judge(reward_model, folder)
        else:
            told = load_rubric(rubric)
            server = JudgeServer(url, model, key, at_once, tokens=tokens)
            judge = ModelJudge(server, told, _cache(settings.home), report)
            about = {"url": url, "model": model, "rubric": told}
        found = tried(judge, known, margin=margin, most=pairs)
    path = out or settings.home / "judges" / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', judge.identity)}.json"
    JudgeRecord(found, **about).write(path)
    if json:
        print_json({**found.to_values(), "cost": judge.cost.to_values(), "file": str(path)})
    else:
        _show(found, judge, path)
    if not found.passed:
        raise typer.Exit(1)


@app.command()
@with_settings("home")
def label(
    settings: Settings,
    judge: Annotated[Path, typer.Option(help="File that `judge calibrate` wrote.")],
    of: Annotated[
        Literal["siblings", "prompts"],
        typer.Option(help="Unrated answers to one message, or two fresh answers to logged prompts."),
    ] = "siblings",
    run: Run = None,
    most: Annotated[int, typer.Option(min=1, help="Cases to judge, at most.")] = 500,
    weight: Annotated[float, typer.Option(min=0, max=10, help="What a pair counts beside a person's 1.")] = 0.5,
    at_once: AtOnce = 8,
    tokens: Tokens = 0,
    seed: Annotated[int, typer.Option(help="Draws the cases, and samples answers.")] = 0,
    json: AsJson = False,
) -> None:
    """Have a calibrated judge decide what nobody has rated; the pairs are kept as AI feedback, apart from people's.

    Only answers to people of the learn group who agreed are shown to it.
    """
    from learner.judges import label as labelled
    from learner.judges.given import FILE, FOLDER, MANIFEST
    from learner.judges.record import JudgeRecord
    from learner.lesson_files import write_lessons
    from learner.pair import Pair
    from learner.progress import write_json

    folder, record = run or _latest_run(settings.home), JudgeRecord.read(judge)
    trusted = record.trusted(_cache(settings.home), at_once, tokens)
    found = labelled(trusted, record.calibration, _candidates(folder, of, most, seed), weight=weight)
    out = settings.home / FOLDER / datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    out.mkdir(parents=True)
    write_lessons(Pair, found.pairs, out / FILE)
    told = {
        **found.to_values(),
        "of": of,
        "run": folder.name,
        "weight": weight,
        "judge": record.calibration.to_values(),
        "cost": trusted.cost.to_values(),
        "folder": str(out),
    }
    write_json(out / MANIFEST, told)
    if json:
        print_json(told)
    else:
        Console().print(
            f"{len(found.pairs)} pairs of AI feedback in {out}: of {found.candidates} cases {found.ties} were ties and "
            f"{found.unread} could not be read.",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _candidates(folder: Path, of: str, most: int, seed: int) -> list[Candidate]:
    from learner.judges import unrated_siblings
    from learner.judges.candidates import logged_prompts, resampled
    from learner.lap import Job

    job = Job.read(folder)
    if of == "siblings":
        return unrated_siblings(folder / "events", job.groups)[:most]
    from learner.recipes.rollouts import two_answers

    sample = two_answers(job.model, Path(job.champion) if job.champion else None, job.settings, seed)
    return resampled(logged_prompts(folder / "events", job.groups), sample, most=most, seed=seed)


def _reward_judge(reward_model: Path, run: Path) -> tuple[Judge, dict[str, Any]]:
    from learner.lap import Job
    from learner.reward_model import RewardJudge, RewardModel

    model = Job.read(run).model
    loaded = RewardModel.load(reward_model, model)
    return RewardJudge(loaded), {"reward_model": str(reward_model.resolve()), "model": model}


def _latest_run(home: Path) -> Path:
    for folder in sorted((home / "runs").glob("*"), key=lambda path: path.stat().st_mtime, reverse=True):
        if (folder / "dataset.parquet").exists():
            return folder
    raise UserError(f"No run in {home} has a dataset yet; start one with `./ratchet learn`, or name one with --run.")


def _cache(home: Path) -> Any:  # noqa: ANN401 - a Cache
    from learner.judges import Cache

    return Cache(home / "judges" / "cache.jsonl")


@contextlib.contextmanager
def _counted(what: str) -> Iterator[Callable[[int, int], None]]:
    with bars() as report:
        yield lambda done, count: report(what, done, count)


def _show(found: Calibration, judge: Judge, path: Path) -> None:
    console = Console()
    verdict = ("may label", "bold green") if found.passed else ("may not label", "bold red")
    console.print(Text.assemble(f"{found.judge} ", verdict, f". {found.reason}"), soft_wrap=True)
    if found.shown_first is not None:
        bias = f"{found.shown_first:.3f} (95% {found.shown_first_low:.3f} to {found.shown_first_high:.3f})"
        console.print(Text(f"It prefers the answer that it is shown first in {bias}; 0.5 is no bias."), soft_wrap=True)
    console.print(
        Text(
            f"{found.ties} ties, of which {found.flips} flipped with the order; {found.unread} unreadable. "
            f"{judge.cost.requests} requests, {judge.cost.cached} known before, {judge.cost.tokens} tokens."
        ),
        soft_wrap=True,
    )
    console.print(Text(f"The judge: {path}"), soft_wrap=True)
