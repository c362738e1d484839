"""How many labels active learning needs for the held-out accuracy that random choice reaches.

People with a hidden taste compare two answers of the starter; which pairs they are asked about is chosen in rounds. The
learner is the linear reward model on the starter's hidden states; `--dpo` trains adapters on what was chosen as well.
Run as: ./ratchet bench active --json --plot docs/images/active.png
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks._crowd import LIMIT, Compared, Starter, interval
from learner.active.acquire import ACQUIRE, Pool
from learner.active.probe import Components, Probe
from learner.lessons import Lessons
from learner.recipes import RECIPES
from learner.recipes.task import task
from learner.scoring import hidden_states
from learner.settings import LapSettings
from learner.simulate.people import Person
from learner.simulate.plan import PLANS
from learner.simulate.taste import load_taste
from learner.starter import MODEL_DIR, questions
from learner.tokens import encode
from learner.trust.texts import clusters, prompt_text

FIRST, ROUND = 20, 10  # labels of the first, random round and of each that follows
TESTS = 0.4  # of the pairs, whose people are asked nothing
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Material:
    """Pairs of answers, and what is known of them without a label; one row each."""

    compared: list[Compared]
    differences: NDArray[np.float32]
    likelihood_gap: Floats
    traffic: Floats

    @classmethod
    def gather(cls, starter: Starter, count: int, seed: int) -> Material:
        """Two answers to each of `count` questions, where they differ, with hidden states and likelihoods."""
        compared = starter.compared(questions(seed, count), PLANS["small"].taste(load_taste("default")), seed, 1)
        pairs = [one.pair() for one in compared]
        first, second = (
            [encode(starter.tokenizer, one.question.messages, text) for one, text in side]
            for side in ([(one, one.first) for one in compared], [(one, one.second) for one in compared])
        )
        states = [hidden_states(starter.model, side, LIMIT) for side in (first, second)]
        chosen, rejected = starter.scored(starter.model, pairs)
        numbers = clusters([prompt_text(pair.prompt) for pair in pairs])
        shares = np.bincount(numbers, minlength=len(numbers)) / len(numbers)
        gap = np.abs(chosen.means - rejected.means)
        return cls(compared, states[0] - states[1], gap, np.array([shares[number] for number in numbers]))


@dataclass(frozen=True)
class Labelled:
    """The pairs with what people of one seed say of them."""

    said: Floats  # 1 where the first is said to be better
    truly: Floats

    @classmethod
    def by_people(cls, material: Material, seed: int) -> Labelled:
        """Another person for each pair, of the same taste."""
        taste = PLANS["small"].taste(load_taste("default"))
        said, truly = [], []
        for number, one in enumerate(material.compared):
            person = Person.draw(taste, "honest", seed=seed * 1_000_003 + number)
            said.append(float(person.prefers_first(one.question, one.first, one.second)))
            first, second = (person.satisfaction(one.question, text) for text in (one.first, one.second))
            truly.append(float(first > second))
        return cls(np.array(said), np.array(truly))


def curve(material: Material, name: str, seed: int, most: int) -> tuple[list[float], list[int]]:
    """Held-out accuracy after each round, and the places of the pairs in the order in which they were asked."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(material.compared))
    cut = int(TESTS * len(order))
    tests, pool = order[:cut], order[cut:]
    labels = Labelled.by_people(material, seed)
    components = Components.of(material.differences[pool])
    rows, held = components(material.differences[pool]), components(material.differences[tests])
    asked = [int(place) for place in rng.permutation(len(pool))[:FIRST]]  # the same for all functions
    rng = np.random.default_rng([seed, sorted(ACQUIRE).index(name)])
    accuracy = []
    while True:
        probe = Probe.fit(rows[asked], labels.said[pool[asked]])
        guessed = held @ probe.mean > 0
        accuracy.append(float((guessed == labels.truly[tests].astype(bool)).mean()))
        if len(asked) >= most:
            return accuracy, [int(pool[place]) for place in asked]
        free = np.setdiff1d(np.arange(len(pool)), asked)
        known = Pool(rows[free], material.likelihood_gap[pool[free]], material.traffic[pool[free]])
        asked += [int(free[place]) for place in ACQUIRE[name](known, probe, ROUND, rng)]


def ratio(active: Floats, random: Floats, target: int) -> float:
    """Labels that `active` needs for what `random` reaches with `target`, as a share of these; both (seeds, rounds).

    Curves are averaged over seeds and made monotone; between rounds it is interpolated. Above 1 where it is worse, and
    the whole budget where it is never reached.
    """
    labels = FIRST + ROUND * np.arange(active.shape[1])
    mine, theirs = (np.maximum.accumulate(side.mean(0)) for side in (active, random))
    wanted = np.interp(target, labels, theirs)
    if mine[-1] < wanted:
        return float(labels[-1] / target)
    place = int(np.argmax(mine >= wanted))
    if place == 0:
        return float(labels[0] / target)
    below, above = mine[place - 1], mine[place]
    return float((labels[place - 1] + ROUND * (wanted - below) / (above - below)) / target)


def ratios(curves: dict[str, Floats], targets: Sequence[int]) -> dict[str, Any]:
    """For each function the ratio at each target, with a 95% interval by a bootstrap over seeds."""
    rng, seeds = np.random.default_rng(0), len(curves["random"])
    draws = rng.integers(seeds, size=(1000, seeds))
    found: dict[str, Any] = {}
    for name, mine in curves.items():
        found[name] = {"accuracy": {str(n): _at(mine, n) for n in targets}}
        if name != "random":
            for target in targets:
                spread = [ratio(mine[rows], curves["random"][rows], target) for rows in draws]
                low, high = np.quantile(spread, (0.025, 0.975))
                whole = ratio(mine, curves["random"], target)
                found[name][f"labels_for_random_{target}"] = [round(float(v), 3) for v in (whole, low, high)]
    return found


def _at(curves: Floats, labels: int) -> float:
    return round(float(curves[:, (labels - FIRST) // ROUND].mean()), 4)


def plot(curves: dict[str, Floats], path: Path) -> None:
    """Accuracy over labels, a line for each function."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), dpi=110)
    for name, mine in curves.items():
        labels = FIRST + ROUND * np.arange(mine.shape[1])
        mean, error = mine.mean(0), 1.96 * mine.std(0, ddof=1) / np.sqrt(len(mine))
        (line,) = axes.plot(labels, mean, label=name, linewidth=2.4 if name in ("random", "information") else 1.2)
        axes.fill_between(labels, mean - error, mean + error, color=line.get_color(), alpha=0.12)
    axes.set(xlabel="labels", ylabel="held-out preference accuracy")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path)


def by_dpo(starter: Starter, material: Material, name: str, seeds: int, labels: int, share: float) -> dict[str, Any]:
    """Adapters trained by DPO on `labels` random pairs, and on `share` of that number which `name` chose."""
    fewer = round(share * labels)
    accuracies: dict[str, list[Floats]] = {"random": [], name: []}
    people: list[list[str]] = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        tests = rng.permutation(len(material.compared))[: int(TESTS * len(material.compared))]
        said = Labelled.by_people(material, seed)
        judges = [_pair(material, said.truly, place) for place in tests]
        people.append([f"p-{place}" for place in tests])
        for function, count in (("random", labels), (name, fewer)):
            asked = curve(material, function, seed, count)[1][:count]
            lessons = Lessons([_pair(material, said.said, place) for place in asked])
            accuracies[function].append(_trained(starter, lessons, judges, seed))
            sys.stderr.write(f"dpo seed {seed} {function} {count}: {accuracies[function][-1].mean():.3f}\n")
    gains = [mine - theirs for mine, theirs in zip(accuracies[name], accuracies["random"], strict=True)]
    means = {function: round(float(np.concatenate(found).mean()), 4) for function, found in accuracies.items()}
    return {"labels": {"random": labels, name: fewer}, "accuracy": means, "difference": interval(gains, people)}


def _pair(material: Material, first: Floats, place: int) -> Any:  # noqa: ANN401
    one = material.compared[place]
    ahead = bool(first[place])
    return Compared(one.question, f"p-{place}", one.first, one.second, ahead, ahead).pair()


def _trained(starter: Starter, lessons: Lessons, judges: Sequence[Any], seed: int) -> Floats:
    with tempfile.TemporaryDirectory() as folder:
        until = time.monotonic() + 3600
        made = task(
            str(MODEL_DIR), "starter", lessons, Path(folder), LapSettings(seed=seed), until, lambda step, of: None
        )
        RECIPES["dpo"].train(made)
        return starter.accurate(starter.tuned(made.out), judges)


def _kept(starter: Starter, count: int, path: Path | None) -> Material:
    """The material of a file that this program wrote, or new one, which takes minutes."""
    if path is not None and path.exists():
        with np.load(path) as kept:
            texts = json.loads(str(kept["texts"]))
            asked = questions(0, count)
            compared = [Compared(asked[place], f"p-{place}", one, other, True, True) for place, one, other in texts]
            return Material(compared, kept["differences"], kept["likelihood_gap"], kept["traffic"])
    made, places = Material.gather(starter, count, seed=0), {}
    if path is not None:
        places = {json.dumps(list(question.messages)): place for place, question in enumerate(questions(0, count))}
        texts = [(places[json.dumps(list(one.question.messages))], one.first, one.second) for one in made.compared]
        np.savez(
            path,
            texts=np.array(json.dumps(texts)),
            differences=made.differences,
            likelihood_gap=made.likelihood_gap,
            traffic=made.traffic,
        )
    return made


def main(
    seeds: Annotated[int, typer.Option(help="How many seeds: of people, and of who is held out.")] = 20,
    pool: Annotated[int, typer.Option(help="Questions with two answers each.")] = 1200,
    labels: Annotated[int, typer.Option(help="Labels at most.")] = 300,
    dpo: Annotated[int, typer.Option(help="Seeds for which adapters are trained as well; 0 trains none.")] = 0,
    keep: Annotated[Path | None, typer.Option(help="File that keeps the answers and what is known of them.")] = None,
    png: Annotated[Path | None, typer.Option("--plot", help="Where the picture goes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, last.")] = False,
) -> None:
    """Count the labels that each way of choosing needs."""
    starter = Starter()
    material = _kept(starter, pool, keep)
    sys.stderr.write(f"{len(material.compared)} pairs\n")
    curves = {}
    for name in ACQUIRE:
        curves[name] = np.array([curve(material, name, seed, labels)[0] for seed in range(seeds)])
        sys.stderr.write(f"{name}: {curves[name].mean(0)[-1]:.3f} with {labels} labels\n")
    targets = [count for count in (100, 200, 300) if count <= labels]
    result: dict[str, Any] = {"pairs": len(material.compared), "seeds": seeds, "functions": ratios(curves, targets)}
    if dpo:
        result["dpo"] = by_dpo(starter, material, "information", dpo, 150, 0.6)
    if png:
        plot(curves, png)
    print(json.dumps(result, indent=None if as_json else 1))


if __name__ == "__main__":
    typer.run(main)
