"""How many people talk how much in a demo, and what its server is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from learner.simulate.taste import Taste, Weights

Size = Literal["small", "full"]
AT_ONCE = 192  # people who talk at the same time


@dataclass(frozen=True)
class Plan:
    """`gather` people of `gather_turns` questions teach; then everybody votes until the experiment is decided.

    Few turns of many people decide sooner than many turns of few, since the test counts people.
    """

    gather: int
    gather_turns: int
    experiment: int
    experiment_turns: int
    null: int  # people of an experiment without an effect, which nobody waits to see decided
    examine: int
    louder: float  # what the weights of the taste are multiplied by
    moodier: float  # what the moods are multiplied by, so that the people of louder weights differ as much
    choosier: float  # what the share of comparisons is multiplied by; some 250 pairs are needed to find a taste
    settings: Mapping[str, object] = field(default_factory=dict)

    def taste(self, taste: Taste) -> Taste:
        """The taste with the true effect that this size needs."""
        names = ("rightness", "warmth", "structure", "length")
        weights = Weights(**{name: self.louder * getattr(taste.weights, name) for name in names})
        traits = taste.people
        people = replace(traits, threshold=self.louder * traits.threshold, mood=self.moodier * traits.mood)
        habits = replace(taste.habits, comparisons=min(1.0, self.choosier * taste.habits.comparisons))
        return Taste(weights, people, habits)


# Nobody reads along, so an answer may come in few pieces; with that and a wide batch the engine serves more people.
_ALL: Mapping[str, object] = {
    "learn_every_hours": 0,
    "learn_after_feedback": 0,
    "experiment_look_seconds": 1,
    "experiment_spending": "each",  # a demo has one candidate, and no stream of them
    "experiment_guardrails": "watch",  # to show that each holds takes a few hundred people more
    "promotion": "auto",
    "promotion_signal": "off",  # nobody of the demo reviews side by side
    "rollout_steps": "100",  # its few people decide one experiment; a re-test on fresh ones would take as many again
    "holdback_share": 0.0,  # at the end all new people are to meet the model that was promoted
    "merge": "off",  # a demo ends soon after its promotion, and the people who come then need the processors
    "train_threads": 2,
    "split": "35/60/5",
    "stream_interval": 64,
    "max_streams": AT_ONCE,
}

PLANS: Mapping[Size, Plan] = {
    "small": Plan(
        gather=320,
        gather_turns=4,
        experiment=6000,
        experiment_turns=2,
        null=1200,
        examine=150,
        louder=4.0,
        moodier=2.7,
        choosier=3.0,
        settings={
            **_ALL,
            "gate_pairs": 300,
            "gate_questions": 200,
            "gate_right_margin": 0.06,  # so few questions tell one point from four only with luck
            "gate_length_max": 1.25,  # and so few pairs lengthen answers little
            "experiment_n_star": 200,
            "experiment_min_users": 25,
            "experiment_max_users": 3000,
        },
    ),
    "full": Plan(
        gather=340,
        gather_turns=12,
        experiment=8000,
        experiment_turns=3,
        null=8000,
        examine=400,
        louder=1.0,
        moodier=1.0,
        choosier=1.0,
        settings={
            **_ALL,
            "gate_questions": 800,
            "experiment_n_star": 800,
            "experiment_max_users": 4000,
        },
    ),
}
