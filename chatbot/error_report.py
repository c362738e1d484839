"""The error analysis of an adapter as HTML, for the page and as a file."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST = 400  # characters of a text
_FRAME = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 24px auto; padding: 0 16px; color: #1c1917; }}
table {{ border-collapse: collapse; width: 100%; font-size: 14px; }}
td, th {{ text-align: left; vertical-align: top; padding: 6px 10px 6px 0; border-top: 1px solid #e2dfdc; }}
th, .rt-soft {{ color: #6b6560; font-weight: 400; }} .rt-bad {{ color: #b91c1c; }} .rt-good {{ color: #15803d; }}
</style><h1>{title}</h1>{body}</html>
"""


def document(found: Mapping[str, Any]) -> str:
    """A file of its own."""
    title = f"Error analysis: {found['adapter']} beside {found['against']}"
    return _FRAME.format(title=html.escape(title), body=report(found))


def report(found: Mapping[str, Any]) -> str:
    """The three parts, out of `Analysis.to_values()`."""
    return _length(found) + _topics(found) + _changed(found)


def _length(found: Mapping[str, Any]) -> str:
    told = found["length"]
    if told["share"] is None:
        return _card("How much of the win is length", f"<p class='rt-soft'>{html.escape(told['reason'])}</p>")
    explained = "-" if told["explained"] is None else _share(told, "explained")
    rows = (
        ("win share, ties as half", _share(told, "share")),
        ("the same at equal length", "-" if told["equal_length"] is None else _share(told, "equal_length")),
        ("share of the win explained by length", explained),
        ("length, as a multiple of the other's", f"{told['ratio']:.2f}"),
        ("comparisons", f"{told['count']:,}"),
    )
    body = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rows)
    return _card("How much of the win is length", f"<p>{html.escape(told['reason'])}</p>{_table('', [body])}")


def _topics(found: Mapping[str, Any]) -> str:
    if not found["topics"]:
        return _card("Failures by topic", "<p class='rt-soft'>Nothing was held against any of its answers yet.</p>")
    head = "<th>topic</th><th>failed</th><th>of answers</th><th>what</th><th>for example</th>"
    return _card("Failures by topic", _table(head, map(_topic, found["topics"])))


def _topic(topic: Mapping[str, Any]) -> str:
    kinds = ", ".join(f"{name} {count}" for name, count in topic["kinds"].items())
    examples = "".join(map(_example, topic["examples"]))
    interval = f"{topic['lower']:.0%} to {topic['upper']:.0%}"
    return (
        f"<tr><td><b>{html.escape(topic['words'])}</b></td><td>{topic['failures']:,}</td>"
        f"<td>{topic['rate']:.0%} of {topic['answers']:,}<br><span class='rt-soft'>{interval}</span></td>"
        f"<td>{kinds}</td><td>{examples}</td></tr>"
    )


def _example(one: Mapping[str, Any]) -> str:
    why = f"<br><span class='rt-bad'>{_text(one['reason'])}</span>" if one["reason"] else ""
    return f"<p>{_text(one['question'])}<br><span class='rt-soft'>{_text(one['answer'])}</span>{why}</p>"


def _changed(found: Mapping[str, Any]) -> str:
    if not found["changed"]:
        told = "No prompt was answered by both; a side-by-side has them answer the same."
        return _card("The most changed answers", f"<p class='rt-soft'>{told}</p>")
    head = (
        f"<th>changed</th><th>question</th><th>{html.escape(found['against'])}</th>"
        f"<th>{html.escape(found['adapter'])}</th><th>reviewers</th>"
    )
    rows = (
        f"<tr><td>{one['changed']:.0%}</td><td>{_text(one['question'])}</td><td>{_text(one['champion'])}</td>"
        f"<td>{_text(one['challenger'])}</td><td>{_preferred(one['score'])}</td></tr>"
        for one in found["changed"]
    )
    return _card("The most changed answers", _table(head, rows))


def _preferred(score: float | None) -> str:
    if score is None:
        return "<span class='rt-soft'>-</span>"
    return "<span class='rt-good'>better</span>" if score > 0.5 else "the same" if score == 0.5 else (
        "<span class='rt-bad'>worse</span>"
    )  # fmt: skip


def _share(told: Mapping[str, Any], name: str) -> str:
    return f"{told[name]:.0%} (95% {told[f'{name}_lower']:.0%} to {told[f'{name}_upper']:.0%})"


def _text(text: str) -> str:
    return html.escape(text if len(text) <= LONGEST else f"{text[: LONGEST - 2]} …")


def _table(head: str, rows: Iterable[str]) -> str:
    titles = f"<tr>{head}</tr>" if head else ""
    return f"<div class='rt-scroll'><table class='rt-table'>{titles}{''.join(rows)}</table></div>"


def _card(name: str, body: str) -> str:
    return f"<div class='rt-card'><h3>{name}</h3>{body}</div>"
