"""The people of the demo: as unlike each other as people are, and noisy."""

import random

import numpy as np
import pytest

from learner.simulate.people import Person
from learner.simulate.plan import PLANS
from learner.simulate.taste import load_taste
from learner.starter import STYLES, held_out_questions, render

QUESTIONS = held_out_questions(3, 400)


def satisfied(size: str, people: int = 300, answers: int = 20) -> np.ndarray:
    """Whether each person is satisfied with each of their answers, shape (people, answers); one in twelve is wrong."""
    taste, rng = PLANS[size].taste(load_taste("default")), random.Random(1)
    found = np.zeros((people, answers))
    for seed in range(people):
        person = Person.draw(taste, "honest", seed)
        for number, question in enumerate(rng.choices(QUESTIONS, k=answers)):
            right = render(question.intent, rng.choice(STYLES), rng, question.order)
            answer = right if rng.random() > 1 / 12 else "No."
            found[seed, number] = rng.random() < person.satisfaction(question, answer)
    return found


def intra_class_correlation(values: np.ndarray) -> float:
    """ICC(1) of one-way analysis of variance; `values` has the shape (people, answers)."""
    people, answers = values.shape
    between = answers * values.mean(axis=1).var(ddof=1)
    within = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum() / (people * (answers - 1))
    return (between - within) / (between + (answers - 1) * within)


@pytest.mark.parametrize("size", ["small", "full"])
def test_people_differ_as_much_as_promised(size):
    assert intra_class_correlation(satisfied(size)) >= 0.2


def test_thumbs_are_flipped_now_and_then_and_random_voters_say_nothing():
    taste, question = load_taste("default"), QUESTIONS[0]
    answers = {style: render(question.intent, style, random.Random(0), question.order) for style in STYLES}
    honest, coins = ([Person.draw(taste, votes, seed) for seed in range(2000)] for votes in ("honest", "random"))
    truth = np.mean([person.satisfaction(question, answers["warm"]) for person in honest])
    ups = {
        votes: np.mean([person.thumb(question, answers["warm"]) > 0 for person in people])
        for votes, people in (("honest", honest), ("random", coins))
    }
    flips = taste.habits.flips
    assert ups["honest"] == pytest.approx(truth * (1 - flips) + (1 - truth) * flips, abs=0.03)
    assert ups["random"] == pytest.approx(0.5, abs=0.03)
