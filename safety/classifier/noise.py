"""How people, and those who evade filters, change a text that the classifier learns from."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

_Way = Callable[[str, random.Random], str]

_LEET: Mapping[str, str] = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "l": "1", "b": "8"}
_LOOKALIKES: Mapping[str, str] = {
    "a": "аα", "c": "с", "e": "еé", "i": "іí", "o": "оοö", "p": "р", "x": "х", "y": "у", "k": "к", "n": "ñ", "u": "ü",
}  # fmt: skip
_NEAR: Mapping[str, str] = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "ko", "m": "n", "n": "bm", "o": "ip", "p": "ol", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "xa",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]{3,}")
_LINES = (
    "# {}", "## {}", "> {}", ">>> {}", "```\n{}\n```", "```python\n# {}\n```", "| {} | yes |", "<p>{}</p>", '"{}"',
    "- [ ] {}", "'{}'", "print(\"{}\")", "// {}", "/* {} */", "1. {}", "({})", "<h3>{}</h3>", "$ {}", "{} :)",
    "\u26a0\ufe0f {}", "{}\n-----",
)  # fmt: skip
_BULLETS = ("- ", "* ", "1. ", "2) ", "\u2022 ", "  - ", "| ", "> ", "+ ")
_SCRAPS = (
    "**", "```", ">>>", "...", "|", "::", "->", "=>", "()", "{}", "[]", "==", "!=", "x = 3", "f(x)", "a[0]", "i += 1",
    "--help", "import os", "<br>", "https://a.example/b", "v1.2.3", "#42", "&amp;", "\u2705", "\U0001f680",
    "\U0001f917", "(see below)", "e.g.", "i.e.", "10%", "3.10+", "`x`", "return None", "def f():", "key: value",
    "1) 2)", "None", "true", "--", "\u2014", "~/.config", "./run.sh", "a/b/c.py", "$HOME", "\\n",
)  # fmt: skip


def noisy(text: str, rng: random.Random, around: Mapping[str, Sequence[str]]) -> str:
    """`text` as it may come: half the time as it is, else with company, in other letters, mistyped or disguised."""
    if rng.random() < 0.1:
        text = formatted(text, rng)
    if rng.random() < 0.2:
        text = f"{rng.choice(around['before'])} {text}"
    if rng.random() < 0.2:
        text = f"{text} {rng.choice(around['after'])}"
    dice = rng.random()
    if dice < 0.15:
        text = text[:1].upper() + text[1:] + rng.choice(["", ".", "!", "?"])
    elif dice < 0.19:
        text = text.upper()
    elif dice < 0.27:
        text = mistyped(text, rng)
    elif dice < 0.36:
        text = disguised(text, rng)
    elif dice < 0.42:
        text = drawn(text, rng)
    return text


def formatted(text: str, rng: random.Random) -> str:
    """As Markdown, code and the web have it: such marks say nothing of harm."""
    way = rng.randrange(5)
    if way == 0:
        return rng.choice(_LINES).replace("{}", text)
    if way == 1:
        mark = rng.choice(["**", "*", "`", "_", "***", "~~"])
        return _WORD.sub(lambda match: f"{mark}{match[0]}{mark}" if rng.random() < 0.3 else match[0], text)
    if way == 2:
        return "\n".join(f"{rng.choice(_BULLETS)}{part}" for part in re.split(r"(?<=[.,;?!]) ", text))
    if way == 3:
        words = text.split()
        words.insert(rng.randrange(len(words) + 1), rng.choice(_SCRAPS))
        return " ".join(words)
    return _WORD.sub(
        lambda match: f"[{match[0]}](https://a.example/{match[0]})" if rng.random() < 0.2 else match[0], text
    )


def mistyped(text: str, rng: random.Random, near: Mapping[str, str] = _NEAR) -> str:
    """One slip in about forty letters: one missing, doubled, swapped, or `near` it on the keyboard."""
    letters = list(text)
    for _ in range(1 + len(letters) // 40):
        place = rng.randrange(len(letters)) if letters else 0
        if not letters or not letters[place].isalpha():
            continue
        slip = rng.random()
        if slip < 0.3:
            letters[place] = ""
        elif slip < 0.5:
            letters[place] *= 2
        elif slip < 0.75 and place + 1 < len(letters):
            letters[place], letters[place + 1] = letters[place + 1], letters[place]
        else:
            letters[place] = rng.choice(near.get(letters[place].lower(), letters[place]))
    return "".join(letters)


def disguised(text: str, rng: random.Random) -> str:
    """Some words with digits, look-alikes, stars or gaps in them, or no gaps between words."""
    if rng.random() < 0.1:
        return text.replace(" ", rng.choice(["", "", "_", "."]))
    return _some(rng.choice(_WORDS), 0.5)(text, rng)


def drawn(text: str, rng: random.Random) -> str:
    """Words left out, or two of them in the wrong order."""
    words = text.split()
    if len(words) < 5:
        return text
    if rng.random() < 0.5:
        place = rng.randrange(len(words) - 1)
        words[place], words[place + 1] = words[place + 1], words[place]
        return " ".join(words)
    return " ".join(word for word in words if len(word) > 3 or rng.random() > 0.3)


def _leet(word: str, rng: random.Random) -> str:
    return _swapped(word, _LEET, rng)


def _lookalike(word: str, rng: random.Random) -> str:
    return _swapped(word, _LOOKALIKES, rng)


def _swapped(word: str, table: Mapping[str, str], rng: random.Random) -> str:
    return "".join(
        rng.choice(table[letter.lower()]) if letter.lower() in table and rng.random() < 0.5 else letter
        for letter in word
    )


def _starred(word: str, rng: random.Random) -> str:
    place = rng.randrange(1, len(word) - 1)
    return word[:place] + rng.choice("**#-") + word[place + 1 :]


def _apart(word: str, rng: random.Random) -> str:
    return rng.choice([" ", ".", "-", " . "]).join(word)


def _doubled(word: str, rng: random.Random) -> str:
    place = rng.randrange(len(word))
    return word[:place] + word[place] * rng.randint(2, 5) + word[place:]


def _some(way: _Way, share: float) -> _Way:
    """`way` done to this share of the words."""

    def done(text: str, rng: random.Random) -> str:
        return _WORD.sub(lambda match: way(match[0], rng) if rng.random() < share else match[0], text)

    return done


_WORDS: Sequence[_Way] = (_leet, _lookalike, _starred, _apart, _doubled)
WAYS: Mapping[str, _Way] = {
    "digits for letters": _some(_leet, 0.7),
    "look-alike letters": _some(_lookalike, 0.7),
    "a star in words": _some(_starred, 0.5),
    "letters set apart": _some(_apart, 0.5),
    "letters drawn out": _some(_doubled, 0.7),
    "no spaces": lambda text, _: text.replace(" ", ""),
    "one slip in 40 letters": mistyped,
    "capitals": lambda text, _: text.upper(),
}
"""Ways to evade a filter, each done to a whole text."""
