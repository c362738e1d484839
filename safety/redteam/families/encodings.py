"""The request in a code that a model can read and a filter may not."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from types import MappingProxyType
from urllib.parse import quote

from safety.morse import morse
from safety.redteam.attack import Attack, user
from safety.redteam.families.wrapping import Wrap, texts, wrapped
from safety.redteam.goals import Goal
from safety.redteam.letters import LEET, replaced

CODES: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "base64": lambda text: base64.b64encode(text.encode()).decode(),
        "base32": lambda text: base64.b32encode(text.encode()).decode(),
        "hex": lambda text: text.encode().hex(),
        "rot13": lambda text: codecs.encode(text, "rot13"),
        "leetspeak": lambda text: replaced(text.lower(), LEET),
        "morse": morse,
        "reversed": lambda text: text[::-1],
        "url": lambda text: "".join(
            f"%{byte:02X}" if chr(byte).isalnum() else quote(chr(byte)) for byte in text.encode()
        ),
        "binary": lambda text: " ".join(f"{byte:08b}" for byte in text.encode()),
    }
)


def attacks(goals: Sequence[Goal], rng: Random) -> Iterator[Attack]:
    """Every goal in every code, with the name of the code before it; leetspeak needs none."""
    frames = texts("encodings")

    def wrap(name: str, code: Callable[[str], str]) -> Wrap:
        frame = str(frames.get(name, frames["any"])).replace("{name}", name)
        return lambda text: (user(frame.replace("{coded}", code(text))),)

    return wrapped("encodings", goals, {name: wrap(name, code) for name, code in CODES.items()})
