"""`./ratchet import`: examples to learn from, from the files of other projects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings

FORMATS = "trl, kto, argilla or open-webui; guessed from the first record if left out."
TICK = 1000  # records between two updates


@with_settings("home", "input_failure")
def import_(
    settings: Settings,
    file: Annotated[Path | None, typer.Argument(help="JSON, JSONL, Parquet or CSV, also with .gz.")] = None,
    format: Annotated[str | None, typer.Option(help=FORMATS)] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be taken and left, and take nothing.")
    ] = False,
    scale: Annotated[int, typer.Option(min=2, help="Ratings of Argilla go from 1 to this.")] = 5,
    suggestions: Annotated[
        bool, typer.Option("--suggestions", help="Take what only a model suggested as well.")
    ] = False,
    by_prompt: Annotated[
        bool, typer.Option("--by-prompt", help="Split by prompts where the file names few people.")
    ] = False,
    list_all: Annotated[bool, typer.Option("--list", help="List the imports.")] = False,
    remove: Annotated[str | None, typer.Option(metavar="ID", help="Take an import back.")] = None,
    json: AsJson = False,
) -> None:
    """Import preferences, ratings and demonstrations from a file.

    By importing you vouch that the people in the file agree to learning from it; who did, when, and the file's hash are
    kept. A row counts once, however often it is imported, and an import can be taken back.
    """
    if list_all or remove is not None:
        _kept(settings, remove, json)
        return
    if file is None:
        raise typer.BadParameter("name a file, or --list, or --remove ID")
    from learner.imports import FORMATS as KNOWN
    from learner.imports.survey import Options

    if format is not None and format not in KNOWN:
        raise typer.BadParameter(f"there is no format {format!r}; choose one of {', '.join(KNOWN)}")
    told = _import(settings, file, Options(format, scale, suggestions, by_prompt), dry_run)
    if json:
        print_json(told)
    else:
        _show(told)


def _import(settings: Settings, file: Path, options: Any, dry_run: bool) -> dict[str, Any]:  # noqa: ANN401
    from chatbot.control import connect
    from chatbot.vetting import Vetting
    from learner.imports.store import FOLDER
    from learner.imports.survey import surveyed

    import_id = token_hex(6)
    folder = settings.home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f"{import_id}.parquet"
    vetting = Vetting(settings)
    try:
        with _progress() as progress:
            task = progress.add_task(f"Reading {file.name}", total=None)

            def tick(records: int) -> None:
                if records % TICK == 0:
                    progress.update(task, description=f"Reading {file.name}: {records} records")

            survey = surveyed(file, options, import_id, draft, vetting, tick)
        told = survey.to_values()
        with connect(settings) as control:
            new = control.add_import(import_id, told, dry_run=True)["new"] if survey.taken else 0
            if new and not dry_run:
                new = control.add_import(import_id, told, dry_run=False)["new"]
    finally:
        vetting.close()
        draft.unlink(missing_ok=True)
    return {**told, "dry_run": dry_run, "new": new, "import_id": import_id if new and not dry_run else None}


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _show(told: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    verb = "would take" if told["dry_run"] else "took"
    console.print(
        f"[bold]{told['file']}[/] as {told['format']}: {told['records']} records, {verb} {told['new']} examples "
        f"({', '.join(f'{count} {kind}s' for kind, count in told['kinds'].items()) or 'none'})"
    )
    if known := told["taken"] - told["new"]:
        console.print(f"{known} are here already, from an earlier import.")
    for one in told["first_taken"]:
        verdict = f"rather than: {one['rejected']}" if one["rejected"] else f"rated {one['rated']}"
        console.print(Text(f"  {one['place']}: {one['prompt']!r}\n    {one['text']!r}\n    {verdict}", "dim"))
    if told["left"]:
        table = Table("left", "why", "first", box=None, header_style="dim", pad_edge=False)
        for reason, count in told["left"].items():
            table.add_row(str(count), Text(reason), Text(", ".join(told["first_left"][reason])))
        console.print(table)
    if 0 < told["raters"] < 20:
        console.print(
            f"The file names {told['raters']} people, and all that one of them gave either teaches or judges; with "
            "--by-prompt it is split by prompts."
        )
    if told["import_id"]:
        console.print(f"Import {told['import_id']}; `./ratchet import --remove {told['import_id']}` takes it back.")


def _kept(settings: Settings, remove: str | None, json: bool) -> None:
    from chatbot.control import connect

    with connect(settings) as control:
        if remove is not None:
            removed = control.remove_import(remove)
            if not json:
                Console().print(f"The import {removed['import_id']} is taken back; no later dataset has its rows.")
        imports = [removed] if remove is not None else control.imports()
    if json:
        print_json({"imports": imports})
        return
    if remove is None:
        table = Table("id", "at", "file", "format", "rows", "by", "", box=None, header_style="dim", pad_edge=False)
        for one in imports:
            at = str(one["at"])[:16]
            table.add_row(
                one["import_id"], at, Text(one["file"]), one["format"], str(one["rows"]), one["actor"], one["state"]
            )
        Console().print(table if imports else "Nothing was imported yet.")
