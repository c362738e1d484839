"""What a run has two adapters answer, and how what they said becomes events."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analytics import SideBySide
from analytics.events_side_by_side import Side
from learner.progress import read_json

FILE = "side_by_side.json"
Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Comparison:
    """`count` prompts for two adapters: those of people of the decide group, or `prompts` where there are any.

    The folders are those of the adapters, None for the base itself; the supervisor fills them in.
    """

    challenger: str
    champion: str
    count: int
    prompts: tuple[Messages, ...] = ()
    challenger_folder: str | None = None
    champion_folder: str | None = None

    @classmethod
    def from_values(cls, values: Mapping[str, Any] | None) -> Comparison | None:
        """What `dataclasses.asdict` gave, out of JSON."""
        return None if values is None else cls(**{**values, "prompts": tuple(values["prompts"])})


def events(folder: Path, set_id: str) -> list[SideBySide]:
    """The items of a run that compared; which side is whose is drawn here. Nothing of a run that did not."""
    said: dict[str, Any] = read_json(folder / FILE) or {}
    # Whoever knows the run must not be able to draw the same sides again.
    draw = random.SystemRandom()
    found = []
    for number, item in enumerate(said.get("items", ())):
        side: Side = draw.choice(("a", "b"))
        answers = item["challenger"], item["champion"]
        answer_a, answer_b = answers if side == "a" else answers[::-1]
        found.append(
            SideBySide(
                set_id=set_id,
                item_id=f"{set_id}-{number}",
                turn_id=item["turn_id"],
                person=item["person"],
                messages=item["messages"],
                challenger=said["challenger"],
                champion=said["champion"],
                answer_a=answer_a,
                answer_b=answer_b,
                challenger_is=side,
            )
        )
    return found
