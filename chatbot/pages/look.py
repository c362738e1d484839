"""One look for all pages: theme, style sheet, logo, and the head of every page."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

FOLDER = Path(__file__).parent
LOGO = FOLDER / "logo.svg"
CSS = (FOLDER / "style.css").read_text(encoding="utf-8")
STYLE = f"<meta name='viewport' content='width=device-width, initial-scale=1'><style>{CSS}</style>"
HEAD = f"<script>{(FOLDER / 'keys.js').read_text(encoding='utf-8')}</script>"
FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")


def theme() -> gr.themes.Base:
    """Gradio's plainest theme with system fonts and one accent colour."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        font=FONT,
        font_mono=("ui-monospace", "DejaVu Sans Mono", "monospace"),
        radius_size=gr.themes.sizes.radius_lg,
    )


def header(page: str, extra: str = "") -> str:
    """The bar on top: logo, name, the page, and whatever the page puts at its end."""
    mark = LOGO.read_text(encoding="utf-8")
    return (
        f"<header class='rt-bar'><span class='rt-logo'>{mark}</span><b>Ratchet</b>"
        f"<span class='rt-page'>{page}</span><span class='rt-space'></span>{extra}</header>"
    )
