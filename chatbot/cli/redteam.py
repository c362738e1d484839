"""`./ratchet redteam`: attack the running server, and turn what was found into tests and training data."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings

if TYPE_CHECKING:
    from safety.redteam.campaign import Plan
    from safety.redteam.campaign import Progress as Report
    from safety.redteam.cases import Replayed
    from safety.redteam.judge import Judge
    from safety.redteam.target import Target

JUDGE_KEY = "REDTEAM_JUDGE_KEY"  # no setting, so without the prefix of settings
app = typer.Typer(help="Attack the running server, and make tests and training data of what slips through.")


@with_settings("home")
def redteam(
    settings: Settings,
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="Server to attack; the running one of this home if left out.")] = None,
    key: Annotated[str, typer.Option(help="API key for it; best one of an account of its own.")] = "",
    families: Annotated[str, typer.Option(help="Families of attacks, with commas between; all if left out.")] = "",
    per_family: Annotated[int, typer.Option(min=0, help="Attacks of each family, at most; 0 takes all.")] = 40,
    budget: Annotated[int, typer.Option(min=0, help="Texts that the search may try; 0 leaves it out.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the choice of attacks and of the search.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder of the report; one in the home if left out.")] = None,
    cases: Annotated[
        bool, typer.Option("--cases", help="Ask the regression cases again, and exit with 1 where one fails.")
    ] = False,
    garak: Annotated[
        bool, typer.Option("--garak", help="Run garak as well, in an environment of its own that is made once.")
    ] = False,
    probes: Annotated[
        str, typer.Option(help="garak's probes, with commas between; else a few small ones; runs garak.")
    ] = "",
    judge_url: Annotated[str, typer.Option(help="OpenAI-compatible server that judges what was answered.")] = "",
    judge_model: Annotated[str, typer.Option(help=f"Its model. Its key is taken from {JUDGE_KEY}.")] = "",
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Requests at the same time.")] = 4,
    per_second: Annotated[float, typer.Option(min=0.1, max=1000, help="Requests begun in a second.")] = 20.0,
    may_test: Annotated[
        bool, typer.Option("--i-may-test-this-server", help="Needed for a server that is not on this machine.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Attack the running server: families of attacks with harmless twins, and a search led by the filters' scores."""
    if context.invoked_subcommand is not None:
        return
    from safety.redteam.target import Target, check_address

    address, opener = _server(settings, url, key)
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    target = Target(
        check_address(address, may_test), opener, run_id=run_id, concurrency=concurrency, per_second=per_second
    )
    if cases:
        _replay(target, _cases_file(settings), json)
        return
    plan = _plan(families, per_family, budget, seed)
    judge = _judge(judge_url, judge_model, may_test)
    wanted = [probe for probe in probes.split(",") if probe] if garak or probes else None
    report = asyncio.run(_attack(target, plan, judge, settings.home / "redteam", wanted, json))
    _tell(report, out or settings.home / "redteam" / run_id, json)


@with_settings("home")
def cases(
    settings: Settings,
    report: Annotated[Path, typer.Argument(help="report.json of a run, or its folder.")],
    held: Annotated[
        bool, typer.Option("--held", help="Also what is stopped, and what is answered, as it should be today.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make regression cases of the findings; `./ratchet redteam --cases` asks them again."""
    from safety.redteam.cases import add_cases, cases_of, read_report

    file = _cases_file(settings)
    found = cases_of(read_report(report), held=held)
    fresh = add_cases(file, found)
    if json:
        print_json({"cases": len(found), "new": fresh, "file": str(file)})
    else:
        _say(f"{fresh} new cases, of {len(found)} in the report, in {file}")


@with_settings("home")
def pairs(
    settings: Settings,
    report: Annotated[Path, typer.Argument(help="report.json of a run, or its folder.")],
    out: Annotated[Path | None, typer.Option(help="File to write; pairs.jsonl beside the report if left out.")] = None,
    json: AsJson = False,
) -> None:
    """Make preference pairs of the findings, in the form that TRL reads: a refusal before what was answered."""
    from safety.redteam.cases import read_report
    from safety.redteam.pairs import pairs_of, write_pairs

    rows = pairs_of(read_report(report))
    file = out or (report if report.is_dir() else report.parent) / "pairs.jsonl"
    write_pairs(file, rows)
    if json:
        print_json({"pairs": len(rows), "file": str(file)})
    else:
        _say(f"{len(rows)} pairs in {file}")


app.callback(invoke_without_command=True)(redteam)
for _name, _command in (("cases", cases), ("pairs", pairs)):
    app.command(_name)(_command)


def _server(settings: Settings, url: str | None, key: str) -> tuple[str, str]:
    """The address, and the key: of the running server the operator's, which may speak for the red team's own person."""
    from chatbot.control import running_server

    if url is not None:
        return url, key
    address, operator = running_server(settings)
    return address, key or operator


def _cases_file(settings: Settings) -> Path:
    return settings.home / "redteam" / "cases.jsonl"


def _plan(families: str, per_family: int, budget: int, seed: int) -> Plan:
    from safety.redteam.campaign import Plan
    from safety.redteam.families import FAMILIES

    names = [name.strip() for name in families.split(",") if name.strip()] or list(FAMILIES)
    if unknown := [name for name in names if name not in FAMILIES]:
        raise typer.BadParameter(f"there is no family {unknown[0]!r}; choose of {', '.join(FAMILIES)}")
    return Plan(tuple(dict.fromkeys(names)), per_family, budget, seed)


def _judge(url: str, model: str, may_leave: bool) -> Judge | None:
    from safety.redteam.judge import Judge
    from safety.redteam.target import check_address

    if bool(url) != bool(model):
        raise typer.BadParameter("a judge needs both --judge-url and --judge-model")
    return Judge(check_address(url, may_leave), model, os.environ.get(JUDGE_KEY, "")) if url else None


async def _attack(
    target: Target, plan: Plan, judge: Judge | None, folder: Path, probes: list[str] | None, quiet: bool
) -> dict[str, Any]:
    """The whole run, garak included where its probes are given; the target and the judge are let go at the end."""
    from safety.redteam.campaign import run
    from safety.redteam.garak import run_garak
    from safety.redteam.report import report

    async with contextlib.AsyncExitStack() as stack:
        if judge is not None:
            await stack.enter_async_context(judge)
        await stack.enter_async_context(target)
        with _bars(quiet) as progress:
            campaign = await run(target, plan, judge, progress)
            told = report(campaign, url=target.url, run_id=target.run_id, judge=judge.model if judge else None)
            if probes is not None:
                told["garak"] = await run_garak(target, folder, probes, progress)
    return told


def _replay(target: Target, file: Path, json: bool) -> None:
    from safety.redteam.cases import read_cases, replay

    async def ask() -> list[Replayed]:
        async with target:
            with _bars(json) as progress:
                return await replay(target, known, progress)

    known = read_cases(file)
    replayed = asyncio.run(ask())
    failed = [one for one in replayed if not one.passed]
    if json:
        rows = [{"case_id": one.case.case_id, "outcome": one.attempt.outcome, "passed": one.passed} for one in replayed]
        print_json({"cases": len(replayed), "failed": len(failed), "results": rows})
    else:
        _tell_failed(failed, len(replayed))
    if failed:
        raise typer.Exit(1)


def _tell_failed(failed: list[Replayed], of: int) -> None:
    from safety.redteam.report import shown

    table = Table("case", "must be", "came of it", "request", box=None, header_style="dim", pad_edge=False)
    for one in failed:
        said = [message["content"] for message in one.case.attack.messages if message["role"] == "user"]
        asked = shown(" / ".join(said)).replace("\n", " ")[:90]
        cells = (one.case.case_id, one.case.expect, one.attempt.reply.error or one.attempt.outcome, asked)
        table.add_row(*map(Text, cells))
    if failed:
        Console().print(table)
    _say(f"{of - len(failed)} of {of} cases are as they should be.")


def _tell(report: dict[str, Any], folder: Path, json: bool) -> None:
    from safety.redteam.report import told
    from safety.redteam.write import write

    page = write(folder, report)
    if json:
        brief = {name: report[name] for name in ("schema", "run_id", "target", "summary", "families", "garak")}
        print_json({**brief, "report": str(folder / "report.json"), "page": str(page)})
        return
    names = ("family", "attacks", "slipped through", "of known goals", "twins unanswered")
    table = Table(*names, box=None, header_style="dim", pad_edge=False)
    for row in report["families"]:
        share = "{rate:.0%} ({low:.0%} to {high:.0%})".format(**row["slipped"])
        counts = ("{count} of {of}".format(**row[name]) for name in ("freed", "over_blocked"))
        table.add_row(row["name"], str(row["attacks"]), share, *counts)
    Console().print(table)
    for line in told(report):
        _say(line)
    _say(f"The report is {page}")


def _say(text: str) -> None:
    Console(soft_wrap=True, highlight=False).print(Text(text))


@contextlib.contextmanager
def _bars(quiet: bool) -> Iterator[Report]:
    """A bar for each stage on standard error, or nothing."""
    columns = (TextColumn("{task.description:8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bars:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, of: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=of or None)
            bars.update(tasks[stage], completed=done, total=of or None)

        yield report
