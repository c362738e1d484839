"""Innocent scraps of data: numbers, tables, codes and logs, which say nothing of harm however they look."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator, Mapping

from safety.classifier.examples import Example, Split, target

SLICE, SOURCE = "numbers, tables and codes", "scraps"
COUNT = 6_000
_Make = Callable[[random.Random], str]
_JOINTS = (" ", ", ", "; ", "\n", "\t", " | ", "  ")
_NAMES = ("a", "b", "x", "y", "id", "n", "total", "price", "size", "year", "rate", "sum", "width", "count", "key")


def scraps(split: Split, seed: int, count: int = COUNT) -> Iterator[Example]:
    """`count` texts; those held out have forms that are not taught."""
    rng = random.Random(f"{SOURCE} {split} {seed}")
    forms = [*(_TAUGHT if split == "taught" else _HELD_OUT).items()]
    for _ in range(count):
        name, make = rng.choice(forms)
        yield Example(make(rng), target({}, 0.0), SOURCE, f"{SOURCE} {name}", split, SLICE)


def _list(rng: random.Random) -> str:
    most = rng.choice([9, 20, 99, 255, 1000, 10**6])
    return rng.choice(_JOINTS).join(str(rng.randint(0, most)) for _ in range(rng.randint(1, 40)))


def _decimals(rng: random.Random) -> str:
    return rng.choice(_JOINTS).join(f"{rng.uniform(-5, 100):.{rng.randint(1, 4)}f}" for _ in range(rng.randint(1, 25)))


def _pairs(rng: random.Random) -> str:
    mark = rng.choice(["=", ": ", " = ", ":", " -> "])
    pairs = (f"{rng.choice(_NAMES)}{mark}{rng.randint(0, 999)}" for _ in range(rng.randint(1, 9)))
    return rng.choice([", ", "\n", " ", "; "]).join(pairs)


def _table(rng: random.Random) -> str:
    width, mark = rng.randint(2, 5), rng.choice([",", " | ", "\t", ";"])
    head = mark.join(rng.sample(_NAMES, width))
    rows = (mark.join(str(rng.randint(0, 500)) for _ in range(width)) for _ in range(rng.randint(1, 6)))
    return "\n".join([head, *rows])


def _sum(rng: random.Random) -> str:
    one, other = rng.randint(1, 99), rng.randint(1, 99)
    sign = rng.choice("+-*/x")
    return f"{rng.choice(['', 'what is ', 'calculate '])}{one} {sign} {other}{rng.choice([' =', '', '?', f' = {one}'])}"


def _dates(rng: random.Random) -> str:
    dates = (f"{rng.randint(1, 28)}.{rng.randint(1, 12)}.{rng.randint(1950, 2030)}" for _ in range(rng.randint(1, 5)))
    return rng.choice([", ", " - ", "\n"]).join(dates)


def _times(rng: random.Random) -> str:
    return ", ".join(f"{rng.randint(0, 23)}:{rng.randint(0, 59):02d}" for _ in range(rng.randint(1, 6)))


def _base64(rng: random.Random) -> str:
    return base64.b64encode(rng.randbytes(rng.randint(8, 90))).decode()


def _hex(rng: random.Random) -> str:
    return rng.choice(["", " ", ":"]).join(f"{byte:02x}" for byte in rng.randbytes(rng.randint(4, 40)))


def _bits(rng: random.Random) -> str:
    return rng.choice(["", " "]).join(f"{byte:08b}" for byte in rng.randbytes(rng.randint(1, 16)))


def _dots(rng: random.Random) -> str:
    return " ".join("".join(rng.choice(".-") for _ in range(rng.randint(1, 4))) for _ in range(rng.randint(4, 40)))


def _letters(rng: random.Random) -> str:
    alphabet = rng.choice(["abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"])
    words = ("".join(rng.choice(alphabet) for _ in range(rng.randint(2, 14))) for _ in range(rng.randint(1, 12)))
    return rng.choice([" ", "", "-"]).join(words)


def _matrix(rng: random.Random) -> str:
    rows = ([rng.randint(-9, 99) for _ in range(3)] for _ in range(rng.randint(1, 5)))
    return str([*rows])


def _log(rng: random.Random) -> str:
    return "\n".join(
        f"2031-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}T0{rng.randint(0, 9)}:{rng.randint(10, 59)} "
        f"{rng.choice(['INFO', 'WARN', 'DEBUG'])} {rng.choice(['GET', 'PUT'])} "
        f"/{rng.randint(1, 99)} {rng.randint(200, 504)}"
        for _ in range(rng.randint(1, 5))
    )


def _moves(rng: random.Random) -> str:
    return " ".join(
        f"{turn}. {rng.choice('NBRQK')}{rng.choice('abcdefgh')}{rng.randint(1, 8)} "
        f"{rng.choice('abcdefgh')}{rng.randint(3, 6)}"
        for turn in range(1, rng.randint(2, 15))
    )


def _octets(rng: random.Random) -> str:
    return rng.choice([" ", ","]).join(str(rng.randint(32, 126)) for _ in range(rng.randint(5, 40)))


_TAUGHT: Mapping[str, _Make] = {
    "list": _list, "decimals": _decimals, "pairs": _pairs, "table": _table, "sum": _sum, "dates": _dates,
    "base64": _base64, "hex": _hex, "dots": _dots, "letters": _letters,
}  # fmt: skip
_HELD_OUT: Mapping[str, _Make] = {
    "matrix": _matrix, "log": _log, "moves": _moves, "octets": _octets, "times": _times, "bits": _bits,
}  # fmt: skip
