"""The words of a text that say what it is about, in one form each."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]{2,}")
_EMPTY = """
a an the and or but nor so as at by for from in into of off on onto out over to up with within without about above
after again all also am any anything are be been before being below both can cannot could did do does doing done down
during each else every everything few get gets got had has have having he her here hers him his how if is it its
itself just know let like made make may me might more most much must my no not nothing now once one only other our
ours own please same say see she should some something soon still such take takes than thank thanks that their them
then there these they thing things this those through too under until us very want was we well were what when where
whether which while who whom whose why will would yes you your yours im ive id dont doesnt cant wont isnt hello hi hey
dear help ask glad sorry hope anything lovely tell
"""
# What belongs to a value, not to what it is about.
_OF_VALUES = """
free pm euro euros eur dollar dollars pound pounds cent cents percent second seconds minute minutes min hour hours day
days working business week weeks month months year years
"""
_STOP = frozenset(f"{_EMPTY} {_OF_VALUES}".split())
# Words that customers and documents use for the same thing; the first of a line stands for all.
_SAME = """
return
deliver ship
price cost fee charge
parcel package
refund reimburse
pay paid payment
warranty guarantee
discount coupon
email mail
phone telephone call
exchange swap
purchase buy bought
item product article
"""
_DOUBLED = frozenset("bdgmnprtv")  # as in shipped; missed and called keep both


def _root(word: str) -> str:
    for ending, least in (("ies", 3), ("ing", 3), ("ed", 3), ("ment", 3), ("es", 3), ("s", 2)):
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    word = word.rstrip("ey") if len(word) > 3 else word
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] in _DOUBLED else word


_FIRST = {_root(name): _root(line.split()[0]) for line in _SAME.strip().split("\n") for name in line.split()}


@lru_cache(maxsize=20000)
def stem(word: str) -> str:
    """What an English word in lower case has in common with its other forms, and with those that mean the same."""
    root = _root(word)
    return _FIRST.get(root, root)


def words_of(text: str) -> list[str]:
    """The stems of the words that carry meaning, in their order."""
    plain = text.lower().replace("'", "").replace("\u2019", "")
    return [stem(word) for word in _WORD.findall(plain) if word not in _STOP]
