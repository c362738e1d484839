"""`./ratchet accounts`: who has an account, with which role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.cli.options import AsJson, ListsByDefault, print_json, with_settings
from chatbot.permissions import ACCOUNT_ROLES
from chatbot.settings import Settings

Name = Annotated[str, typer.Argument(help="Name of the account.")]
ROLES = f"One of {', '.join(ACCOUNT_ROLES)}."

app = typer.Typer(help="Who has an account, with which role.", cls=ListsByDefault)


@with_settings("home")
def list_accounts(settings: Settings, json: AsJson = False) -> None:
    """List the accounts."""
    from chatbot.control import connect

    with connect(settings) as control:
        accounts = control.accounts()
    if json:
        print_json({"accounts": accounts})
        return
    table = Table("name", "role", "signs in by", "", box=None, header_style="dim", pad_edge=False)
    for account in accounts:
        off = Text("" if account["active"] else "disabled", "bold red")
        table.add_row(Text(account["name"]), account["role"], Text(_ways(account)), off)
    Console().print(table if accounts else "No accounts yet; `./ratchet up` prints a link for the first admin.")


@with_settings("home")
def add(
    settings: Settings, name: Name, role: Annotated[str, typer.Option(help=ROLES)] = "user", json: AsJson = False
) -> None:
    """Make an account; prints the link by which its owner sets a password."""
    from chatbot.control import connect

    with connect(settings) as control:
        _tell(control.add_account(name, role), json)


@with_settings("home")
def role(
    settings: Settings, name: Name, role: Annotated[str, typer.Argument(help=ROLES)], json: AsJson = False
) -> None:
    """Give an account another role, at once."""
    _change(settings, name, json, role=role)


@with_settings("home")
def disable(settings: Settings, name: Name, json: AsJson = False) -> None:
    """Let an account in no longer: its sessions end and its keys are dead."""
    _change(settings, name, json, active=False)


@with_settings("home")
def enable(settings: Settings, name: Name, json: AsJson = False) -> None:
    """Let a disabled account in again."""
    _change(settings, name, json, active=True)


@with_settings("home")
def link(settings: Settings, name: Name, json: AsJson = False) -> None:
    """Print a link by which somebody sets a new password; it works once, within a day."""
    _change(settings, name, json, new_link=True)


for _name, _command in (
    ("list", list_accounts), ("add", add), ("role", role), ("disable", disable), ("enable", enable), ("link", link),
):  # fmt: skip
    app.command(_name)(_command)


def _change(settings: Settings, name: str, json: bool, **change: object) -> None:
    from chatbot.control import connect

    with connect(settings) as control:
        _tell(control.change_account(name, **change), json)


def _tell(account: Mapping[str, Any], json: bool) -> None:
    if json:
        print_json(account)
        return
    state = account["role"] if account["active"] else "disabled"
    Console().print(Text.assemble((account["name"], "bold"), f" is {state}."))
    if account.get("link"):
        told = f"Send this link to {account['name']}; it works once, within a day, while the server runs:\n"
        Console(soft_wrap=True, highlight=False).print(Text(told + account["link"]))


def _ways(account: Mapping[str, Any]) -> str:
    ways = [account["oidc_issuer"], "password" if account["password"] else None]
    return ", ".join(way for way in ways if way) or "nothing yet"
