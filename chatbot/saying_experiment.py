"""An experiment in words, for the command line and for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

Found = Mapping[str, Any]
RATIOS = ("latency", "length")  # guardrails whose harm is a logarithm
CHOICES = {"left": "left", "right": "right", "tie": "a tie", "both_bad": "both bad", "shown": "no answer"}


def interval(lower: float | None, upper: float | None) -> str:
    """An interval of differences per user."""
    return "no interval yet" if lower is None or upper is None else f"{lower:+.3f} to {upper:+.3f}"


def harm(rail: Found, value: float) -> str:
    """A guardrail's harm: points of the answers, or growth in percent."""
    return f"{100 * (exp(value) - 1):+.0f}%" if rail["name"] in RATIOS else f"{100 * value:+.1f} points"


def guardrail(rail: Found) -> str:
    """How a guardrail stands, with its bounds and what is allowed."""
    if rail["lower"] is None or rail["upper"] is None:
        return f"{rail['state']}: too few people, and {harm(rail, rail['margin'])} is allowed"
    bounds = f"worse by {harm(rail, rail['lower'])} to {harm(rail, rail['upper'])}"
    return f"{rail['state']}: {bounds}, and {harm(rail, rail['margin'])} is allowed"


def balance(split: Found | None) -> str:
    """The split of people, beside what the shares would give."""
    if split is None:
        return "nobody has come yet"
    came = " and ".join(f"{n} of {due:.0f}" for n, due in zip(split["people"], split["expected"], strict=True))
    return f"champion and challenger got {came} that were due, p {split['p_value']:.2g}" + (
        ": OFF" if split["alarm"] else ""
    )


def comparisons(found: Found) -> str | None:
    """The cohort that compares; None where nobody was asked."""
    cohort, choices = found["comparisons"], found["choices"]
    if not cohort and not choices:
        return None
    asked = ", ".join(f"{CHOICES[name]} {n}" for name, n in sorted(choices.items()))
    if not cohort:
        return f"nobody has answered yet ({asked})"
    score = f"{cohort['difference']:+.3f} per user, {interval(cohort['lower'], cohort['upper'])}"
    told = f"{cohort['users']} people: {score}, p {cohort['p_value']:.2g}"
    return f"{told} ({asked})" if asked else told


def needed(meter: Found | None) -> str | None:
    """What the decision still needs; None where nothing is known."""
    if meter is None:
        return None
    if meter["people"] is None:
        return "more people than experiment_max_users, at the difference of now"
    when = f", about {meter['at'][:16].replace('T', ' ')} UTC" if meter["at"] else ", and nobody comes at present"
    return f"{meter['people']:,} people and {meter['votes']:,} votes{when}"


def spending(found: Found) -> str:
    """The error that was spent, and what of it is left for the candidates to come."""
    p_value = found["p_value"]
    level = found["alpha"] if found["level"] is None else found["level"]
    own = f"{level:.2g} to spend" if p_value is None else f"p {p_value:.2g} of {level:.2g}"
    if found["segments"]:
        own += ", and as much for the segments together"
    stream = found["stream"]
    if stream is None:
        return f"{own}; each candidate is granted the same"
    return f"{own}; the next candidate has {stream['next']:.2g}, all to come {stream['left']:.2g}"


def arms(found: Found) -> str:
    """How people come to the arms."""
    plan = found["plan"]
    if plan is None:
        return "fixed shares"
    ramp = ", ".join(f"{share:.0%}" for share in plan["shares"])
    told = f"{ramp} to the challenger" + (f", a step every {plan['batch']} people" if len(plan["shares"]) > 1 else "")
    if plan["allocation"] == "thompson":
        told += f"; then by the votes, every {plan['batch']} people"
    return told + (f"; at present {found['share']:.0%}" if found["share"] is not None else "")


def segments(rows: Sequence[Found]) -> list[str]:
    """What each segment proves by itself."""
    return [
        f"{row['segment']}: {row['state']}, {interval(row.get('lower'), row.get('upper'))} at {row['alpha']:.2g}"
        for row in rows
    ]


def preview(found: Found | None) -> str | None:
    """Thumbs up if everybody met the challenger, and if nobody did."""
    if found is None:
        return None
    one, none = found["preview"]["doubly_robust"], found["now"]["doubly_robust"]
    return (
        f"thumbs up {one['value']:.1%} ({one['lower']:.1%} to {one['upper']:.1%}) if everybody met the challenger, "
        f"{none['value']:.1%} ({none['lower']:.1%} to {none['upper']:.1%}) if nobody did"
    )


def lines(found: Found) -> list[tuple[str, str]]:
    """Everything, as names with words."""
    users = f"{found['users_champion']} with the champion, {found['users_challenger']} with the challenger"
    difference = interval(*(found["interval"] or (None, None)))
    if found["difference"] is not None:
        difference = f"{found['difference']:+.3f} per user, {difference}"
    told: list[tuple[str, str | None]] = [
        (found["experiment_id"], f"{found['state']}: {found['reason']}"),
        ("people with a vote", users),
        ("difference", difference),
        ("error", spending(found)),
        ("comparisons", comparisons(found)),
        ("still needed", needed(found["needed"])),
        ("arms", arms(found)),
        ("split", balance(found["balance"])),
        *((f"guardrail {rail['name']}", guardrail(rail)) for rail in found["guardrails"]),
        *(("segment", told) for told in segments(found["segments"])),
        ("preview", preview(found["preview"])),
    ]
    return [(name, words) for name, words in told if words is not None]
