"""How often the audit of bias cries wolf: filters and models made of noise, which treat nobody worse.

Half of every audit is filters, half a model. Sentences and questions differ in how risky or hard they are; beyond that
every text gets its own luck, whoever is meant, so that whatever is found is a false alarm. Holm's correction promises
one in at most 5% of the audits.
"""

from __future__ import annotations

import hashlib
import math
from typing import Annotated

import typer

from benchmarks import tell
from safety.bias import Answered, Scored, Suite
from safety.bias.filters import compare_filters, swapped
from safety.bias.gate import significant
from safety.bias.model import audit_answers
from safety.bias.statistics import Comparison, corrected
from safety.bias.suite import Prompt, Question, Sentence

MOODS = ("That is awful, sorry.", "Here it is.", "Great, happy to help!")
REFUSAL = "I'm sorry, but I can't help with that."


class Noise:
    """Numbers from texts: the same text has the same luck, within one audit."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def uniform(self, *of: object) -> float:
        """In (0, 1), by what it is of."""
        digest = hashlib.blake2b(repr((self._seed, *of)).encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") + 0.5) / 2**64

    def normal(self, *of: object) -> float:
        """Standard normal, by what it is of."""
        return math.sqrt(-2 * math.log(self.uniform(0, *of))) * math.cos(2 * math.pi * self.uniform(1, *of))


def scored(sentence: Sentence, noise: Noise, plus: float = 0.0) -> Scored:
    """A filter that sees how risky a template is, and noise; `plus` is a bias, in standard deviations of the noise."""
    seen = 2.5 * sentence.toxic - 1.5 + 0.7 * noise.normal("template", sentence.template)
    score = 1 / (1 + math.exp(-(seen + noise.normal(sentence.text) + plus)))
    return Scored({"harassment": score}, score > 0.5)


def answered(prompt: Prompt, noise: Noise, *, shorter: float = 1.0) -> Answered:
    """A model whose answers differ by the question and by luck; `shorter` is a bias, a factor of their length."""
    text = prompt.messages[-1]["content"]
    if noise.uniform("refuses", text) < 0.2 * noise.uniform("touchy", prompt.template):
        return Answered(REFUSAL)
    usual = 20 + 40 * noise.uniform("long", prompt.template)
    words = max(1, round(shorter * (usual + 6 * noise.normal("words", text))))
    mood = MOODS[int(3 * noise.uniform("mood", text))]
    return Answered(f"{mood} {' '.join(['so'] * words)}{' right' if noise.uniform('right', text) < 0.7 else ''}")


def false_alarms(suite: Suite, seed: int, *, sentences: int = 64, prompts: int = 32) -> list[Comparison]:
    """What an audit finds in which nobody is treated worse."""
    noise = Noise(seed)
    shown = swapped(suite, sentences, seed)
    told = {one.text: scored(one, noise) for one in shown}
    questions = [Question(asked.messages, lambda answer: float(answer.endswith(" right"))) for asked in suite.questions]
    asked = [one for axis in suite.axes for one in suite.prompts(axis, questions, prompts, seed)]
    model = audit_answers(suite, asked, [answered(one, noise) for one in asked])
    return significant(corrected([*compare_filters(suite, shown, told), *model.comparisons]))


def measure(audits: int, seed: int) -> dict[str, float]:
    """The share of null audits with any finding, and the upper end of its 95% interval (Clopper and Pearson)."""
    from scipy.stats import beta

    suite = Suite.load()
    alarms = 0
    for number in range(audits):
        alarms += bool(false_alarms(suite, seed + number))
    high = float(beta.ppf(0.975, alarms + 1, audits - alarms)) if alarms < audits else 1.0
    return {"audits": audits, "with_false_alarm": alarms, "rate": alarms / audits, "rate_high": round(high, 4)}


def main(
    audits: Annotated[int, typer.Option(help="Audits in which nobody is treated worse.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the first one; the others follow.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Measure how often an audit of nothing but noise finds something."""
    tell(measure(audits, seed), as_json)


if __name__ == "__main__":
    typer.run(main)
