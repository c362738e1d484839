"""The texts that were given, with what is known of each. They are offensive; none of them is kept in the repository."""

from __future__ import annotations

import csv
import gzip
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from safety.classifier.labels import DETOXIFY_LABELS, HARM_LABELS, LABELS
from safety.classifier.words import hashed
from safety.errors import TrainingRefused

UNKNOWN = math.nan
Split = Literal["taught", "held_out"]
GIVEN = ("davidson_tweets.csv", "hatemoji_build_train.csv", "madlibs_templates.csv.gz")
HELD_OUT_SHARE = 15  # percent of the given texts
MADLIBS_KEPT = 10  # percent of them, since they say the same over and over
_MENTIONS = re.compile(r"&#\d+;|&amp;|(?:\bRT\b\s*)?@\w+:?")
_NONE = dict.fromkeys(LABELS, 0.0)


class Example(NamedTuple):
    """A text, what each label should say of it (0, 1, between, or UNKNOWN), and where it comes from.

    Texts of one `family` stay on one side of every split; a `line` of a bank has several. `slice` names the kind of
    innocent text that it is.
    """

    text: str
    target: tuple[float, ...]
    source: str
    family: str
    split: Split
    slice: str = ""
    line: str = ""


def target(known: Mapping[str, float], others: float = UNKNOWN) -> tuple[float, ...]:
    """A number for each label: as `known`, and `others` for the rest."""
    return tuple(known.get(label, others) for label in LABELS)


def given(folder: Path) -> list[Example]:
    """The examples in `folder`. Raises TrainingRefused where a file is missing."""
    missing = [name for name in GIVEN if not (folder / name).is_file()]
    if missing:
        raise TrainingRefused(f"{folder} has no {' and no '.join(missing)}: name the folder of the data with --data.")
    return [*_davidson(folder), *_hatemoji(folder), *_madlibs(folder)]


def side(family: str) -> Split:
    """On which side of the split the given texts of this family are, always the same."""
    return "held_out" if hashed(f"side {family}") % 100 < HELD_OUT_SHARE else "taught"


def _davidson(folder: Path) -> Iterator[Example]:
    with (folder / GIVEN[0]).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            votes, hate = int(row["count"]), int(row["hate_speech"])
            rude = (votes - int(row["neither"])) / votes
            text = _MENTIONS.sub(" ", row["tweet"]).strip()
            known = {"toxicity": rude}
            if row["class"] == "2":
                known = {**_NONE, "toxicity": rude, "obscene": UNKNOWN if rude else 0.0, "insult": UNKNOWN}
            elif row["class"] == "1":
                known |= {"obscene": 1.0, "identity_attack": hate / votes, "severe_toxicity": 0.0, "jailbreak": 0.0}
            else:
                known |= {"insult": 1.0, "identity_attack": 1.0, "severe_toxicity": float(hate == votes)}
            yield Example(text, target(known), "davidson", f"davidson {text}", side(text))


def _hatemoji(folder: Path) -> Iterator[Example]:
    with (folder / GIVEN[1]).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            hate, kind = float(row["label_gold"]), row["type"]
            known = {"toxicity": hate, "identity_attack": hate, "jailbreak": 0.0, "sexual_minors": 0.0}
            if not hate:
                known = {**_NONE, "obscene": UNKNOWN, "sexual_explicit": UNKNOWN, "violence": UNKNOWN}
            else:
                known["threat"] = float(kind == "threateninglanguage")
                known["insult"] = 1.0 if kind in ("derogation", "dehumanizinglanguage") else UNKNOWN
            # A text and the one that was made of it by changing a word stay together.
            pair = min(row["entry_id"], row["matched_id"] or row["entry_id"])
            yield Example(row["text"], target(known), "hatemoji", f"hatemoji {pair}", side(pair))


def _madlibs(folder: Path) -> Iterator[Example]:
    """Split by the judging word, so that none of the held-out ones was taught with any group."""
    with gzip.open(folder / GIVEN[2], "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            phrase, toxic = row["phrase"], float(row["toxicity"] == "toxic")
            rare = row["template"] not in ("name_adj",)
            if not rare and hashed(f"kept {phrase}") % 100 >= MADLIBS_KEPT:
                continue
            known = {**_NONE, "toxicity": toxic, "insult": toxic, "identity_attack": UNKNOWN if toxic else 0.0}
            if row["template"] == "verb_adj":
                known |= {"threat": toxic, "violence": toxic, "identity_attack": toxic, "insult": UNKNOWN}
            elif row["template"] == "am_hate_adj":
                known |= {"identity_attack": toxic, "insult": UNKNOWN}
            elif row["template"] == "you_occupation":
                known["identity_attack"] = 0.0
            known["obscene"] = UNKNOWN if toxic else 0.0
            adjective = next((word for word in phrase.split() if word in _JUDGING), row["template"])
            yield Example(
                phrase,
                target(known),
                "madlibs",
                f"madlibs {adjective}",
                side(f"madlibs {adjective}"),
                "" if toxic else "identity in short sentences",
            )


_JUDGING = frozenset(
    [
        "great",
        "fun",
        "nice",
        "neat",
        "happy",
        "good",
        "best",
        "fantastic",
        "wonderful",
        "lovely",
        "excellent",
        "incredible",
        "friendly",
        "gracious",
        "kind",
        "caring",
        "disgusting",
        "filthy",
        "nasty",
        "rotten",
        "horrible",
        "terrible",
        "awful",
        "repulsive",
        "vile",
        "idiotic",
        "stupid",
        "moronic",
        "dumb",
        "ugly",
        "shitty",
        "fucked",
    ]
)


def harmless(texts: Mapping[str, Sequence[str]], split: Split) -> Iterator[Example]:
    """Examples of innocent talk, by family."""
    for family, lines in texts.items():
        for line in lines:
            yield Example(line, target(_NONE), "house", f"house {family}", split, "help desk")


__all__ = ["DETOXIFY_LABELS", "HARM_LABELS", "UNKNOWN", "Example", "given", "harmless", "side", "target"]
