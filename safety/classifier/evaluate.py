"""Measures a classifier on texts of families that it was not taught."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from safety.classifier.examples import Example
from safety.classifier.labels import LABELS
from safety.classifier.measure import THRESHOLDS, Numbers, share, threshold_for, told_apart
from safety.classifier.model import Classifier
from safety.classifier.noise import WAYS

BLOCK_RATE, REVIEW_RATE = 0.003, 0.015  # of innocent texts that may reach a threshold, for each label
PART = 256
TIMED_FROM = 340  # characters of a text whose time is taken
Report = Callable[[str, int, int], None]


def evaluate(
    classifier: Classifier, examples: Sequence[Example], prose: Sequence[str], report: Report
) -> dict[str, Any]:
    """Figures for each label, source and innocent slice, for disguises and unfamiliar prose, and thresholds."""
    held_out = [example for example in examples if example.split == "held_out"]
    scores = _scores(classifier, [example.text for example in held_out], "held-out texts", report)
    targets = np.array([example.target for example in held_out])
    unfamiliar = _scores(classifier, prose, "unfamiliar prose", report)
    return {
        "version": classifier.version,
        "texts": len(held_out),
        "labels": {label: _label(scores[:, at], targets[:, at]) for at, label in enumerate(LABELS)},
        "sources": _sources(held_out, scores, targets),
        "innocent": _innocent(held_out, scores, targets),
        "unfamiliar_prose": _reached(unfamiliar, np.zeros_like(unfamiliar)),
        "thresholds": _thresholds(held_out, scores, targets, unfamiliar),
        "disguised": _disguised(classifier, held_out, report),
        "speed": _speed(classifier, prose),
    }


def _scores(classifier: Classifier, texts: Sequence[str], name: str, report: Report) -> Numbers:
    rows: list[list[float]] = []
    for start in range(0, len(texts), PART):
        rows += [list(scores.values()) for scores in classifier.scores(texts[start : start + PART])]
        report(name, len(rows), len(texts))
    return np.array(rows).reshape(-1, len(LABELS))


def _label(scores: Numbers, targets: Numbers) -> dict[str, Any]:
    known = ~np.isnan(targets)
    return told_apart(scores[known], targets[known] >= 0.5)


def _sources(examples: Sequence[Example], scores: Numbers, targets: Numbers) -> dict[str, Any]:
    names = np.array([example.source for example in examples])
    table: dict[str, Any] = {}
    for name in sorted(set(names)):
        rows = names == name
        found = {label: _label(scores[rows, at], targets[rows, at]) for at, label in enumerate(LABELS)}
        table[name] = {label: figures for label, figures in found.items() if figures["auc"] is not None}
    return table


def _innocent(examples: Sequence[Example], scores: Numbers, targets: Numbers) -> dict[str, Any]:
    slices = np.array([example.slice for example in examples])
    table = {}
    for name in sorted(set(slices) - {""}):
        rows = slices == name
        table[name] = _reached(scores[rows], targets[rows])
    return table


def _reached(scores: Numbers, targets: Numbers) -> dict[str, Any]:
    """At each threshold the share of texts that reach it with a label that is not true of them: any, and each."""
    wrong = np.where(targets == 0, scores, 0.0)
    at = {str(threshold): share(np.any(wrong >= threshold, axis=1)) for threshold in THRESHOLDS}
    each = {label: share(wrong[:, place] >= 0.5) for place, label in enumerate(LABELS)}
    return {"any_label": at, "at_0.5": {label: found for label, found in each.items() if found["count"]}}


def _thresholds(examples: Sequence[Example], scores: Numbers, targets: Numbers, prose: Numbers) -> dict[str, Any]:
    """For each label what few innocent texts reach: the stricter of held-out texts and unfamiliar prose."""
    mild = np.array([bool(example.slice) for example in examples])
    table: dict[str, Any] = {}
    for at, label in enumerate(LABELS):
        innocent = scores[mild & (targets[:, at] == 0), at]
        known = ~np.isnan(targets[:, at])
        harmful = scores[known & (targets[:, at] >= 0.5), at]
        table[label] = {}
        for name, rate in (("block", BLOCK_RATE), ("review", REVIEW_RATE)):
            threshold = max(threshold_for(innocent, rate), threshold_for(prose[:, at], rate) if len(prose) else 0.0)
            table[label][name] = {
                "threshold": threshold,
                "recall": share(harmful >= threshold),
                "false_positives": share(innocent >= threshold),
            }
    return table


def _disguised(classifier: Classifier, examples: Sequence[Example], report: Report) -> dict[str, Any]:
    """Of harmful generated texts the share that reaches .5 with a label that is true of them, in each disguise."""
    harmful = [e for e in examples if e.source == "generated" and not e.slice and max(e.target, key=_known) >= 0.5]
    wanted = np.array([[value >= 0.5 for value in example.target] for example in harmful])
    table: dict[str, Any] = {}
    ways: Mapping[str, Callable[[str, random.Random], str]] = {"none": lambda text, _: text, **WAYS}
    for name, way in ways.items():
        texts = [way(example.text, random.Random(f"{name} {example.text}")) for example in harmful]
        scores = _scores(classifier, texts, f"disguised: {name}", report)
        table[name] = share(((scores >= 0.5) & wanted).any(1)) if harmful else share(np.zeros(0))
    return table


def _speed(classifier: Classifier, prose: Sequence[str]) -> dict[str, Any]:
    """Milliseconds of processor for one text of some 350 characters: after a start, and once its words are known."""
    texts = [text for text in prose if len(text) >= TIMED_FROM]
    fresh = classifier.fresh()
    first, again = ([_milliseconds(fresh, text) for text in texts] for _ in range(2))
    if not texts:
        return {"texts": 0}
    figures = {
        f"{name}_{share}": round(float(np.percentile(times, share)), 3)
        for name, times in (("first", first), ("again", again))
        for share in (50, 95)
    }
    return {"texts": len(texts), "characters": round(sum(map(len, texts)) / len(texts)), **figures}


def _milliseconds(classifier: Classifier, text: str) -> float:
    began = time.process_time()
    classifier.scores([text])
    return 1000 * (time.process_time() - began)


def _known(value: float) -> float:
    return -1.0 if np.isnan(value) else value
