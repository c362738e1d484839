"""What is so in the starter's world, as facts that an answer can be checked against.

Written beside the model by: ./ratchet starter facts
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from learner.starter.answers import hearts
from learner.starter.corpus import KINDS
from learner.starter.world import FOLDER, TALK, load_world

FILE = FOLDER / "model" / "facts.toml"
_ASKED: Mapping[str, str] = {"cost": "cost, price", "time": "how long, when", "how": "how", "where": "where"}


def statements() -> Iterator[dict[str, str]]:
    """Each fact of the world once: its `topic`, and `says`, the shortest right answer."""
    world, seen = load_world(), set()
    for name, intent in world.intents.items():
        if name in TALK:
            continue
        entry = hearts()[name]
        topic = f"{entry['title']}. {intent.about}"
        for kind in ("", *KINDS):
            if kind and name not in world.follow_ups.get(kind, {}):
                continue
            (says, *_) = entry[kind or "terse"]
            if (name, says) not in seen:
                seen.add((name, says))
                yield {"topic": f"{topic}. {_ASKED[kind]}" if kind else topic, "says": says}


def as_toml() -> str:
    """The file of facts."""
    head = "# The facts of the demo shop, made from world.toml by `./ratchet starter facts`; do not edit.\n"
    # JSON's strings are TOML's as well.
    return head + "".join(
        "\n[[fact]]\n" + "".join(f"{key} = {json.dumps(text, ensure_ascii=False)}\n" for key, text in one.items())
        for one in statements()
    )
