"""Letters that look like small Latin ones."""

from __future__ import annotations

import unicodedata

# Each line: the Latin letter, and what passes for it in other scripts, in phonetic writing and as a small capital.
_LOOKALIKES = """
a аαɑᴀꭺ∂ª
b ьвβƅʙɓƀ
c сϲᴄƈⅽ¢ç
d ԁɗᴅđⅾժ
e еεєɛᴇҽ℮ə
f ƒꜰғ
g ɡɢǥց
h һнʜɦħհ
i іιıɪɩӏⅰ
j јϳᴊյ
k кκᴋƙ
l ʟⅼłƚ
m мᴍⅿ
n пոɴηռ
o оοσᴏօøө
p рρᴘþ
q ԛգ
r гʀɾя
s ѕꜱʂ
t тτᴛŧ
u υᴜսʋц
v νѵᴠⅴ
w ԝωᴡѡա
x хχⅹ
y уγʏүყ
z ᴢʐƶ
' ’‘ʼ‛`´
" “”„«»
- ‐‑‒–—−
"""
_LATIN = {other: line[0] for line in _LOOKALIKES.strip().splitlines() for other in line[2:]}


class _Table(dict[int, str]):
    """What a character becomes, found out once for each that occurs; always one character."""

    def __missing__(self, code: int) -> str:
        self[code] = _folded(chr(code))
        return self[code]


def _folded(letter: str) -> str:
    small = letter.lower()[:1]
    base = unicodedata.normalize("NFKD", small)[:1]
    if base in _LATIN:
        return _LATIN[base]
    return base if base.isascii() and base.isalpha() else _LATIN.get(small, small)


TABLE = _Table()
