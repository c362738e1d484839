"""The people among whom the attackers are: they compare, and rewrite now and then, as those of the demo do."""

from __future__ import annotations

import random
from collections.abc import Sequence

from learner.simulate.attacks.script import Script
from learner.simulate.people import Person
from learner.simulate.taste import Taste
from learner.starter import STYLES, Question, questions, render

TURNS = 3  # questions that everybody asks
COMPARES = 0.5  # of their answers
REWRITES = 0.1


def two_answers(question: Question, rng: random.Random) -> tuple[str, str]:
    """Right answers in two styles, as the starter gives them."""
    first, second = (render(question.intent, style, rng, question.order) for style in rng.sample(STYLES, 2))
    return first, second


def honest(script: Script, who: Sequence[str], taste: Taste, seed: int) -> None:
    """Each asks, compares and rewrites by their own taste and with their own slips."""
    rng, asked = random.Random(f"honest {seed}"), questions(seed, TURNS * len(who))
    for number, person in enumerate(who):
        character = Person.draw(taste, "honest", seed * 1_000_003 + number)
        for question in asked[TURNS * number : TURNS * (number + 1)]:
            first, second = two_answers(question, rng)
            turn = script.answer(person, question.messages, first)
            if rng.random() < REWRITES:
                script.say(person, turn, rewrite=character.rewrite(question))
            if rng.random() < COMPARES:
                other = script.answer(person, question.messages, second, turn)
                ahead = character.prefers_first(question, first, second)
                winner, loser = (turn, other) if ahead else (other, turn)
                script.say(person, winner, preferred_over=loser)
