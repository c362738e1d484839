"""What each recipe needs to be told before it can teach anything."""

from __future__ import annotations

from learner.lessons import Lessons
from learner.settings import LapSettings


def pairs(lessons: Lessons, settings: LapSettings) -> str | None:
    """Enough pairs that people gave; clean pairs that are mixed in teach nobody's taste."""
    found = sum(pair.source != "anchor" for pair in lessons.pairs)
    if found >= settings.train_min_pairs:
        return None
    return (
        f"{found} usable pairs, and {settings.train_min_pairs} are needed. Rewrites, corrections and opposite votes on "
        "two answers to one message make pairs."
    )


def ratings(lessons: Lessons, settings: LapSettings) -> str | None:
    """Enough answers of which somebody said that they are good or bad, and some of either kind."""
    found = [rating.good for rating in lessons.judged() if rating.source != "anchor"]
    if len(found) < settings.train_min_pairs:
        return f"{len(found)} rated answers, and {settings.train_min_pairs} are needed. Thumbs and stars rate answers."
    if len(set(found)) == 1:
        return f"{len(found)} rated answers, all of them {'good' if found[0] else 'bad'}: both kinds are needed."
    return None


def demonstrations(lessons: Lessons, settings: LapSettings) -> str | None:
    """Enough answers that people wrote."""
    found = sum(1 for _ in lessons.demonstrations())
    if found >= settings.train_min_pairs:
        return None
    return (
        f"{found} answers that people wrote, and {settings.train_min_pairs} are needed. Rewrites, corrections and "
        "imported demonstrations are such answers."
    )
