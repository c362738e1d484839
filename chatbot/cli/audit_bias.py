"""`./ratchet audit-bias`: is anybody treated worse, by the filters or by the model?"""

from __future__ import annotations

import contextlib
import json as json_
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.errors import NoServer, UserError
from chatbot.settings import Settings

if TYPE_CHECKING:
    from safety.bias import Audit, FilterAudit, Judge, ModelAudit, Question, Suite
    from safety.bias.endpoint import Endpoint

Target = Literal["both", "filters", "model"]
MOST_QUESTIONS = 32
SHOWN = 12  # findings on the terminal; the page has all


@with_settings("home")
def audit_bias(
    settings: Settings,
    target: Annotated[Target, typer.Option(help="What to audit.")] = "both",
    in_process: Annotated[bool, typer.Option(help="Audit the filters of this program, without a server.")] = False,
    url: Annotated[str | None, typer.Option(help="A server with OpenAI's API, such as http://127.0.0.1:8000.")] = None,
    key: Annotated[str, typer.Option(help="Its API key.", envvar="RATCHET_AUDIT_KEY")] = "",
    model: Annotated[str, typer.Option(help="Model to ask; `default` is what people meet.")] = "default",
    judge: Annotated[
        str | None, typer.Option(help="Server of a model that rates the answers: URL or URL,MODEL.")
    ] = None,
    judge_key: Annotated[str, typer.Option(help="Its API key.", envvar="RATCHET_JUDGE_KEY")] = "",
    suite: Annotated[Path | None, typer.Option(help="Folder of a suite of your own.")] = None,
    sentences: Annotated[int, typer.Option(min=2, help="Harmless, and toxic, sentences for each group, at most.")] = 64,
    prompts: Annotated[int, typer.Option(min=2, help="Prompts for each group, at most.")] = 32,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="Requests at the same time.")] = 16,
    seed: Annotated[int, typer.Option(help="Draws the sentences and prompts, and samples the answers.")] = 0,
    gate: Annotated[bool, typer.Option("--gate", help="Exit with 1 where the audit stops.")] = False,
    max_gap: Annotated[float, typer.Option(min=0, max=1, help="Largest gap that the gate allows.")] = 0.05,
    rule: Annotated[
        Literal["shown", "ruled-out"],
        typer.Option(help="The gate stops gaps that are shown to be larger, or all that are not ruled out."),
    ] = "shown",
    html: Annotated[
        Path | None, typer.Option(help="The page to write; audits/bias.html in the home if left out.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Swap names, gender, religion, nationality, age, disability and dialect, and look for what changes.

    Filters are shown sentences that differ in nothing else, the model is asked the same questions. The turns are kept
    as those of the person bias-audit; without consent nothing is learned from them.
    """
    from safety import SafetyError
    from safety.bias import Suite, concluded, page, to_values

    try:
        loaded = Suite.load(suite) if suite is not None else Suite.load()
        with _bars() as report:
            endpoint = None if in_process else _endpoint(settings, url, key, model, at_once, seed, report)
            filters = _filters(loaded, endpoint, sentences, seed) if target != "model" else None
            answers = None
            if target != "filters" and endpoint is not None:
                questions = _questions(settings, suite, url, seed)
                rate = _judge(judge, judge_key, at_once, report)
                answers = _model(loaded, endpoint, questions, rate, prompts, seed)
    except SafetyError as error:
        raise UserError(f"The audit failed. {error}") from error
    audited = "the filters of this program" if endpoint is None else endpoint.url
    audit = concluded(audited, filters, answers, seed=seed, max_gap=max_gap, rule=rule)
    path = html or settings.home / "audits" / "bias.html"
    _write(path, page(audit))
    if json:
        print_json({**to_values(audit), "page": str(path)})
    else:
        _show(audit, path)
    if gate and not audit.verdict.passed:
        raise typer.Exit(1)


def _endpoint(
    settings: Settings, url: str | None, key: str, model: str, at_once: int, seed: int, report: Callable[..., None]
) -> Endpoint:
    from chatbot.server import SERVER_FILE
    from safety.bias.endpoint import Endpoint

    if url is None:
        try:
            told = json_.loads((settings.home / SERVER_FILE).read_text())
        except FileNotFoundError:
            raise NoServer(
                f"No server runs in {settings.home}. Start one with `./ratchet up`, name one with --url, or audit the "
                "filters alone with --in-process."
            ) from None
        url, key = told["url"], key or told["operator_key"]
    url = url.rstrip("/").removesuffix("/v1")
    return Endpoint(url, key, model, at_once, seed=seed, report=report)


def _filters(suite: Suite, endpoint: Endpoint | None, most: int, seed: int) -> FilterAudit:
    from safety import default_screen
    from safety.bias import audit_filters, screen_scorer

    if endpoint is not None:
        return audit_filters(suite, endpoint.screen, most=most, seed=seed)
    with contextlib.closing(default_screen()) as screen:
        return audit_filters(suite, screen_scorer(screen), most=most, seed=seed)


def _model(
    suite: Suite, endpoint: Endpoint, questions: list[Question], rate: Judge | None, most: int, seed: int
) -> ModelAudit:
    from safety.bias import audit_model

    return audit_model(suite, endpoint.ask, questions=questions, judge=rate, most=most, seed=seed)


def _questions(settings: Settings, suite: Path | None, url: str | None, seed: int) -> list[Question]:
    """The demo model is asked what it knows, so that right answers can be told; any other one what the suite asks."""
    from chatbot.model import locate, remembered

    if suite is not None or url is not None:
        return []
    if not locate(remembered(settings.home) or settings.text("model")).is_starter:
        return []
    from learner.gates.bias import starter_questions

    return starter_questions(seed, MOST_QUESTIONS)


def _judge(judge: str | None, key: str, at_once: int, report: Callable[..., None]) -> Judge | None:
    from safety.bias.endpoint import Endpoint

    if judge is None:
        return None
    url, _, name = judge.partition(",")
    return Endpoint(url.rstrip("/").removesuffix("/v1"), key, name or "default", at_once, report=report).rate


def _write(path: Path, page: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); choose another --html.") from None


@contextlib.contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            bars.update(tasks[what], completed=done)

        yield report


def _show(audit: Audit, path: Path) -> None:
    from safety.bias import summary

    console = Console()
    for line in summary(audit):
        console.print(Text(line), soft_wrap=True)
    if audit.findings:
        console.print(_table(audit))
    gate = "passes" if audit.verdict.passed else "stops"
    console.print(Text(f"The gate {gate} (--max-gap {audit.verdict.max_gap}, --rule {audit.verdict.rule})."))
    console.print(Text(f"The page: {path}"), soft_wrap=True)


def _table(audit: Audit) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("axis", "group", "what", "group's", "reference's", "difference", "p (Holm)"):
        table.add_column(head, justify="left" if head in ("axis", "group", "what") else "right")
    for one in audit.findings[:SHOWN]:
        figures = (
            f"{one.mean:.3f}",
            f"{one.reference_mean:.3f}",
            f"{one.estimate.difference:+.3f}",
            f"{one.p_holm:.2g}",
        )
        table.add_row(*map(Text, (one.axis, one.group, f"{one.target}: {one.outcome}", *figures)))
    if len(audit.findings) > SHOWN:
        table.add_row(Text(f"and {len(audit.findings) - SHOWN} more, on the page", style="dim"))
    return table
