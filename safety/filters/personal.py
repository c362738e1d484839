"""Takes out of a text what tells who somebody is, or how to reach them, and says in its place what it was.

Everything is told by how it is written, by its check digits, and by words that stand up to 48 characters before it. All
of it ends where a word ends, so that of an answer only the last words wait.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

import regex

from safety.filter import Context, Setup
from safety.filters.addresses import ADDRESS_GOES_ON, ADDRESSES, address_starts
from safety.filters.addresses import LABEL as ADDRESS
from safety.filters.addresses import LONGEST as LONGEST_ADDRESS
from safety.filters.identifiers import CONTEXT, IDENTIFIERS, LONGEST, WALLETS, Reader, readers
from safety.filters.partial import contains, last_word, undecided
from safety.filters.phones import LABEL as PHONE
from safety.filters.phones import phones
from safety.policy import bundled_rules
from safety.verdict import ALLOWED, Span, Verdict

EMAIL, IP, MAC, BIRTH = "email address", "IP address", "MAC address", "date of birth"
LONGEST_WORD = 130
REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "IN", "AU")

_EMAIL = regex.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9](?:[A-Za-z0-9._%+'-]{0,62}[A-Za-z0-9_+-])?@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?\.){1,4}[A-Za-z]{2,18}(?![A-Za-z0-9@])"
)
_IPV4 = regex.compile(
    r"(?<![A-Za-z0-9.-])(?<!\bv(?:ersion)?[ .]?)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|"
    r"1?\d?\d)(?![A-Za-z0-9-]|\.\d)",
    regex.IGNORECASE,
)
_IPV6 = regex.compile(
    r"(?<![A-Za-z0-9:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?(?![A-Za-z0-9:])"
)
_MAC = regex.compile(
    r"(?<![A-Za-z0-9:-])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![A-Za-z0-9:-])|(?<![A-Za-z0-9:-])(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}(?![A-Za-z0-9:-])"
)
_DOTTED_MAC = regex.compile(r"(?<![A-Za-z0-9.])(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}(?![A-Za-z0-9.])")
_BIRTH = regex.compile(
    r"(?<![\w/.-])(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d{2}|(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2}|"
    r"(?:\d{1,2}\.? )?[A-Z][a-zäéûçí]{2,9}\.?(?: \d{1,2}(?:st|nd|rd|th)?,?)? (?:19|20)\d{2})(?!\w|[./-]\d)"
)
_BIRTH_WORDS = regex.compile(
    r"\b(?:born|birth|birthday|dob|d\.o\.b|geboren|geburts\w*|né|née|naissance|nacid[oa]|nacimiento|nato|nata|nascita|nascid[oa]|nascimento|geboorte\w*)\b",
    regex.IGNORECASE,
)
_VERSION = regex.compile(
    r"\b(?:version|v|release|build|ver|upgrade to|firmware|python|java|node|chrome|firefox|windows|android|ios|"
    r"kernel|driver|php|ruby|software)\.?:? ?$",
    regex.IGNORECASE,
)
_DENSE = re.compile(r"\d(?:\D{0,3}\d){5}")  # without six digits near each other, a number needs a word before it
_SOME = re.compile(r"\d(?:\D{0,6}\d){2}")
_BIRTH_NEEDS = ("born", "birth", "dob", "d.o.b", "gebor", "geburt", "né", "naiss", "nac", "nasc", "nat", "geboorte")
_LONG = 25  # characters of a word that may be a wallet
# Groups that are one number; a word never becomes one that was none when it was shorter.
_GROUP = regex.compile(
    r"(?<![A-Za-z0-9])(?:[(+]{0,2}[A-Z]{1,4}[)-]?|[(+]{0,2}[A-Z]{0,4}[)-]?\d[A-Z0-9.,()+/:-]*|[(+]{1,2}|[/.-])\Z"
)


class Personal:
    """The labels are the kinds of things. `allow` has patterns of what is never masked; so is what the operator's own
    system prompt has in it.
    """

    version, quick = "1", True

    def __init__(self, setup: Setup | None = None) -> None:
        self.id, self.rules = (setup.name, setup.rules) if setup else ("personal", bundled_rules("personal"))
        options = setup.options if setup else {}
        self._allowed = [regex.compile(pattern, regex.IGNORECASE) for pattern in options.get("allow", ())]
        self._regions = tuple(options.get("regions", REGIONS))
        every = readers(IDENTIFIERS)
        self._alone = [one for one in every if one.words is None]
        self._named: dict[Sequence[str], list[Reader]] = {}
        for one in every:
            if one.words is not None:
                self._named.setdefault(one.needs, []).append(one)
        self._wallets = readers(WALLETS)

    def check(self, text: str, context: Context) -> Verdict:
        """Find what is to be masked."""
        found = [*self._found(text)]
        stay = [span for span in found if self._may_stay(text[span.start : span.end], context)]
        spans = [span for span in found if not any(one.start <= span.start and span.end <= one.end for one in stay)]
        return self.rules.verdict(context.role, {span.label: 1.0 for span in spans}, spans) if spans else ALLOWED

    def undecided(self, text: str, context: Context) -> int:
        """The last word, which may become an address; the groups of digits at the end; an address that has begun."""
        end = len(text)
        certain = last_word(text, LONGEST_WORD)
        tail = text[-64:]
        certain = min(certain, end - len(tail) + _chain(tail))
        if _speaks_of_birth(text[-2 * CONTEXT :]):
            certain = min(certain, undecided(_BIRTH, text, max(0, end - CONTEXT)))
        return min(certain, _address(text))

    def _may_stay(self, found: str, context: Context) -> bool:
        if context.role == "output" and found in context.system:
            return True
        return any(pattern.fullmatch(found) for pattern in self._allowed)

    def _found(self, text: str) -> Iterator[Span]:
        if "@" in text:
            yield from (Span(*match.span(), EMAIL) for match in _EMAIL.finditer(text, overlapped=True))
        if text.count(":") >= 5 or text.count("-") >= 5:
            yield from (Span(*match.span(), MAC) for match in _MAC.finditer(text))
        if text.count(":") >= 2:
            yield from (Span(*match.span(), IP) for match in _IPV6.finditer(text) if _is_ipv6(match[0]))
        if max(map(len, text.split()), default=0) >= _LONG:
            yield from _read(text, self._wallets, LONGEST_WORD)
        dense = _DENSE.search(text) is not None
        named = self._spoken_of(text) if dense or _SOME.search(text) is not None else []
        if dense or named:
            yield from self._numbers(text, dense, named)
        for start in address_starts(text):
            if (match := ADDRESSES.match(text, start)) is not None:
                yield Span(*match.span(), ADDRESS)

    def _spoken_of(self, text: str) -> Sequence[Reader]:
        small = f" {text.lower()}"
        named: list[Reader] = []
        for needs, those in self._named.items():
            if contains(small, needs):
                named += those
        return named

    def _numbers(self, text: str, dense: bool, named: Sequence[Reader]) -> Iterator[Span]:
        yield from _read(text, named, LONGEST)
        if not dense:
            return
        if "." in text:
            yield from (
                Span(*match.span(), IP)
                for match in _IPV4.finditer(text)
                if _reaches(match[0]) and _VERSION.search(text[max(0, match.start() - 16) : match.start()]) is None
            )
            yield from (Span(*match.span(), MAC) for match in _DOTTED_MAC.finditer(text))
        yield from (Span(*place, PHONE) for place in phones(text, self._regions))
        yield from _read(text, self._alone, LONGEST)
        if _speaks_of_birth(text):
            for match in _BIRTH.finditer(text):
                if _BIRTH_WORDS.search(text[max(0, match.start() - CONTEXT) : match.start()]) is not None:
                    yield Span(*match.span(), BIRTH)


def _speaks_of_birth(text: str) -> bool:
    return contains(text.lower(), _BIRTH_NEEDS) and _BIRTH_WORDS.search(text) is not None


def _read(text: str, those: Sequence[Reader], longest: int) -> Iterator[Span]:
    for label, pattern, check, words, _ in those:
        if words is not None and words.search(text) is None:
            continue
        for match in pattern.finditer(text, overlapped=True):
            start, end = match.span()
            named = words is None or words.search(text[max(0, start - CONTEXT) : start]) is not None
            if named and end - start <= longest and (check is None or check(match[0])):
                yield Span(start, end, label)


def _reaches(found: str) -> bool:
    """Whether an address is somebody's: 127.0.0.1 and 0.0.0.0 are everybody's own."""
    address = ipaddress.ip_address(found)
    return not (address.is_loopback or address.is_unspecified)


def _is_ipv6(found: str) -> bool:
    try:
        return len(found) > 3 and ipaddress.ip_address(found).version == 6
    except ValueError:
        return False


def _chain(tail: str) -> int:
    """Where the groups at the end of `tail` begin that may be one number."""
    start = len(tail)
    while start > 0 and len(tail) - start < LONGEST:
        rest = tail[:start].rstrip(" ")
        begin = max(rest.rfind(" "), rest.rfind("\n"), rest.rfind("\t")) + 1
        if begin == len(rest) or start - len(rest) > 2 or _is_word(rest[begin:]):
            break
        group = _GROUP.search(rest, begin)
        if group is None:
            break
        start = group.start()
        if start > begin:
            break
    return start


def _is_word(token: str) -> bool:
    """Whether it is told without a pattern that this is no group: almost every token is a word in small letters."""
    word = token[:-1] if token[-1] in ".,!?" else token
    return word.isalpha() and word.islower() and word.isascii()


def _address(text: str) -> int:
    end = len(text)
    for start in address_starts(text[-LONGEST_ADDRESS:]):
        start += max(0, end - LONGEST_ADDRESS)
        match = ADDRESSES.match(text, start, partial=True)
        if match is not None and (match.end() == end or ADDRESS_GOES_ON.fullmatch(text, match.end()) is not None):
            return start
    return end
