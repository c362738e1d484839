"""Postal addresses: a street with the number of a house, and the place where it follows."""

from __future__ import annotations

import re
from collections.abc import Iterator

import regex

from safety.filters.partial import Pattern, contains

LABEL = "postal address"
LONGEST = 120

_NAME = r"(?:[A-ZÀ-Þ][\p{L}'’.-]{1,20})"
_PLACE = rf"(?:,?[ ]\n?{_NAME}(?:[ ]{_NAME}){{0,2}})"
_ZIP_US, _ZIP_UK = r"[A-Z]{2},?[ ]\d{5}(?:-\d{4})?", r"[A-Z]{1,2}\d[A-Z0-9]?[ ]?\d[A-Z]{2}"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Square|Sq|Terrace|Close|Crescent|Cres|Parkway|Pkwy"
    r"|Circle|Trail|Highway|Hwy|Mews|Grove|Gardens|Row|Hill|Walk)"
)
ADDRESSES: Pattern = regex.compile(
    rf"""(?<![\w.,/#-])(?:
      \d{{1,5}}[A-Za-z]?,?[ ](?:[NSEW]\.?[ ])?(?:{_NAME}[ ]){{1,3}}{_STREET}\b\.?(?:,?[ ]
          (?:Apt|Apartment|Suite|Ste|Unit|Flat|\#)\.?[ ]?\w{{1,5}})?(?:{_PLACE})?(?:,?[ ](?:{_ZIP_US}|{_ZIP_UK}))?
    | \p{{Lu}}[\p{{L}}-]{{2,25}}
        (?:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer)[ ]\d{{1,4}}[ ]?[a-z]?(?![\w])
            (?:,?[ ]\d{{4,5}}[ ]{_NAME}(?:[ ]{_NAME})?)?
    | \d{{1,4}}(?:[ ](?:bis|ter))?,?[ ](?:rue|avenue|boulevard|place|chemin|impasse|allée|quai|route)[ ]
        (?:de[ ]la[ ]|de[ ]l'|des?[ ]|du[ ]|d'|l')?{_NAME}(?:[ ]{_NAME}){{0,2}}(?:,?[ ]\d{{5}}[ ]{_NAME})?
    | (?:Calle|Avenida|Avda\.|Paseo|Plaza|C/)[ ](?:de[ ]la[ ]|de[ ]los[ ]|del[ ]|de[ ])?{_NAME}
        (?:[ ]{_NAME}){{0,2}},?[ ](?:nº[ ]?)?\d{{1,4}}(?!\w)(?:,?[ ]\d{{5}}[ ]{_NAME})?
    | (?:Via|Viale|Piazza|Corso|Largo)[ ](?:del(?:la|l'|lo)?[ ]?|dei[ ]|degli[ ])?{_NAME}
        (?:[ ]{_NAME}){{0,2}},?[ ]\d{{1,4}}(?!\w)(?:,?[ ]\d{{5}}[ ]{_NAME})?
    | P\.?[ ]?O\.?[ ]Box[ ]\d{{1,6}}
    )""",
    regex.VERBOSE,
)
# What may stand between a street and the end of a text where the place that belongs to it has begun.
ADDRESS_GOES_ON: Pattern = regex.compile(r"(?:,?[ ]\n?(?:[\p{Lu}\d#][\p{L}\d'’.-]{0,20})?){0,6}|,")
_STARTS = re.compile(
    r"(?<![\w.,/#-])(?:\d{1,5}[A-Za-z]?(?:,? (?:[A-ZÀ-Þrabpciqt]|$)|,?$)|[A-ZÄÖÜ][^\W\d_-]{2,25}(?:straße|"
    r"strasse|str\.|weg|platz|allee|gasse|damm|ufer)(?: \d|$| $)"
    r"|(?:Calle|Avenida|Avda\.|Paseo|Plaza|C/|Via|Viale|Piazza|Corso|Largo)(?: |$)|P\.? ?O(?:\.| B|$))"
)
_NEEDS = (
    "str",
    "weg",
    "platz",
    "allee",
    "gasse",
    "damm",
    "ufer",
    "Calle",
    "Av",
    "Paseo",
    "Pla",
    "C/",
    "Via",
    "Pia",
    "Corso",
    "Largo",
    "O",
    "P",
)
_DIGIT = re.compile(r"\d")


def address_starts(text: str) -> Iterator[int]:
    """Where an address may begin, of which few texts have any place."""
    if _DIGIT.search(text) is not None or contains(text, _NEEDS):
        yield from (match.start() for match in _STARTS.finditer(text))
