"""`./ratchet promote` and `./ratchet rollback`: which model everybody talks to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from chatbot.cli.approve import Key
from chatbot.cli.options import AsJson, print_json, with_settings
from chatbot.settings import Settings


@with_settings("home")
def promote(
    settings: Settings,
    adapter: Annotated[
        str | None, typer.Argument(help="Adapter as name@version; the proven challenger if left out.")
    ] = None,
    override: Annotated[
        str | None, typer.Option(help="Promote without a won experiment; the reason goes to the audit log.")
    ] = None,
    key: Key = None,
    json: AsJson = False,
) -> None:
    """Send the proven challenger on its way to everybody; with a reason, make any adapter the champion at once."""
    from chatbot.control import connect

    with connect(settings, key) as control:
        result = control.promote(adapter, override)
    if json:
        print_json(result)
    else:
        Console().print(_told(result))


def _told(result: Mapping[str, Any]) -> Text:
    if "rollout" in result:
        share = f"{result['rollout']:.0%}"
        return Text.assemble(
            "It sets out: ", (share, "bold"), " of all people get it now; `./ratchet status` follows it."
        )
    return Text.assemble("Champion is now ", (result["champion"], "bold"), ".")


@with_settings("home")
def rollback(settings: Settings, json: AsJson = False) -> None:
    """Bring the previous champion back, at once and without dropping a stream."""
    from chatbot.control import connect

    with connect(settings) as control:
        result = control.rollback()
    if json:
        print_json(result)
    else:
        words = Text.assemble("Champion is ", (result["champion"], "bold"), f" again, in {result['seconds']:.3f} s.")
        Console().print(words)
