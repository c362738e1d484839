"""What the check against facts finds: right answers of the starter that it flags, and wronged ones that it does not.

A wronged answer is a right one in which one value was changed, so that the starter's score no longer calls it right.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

import typer

from benchmarks import tell
from learner.starter import score
from learner.starter.answers import hearts
from learner.starter.corpus import corpus
from learner.starter.facts import FILE
from learner.starter.styles import STYLES, style_of
from safety import Context, Decision, Setup
from safety.facts import Value, find_values
from safety.filters.facts import Facts
from safety.interval import wilson
from safety.policy import bundled_rules

INVENTED = (
    "You can also write to returns@fernway-help.example.",
    "You will find more at https://fernway-returns.example/start.",
    "You can also call 0800 555 7788.",
    "See https://fernway.example/help/contact for more.",
)
NUMBERS = ("2", "3", "4", "6", "9", "12", "15", "20", "25", "45", "50", "75", "90", "120")


@dataclass(frozen=True)
class Told:
    """An answer in its place, and what it is about."""

    intent: str
    prompt: str
    system: str
    text: str


def right_answers(seed: int) -> Iterator[Told]:
    """Right answers as the corpus has them, without end."""
    for example in corpus(seed, dict.fromkeys(STYLES, 1.0)):
        said = list(example.messages)
        system = said.pop(0)["content"] if said[0]["role"] == "system" else ""
        for number, intent in enumerate(example.intents):
            yield Told(intent, said[2 * number]["content"], system, said[2 * number + 1]["content"])


def same_type(told: Told, rng: random.Random) -> str | None:
    """The answer with one number of one value changed."""
    values = [value for value in _claims(told.text) if any(letter.isdigit() for letter in value.text)]
    if not values:
        return None
    value = rng.choice(values)
    number = next(word for word in value.text.replace("-", " ").split() if any(letter.isdigit() for letter in word))
    other = rng.choice([one for one in NUMBERS if one != number])
    if ":" in number:
        other = f"{rng.choice([6, 7, 9, 10, 11, 13, 16, 19, 20, 22])}:00"
    return _replaced(told.text, value, value.text.replace(number, other, 1))


def other_topic(told: Told, rng: random.Random) -> str | None:
    """The answer with a value that belongs to another topic."""
    values = _claims(told.text)
    if not values:
        return None
    value = rng.choice(values)
    others = [one.text for one in _all_values() if one.kind == value.kind and one.text != value.text]
    return _replaced(told.text, value, rng.choice(others)) if others else None


def invented_address(told: Told, rng: random.Random) -> str | None:
    """The answer with an address that does not exist, in place of its own or after it."""
    own = [value for value in find_values(told.text) if value.kind in ("email", "phone")]
    if own:
        value = rng.choice(own)
        return _replaced(told.text, value, "0800 555 7788" if value.kind == "phone" else "care@fernway.example")
    return f"{told.text} {rng.choice(INVENTED)}"


WRONGS: Mapping[str, Callable[[Told, random.Random], str | None]] = {
    "same type": same_type,
    "other topic": other_topic,
    "invented address": invented_address,
}


def wronged(seed: int, kind: str) -> Iterator[Told]:
    """Answers that one change made wrong, without end; those of an own order are left out, see `right_answers`."""
    rng = random.Random(f"{seed} {kind}")
    for told in right_answers(seed + 1000):
        if told.system and told.intent.startswith("order_status"):
            continue
        text = WRONGS[kind](told, rng)
        if text is not None and (kind == "invented address" or not score(told.intent, text).right):
            yield Told(told.intent, told.prompt, told.system, text)


def flagged(filter_: Facts, told: Told) -> bool:
    """Whether the filter would send it to a reviewer."""
    context = Context("output", prompt=told.prompt, system=told.system)
    return filter_.check(told.text, context).decision is not Decision.ALLOW


def shipped() -> Facts:
    """The filter as the starter is served with it."""
    return Facts(Setup("facts", bundled_rules("facts"), {"sources": str(FILE)}))


def measure(seed: int, count: int) -> dict[str, object]:
    """Shares in [0, 1] with their intervals: of right answers by style, of wronged ones by what was done."""
    filter_ = shipped()
    right = list(islice(right_answers(seed), count))
    found: dict[str, object] = {"right": _share(filter_, right)}
    for style in STYLES:
        found[f"right, {style}"] = _share(filter_, [told for told in right if style_of(told.text) == style])
    for kind in WRONGS:
        found[f"wronged, {kind}"] = _share(filter_, list(islice(wronged(seed, kind), count)))
    return found | {"ms_2000_sentences": speed(seed)}


def speed(seed: int, sentences: int = 2000, answers: int = 200) -> dict[str, float]:
    """Milliseconds for an answer of about 64 tokens against many sentences: the median and the 99th of 100."""
    from safety.facts import Fact, Index, read_facts
    from safety.facts.check import findings
    from safety.facts.check import told as read

    rng, known = random.Random(seed), read_facts(FILE)
    many = [Fact(one.says, one.where, one.values, f"{one.topic} {rng.randrange(99)}") for one in known]
    index = Index([rng.choice(many) for _ in range(sentences)])
    took = []
    for told in islice((one for one in right_answers(seed) if 30 <= len(one.text.split()) <= 56), answers):
        began = time.thread_time()
        findings(told.text, read(told.prompt, told.system), index)
        took.append(1000 * (time.thread_time() - began))
    return {"p50": round(statistics.median(took), 3), "p99": round(sorted(took)[int(0.99 * len(took))], 3)}


def _share(filter_: Facts, told: list[Told]) -> dict[str, object]:
    found = wilson(sum(flagged(filter_, one) for one in told), len(told))
    return {
        "flagged": found.count,
        "of": found.of,
        "share": found.rate,
        "interval": [found.low, found.high],
    }


def _claims(text: str) -> list[Value]:
    return [value for value in find_values(text) if value.kind not in ("link", "email", "phone")]


def _all_values() -> list[Value]:
    texts = [entry["terse"][0] for entry in hearts().values() if isinstance(entry["terse"][0], str)]
    return [value for text in texts for value in _claims(text)]


def _replaced(text: str, value: Value, by: str) -> str:
    return f"{text[: value.start]}{by}{text[value.end :]}"


def main(
    seed: Annotated[int, typer.Option(help="Seed of the answers and of what is done to them.")] = 0,
    count: Annotated[int, typer.Option(help="Answers of each kind.")] = 2000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure the check against facts on the starter's world."""
    tell(measure(seed, count), as_json)


if __name__ == "__main__":
    typer.run(main)
