"""`./ratchet classifier`: train and measure the bundled safety classifier."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chatbot.cli.options import AsJson, print_json
from chatbot.cli.starter import bars

HELD_OUT_SCRAPS = 400
HOUSE_ANSWERS = 4000  # conversations of the house whose answers are taught as innocent

app = typer.Typer(help="The bundled safety classifier: evaluate it, train it anew.", no_args_is_help=True)
Data = Annotated[Path | None, typer.Option(help="Folder of the given data; without it, generated texts alone.")]


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="Folder of the given data: see safety/classifier/card.md.")],
    out: Annotated[Path, typer.Option(help="Folder for the finished classifier.")],
    seed: Annotated[int, typer.Option(help="Seed of the texts and of the weights.")] = 0,
) -> None:
    """Train a classifier, some ten minutes on one core."""
    from safety.classifier.train import train as run
    from safety.classifier.unfamiliar import unfamiliar

    examples = _examples(data, seed)
    with bars() as report:
        classifier = run([*examples, *unfamiliar(examples, seed)], out, seed, report)
    Console().print(f"{out} holds classifier {classifier.version}.")


@app.command()
def evaluate(
    data: Data = None,
    model: Annotated[Path | None, typer.Option(help="Folder of the classifier; the bundled one if left out.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the generated texts.")] = 0,
    out: Annotated[Path | None, typer.Option(help="File to write the figures to, as JSON.")] = None,
    json: AsJson = False,
) -> None:
    """Measure a classifier on families of texts that it was not taught."""
    from safety.classifier import BUNDLED, Classifier
    from safety.classifier.evaluate import evaluate as measure
    from safety.classifier.prose import prose

    classifier = Classifier.load(model or BUNDLED)
    with bars() as report:
        result = measure(classifier, _examples(data, seed), prose(), report)
    if out is not None:
        import json as text

        out.write_text(text.dumps(result, indent=1) + "\n", "utf-8")
    if json:
        print_json(result)
    else:
        for table in (_labels(result), _thresholds(result), _innocent(result)):
            Console().print(table)


def _examples(data: Path | None, seed: int) -> list[Any]:
    """All texts: given, generated, and what is asked and answered in the house's own world, its exams held out."""
    from learner.starter.corpus import corpus, wordings
    from learner.starter.exam import exam_wordings
    from safety.classifier.examples import given, harmless
    from safety.classifier.generate import generated
    from safety.classifier.scraps import scraps

    talks = (talk.messages for talk in itertools.islice(corpus(seed), HOUSE_ANSWERS))
    answers = [message["content"] for talk in talks for message in talk if message["role"] == "assistant"]
    return [
        *(given(data) if data else ()),
        *generated(seed),
        *scraps("taught", seed),
        *scraps("held_out", seed, HELD_OUT_SCRAPS),
        *harmless(_innocent_wordings(wordings()) | {"answers": answers}, "taught"),
        *harmless(_innocent_wordings(exam_wordings("families")), "held_out"),
    ]


def _innocent_wordings(table: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The house's world also knows how harmful things are asked for."""
    return {intent: texts for intent, texts in table.items() if intent != "harmful"}


def _rate(found: dict[str, Any]) -> str:
    return "" if found["rate"] is None else f"{found['rate']:.1%} of {found['of']}"


def _labels(result: dict[str, Any]) -> Table:
    table = Table("label", "AUC", "recall .5", "false .5", "recall .9", "false .9", title="Families never taught")
    for label, found in result["labels"].items():
        cells = [_rate(found["at"][at][kind]) for at in ("0.5", "0.9") for kind in ("recall", "false_positives")]
        table.add_row(label, "" if found["auc"] is None else f"{found['auc']:.3f}", *cells)
    return table


def _thresholds(result: dict[str, Any]) -> Table:
    table = Table(
        "label", "block", "recall", "false", "review", "recall", "false", title="Thresholds for innocent texts"
    )
    for label, found in result["thresholds"].items():
        cells = [
            cell
            for kind in (found["block"], found["review"])
            for cell in (f"{kind['threshold']:.2f}", _rate(kind["recall"]), _rate(kind["false_positives"]))
        ]
        table.add_row(label, *cells)
    return table


def _innocent(result: dict[str, Any]) -> Table:
    table = Table("innocent texts", "any label at .5", "at .9", title="False positives")
    slices = {**result["innocent"], "unfamiliar prose": result["unfamiliar_prose"]}
    for name, found in slices.items():
        table.add_row(name, _rate(found["any_label"]["0.5"]), _rate(found["any_label"]["0.9"]))
    for name, found in result["disguised"].items():
        table.add_row(f"harm, disguised: {name}", f"found: {_rate(found)}")
    return table
