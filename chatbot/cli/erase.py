"""`./ratchet erase`: take somebody out of everything that is kept, and check a receipt of that."""

from __future__ import annotations

import json as json_
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from typer.core import TyperGroup

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.errors import UserError
from chatbot.settings import Settings


class _NamesSomebody(TyperGroup):
    """`./ratchet erase ann` is `./ratchet erase user ann`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put the word in."""
        first = next((word for word in args if not word.startswith("-")), None)
        if first is not None and first not in self.commands:
            args = ["user", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="Take somebody out of everything that is kept: `./ratchet erase USER`.",
    cls=_NamesSomebody,
    no_args_is_help=True,
)


@with_settings("home")
def user(
    settings: Settings,
    user: Annotated[str, typer.Argument(help="Name of an account, id of a person, or what a program sends as `user`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke adapters that learned from them, at once.")] = False,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Replace a champion that learned from them first.")
    ] = False,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="Blank the details of all decisions that have the name in them, too.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Erase somebody from the store, datasets and runs, see to adapters that learned, and write a signed receipt."""
    from chatbot.control import connect

    if revoke and retrain:
        raise typer.BadParameter("--revoke and --retrain exclude each other")
    adapters: Literal["revoke", "retrain"] | None = "revoke" if revoke else "retrain" if retrain else None
    console = Console(stderr=json, highlight=False, soft_wrap=True)
    with connect(settings) as control:
        told = control.erase(user, dry_run=True, adapters=adapters, decisions=decisions)
        if dry_run:
            if json:
                print_json(told)
            else:
                _show(console, user, told)
            return
        if not yes:
            _show(console, user, told)
            typer.confirm("Erase all of it? It cannot be undone.", abort=True, err=True)
        with console.status("Erasing ..."):
            receipt = control.erase(user, dry_run=False, adapters=adapters, decisions=decisions)
    place = settings.home / "erasures" / f"{receipt['erasure_id']}.json"
    if json:
        print_json({**receipt, "file": str(place)})
    else:
        _done(console, receipt, place)


@with_settings("home")
def verify(
    settings: Settings,
    receipt: Annotated[Path, typer.Argument(help="A receipt, as a file.")],
    key: Annotated[Path | None, typer.Option(help="Public key of the server; that of the home if left out.")] = None,
    user: Annotated[str | None, typer.Option(help="Whose it is said to be; needs --salt.")] = None,
    salt: Annotated[str | None, typer.Option(help="The salt that came with the receipt.")] = None,
    json: AsJson = False,
) -> None:
    """Check that a receipt is what the server signed and, with --user and --salt, whose it is."""
    from analytics.signing import FOLDER, PUBLIC
    from analytics.signing import verify as check

    document = _read(receipt)
    check(document, _text(key or settings.home / FOLDER / PUBLIC))
    theirs = None
    if user is not None:
        if salt is None:
            raise typer.BadParameter("--user needs --salt, which was told when the receipt was made")
        theirs = sha256(f"{salt}:{user}".encode()).hexdigest() == document.get("person_sha256")
        if not theirs:
            raise UserError(f"The receipt is genuine, but it is not of {user!r} with this salt.")
    if json:
        print_json({"genuine": True, "erasure_id": document.get("erasure_id"), "theirs": theirs})
    else:
        whose = f" for {user}" if theirs else ""
        told = f"Genuine: {document.get('erasure_id')} of {document.get('at')}{whose}."
        Console(highlight=False, soft_wrap=True).print(told, markup=False)


@with_settings("home")
def list_erasures(settings: Settings, json: AsJson = False) -> None:
    """List the erasures, and what became of the adapters."""
    from chatbot.control import connect

    with connect(settings) as control:
        erasures = control.erasures()
    if json:
        print_json({"erasures": erasures})
        return
    console = Console(highlight=False, soft_wrap=True)
    for one in erasures:
        console.print(f"{one['erasure_id']}  {str(one['at'])[:19]}  {one['reason']}  {_adapters(one['adapters'])}")
    if not erasures:
        console.print("Nobody was erased yet.")


for _name, _command in (("user", user), ("verify", verify), ("list", list_erasures)):
    app.command(_name)(_command)


def _show(console: Console, user: str, told: Mapping[str, Any]) -> None:
    console.print(f"Of {user} ({', '.join(told['people'])}) there are:", markup=False)
    for table, count in sorted(told["rows"].items()):
        console.print(f"  {count:>7} rows of {table}")
    console.print(f"  {told['files']:>7} files with rows, {len(told['datasets'])} datasets, {len(told['runs'])} runs")
    console.print(f"  Adapters that learned from them: {_adapters(told['adapters'])}")
    if named := told["decisions_with_the_name"]:
        console.print(f"  {len(named)} decisions have the name in what was written; --decisions blanks these, too.")
    if told["exports"]:
        console.print(f"  {told['exports']} exports were handed out; whoever has the files must erase them there.")


def _done(console: Console, receipt: Mapping[str, Any], place: Path) -> None:
    rows = sum(receipt["removed"]["store"].values())
    console.print(f"Erased: {rows} rows of the store. Adapters: {_adapters(receipt['adapters'])}.", markup=False)
    if receipt["found_again"]:
        console.print(f"Still found in {', '.join(receipt['found_again'])}: look there.", markup=False)
    console.print(f"The signed receipt is {place}.", markup=False)
    console.print(f"Its salt, which is not kept and proves whose it is: {receipt['salt']}", markup=False)


def _adapters(adapters: list[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['adapter']} {one['fate']}" for one in adapters) or "none"


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json_.loads(_text(path))
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path} is no receipt.")
    return {name: value for name, value in document.items() if name not in ("salt", "file")}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from None
