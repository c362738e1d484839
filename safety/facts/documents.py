"""Documents as sentences, each with the headings above it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

_BLOCKS = frozenset(
    [
        "p",
        "li",
        "div",
        "br",
        "tr",
        "table",
        "ul",
        "ol",
        "section",
        "article",
        "header",
        "footer",
        "td",
        "th",
        "dt",
        "dd",
    ]
)
_UNSEEN = frozenset({"script", "style", "head", "template", "noscript"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*")
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)[^)]*\)")
_MARKUP = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
_LEAD = re.compile(r"^\s*(?:>\s*)*(?:[-*+]\s+|\d{1,2}[.)]\s+)?")
_NUMBERED = re.compile(r"\d{1,2}[.)]\s")
_APART = ("#", "|", "- ", "* ", "+ ", ">")
_HEAD, _ROW = "\0head ", "\0row "  # marks of a table's rows, which no text has
_RULE = re.compile(r"[\s|:=-]*")
_SPLIT = re.compile(r"(?<=[.!?])\s+(?=[^\W\d_]|\d|[\"'(])")
LONGEST = 600  # characters of a sentence; what is longer is no sentence that could be shown


def sentences(text: str) -> Iterator[tuple[str, str]]:
    """Each sentence of a text or of Markdown, with the headings that it stands under."""
    headings: dict[int, str] = {}
    columns = ""
    for block in _blocks(text):
        if (heading := _HEADING.fullmatch(block)) is not None:
            depth = len(heading[1])
            headings = {level: said for level, said in headings.items() if level < depth} | {depth: heading[2]}
            continue
        if block.startswith(_HEAD):
            columns = block.removeprefix(_HEAD)
            continue
        columns = columns if block.startswith(_ROW) else ""
        topic = " / ".join([*headings.values(), *filter(None, [columns])])
        block = block.removeprefix(_ROW)
        for sentence in _SPLIT.split(block):
            if said := sentence.strip()[:LONGEST]:
                yield said, topic


def text_of_html(text: str) -> str:
    """What a reader sees of a page, with headings as Markdown has them."""
    parser = _Reader()
    parser.feed(text)
    parser.close()
    return "".join(parser.parts)


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, items of lists, rows of tables and headings, without markup."""
    paragraph: list[str] = []
    lines = [*text.splitlines(), ""]
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        bare = line.strip()
        if paragraph and (not bare or bare.startswith(_APART) or _NUMBERED.match(bare)):
            yield " ".join(paragraph)
            paragraph = []
        if _RULE.fullmatch(bare):
            continue
        if bare.startswith("#"):
            yield bare
        elif bare.startswith("|"):
            row = ", ".join(cell.strip() for cell in bare.strip("|").split("|"))
            yield (_HEAD if "-" in after and _RULE.fullmatch(after) else _ROW) + _plain(row)
        else:
            paragraph.append(_plain(bare))


def _plain(line: str) -> str:
    return _MARKUP.sub("", _LINK.sub(r"\1 \2", _LEAD.sub("", line))).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _HEADINGS:
            self.parts.append(f"\n\n{'#' * int(tag[1])} ")
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag not in ("td", "th") else ", ")
        elif tag == "a" and (href := dict(attrs).get("href") or "").startswith(("http", "mailto:")):
            self.parts.append(f" {href.removeprefix('mailto:')} ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _HEADINGS or tag in _BLOCKS:
            self.parts.append("\n\n" if tag not in ("td", "th") else " ")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(re.sub(r"\s+", " ", data))
