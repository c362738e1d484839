"""Reads what is so: statements in .toml and .jsonl files, and sentences of .md, .txt and .html documents.

[[fact]]
topic = "returns: how long"                 # words by which it is found, besides those of `says`
says = "Returns are accepted within 30 days."
values = ["30 days"]                        # if left out, those that stand in `says`
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from safety.errors import BadFacts
from safety.facts.documents import sentences, text_of_html
from safety.facts.values import Value, find_values

STATEMENTS = (".toml", ".jsonl")
DOCUMENTS = (".md", ".txt", ".html", ".htm")
_KEYS = frozenset({"topic", "says", "values"})


@dataclass(frozen=True)
class Fact:
    """A sentence of a source, the values that it states, and what else belongs to its topic, such as headings."""

    says: str
    where: str
    values: tuple[Value, ...]
    topic: str = ""


def read_facts(path: Path) -> list[Fact]:
    """Every fact of a file, or of all files in a folder and those in it. Raises BadFacts."""
    if not path.exists():
        raise BadFacts(f"There is no file or folder {path} with facts; the setting facts names it.")
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.suffix.lower() in _known())
    facts = [
        fact for file in files for fact in _read(file, file.name if path.is_file() else str(file.relative_to(path)))
    ]
    if not facts:
        raise BadFacts(f"{path} holds no facts; it must have {', '.join(_known())} files with text in them.")
    return facts


def stated(text: str, where: str) -> list[Fact]:
    """The sentences of a plain text as facts."""
    return [Fact(says, where, tuple(find_values(says)), topic) for says, topic in sentences(text)]


def _known() -> tuple[str, ...]:
    return (*STATEMENTS, *DOCUMENTS)


def _read(file: Path, where: str) -> list[Fact]:
    suffix = file.suffix.lower()
    try:
        text = file.read_text(encoding="utf-8")
        if suffix not in STATEMENTS:
            return stated(text_of_html(text) if suffix.startswith(".htm") else text, where)
        entries = _table(text, where) if suffix == ".toml" else _lines(text)
        return [_fact(entry, where, number) for number, entry in enumerate(entries, 1)]
    except (OSError, UnicodeDecodeError, ValueError) as error:  # what is no TOML or JSON is a ValueError
        raise BadFacts(f"{file} cannot be read as facts: {error}.") from error


def _table(text: str, where: str) -> list[object]:
    table = tomllib.loads(text)
    entries = table.get("fact", [])
    if set(table) - {"fact"} or not isinstance(entries, list):
        raise BadFacts(f"{where} may only have [[fact]] tables.")
    return entries


def _lines(text: str) -> Iterator[object]:
    return (json.loads(line) for line in text.splitlines() if line.strip())


def _fact(entry: object, where: str, number: int) -> Fact:
    place = f"Fact {number} in {where}"
    if not isinstance(entry, Mapping) or not isinstance(entry.get("says"), str) or not entry["says"].strip():
        raise BadFacts(f"{place} must have `says`, a sentence.")
    if unknown := set(entry) - _KEYS:
        raise BadFacts(f"{place} has {min(unknown)!r}; only {', '.join(sorted(_KEYS))} are known.")
    given, topic = entry.get("values"), entry.get("topic", "")
    if not isinstance(topic, str) or not (given is None or _texts(given)):
        raise BadFacts(f"{place}: topic must be a text and values a list of texts.")
    says = re.sub(r"\s+", " ", entry["says"]).strip()
    return Fact(says, where, tuple(find_values(says) if given is None else _values(given, place)), topic)


def _texts(given: object) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) for one in given)


def _values(given: list[str], place: str) -> Iterator[Value]:
    for text in given:
        found = find_values(text)
        if not found:
            raise BadFacts(f"{place}: {text!r} is no value; it may be such as '30 days', '3.90 euros' or 'a@b.com'.")
        yield from found
