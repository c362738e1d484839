"""`./ratchet dataset`: what there is to learn from, frozen; and again, as of any instant or without somebody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, ListsByDefault, print_json, with_settings
from chatbot.settings import Settings

Name = Annotated[str, typer.Argument(help="Id of a dataset, or its first letters.")]
AsOf = Annotated[str | None, typer.Option(help="Only what had happened by then: 2026-11-28 or 2026-11-28T12:00; UTC.")]
Without = Annotated[list[str] | None, typer.Option("--without-user", help="Leave out this person; may be repeated.")]
SIDES = ("learn", "ratings", "judge", "judge_ratings")
SHOWN = 8  # topics, people, reasons

app = typer.Typer(help="What there is to learn from, frozen.", cls=ListsByDefault)


@with_settings("home")
def list_datasets(settings: Settings, json: AsJson = False) -> None:
    """List the datasets."""
    from chatbot.control import connect

    with connect(settings) as control:
        datasets = control.datasets()
    if json:
        print_json({"datasets": datasets})
        return
    table = Table("id", "as of", "pairs", "ratings", "judge", "", box=None, header_style="dim", pad_edge=False)
    for one in datasets:
        without = f"without {len(one['without'])}" if one["without"] else ""
        without += f" superseded, {one['erased_rows']} rows erased" if one["erased_rows"] else ""
        counts = (one["learn"], one["ratings"], f"{one['judge']} + {one['judge_ratings']}")
        table.add_row(one["id"], one["instant"][:19], *map(str, counts), without)
    Console().print(
        table if datasets else "No datasets yet; `./ratchet dataset build` makes one, and so does every lap."
    )


@with_settings()
def build(settings: Settings, as_of: AsOf = None, without_user: Without = None, json: AsJson = False) -> None:
    """Build one from everything that was said and imported."""
    _build(settings, None, as_of, without_user, json)


@with_settings()
def rebuild(
    settings: Settings, dataset: Name, as_of: AsOf = None, without_user: Without = None, json: AsJson = False
) -> None:
    """Build one again: from the same events, from those of another instant, or without somebody."""
    _build(settings, dataset, as_of, without_user, json)


@with_settings("home")
def show(settings: Settings, dataset: Name, json: AsJson = False) -> None:
    """What each step took and why, where the rows come from, whose they are, what they are about."""
    from chatbot.control import connect

    with connect(settings) as control:
        manifest = control.dataset(dataset)
    if json:
        print_json(manifest)
    else:
        Console(highlight=False).print(picture(manifest))


@with_settings("home")
def diff(
    settings: Settings,
    one: Name,
    other: Annotated[str, typer.Argument(help="Id of the other dataset.")],
    json: AsJson = False,
) -> None:
    """Which rows only one of two datasets has."""
    from chatbot.control import connect

    with connect(settings) as control:
        found = control.diff(one, other)
    if json:
        print_json(found)
        return
    table = Table("", "in both", f"only {found['ids'][0]}", f"only {found['ids'][1]}", box=None, header_style="dim")
    for side, counts in found["sides"].items():
        table.add_row(
            side, *(str(n) for n in (counts["both"], counts["only_first"]["rows"], counts["only_second"]["rows"]))
        )
    console = Console(highlight=False)
    console.print(table)
    for name, (first, second) in found["differs"].items():
        console.print(Text(f"{name}: {_brief(first)} / {_brief(second)}", "dim"))


for _name, _command in (
    ("list", list_datasets),
    ("build", build),
    ("show", show),
    ("diff", diff),
    ("rebuild", rebuild),
):
    app.command(_name)(_command)


def picture(manifest: Mapping[str, Any]) -> Group:
    """A dataset on one screen: the funnel of the steps, sources, topics, people."""
    head = Text.assemble(
        (str(manifest["id"]), "bold"), f"  as of {str(manifest['instant'])[:19]}, event {manifest['seq']}"
    )
    if manifest["without"]:
        head.append(f", without {', '.join(manifest['without'])}")
    gathered = sum(manifest["gathered"].values())
    noise = manifest["label_noise"]
    told = [f"{name.replace('_', ' ')} {found['share']:.0%}" for name, found in noise.items() if found]
    lines = [f"{manifest['placeholders']['rows']} rows with placeholders for personal data"]
    lines += [f"wrong labels, estimated: {', '.join(told)}"] if told else []
    lines += [manifest["anchor"]["reason"]] if manifest["anchor"]["reason"] else []
    return Group(head, "", _funnel(manifest, gathered), "", _sides(manifest), "", _shares(manifest), "", *lines)


def _funnel(manifest: Mapping[str, Any], gathered: int) -> Table:
    table = Table("step", "takes", "leaves", "", "why", box=None, header_style="dim", pad_edge=False)
    left = gathered
    table.add_row("gathered", "", str(left), _bar(1.0), "")
    reasons: dict[str, dict[str, int]] = {}
    for steps in ("steps", "steps_of_ratings", "steps_of_judge", "steps_of_judge_ratings"):
        for step in manifest[steps]:
            known = reasons.setdefault(step["step"], {})
            for reason, count in step["reasons"].items():
                known[reason] = known.get(reason, 0) + count
    for step, taken in manifest["dropped"].items():
        if taken:
            left -= taken
            why = sorted(reasons.get(step, {}).items(), key=lambda one: -one[1])[:2]
            table.add_row(
                step, str(taken), str(left), _bar(left / max(1, gathered)), "; ".join(reason for reason, _ in why)
            )
    return table


def _sides(manifest: Mapping[str, Any]) -> Table:
    table = Table("", "rows", "people", "largest share", "sources", box=None, header_style="dim", pad_edge=False)
    for side in SIDES:
        found = manifest[side]
        sources = ", ".join(f"{count} {source}" for source, count in found["sources"].items() if count)
        rows = found["ratings" if "ratings" in side else "pairs"]
        table.add_row(
            side.replace("_", " "), str(rows), str(found["people_in_all"]), f"{found['largest_share']:.1%}", sources
        )
    return table


def _shares(manifest: Mapping[str, Any]) -> Table:
    table = Table("topic", "rows", "", "person", "rows", box=None, header_style="dim", pad_edge=False)
    topics = manifest["topics"][:SHOWN]
    people = sorted(manifest["learn"]["people"].items(), key=lambda one: (-one[1], one[0]))[:SHOWN]
    most = max((one["rows"] for one in topics), default=1)
    for place in range(max(len(topics), len(people))):
        topic = (
            (topics[place]["topic"], str(topics[place]["rows"]), _bar(topics[place]["rows"] / most))
            if place < len(topics)
            else ("", "", "")
        )
        person = (people[place][0], str(people[place][1])) if place < len(people) else ("", "")
        table.add_row(*topic, *map(Text, person))
    return table


def _bar(share: float, width: int = 20) -> Text:
    return Text("█" * max(1, round(share * width)), "blue")


def _build(settings: Settings, of: str | None, as_of: str | None, without: list[str] | None, json: bool) -> None:
    from chatbot.control import connect

    instant = None if as_of is None else _instant(as_of)
    console = Console(stderr=True)
    with connect(settings) as control, console.status("Building the dataset ..."):
        manifest = control.build_dataset(of, instant, without or [])
    if json:
        print_json(manifest)
        return
    if of is not None:
        told = "the same content" if manifest["same"] else str(manifest.get("told", "other content"))
        console.print(f"{manifest['of']} again: {manifest['id']}, {told}", highlight=False)
    Console(highlight=False).print(picture(manifest))


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write it as 2026-11-28T12:00") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _brief(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
