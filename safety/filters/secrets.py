"""Takes access keys and passwords out of a text before anybody stores or repeats them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

import regex

from safety.filter import Context, Setup
from safety.filters.partial import contains, last_word, undecided
from safety.policy import bundled_rules
from safety.verdict import ALLOWED, Span, Verdict

KEY, PASSWORD, PRIVATE_KEY, LINK = "access key", "password", "private key", "link with credentials"

# By their published prefixes; then tokens of JSON, and the addresses at which Slack takes messages.
_KEYS = regex.compile(
    r"""(?<![A-Za-z0-9])(?:
    sk-[A-Za-z0-9_-]{20,} | [sr]k_(?:live|test)_[A-Za-z0-9]{16,} | whsec_[A-Za-z0-9]{24,}
    | rk_[0-9A-Za-z]{6,}[_.][A-Za-z0-9_-]{20,}
  | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_[A-Za-z0-9_]{40,} | glpat-[A-Za-z0-9_-]{20,} | dckr_pat_[A-Za-z0-9_-]{20,}
  | (?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9]) | AIza[0-9A-Za-z_-]{35} | ya29\.[0-9A-Za-z_-]{20,}
      | GOCSPX-[A-Za-z0-9_-]{20,}
  | xox[abeprs]-[A-Za-z0-9-]{10,} | xapp-\d-[A-Za-z0-9-]{20,} | npm_[A-Za-z0-9]{36} | pypi-[A-Za-z0-9_-]{40,}
  | SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{20,} | (?:AC|SK)[0-9a-f]{32}(?![A-Za-z0-9]) | key-[0-9a-f]{32}(?![A-Za-z0-9])
  | hf_[A-Za-z0-9]{30,} | gsk_[A-Za-z0-9]{30,} | r8_[A-Za-z0-9]{30,} | xai-[A-Za-z0-9]{30,} | pplx-[A-Za-z0-9]{30,}
  | hvs\.[A-Za-z0-9_-]{24,} | dop_v1_[a-f0-9]{40,} | shp(?:at|ca|pa|ss)_[a-f0-9]{32} | xkeysib-[a-f0-9]{40,}
      | sq0(?:atp|csp)-[A-Za-z0-9_-]{20,}
  | lin_api_[A-Za-z0-9]{30,} | secret_[A-Za-z0-9]{40,} | EAAC[A-Za-z0-9]{60,} | AGE-SECRET-KEY-1[A-Z0-9]{50,}
  | eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}
  | https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}
  | https://discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{20,}
    )""",
    regex.VERBOSE,
)
# Without one of them there is no such key.
_MARKS = (
    "sk-",
    "k_live_",
    "k_test_",
    "whsec_",
    "rk_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "dckr_pat_",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "GOCSPX-",
    "xox",
    "xapp-",
    "npm_",
    "pypi-",
    "SG.",
    "AC",
    "SK",
    "key-",
    "hf_",
    "gsk_",
    "r8_",
    "xai-",
    "pplx-",
    "hvs.",
    "dop_v1_",
    "shp",
    "xkeysib-",
    "sq0",
    "lin_api_",
    "secret_",
    "EAAC",
    "AGE-SECRET",
    "eyJ",
    "hooks.slack",
    "discord",
)
_SHORT_WORD = 40  # characters; so long it may become anything, also a link, whose end tells
_LINK = regex.compile(
    r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}://(?:(?![:/@?#<>])[!-~]){0,128}:(?:(?![@/<>])[!-~]){1,256}@(?:(?![<>\"')\]])[!-~]){1,256}"
)
_BEGIN = "-----BEGIN"
_PRIVATE = regex.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----.{0,20000}?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)",
    regex.DOTALL,
)
_PRIVATE_ENDS = regex.compile(r"-----END [A-Z0-9 ]{0,40}-----")
_PRIVATE_BEGUN = regex.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")

_VALUE = r"[^\s\"'`,;<>\[\](){}]"
_NAMED = re.compile(
    r"""(?ix)(?<![a-z])
    (?: (?P<password> pass(?:word|wd|phrase|code)s? | pwd | passwort | kennwort | mot[ ]de[ ]passe
        | contrase[nñ]a | senha | wachtwoord )
      | (?P<key> (?:[a-z]{1,20}[_-]){0,3} (?: api[ _-]?keys? | access[ _-]?key(?:[ _-]?id)? | secret[ _-]?
          (?:access[ _-]?)?keys? | client[ _-]?secret
          | account[ _-]?key | shared[ _-]?access[ _-]?key
          | (?:auth|access|refresh|bearer|api|session|id|security)?[ _-]?token
          | secret | signing[ _-]?key | encryption[ _-]?key | private[ _-]?key ) )
      | (?P<header> bearer | authorization:[ ](?:basic|token) ) )
    (?P<link> (?: [\"'`*]{0,3}\s{0,3}(?: [:=]{1,2}>?\s{0,3} | (?: is | was | ist | est | es | lautet | e | é
        | è )\s{1,3} ) | [ ] ) [\"'`*]{0,3} )
    """
)
_OPEN_VALUE = re.compile(rf"{_VALUE}{{0,1000}}\Z")
_A_VALUE = re.compile(rf"{_VALUE}{{1,1000}}(?!{_VALUE})")
_NAMES = (
    "pass",
    "pwd",
    "kennwort",
    "contras",
    "senha",
    "wachtwoord",
    "key",
    "token",
    "secret",
    "bearer",
    "authorization",
)
_PLACEHOLDER = re.compile(
    r"(?i)[*x.•_-]+|.*(?:your|example|placeholder|changeme|redacted|password|passwort|secret|token).*|\$\w+|%\w+%"
)
_STRENGTH = {"key": (16, 3.0), "header": (12, 2.5)}  # characters and bits for each of them
_LONGEST = 4096
SET, SAID = "set", "said"  # a password that is written as one, or told in a sentence


class Secrets:
    """Finds keys by their published prefixes or by the words before them, private keys, passwords, links with one."""

    version, quick = "3", True

    def __init__(self, setup: Setup | None = None) -> None:
        self.id, self.rules = (setup.name, setup.rules) if setup else ("secrets", bundled_rules("secrets"))

    def check(self, text: str, context: Context) -> Verdict:
        """Find what is to be taken out."""
        spans = [*_found(text)]
        return self.rules.verdict(context.role, {span.label: 1.0 for span in spans}, spans) if spans else ALLOWED

    def undecided(self, text: str, context: Context) -> int:
        """The beginning of what may become a secret."""
        word = last_word(text, _LONGEST)
        certain = len(text)
        if len(text) - word > _SHORT_WORD:
            certain = min(undecided(_KEYS, text, word), undecided(_LINK, text, word))
        elif word < len(text):
            certain = word
        for name, begin, end in _values(text, open_=True):
            if end == len(text) and name:
                certain = min(certain, begin)
        if text[-1:] == "-" or "-----" in text[-_LONGEST:]:
            certain = min(certain, _private(text))
        return certain


def _found(text: str) -> Iterator[Span]:
    if contains(text, _MARKS):
        yield from (Span(*match.span(), KEY) for match in _KEYS.finditer(text))
    if "://" in text and "@" in text:
        yield from (Span(*match.span(), LINK) for match in _LINK.finditer(text))
    if _BEGIN in text:
        yield from (Span(*match.span(), PRIVATE_KEY) for match in _PRIVATE.finditer(text))
    for name, begin, end in _values(text, open_=False):
        if _is_secret(name, text[begin:end]):
            yield Span(begin, end, PASSWORD if name in (SET, SAID) else KEY)


def _values(text: str, *, open_: bool) -> Iterator[tuple[str, int, int]]:
    """What is named in a text: by which kind of name, and its range."""
    small = text.lower()
    if not contains(small, _NAMES):
        return
    for match in _NAMED.finditer(text):
        value = (_OPEN_VALUE if open_ else _A_VALUE).match(text, match.end())
        if value is None:
            continue
        end = value.end() if open_ else match.end() + len(value[0].rstrip(".!?:*"))
        kind = str(
            match.lastgroup if match.lastgroup != "link" else next(k for k in ("password", "key", "header") if match[k])
        )
        if kind == "password":
            kind = SET if any(sign in match["link"] for sign in ":=\"'`") else SAID
        if kind == SAID and match["link"] == " ":
            continue
        yield kind, match.end(), end


def _is_secret(name: str, value: str) -> bool:
    if _PLACEHOLDER.fullmatch(value):
        return False
    letters, digits = any(map(str.isalpha, value)), any(map(str.isdigit, value))
    signs = any(not sign.isalnum() and sign not in ".-'/" for sign in value)
    if name in (SET, SAID):
        mixed = letters and value[1:] != value[1:].lower() and value != value.upper()
        return len(value) >= 4 and ((digits and (letters or name == SET)) or signs or (mixed and name == SET))
    least, bits = _STRENGTH[name]
    return len(value) >= least and letters and digits and _entropy(value) >= bits


def _entropy(value: str) -> float:
    """Shannon's entropy in bits for each character."""
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())


def _private(text: str) -> int:
    """Where a private key begins that has not ended, or may be about to."""
    last = next(iter(_PRIVATE_BEGUN.finditer(text, max(0, text.rfind(_BEGIN)))), None) if _BEGIN in text else None
    if last is not None and _PRIVATE_ENDS.search(text, last.end()) is None:
        return last.start()
    return undecided(_PRIVATE_BEGUN, text, max(0, len(text) - 64))
