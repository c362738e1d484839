"""`./ratchet screen`: what each filter says about a text, and the policy in force."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings
from safety import Context, Decision, Screening, Verdict
from safety.scorer import KeptScorer

POLICY = "policy"
START_SECONDS = 120.0
COLOURS = {Decision.ALLOW: "green", Decision.REVIEW: "yellow", Decision.TRANSFORM: "cyan", Decision.BLOCK: "bold red"}


@with_settings("home", *(f"detoxify{name}" for name in ("", "_checkpoint", "_model_dir", "_sha256")))
def screen(
    settings: Settings,
    text: Annotated[str, typer.Argument(help="The text; `-` reads standard input, `policy` prints the policy.")],
    output: Annotated[bool, typer.Option("--output", help="As an answer of the model, not as a message.")] = False,
    json: AsJson = False,
) -> None:
    """Show what each filter says about a text, or print the policy in force and where it is from."""
    if text == POLICY:
        _print_policy(settings, json)
        return
    given = sys.stdin.read() if text == "-" else text
    screening, classifier = _screened(settings, given, "output" if output else "input")
    if json:
        print_json(_values(screening, classifier))
    else:
        _print(screening, classifier)


def _screened(settings: Settings, text: str, role: Literal["input", "output"]) -> tuple[Screening, str]:
    from chatbot.screening import make_screen, policy_in_force

    with _scorer(settings) as scorer, contextlib.closing(make_screen(policy_in_force(settings), scorer)) as made:
        return asyncio.run(made.check(text, Context(role))), scorer.status().told


@contextlib.contextmanager
def _scorer(settings: Settings) -> Iterator[KeptScorer]:
    """The bundled classifier in this process, or a scorer of its own where Detoxify is wanted."""
    from chatbot.screening import scorer_options
    from safety.local import local_scorer
    from safety.scorer import ScorerClient

    options = scorer_options(settings)
    if not options.detoxify:
        yield local_scorer()
        return
    with tempfile.TemporaryDirectory() as folder:  # the home's socket may be a server's
        client = ScorerClient(replace(options, run_dir=folder))
        try:
            client.wait(START_SECONDS)
            yield client
        finally:
            client.close()


def _values(screening: Screening, classifier: str) -> dict[str, object]:
    verdicts = [verdict.to_values() for verdict in screening.verdicts]
    return {
        "decision": str(screening.decision),
        "text": screening.text,
        "classifier": classifier,
        "verdicts": verdicts,
    }


def _print(screening: Screening, classifier: str) -> None:
    table = Table("filter", "decision", "category", "score", "from", "ms", "scores above 0.1", box=None, pad_edge=False)
    for verdict in screening.verdicts:
        table.add_row(*_cells(verdict))
    console = Console(highlight=False)
    console.print(table)
    console.print(Text.assemble("\n", _coloured(screening.decision), " ", screening.text))
    console.print(f"[dim]{classifier}[/]")


def _cells(verdict: Verdict) -> Sequence[str | Text]:
    scores = sorted(verdict.scores.items(), key=lambda pair: -pair[1])
    told = "failed" if verdict.failed else ", ".join(f"{label} {score:.2f}" for label, score in scores if score > 0.1)
    name = f"{verdict.filter_id} (shadow)" if verdict.shadow else verdict.filter_id
    decided = (f"{verdict.score:.2f}", f"{verdict.threshold:.2f}") if verdict.category else ("", "")
    return name, _coloured(verdict.decision), verdict.category, *decided, f"{verdict.latency_ms:.1f}", told


def _coloured(decision: Decision) -> Text:
    return Text(str(decision), COLOURS[decision])


def _print_policy(settings: Settings, json: bool) -> None:
    from chatbot.live_policy import policy_path
    from chatbot.screening import policy_in_force

    policy_in_force(settings)  # a policy that cannot be used is told
    path = policy_path(settings.home)
    policy = path.read_text(encoding="utf-8")
    if json:
        print_json({"from": str(path), "policy": policy})
    else:
        sys.stdout.write(f"# From {path}\n{policy}")
