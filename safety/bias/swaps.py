"""The same text as if somebody else were meant: what a fair model treats alike, and what one can be taught with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import regex

from safety.bias.suite import Axis, Group, Suite
from safety.bias.words import capital, with_article

# "She is blind" tells of a person, "a blind spot" and "the wall is white" do not.
_BEING = r"(?<=\b(?:I(?: a|')m|(?i:he|she|they|we|you|who)(?: is|'s| are|'re| was| were))\s)"
_BEFORE_PERSON = (
    r"(?=\s(?:m[ae]n|wom[ae]n|boys?|girls?|guys?|couples?|famil(?:y|ies)|friends?|neighbours?|neighbors?|colleagues?|"
    r"students?|customers?|teachers?|doctors?|mothers?|fathers?|parents?|child(?:ren)?|kids?|workers?|users?|citizens?)\b)"
)
# After "her" these begin something else, so that "her" was who something was done to.
_NO_NOUN = (
    r"(?=\s*(?:$|[.,;:!?)\"]|(?:and|or|but|to|for|in|on|at|with|from|that|when|if|is|was|will|again|today|yesterday|"
    r"tomorrow|about|because|as|by|very|so|how|what|a|an|the|my|your|up|out|off|back|there|here)\b))"
)
_WOMEN = ((r"she", "he"), (r"hers", "his"), (rf"her{_NO_NOUN}", "him"), (r"her", "his"))
_MEN = (("he", "she"), ("him", "her"), (r"his(?=\s*(?:$|[.,;:!?]))", "hers"), ("his", "her"))


class Counterfactual(NamedTuple):
    """The text as if `group` were meant, on `axis`."""

    axis: str
    group: str
    text: str


def counterfactuals(text: str, seed: int = 0) -> list[Counterfactual]:
    """`text` once for every other group on each axis of which it mentions a group; empty where it mentions none.

    Two groups are exchanged, so that "men and women" becomes "women and men". Articles fit, pronouns go along between
    men and women, and `seed` chooses among names. Where a word has no counterpart there is no such text. A dialect is
    no mention, and is left alone.
    """
    return _bundled().counterfactuals(text, seed)


def mentions(text: str) -> set[tuple[str, str]]:
    """The (axis, group) of every group that a text mentions."""
    return _bundled().mentions(text)


class Swapper:
    """Finds who is mentioned in a text, by the words of a suite, and puts others in their place."""

    def __init__(self, suite: Suite) -> None:
        self._lexicons = [_Lexicon(axis) for axis in suite.axes if not axis.is_dialect]

    def counterfactuals(self, text: str, seed: int = 0) -> list[Counterfactual]:
        """As the function of this name."""
        found = [
            Counterfactual(lexicon.axis.name, other.name, changed)
            for lexicon in self._lexicons
            for group in lexicon.mentioned(text)
            for other in lexicon.axis.groups
            if other is not group
            for changed in [lexicon.exchanged(text, group, other, seed)]
            if changed != text
        ]
        return list({(one.axis, one.text): one for one in reversed(found)}.values())[::-1]

    def mentions(self, text: str) -> set[tuple[str, str]]:
        """As the function of this name."""
        return {(one.axis.name, group.name) for one in self._lexicons for group in one.mentioned(text)}


class _Entry(NamedTuple):
    """Words of a group: `kind` and `place` find their counterpart; `fixed` is it, where it is always the same."""

    group: Group
    kind: str
    place: int
    pattern: str
    fixed: str = ""


class _Lexicon:
    """All words of an axis in one pattern, in which every entry is a named group."""

    def __init__(self, axis: Axis) -> None:
        self.axis = axis
        # The longest pattern first: "Jewish person" before "Jewish", "her" as an object before any "her".
        self._entries = sorted(_entries(axis), key=lambda entry: -len(entry.pattern))
        words = "|".join(rf"(?P<e{number}>{entry.pattern})\b" for number, entry in enumerate(self._entries))
        self._pattern = regex.compile(rf"\b(?:([Aa]n?)\s+)?\b(?:{words})")

    def mentioned(self, text: str) -> list[Group]:
        """The groups whose words occur in the text, in their order."""
        names = {self._entry(match).group.name for match in self._pattern.finditer(text)}
        return [group for group in self.axis.groups if group.name in names]

    def exchanged(self, text: str, one: Group, other: Group, seed: int) -> str:
        """The text with the words of either group in place of the other's, unless one has no counterpart."""
        if any(self._swapped(match, one, other, seed) is None for match in self._pattern.finditer(text)):
            return text

        def swap(match: regex.Match[str]) -> str:
            words = self._swapped(match, one, other, seed)
            if not words:
                return match[0]
            words = words if match[1] is None else with_article(words)
            begins = text[: match.start()].rstrip()[-1:] in ("", ".", "!", "?", ":")
            return capital(words) if begins and match[0][0].isupper() else words

        return self._pattern.sub(swap, text)

    def _swapped(self, match: regex.Match[str], one: Group, other: Group, seed: int) -> str | None:
        """The counterpart of what was found; empty for what belongs to neither group, None where there is none."""
        entry = self._entry(match)
        if entry.group is one or entry.group is other:
            return self._counterpart(entry, other if entry.group is one else one, seed)
        return ""

    def _entry(self, match: regex.Match[str]) -> _Entry:
        name = match.lastgroup
        assert name is not None
        return self._entries[int(name[1:])]

    def _counterpart(self, entry: _Entry, to: Group, seed: int) -> str | None:
        if entry.fixed:
            return entry.fixed if to.name in self.axis.exchange else None
        if entry.kind == "adjective":
            return next(iter(_adjectives(to)), None)
        words = to.wordings.get(entry.kind, ())
        turn = 2 * seed if entry.kind == "name" and not self.axis.aligned else 0
        return words[(entry.place + turn) % len(words)] if words else None


def _entries(axis: Axis) -> Iterator[_Entry]:
    for group in axis.groups:
        for kind, words in group.wordings.items():
            before = _BEING if kind == "trait" else ""
            yield from (_Entry(group, kind, place, before + _spelt(word)) for place, word in enumerate(words))
        yield from (_Entry(group, "adjective", 0, _spelt(word) + _BEFORE_PERSON) for word in _adjectives(group))
        if group.name in axis.exchange:
            side = axis.exchange.index(group.name)
            pairs = [(re.escape(pair[side]), pair[1 - side]) for pair in axis.words]
            pronouns = (_MEN, _WOMEN)[side]
            yield from (_Entry(group, "word", 0, _either(word), other) for word, other in (*pairs, *pronouns))


def _adjectives(group: Group) -> list[str]:
    return [word for word in group.wordings.get("trait", ()) if word.isalpha() or word.replace("-", "").isalpha()]


def _spelt(words: str) -> str:
    """What has a capital is a name or from one; the rest may have one at the beginning of a sentence."""
    return _either(re.escape(words)) if words[0].islower() else re.escape(words)


def _either(pattern: str) -> str:
    return f"(?i:{pattern[0]}){pattern[1:]}"


@cache
def _bundled() -> Swapper:
    return Swapper(Suite.load())
