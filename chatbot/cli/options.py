"""Options that commands share: the flags made from the table of settings, and `--json`."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from typer.core import TyperGroup

from chatbot.settings import SETTINGS, Setting, Settings, Value

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, last, and nothing for people.")]


class ListsByDefault(TyperGroup):
    """A group of commands that lists what there is where none is named: `./ratchet keys --json`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put the word in."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def with_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command a flag for each named setting (all of them when none is named).

    The command receives them gathered as its first argument, `settings: Settings`.
    """
    rows = [row for row in SETTINGS if not names or row.name in names]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

        def run(**given: Value | None) -> None:
            flags = {row.name: given.pop(row.name, None) for row in rows}
            command(Settings.load(flags), **given)

        run.__doc__ = command.__doc__
        run.__name__ = command.__name__
        keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        run.__signature__ = inspect.Signature([*keywords, *map(_flag, rows)])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
        return run

    return decorate


def _flag(row: Setting) -> inspect.Parameter:
    choices = f" ({' or '.join(row.choices)})" if row.choices else ""
    option = typer.Option(
        f"--{row.name.replace('_', '-')}",
        help=f"{row.help}{choices} [dim]\\[{row.variable}, {row.default}][/]",
        show_default=False,
        rich_help_panel="Settings",
    )
    kind = Annotated[type(row.default) | None, option]  # type: ignore[valid-type]
    return inspect.Parameter(row.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def print_json(value: object) -> None:
    """Print `value` as one line of JSON on standard output."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")
    sys.stdout.flush()
