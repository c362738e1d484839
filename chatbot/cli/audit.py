"""`./ratchet audit`: every decision, whether their chain holds, and the signed record of a promotion."""

from __future__ import annotations

import json as json_
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.errors import UserError
from chatbot.settings import Settings

app = typer.Typer(help="Every decision, chained by hashes, and signed records of promotions.", no_args_is_help=True)
Adapter = Annotated[str, typer.Argument(help="Adapter as name@version.")]
HASH_LETTERS = 64
LONGEST = 160  # characters of a detail on the terminal


@with_settings("home")
def verify(
    settings: Settings,
    head: Annotated[list[str] | None, typer.Option(help="A hash that you noted elsewhere; may be repeated.")] = None,
    record: Annotated[list[Path] | None, typer.Option(help="A record of a promotion that was kept elsewhere.")] = None,
    json: AsJson = False,
) -> None:
    """Walk along the chain of decisions, and find the first that was changed, removed, moved or cut off."""
    from chatbot.control import connect
    from learner.promotion_record import anchor_of, read_record

    anchors = [_hash(one) for one in head or ()] + [anchor_of(read_record(path)) for path in record or ()]
    with connect(settings) as control:
        chain = control.verify_audit(anchors)
    if json:
        print_json(chain)
    else:
        _print_chain(chain, len(anchors))
    if not chain["whole"]:
        raise typer.Exit(1)


@with_settings("home")
def show(
    settings: Settings,
    action: Annotated[str | None, typer.Option(help="One action, or the part before its dot: experiment.")] = None,
    since: Annotated[str | None, typer.Option(help="Only from then on: 2026-11-28 or 2026-11-28T12:00; UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most, the newest.")] = 50,
    json: AsJson = False,
) -> None:
    """List decisions, the newest last."""
    from chatbot.control import connect

    with connect(settings) as control:
        found = control.decisions(action=action, since=_instant(since), limit=limit)
    if json:
        print_json({"decisions": found})
        return
    table = Table("", "when (UTC)", "what", "who", "from what", box=None, header_style="dim", pad_edge=False)
    for row in reversed(found):
        cells = (
            str(row["place"]),
            str(row["at"])[:19].replace("T", " "),
            row["action"],
            row["actor"],
            _told(row["detail"]),
        )
        table.add_row(*map(Text, cells))
    Console(highlight=False).print(table if found else "No such decisions.")


@with_settings("home")
def export(
    settings: Settings,
    adapter: Adapter,
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if left out.")] = None,
) -> None:
    """Write the signed record of a promotion: hashes, settings, gates, experiment, who decided, rows of the audit."""
    from chatbot.control import connect

    with connect(settings) as control:
        record = control.promotion(adapter)
    text = json_.dumps(record, indent=1, sort_keys=True, default=str)
    if out is None:
        typer.echo(text)
        return
    try:
        out.write_text(text)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}); choose another --out.") from None
    Console(stderr=True).print(f"{len(record['audit']['rows'])} rows of the audit, signed, in {out}", highlight=False)


@with_settings("home")
def check(
    settings: Settings,
    file: Annotated[Path, typer.Argument(help="A file that `./ratchet audit export` wrote.")],
    public_key: Annotated[
        Path | None, typer.Option(help="The signer's signing/public.pem; that of this home if left out.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Check a record of a promotion without any store: its signature, and the rows of the audit in it."""
    from analytics.signing import FOLDER, PUBLIC
    from learner.promotion_record import check as checked
    from learner.promotion_record import read_record

    key = public_key or settings.home / FOLDER / PUBLIC
    try:
        pem = key.read_text()
    except (OSError, UnicodeError) as error:
        raise UserError(f"{key} cannot be read ({error}); name the signer's key with --public-key.") from None
    found = checked(read_record(file), pem)
    if json:
        print_json(found.to_values())
    elif found.holds:
        told = f"{found.adapter}: the signature fits, and so do the {found.rows} rows of {found.decisions} decisions."
        Console(highlight=False).print(f"[green]whole[/]  {told}")
    else:
        Console(highlight=False).print(Text.assemble(("broken", "bold red"), f"  {found.reason}"))
    if not found.holds:
        raise typer.Exit(1)


for _name, _command in (("verify", verify), ("show", show), ("export", export), ("check", check)):
    app.command(_name)(_command)


@with_settings("home")
def card(settings: Settings, adapter: Adapter) -> None:
    """Print an adapter's model card, in the Hugging Face Hub's format, with what became of it by now."""
    from chatbot.control import connect

    with connect(settings) as control:
        typer.echo(control.model_card(adapter), nl=False)


def _hash(text: str) -> str:
    if len(text) != HASH_LETTERS or set(text) - set("0123456789abcdef"):
        raise UserError(f"{text!r} is no hash of the chain: those have {HASH_LETTERS} letters from 0 to f.")
    return text


def _instant(text: str | None) -> datetime | None:
    try:
        at = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} is no time; write it as 2026-11-28 or 2026-11-28T12:00.") from None
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)


def _print_chain(chain: Mapping[str, Any], anchors: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    word = Text("whole", "bold green") if chain["whole"] else Text("broken", "bold red")
    console.print(Text.assemble(word, f"  {chain['decisions']} decisions; the last has the hash {chain['head']}"))
    if chain["reason"]:
        console.print(Text(chain["reason"]))
    elif anchors:
        console.print(f"What was noted elsewhere ({anchors}) is in it.")
    for gap in chain["unnoted"]:
        console.print(Text(f"Decisions {gap['first']} to {gap['last']} were noted by no line of the heads.", "dim"))


def _told(detail: Mapping[str, Any]) -> str:
    """The values of a detail that a person reads, in a line: the reason first, and no hashes."""
    plain = {
        name: value
        for name, value in sorted(detail.items(), key=lambda item: item[0] != "reason")
        if value not in (None, "", [], {}) and not name.endswith("sha256") and name != "path"
    }
    text = ", ".join(
        f"{name} {json_.dumps(value) if isinstance(value, list | dict) else value}" for name, value in plain.items()
    )
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
