"""`./ratchet keys`: API keys for programs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, ListsByDefault, print_json, with_settings
from chatbot.permissions import SCOPES
from chatbot.settings import Settings

app = typer.Typer(help="API keys for programs.", cls=ListsByDefault)


@with_settings("home")
def list_keys(settings: Settings, json: AsJson = False) -> None:
    """List the keys; what they open with is not kept."""
    from chatbot.control import connect

    with connect(settings) as control:
        keys, accounts = control.keys(), control.accounts()
    if json:
        print_json({"keys": keys})
        return
    names = {account["account_id"]: account["name"] for account in accounts}
    table = Table("id", "name", "account", "scopes", "until", box=None, header_style="dim", pad_edge=False)
    for key in keys:
        shown = (key["key_id"], key["name"], names[key["account_id"]], ", ".join(key["scopes"]), _until(key))
        table.add_row(*map(Text, shown))
    Console().print(table if keys else "No keys yet; `./ratchet keys create NAME --scope chat` makes one.")


@with_settings("home")
def create(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[str], typer.Option(help=f"What it may do, once for each: {', '.join(SCOPES)}.")],
    days: Annotated[float | None, typer.Option(help="Days until it expires, up to 365 [90].")] = None,
    forever: Annotated[bool, typer.Option("--forever", help="It never expires; for admins' keys only.")] = False,
    account: Annotated[
        str | None, typer.Option(help="Whose key it is; left out, the admin's, where there is one.")
    ] = None,
    requests_per_minute: Annotated[int | None, typer.Option(help="Requests it may send in a minute.")] = None,
    tokens_per_day: Annotated[int | None, typer.Option(help="Tokens it may use in a day.")] = None,
    json: AsJson = False,
) -> None:
    """Make a key and print it, once."""
    from chatbot.accounts import DAYS
    from chatbot.control import connect

    lasts = None if forever else DAYS if days is None else days
    budgets = {"requests_per_minute": requests_per_minute, "tokens_per_day": tokens_per_day}
    with connect(settings) as control:
        key = control.add_key(name, account, scopes=scope, days=lasts, **budgets)
    if json:
        print_json(key)
        return
    Console().print(Text.assemble("The key ", (key["name"], "bold"), f", until {_until(key)}. It is shown this once:"))
    Console(soft_wrap=True, highlight=False).print(Text(key["key"]))


@with_settings("home")
def revoke(
    settings: Settings,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the key.")],
    json: AsJson = False,
) -> None:
    """Revoke a key: from now on it opens nothing."""
    from chatbot.control import connect

    with connect(settings) as control:
        key = control.revoke_key(key_id)
    if json:
        print_json(key)
    else:
        Console().print(Text.assemble("The key ", (key["name"], "bold"), " is revoked."))


for _name, _command in (("list", list_keys), ("create", create), ("revoke", revoke)):
    app.command(_name)(_command)


def _until(key: Mapping[str, Any]) -> str:
    if key["revoked"]:
        return "revoked"
    if key["until"] is None:
        return "for ever"
    day = f"{datetime.fromtimestamp(key['until'], UTC):%Y-%m-%d}"
    return f"{day} (expired)" if key["until"] < time.time() else day
