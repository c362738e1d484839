"""One look for all pages: theme, style sheet, logo, and the head of every page."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from chatbot.accounts import Accounts, Caller
from chatbot.permissions import CHAT, OPERATE, REVIEW

FOLDER = Path(__file__).parent
LOGO = FOLDER / "logo.svg"
CSS = (FOLDER / "style.css").read_text(encoding="utf-8")
_DARK = re.search(r"\.dark \{(.*?)\}", CSS, re.DOTALL)
assert _DARK is not None
# Of the pages that Gradio does not make, where nothing but the browser says whether it is dark.
STYLE = (
    "<meta name='viewport' content='width=device-width, initial-scale=1'><style>"
    f"{CSS}{(FOLDER / 'plain.css').read_text(encoding='utf-8')}"
    f"@media (prefers-color-scheme: dark) {{ :root {{{_DARK[1]} --rt-link: var(--rt-accent); }} }}</style>"
)
_PLACES = (
    ("Chat", "/", CHAT),
    ("Review", "/review/", REVIEW),
    ("Safety", "/safety/", REVIEW),
    ("Models", "/models/", OPERATE),
    ("Operate", "/operate/", OPERATE),
)
QUIET: dict[str, Any] = {"show_progress": "hidden"}  # for events: the pages show themselves what is going on
FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")

# The style sheet holds the colours, once for light and once for dark; Gradio's own names are led there.
COLOURS: Mapping[str, str] = {
    "body_background_fill": "var(--rt-ground)",
    "body_text_color": "var(--rt-ink)",
    "body_text_color_subdued": "var(--rt-soft)",
    "background_fill_primary": "var(--rt-paper)",
    "background_fill_secondary": "var(--rt-ground)",
    "block_background_fill": "var(--rt-paper)",
    "border_color_primary": "var(--rt-line)",
    "color_accent_soft": "var(--rt-mine)",
    "input_background_fill": "var(--rt-paper)",
    "input_border_color": "var(--rt-line)",
    "input_border_color_focus": "var(--rt-accent)",
    "input_placeholder_color": "var(--rt-soft)",
    "button_primary_background_fill": "var(--rt-strong)",
    "button_primary_background_fill_hover": "var(--rt-strong-hover)",
    "button_primary_border_color": "transparent",
    "button_primary_text_color": "#ffffff",
    "button_secondary_background_fill": "var(--rt-paper)",
    "button_secondary_background_fill_hover": "var(--rt-mine)",
    "button_secondary_border_color": "var(--rt-line)",
    "button_secondary_border_color_hover": "var(--rt-accent)",
    "button_secondary_text_color": "var(--rt-ink)",
    "checkbox_label_background_fill": "var(--rt-paper)",
    "checkbox_label_background_fill_hover": "var(--rt-mine)",
    "checkbox_label_background_fill_selected": "var(--rt-mine)",
    "checkbox_label_border_color": "var(--rt-line)",
    "checkbox_label_border_color_selected": "var(--rt-accent)",
    "checkbox_label_text_color_selected": "var(--rt-ink)",
}
SIZES: Mapping[str, str] = {
    "button_border_width": "1px",
    "button_large_text_size": "15px",
    "button_large_text_weight": "550",
    "button_large_padding": "9px 16px",
    "button_small_text_size": "13.5px",
    "button_small_text_weight": "500",
    "button_small_padding": "6px 12px",
    "button_small_radius": "10px",
    "button_transition": "background .15s, border-color .15s",
    "checkbox_label_border_width": "1px",
    "input_border_width": "1px",
    "layout_gap": "12px",
}


def theme() -> gr.themes.Base:
    """Gradio's plainest theme with system fonts and one accent colour."""
    plain = gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        font=FONT,
        font_mono=("ui-monospace", "DejaVu Sans Mono", "monospace"),
        radius_size=gr.themes.sizes.radius_lg,
    )
    return plain.set(**SIZES, **COLOURS, **{f"{name}_dark": colour for name, colour in COLOURS.items()})


def script(name: str) -> str:
    """A script of this folder, for the head of a page."""
    return f"<script>{(FOLDER / name).read_text(encoding='utf-8')}</script>"


def header(page: str, extra: str = "", who: str = "") -> str:
    """The bar on top: logo, name, the page, whatever the page puts there, and who looks at it."""
    mark = LOGO.read_text(encoding="utf-8")
    return (
        f"<header class='rt-bar'><a class='rt-home' href='/'><span class='rt-logo'>{mark}</span><b>Ratchet</b></a>"
        f"<span class='rt-page'>{page}</span><span class='rt-space'></span>{extra}{who}</header>"
    )


def who(caller: Caller, page: str) -> str:
    """The other pages that somebody may see, and their name, or the way to get one."""
    places = [(name, path) for name, path, permit in _PLACES if caller.may(permit) and name != page]
    links = "".join(f"<a href='{path}'>{name}</a>" for name, path in places)
    if caller.account_id is None:
        return "" if page == "Sign in" else f"<nav class='rt-who'>{links}<a href='/sign-in'>Sign in</a></nav>"
    return f"<nav class='rt-who'>{links}<a class='rt-me' href='/account'>{html.escape(caller.name)}</a></nav>"


def bar(blocks: gr.Blocks, accounts: Accounts, page: str, extra: str = "") -> None:
    """The bar on top of a page of Gradio, in the Blocks that are open; who looks at it is known once it has loaded."""

    def shown(request: gr.Request) -> str:
        return header(page, extra, who(accounts.caller(request.request, by_key=False), page))

    blocks.load(shown, None, [gr.HTML(header(page, extra))], queue=False, **QUIET)
