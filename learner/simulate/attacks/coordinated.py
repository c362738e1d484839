"""One account in twenty casts half of all votes, together: each of them for what the crowd likes less."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from learner.simulate.attacks.crowd import two_answers
from learner.simulate.attacks.script import Script
from learner.simulate.people import Person
from learner.simulate.taste import Taste
from learner.starter import questions


def against(script: Script, who: Sequence[str], taste: Taste, votes: int, seed: int) -> None:
    """They cast `votes` comparisons on questions as everybody asks them, take their time, and never slip."""
    rng, crowd = random.Random(f"coordinated {seed}"), _typical(taste)
    for number, question in enumerate(questions(seed + 7, votes)):
        person = who[number % len(who)]
        first, second = two_answers(question, rng)
        turn = script.answer(person, question.messages, first)
        other = script.answer(person, question.messages, second, turn)
        ahead = crowd.satisfaction(question, first) > crowd.satisfaction(question, second)
        winner, loser = (other, turn) if ahead else (turn, other)
        script.say(person, winner, preferred_over=loser)


def _typical(taste: Taste) -> Person:
    """Somebody with exactly the taste of the crowd."""
    people, habits = replace(taste.people, mood=0.0, difference=0.0), replace(taste.habits, flips=0.0)
    return Person.draw(replace(taste, people=people, habits=habits), "honest", 0)
