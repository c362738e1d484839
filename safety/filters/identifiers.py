"""Numbers that states, banks and registries give to people, each with how it is written and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import NamedTuple

import regex

Check = Callable[[str], bool]


class Identifier(NamedTuple):
    """`label` is put in its place. One with `words` only counts where one of them stands shortly before it."""

    label: str
    pattern: str
    check: Check | None = None
    words: str = ""


def _digits(text: str) -> list[int]:
    return [int(sign) for sign in text if sign.isdigit()]


def luhn(text: str) -> bool:
    """Whether the last digit is the check digit by Luhn's rule."""
    found = _digits(text)[::-1]
    return (sum(found[::2]) + sum(2 * digit - 9 * (digit > 4) for digit in found[1::2])) % 10 == 0


def iban(text: str) -> bool:
    """ISO 7064, modulus 97, and the length that the country has."""
    plain = "".join(sign for sign in text.upper() if sign.isalnum())
    if len(plain) != _IBAN_LENGTHS.get(plain[:2], 0):
        return False
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _ssn(text: str) -> bool:
    area, group, serial = (lambda d: (d[:3], d[3:5], d[5:]))("".join(map(str, _digits(text))))
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000" and text != "123-45-6789"


def _nhs(text: str) -> bool:
    found = _digits(text)
    rest = 11 - sum(digit * weight for digit, weight in zip(found, range(10, 1, -1), strict=False)) % 11
    return len(found) == 10 and rest % 11 == found[9] and rest != 10


def _nir(text: str) -> bool:
    plain = "".join(sign for sign in text.upper() if sign.isalnum()).replace("2A", "19").replace("2B", "18")
    return plain.isdigit() and 97 - int(plain[:13]) % 97 == int(plain[13:])


def _dni(text: str) -> bool:
    plain = "".join(sign for sign in text.upper() if sign.isalnum())
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return number.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def _codice_fiscale(text: str) -> bool:
    values = "1 0 5 7 9 13 15 17 19 21 1 0 5 7 9 13 15 17 19 21 2 4 18 20 11 3 6 8 12 14 16 10 22 25 24 23"
    odd = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", map(int, values.split()), strict=True))
    plain = text.upper()
    even = sum(int(sign) if sign.isdigit() else ord(sign) - 65 for sign in plain[1:15:2])
    return chr(65 + (sum(odd[sign] for sign in plain[:15:2]) + even) % 26) == plain[15]


def _steuer_id(text: str) -> bool:
    product = 10
    found = _digits(text)
    for digit in found[:-1]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == found[-1]


def _verhoeff(text: str) -> bool:
    def times(a: int, b: int) -> int:  # in the dihedral group of the pentagon
        if a < 5:
            return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
        return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5

    def turned(digit: int, times_: int) -> int:
        for _ in range(times_ % 8):
            digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
        return digit

    check = 0
    for place, digit in enumerate(reversed(_digits(text))):
        check = times(check, turned(digit, place))
    return check == 0


def _cpf(text: str) -> bool:
    found = _digits(text)
    first = sum(digit * weight for digit, weight in zip(found[:9], range(10, 1, -1), strict=True)) * 10 % 11 % 10
    second = sum(digit * weight for digit, weight in zip(found[:10], range(11, 1, -1), strict=True)) * 10 % 11 % 10
    return found[9:] == [first, second] and len(set(found)) > 1


def _ean(text: str) -> bool:
    return sum(digit * weight for digit, weight in zip(_digits(text), cycle((1, 3)), strict=False)) % 10 == 0


def _nric(text: str) -> bool:
    found = _digits(text)
    total = sum(digit * weight for digit, weight in zip(found, (2, 7, 6, 5, 4, 3, 2), strict=True))
    first = text[0].upper()
    letters = {"S": "JZIHGFEDCBA", "T": "GFEDCBAJZIH", "F": "XWUTRQPNMLK", "G": "RQPNMLKXWUT"}.get(first)
    return letters is None or letters[total % 11] == text[-1].upper()


def _chinese(text: str) -> bool:
    total = sum(digit * pow(2, 17 - place, 11) for place, digit in enumerate(_digits(text[:17])))
    return "10X98765432"[total % 11] == text[17].upper()


def _hetu(text: str) -> bool:
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(text[:6] + text[7:10]) % 31] == text[10].upper()


def _wallet(text: str) -> bool:
    number = 0
    for sign in text:
        number = number * 58 + "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".index(sign)
    if number.bit_length() > 200:
        return False
    raw = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def _some_digits(least: int) -> Check:
    return lambda text: len(_digits(text)) >= least


_IBANS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28
EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26
IT27 JO30 KW30 KZ20 LB28 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15
PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SE24 SI19 SK24 SM27 TN24 TR26 UA29 VA22 VG24 XK20
"""
_IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBANS.split()}

SSN, TAX, PASSPORT, LICENCE, IDENTITY = (
    "social security number",
    "tax number",
    "passport number",
    "driver's licence number",
    "identity number",
)
BANK, HEALTH, VAT, WALLET = "bank account number", "health number", "VAT number", "crypto wallet"
_PASSPORT_WORDS = r"passport|reisepass|pass-?nr|passnummer|passeport|pasaporte|passaporto|paspoort|passaporte"
_LICENCE_WORDS = (
    r"driv(?:er'?s?|ing)[ -]?licen[cs]e|licen[cs]e (?:number|no|#|is)|\bdl\b|f(?:ü|ue|u)hrerschein|permis de "
    r"conduire|(?:carnet|permiso) de"
    r" conduc|patente(?: di guida)?|rijbewijs|carta de condu"
)
_IDENTITY_WORDS = (
    r"\bid(?:entity)?[ -]?(?:card|number|no|doc)|national id|personalausweis|ausweis|carte d'identit|carta "
    r"d'identit|dni\b|documento de"
    r" identidad|identiteitskaart|voter|\bcni\b"
)
_TAX_WORDS = (
    r"tax|steuer|\btfn\b|\btin\b|\bitin\b|\bpan\b|fiscal|\bnif\b|\bcpf\b|\butr\b|\bnip\b|\bein\b|"
    r"\bbsn\b|impôt|\bsteuer-?id"
)
_VAT_WORDS = (
    r"\bvat\b|ust-?id|umsatzsteuer|mwst|\btva\b|\biva\b|\bbtw\b|partita iva|gstin|\bgst\b|\babn\b|\bsiret?n?\b|\bcif\b"
)
_BANK_WORDS = (
    r"bank|account (?:number|no|nr|#|is)|acct|konto|routing|\baba\b|sort code|\bbsb\b|\bifsc\b|clabe|compte|"
    r"cuenta|conto corrente|\brib\b"
    r"|rekening|\biban\b|\bach\b"
)
_SOCIAL_WORDS = (
    r"\bssn\b|social (?:security|insurance)|\bsin\b|sozialversicherung|rentenversicherung|sécurité sociale|"
    r"securite sociale|seguridad social"
    r"|\bnir\b|\bahv\b|\bpesel\b|personnummer|national insurance|\bnino\b|\bbsn\b|burgerservice|\btckn\b|aadhaar"
    r"|aadhar|\buid\b|resident"
)
_HEALTH_WORDS = (
    r"\bnhs\b|medicare|medicaid|health (?:card|insurance|number)|\bmbi\b|krankenversicher|"
    r"krankenkasse|carte vitale|\bmrn\b|patient (?:id|number)"
)

_SSN_WORDS, _SIN_WORDS = r"\bssn\b|social security", r"\bsin\b|social insurance"
_SORT_WORDS, _BIC_WORDS = r"sort code|\bbsb\b", r"\bifsc\b|\bbic\b|swift"

IDENTIFIERS = (
    Identifier("IBAN", r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?", iban),
    Identifier(SSN, r"\d{3}-\d{2}-\d{4}", _ssn),
    Identifier(SSN, r"\d{3}[ ./-]?\d{2}[ ./-]?\d{4}", _ssn, _SSN_WORDS),
    Identifier(SSN, r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", _nir),
    Identifier(SSN, r"756\.?\d{4}\.?\d{4}\.?\d{2}", _ean),
    Identifier(SSN, r"\d{2} ?\d{6} ?[A-Z] ?\d{3}", None, _SOCIAL_WORDS),
    Identifier(SSN, r"\d{3}[ -]?\d{3}[ -]?\d{3}", luhn, _SIN_WORDS),
    Identifier(SSN, r"\d{8,13}", None, _SOCIAL_WORDS),
    Identifier(
        "national insurance number",
        r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2}"
        r" ?\d{2} ?\d{2} ?[A-D]",
    ),
    Identifier(TAX, r"9\d{2}[ -][5-9]\d[ -]\d{4}"),
    Identifier(TAX, r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]"),
    Identifier(TAX, r"\d{2} ?\d{3} ?\d{3} ?\d{3}", _steuer_id, _TAX_WORDS),
    Identifier(TAX, r"\d{2,3}[ /]?\d{3}[ /]?\d{3,5}|\d{2}-\d{7}", None, _TAX_WORDS),
    Identifier(TAX, r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", _codice_fiscale),
    Identifier(TAX, r"\d{3}\.\d{3}\.\d{3}-\d{2}", _cpf),
    Identifier(TAX, r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}"),
    Identifier(IDENTITY, r"\d{8}[ -]?[A-HJ-NP-TV-Z]|[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", _dni),
    Identifier(IDENTITY, r"(?<!\d{4}[ -])[2-9]\d{3}[ -]\d{4}[ -]\d{4}(?![ -]\d)", _verhoeff),
    Identifier(IDENTITY, r"[2-9]\d{11}", _verhoeff, _SOCIAL_WORDS),
    Identifier(IDENTITY, r"[STFGM]\d{7}[A-Z]", _nric),
    Identifier(IDENTITY, r"\d{6}-[1-4]\d{6}"),
    Identifier(IDENTITY, r"[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9X]", _chinese),
    Identifier(IDENTITY, r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[-+A]\d{3}[0-9A-Y]", _hetu),
    Identifier(
        IDENTITY,
        r"(?:19|20)?\d{2}(?:0[1-9]|1[0-2])"
        r"(?:0[1-9]|[12]\d|3[01])[-+]\d{4}",
        lambda text: luhn(text[-11:]),
    ),
    Identifier(IDENTITY, r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d"),
    Identifier(IDENTITY, r"[A-Z0-9]{2,4}[ -]?(?=[A-Z]{0,4}\d)[A-Z0-9]{3,10}", _some_digits(4), _IDENTITY_WORDS),
    Identifier(
        PASSPORT,
        r"[A-Z]{0,3} ?\d[A-Z0-9]{5,9}|"
        r"[A-Z]{1,2}\d{2}[A-Z0-9]{4,7}|[A-Z][A-Z0-9]{7,9}",
        _some_digits(3),
        _PASSPORT_WORDS,
    ),
    Identifier(LICENCE, r"[A-Z9]{5}\d[0156]\d[0-3]\d{2}[A-Z9]{2}\d[A-Z]{2}(?: ?\d{2})?"),
    Identifier(
        LICENCE,
        r"[A-Z]{0,3}[ -]?\d[A-Z0-9]{2,15}(?:[ -](?:[A-Z]{0,4}\d[A-Z0-9]{0,5}|[A-Z]{2,4})){0,4}|"
        r"[A-Z]{1,5}[A-Z0-9]{4,14}",
        _some_digits(4),
        _LICENCE_WORDS,
    ),
    Identifier(HEALTH, r"\d{3}[ -]?\d{3}[ -]?\d{4}", _nhs, _HEALTH_WORDS),
    Identifier(
        HEALTH,
        r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?"
        r"[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}",
    ),
    Identifier(HEALTH, r"[A-Z]?\d{4,5}[ -]?\d{4,5}(?:[ -]?\d{1,2})?", None, _HEALTH_WORDS),
    Identifier(BANK, r"\d{2}[ -]?\d{2}[ -]?\d{2}|\d{3}-\d{3}", None, _SORT_WORDS),
    Identifier(BANK, r"\d(?:[ -]?\d){5,16}", None, _BANK_WORDS),
    Identifier(BANK, r"[A-Z]{4}0[A-Z0-9]{6}|[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", None, _BIC_WORDS),
    Identifier(
        VAT,
        r"(?:ATU|BE ?0?|DE ?|ES ?[A-Z]?|FR ?[A-Z0-9]{2} ?|GB ?|IT ?|NL ?|PL ?|PT ?|SE ?|IE ?|DK ?|FI"
        r" ?|CHE-?|EU ?|AU ?)?\d[\d .]{6,13}\d(?:B\d{2}|[A-Z]{1,2})?",
        _some_digits(8),
        _VAT_WORDS,
    ),
    Identifier(VAT, r"\d{2}[A-Z]{5}\d{4}[A-Z][1-9A-Z]Z[0-9A-Z]"),
)

WALLETS = (
    Identifier(WALLET, r"[13][a-km-zA-HJ-NP-Z1-9]{25,34}", _wallet),
    Identifier(WALLET, r"(?:bc1|tb1|ltc1)[ac-hj-np-z02-9]{35,60}|0x[0-9a-fA-F]{40}"),
    Identifier(WALLET, r"4[0-9AB][1-9A-HJ-NP-Za-km-z]{93}"),
)

LONGEST = 48  # characters of an identifier
CONTEXT = 48  # characters before it in which its words stand


class Reader(NamedTuple):
    """An identifier whose pattern and words are ready."""

    label: str
    pattern: regex.Pattern[str]
    check: Check | None
    words: regex.Pattern[str] | None
    needs: Sequence[str]  # of which, in small letters, one is wherever the words are


_NEEDS = {
    _PASSPORT_WORDS: ("pass", "pasaporte", "paspoort"),
    _LICENCE_WORDS: ("driv", "licen", "dl", "hrerschein", "permis", "carnet", "patente", "rijbewijs", "carta de condu"),
    _IDENTITY_WORDS: (
        " id",
        "(id",
        ":id",
        "identit",
        "ausweis",
        "carte d",
        "carta d",
        "dni",
        "documento",
        "voter",
        "cni",
    ),
    _TAX_WORDS: (
        "tax",
        "steuer",
        "tfn",
        " tin",
        " pan",
        "fiscal",
        "itin",
        "nif",
        "cpf",
        "utr",
        "nip",
        " ein",
        "bsn",
        "imp",
    ),
    _VAT_WORDS: ("vat", "ust", "umsatz", "mwst", "tva", "iva", "btw", "gst", "abn", "sire", "cif"),
    _BANK_WORDS: (
        "bank",
        "account",
        "acct",
        "konto",
        "routing",
        "aba",
        "sort",
        "bsb",
        "ifsc",
        "clabe",
        "compte",
        "cuenta",
        "conto",
        "rib",
        "rekening",
        "iban",
        "ach",
    ),
    _SOCIAL_WORDS: (
        "ssn",
        "social",
        " sin",
        "sozial",
        "renten",
        "seguridad",
        "curit",
        "nir",
        "ahv",
        "pesel",
        "personn",
        "insurance",
        "nino",
        "bsn",
        "burger",
        "tckn",
        "aad",
        " uid",
        "resident",
    ),
    _HEALTH_WORDS: ("nhs", "medic", "health", "mbi", "kranken", "vitale", "mrn", "patient"),
    _SSN_WORDS: ("ssn", "social"),
    _SIN_WORDS: (" sin", "social"),
    _SORT_WORDS: ("sort", "bsb"),
    _BIC_WORDS: ("ifsc", "bic", "swift"),
}


def readers(identifiers: Sequence[Identifier]) -> tuple[Reader, ...]:
    """Compile them; none begins or ends inside of a longer word or number."""
    return tuple(
        Reader(
            given.label,
            regex.compile(rf"(?<![A-Za-z0-9])(?<!\d[.,/-])(?:{given.pattern})(?![A-Za-z0-9])(?![.,/-]\d)"),
            given.check,
            regex.compile(given.words, regex.IGNORECASE) if given.words else None,
            _NEEDS.get(given.words, ()),
        )
        for given in identifiers
    )
