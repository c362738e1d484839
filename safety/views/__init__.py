"""Views of a text: what it says in a code, in a cipher, in pieces, or in characters that nobody sees.

Filters that ask for it (`decodes`) are shown these beside the text itself. To look whether there is anything to decode
costs some microseconds; what is there is decoded with bounds on how often and how much.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from safety.views.ciphers import backwards, looks_backwards, looks_shifted, shifted, words_backwards
from safety.views.codes import LONG, codes, may_hold
from safety.views.pieces import joined, may_be_cut
from safety.views.unseen import unseen
from safety.views.view import Found, View, replaced

UNSEEN = "unseen"
MOST = 8  # views of one text
LONGEST = 20_000  # characters of a text in which codes are looked for, and of all its views together
_DEPTH = 2  # codes in codes
_ALONE = 3  # words in a code that are also read without what stands around it
_STRIPPED = ".,:;!?\"'()"
_KEPT = 50_000  # words that are remembered to be plain
_plain: set[str] = set()


def views(text: str, as_it_came: str | None = None) -> list[View]:
    """The views of a normalised text, the simplest first; `as_it_came` is the text before it was normalised.

    Their spans are places in `text`; of what nobody sees, which is not in it, the whole.
    """
    hidden = "" if as_it_came is None or as_it_came is text else " ".join(one.plain for one in unseen(as_it_came))
    found = [_whole(UNSEEN, text, hidden)] if hidden else []
    found += islice(_views(text[:LONGEST], _DEPTH), MOST)
    left = LONGEST
    for place, view in enumerate(found):
        found[place] = view._replace(text=view.text[: max(0, left)])
        left -= len(view.text)
    return [view for view in found if view.text]


def _whole(kind: str, text: str, plain: str) -> View:
    view = replaced(kind, text, [Found(0, len(text), plain)])
    assert view is not None
    return view


def _views(text: str, depth: int) -> Iterator[View]:
    for view in _once(text):
        yield view
        if depth > 1:
            yield from (inner.within(view) for inner in _views(view.text[:LONGEST], depth - 1))


def _once(text: str) -> Iterator[View]:
    words = text.split()
    odd = [word for word in words if word not in _plain and not _is_plain(word)]
    if may_hold(odd, text):
        yield from _in_context_and_alone("code", text, [*codes(text)])
    small = [word.strip(_STRIPPED).lower() for word in odd]
    if any(map(looks_shifted, small)):
        yield from _in_context_and_alone("shifted letters", text, [*shifted(text)])
    if any(map(looks_backwards, small)):
        yield from _in_context_and_alone("backwards", text, [*backwards(text)])
        yield from _in_context_and_alone("words backwards", text, [*words_backwards(text)])
    if may_be_cut(text, odd, len(words)):
        yield from _in_context_and_alone("pieces", text, joined(text))


def _is_plain(word: str) -> bool:
    """Whether a word says nothing of codes, which is kept: the same words come again and again."""
    small = word.strip(_STRIPPED).lower()
    plain = len(word) < LONG and (not small or small.isalpha())
    plain = plain and not looks_shifted(small) and not looks_backwards(small)
    if plain:
        if len(_plain) >= _KEPT:
            _plain.clear()
        _plain.add(word)
    return plain


def _in_context_and_alone(kind: str, text: str, found: list[Found]) -> Iterator[View]:
    view = replaced(kind, text, found)
    if view is None:
        return
    yield view
    alone = [one for one in found if len(one.plain.split()) >= _ALONE]
    if len(view.runs) > 1 and alone:
        yield from filter(None, [replaced(kind, text, alone, 0)])


__all__ = ["UNSEEN", "View", "views"]
