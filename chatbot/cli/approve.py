"""`./ratchet approve` and `./ratchet revoke`: who agrees to a promotion, and what is never to be served again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings

Named = Annotated[str, typer.Argument(help="Adapter as name@version.")]
Key = Annotated[
    str | None,
    typer.Option(help="API key of your own account, so that the server knows who you are.", envvar="RATCHET_OWN_KEY"),
]


@with_settings("home")
def approve(
    settings: Settings,
    adapter: Named,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take your approval back.")] = False,
    key: Key = None,
    json: AsJson = False,
) -> None:
    """Agree that an adapter takes the champion's place once it has won; `promotion` says how many people have to."""
    from chatbot.control import connect

    with connect(settings, key) as control:
        result = control.approve(adapter, reason, withdraw=withdraw)
    if json:
        print_json(result)
        return
    names = ", ".join(one["name"] for one in result["approvals"]) or "nobody"
    Console().print(
        Text.assemble("Approved of by ", (names, "bold"), ". Champion is ", (result["champion"], "bold"), ".")
    )


@with_settings("home")
def revoke(
    settings: Settings,
    adapter: Named,
    reason: Annotated[str, typer.Option(help="Why; it is told to whoever asks for it later.")],
    key: Key = None,
    json: AsJson = False,
) -> None:
    """Take an adapter away for good: it leaves whatever it is part of, and can never be served again."""
    from chatbot.control import connect

    with connect(settings, key) as control:
        result = control.revoke(adapter, reason)
    if json:
        print_json(result)
    else:
        Console().print(
            Text.assemble((adapter, "bold"), " is revoked. Champion is ", (result["champion"], "bold"), ".")
        )
