"""Phone numbers: those written as such, and others where a word before them says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import phonenumbers
import regex

LABEL = "phone number"
_BEFORE = 32  # characters in which words count

_END = (
    r"(?![A-Za-z0-9])(?![.,:/-]\d)(?! ?\d{3})(?! ?(?:%|€|\$|£|eur\b|usd\b|gbp\b|euros?\b|dollars?\b|kg\b|cm\b"
    r"|mm\b|km\b))"
)
_START = r"(?<![A-Za-z0-9+(])(?<!\d[.,:/-])(?<!\d{2} )(?<![#€$£]|[#€$£] )"
# With its country's code; as North America writes it; with the 0 of a trunk call; and any, where a word says so.
_INTERNATIONAL = regex.compile(
    rf"(?<![A-Za-z0-9])\+ ?\d{{1,3}}(?:[ .()/-]{{0,2}}\d){{6,13}}{_END}|{_START}00[1-9]\d{{0,2}}"
    rf"(?:[ ./()-]{{1,2}}\d{{2,8}}){{1,5}}{_END}"
)
_AMERICAN = regex.compile(
    rf"{_START}(?:(?:001|1)[-. ])?(?:\([2-9]\d{{2}}\) ?|[2-9]\d{{2}}[-. ])\d{{3}}[-. ]\d{{4}}{_END}"
)
_TRUNK = regex.compile(
    rf"{_START}(?:\(0[1-9]\d{{0,4}}\)[ /-]?\d{{2,8}}|0[1-9]\d{{0,5}}[ /-]{{1,2}}\d{{2,9}}|0[1-9][ .]\d{{2}})"
    rf"(?:[ .-]\d{{2,6}}){{0,4}}{_END}"
)
_NAMED = regex.compile(rf"{_START}\(?\d(?:[ .()/-]{{0,2}}\d){{6,13}}{_END}")
_DATE = regex.compile(
    r"(?<!\d)(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d{2}|(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2})(?!\d)"
)
_PHONE_WORDS = regex.compile(
    r"\b(?:phone|telephone|tel|tél|telefon\w*|teléfono|telefone|telefono|téléphone|mobile|mobil\w*|móvil|cell\w*|handy\w*|portable|call|calls|calling|ring|dial"
    r"|text|sms|whatsapp|signal|fax|reach (?:me|us|him|her|them)|contact|landline|hotline|voicemail|rufnummer|"
    r"appelle\w*|llám\w*|chiam\w*|anrufen|my number"
    r"|bel|beller|numéro|ph|cel|ligar)\b",
    regex.IGNORECASE,
)
_OTHER_WORDS = regex.compile(
    r"\b(?:order|orders|invoice|ref|reference|tracking|track|parcel|shipment|sku|item|article|artikel\w*|isbn|issn|ean|upc|gtin|asin|ticket|model|serial|version"
    r"|build|release|bestell\w*|auftrag\w*|sendung\w*|rechnung\w*|commande|pedido|ordine|encomenda|coordinates?|lat|latitude|lon|longitude|id|code|batch|part|case|claim"
    r"|policy|voucher|coupon|gift|doi|transaction|kunden\w*|customer|page|pages|score|population|number|no|nr|timestamp)\b",
    regex.IGNORECASE,
)


def phones(text: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The ranges of phone numbers, each told by itself and by what stands shortly before it."""
    for pattern in (_INTERNATIONAL, _AMERICAN, _TRUNK):
        for match in pattern.finditer(text, overlapped=True):
            digits = sum(map(str.isdigit, match[0]))
            plus = pattern is _INTERNATIONAL
            if not 8 <= digits <= (15 if plus else 12) or (
                not plus and (_DATE.search(match[0]) or _meant(text, match.start()) is False)
            ):
                continue
            if plus or pattern is _AMERICAN or digits >= 9 or _valid(match[0], tuple(regions)):
                yield match.span()
    for match in _NAMED.finditer(text, overlapped=True):
        if (
            sum(map(str.isdigit, match[0])) <= 13
            and _meant(text, match.start())
            and not _DATE.search(match[0])
            and _possible(match[0], tuple(regions))
        ):
            yield match.span()


def _meant(text: str, start: int) -> bool | None:
    """Whether the words before say that it is a phone number, or that it is something else; the nearest counts."""
    before = text[max(0, start - _BEFORE) : start]
    phone = max((match.end() for match in _PHONE_WORDS.finditer(before)), default=-1)
    other = max((match.end() for match in _OTHER_WORDS.finditer(before)), default=-1)
    if phone < 0 and other < 0:
        return None
    return phone > other or (
        phone >= 0
        and before[phone:].strip().lower() in ("number is", "number:", "number", "no.", "no", "nr.", "nr", "no:")
    )


@lru_cache(maxsize=512)
def _valid(number: str, regions: tuple[str, ...]) -> bool:
    return any(_parsed(number, region, phonenumbers.is_valid_number) for region in regions)


@lru_cache(maxsize=512)
def _possible(number: str, regions: tuple[str, ...]) -> bool:
    return any(_parsed(number, region, phonenumbers.is_possible_number) for region in regions)


def _parsed(number: str, region: str, test: Callable[[phonenumbers.PhoneNumber], bool]) -> bool:
    try:
        return test(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
