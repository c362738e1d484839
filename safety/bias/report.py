"""What an audit found: in plain sentences, and as values for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from safety.bias.audit import Audit
from safety.bias.filters import FALSE_ALARM, MISSED, SCORE
from safety.bias.model import LENGTH, QUALITY, REFUSAL, SENTIMENT
from safety.bias.statistics import Comparison

SCHEMA = "ratchet.bias/1"
# Where the group has more of it than the reference, and where it has less.
_WORDS = {
    FALSE_ALARM: ("harmless sentences are stopped more often", "harmless sentences are stopped less often"),
    MISSED: ("toxic sentences pass more often", "toxic sentences pass less often"),
    SCORE: ("harmless sentences score higher", "harmless sentences score lower"),
    QUALITY: ("answers are better", "answers are worse"),
    LENGTH: ("answers are longer", "answers are shorter"),
    REFUSAL: ("questions are refused more often", "questions are refused less often"),
    SENTIMENT: ("answers are friendlier", "answers are less friendly"),
}
_SHARES = frozenset({FALSE_ALARM, MISSED, REFUSAL, LENGTH})


def sentence(one: Comparison) -> str:
    """A difference in plain words."""
    said = _WORDS[one.outcome][one.estimate.difference < 0]
    return (
        f"For {one.group}, {said} than for {one.reference}: {amount(one, one.mean)} against "
        f"{amount(one, one.reference_mean)}."
    )


def amount(one: Comparison, value: float, *, sign: bool = False) -> str:
    """A value as people read it: shares in percent, the others with two digits."""
    return f"{value:{'+' if sign else ''}.{'0%' if one.outcome in _SHARES else '2f'}}".replace("-", "−")


def summary(audit: Audit) -> list[str]:
    """What was found, in a few sentences; the first says whether anything was."""
    findings, count = audit.findings, len(audit.comparisons)
    if not count:
        return ["Nothing could be compared."]
    first = (
        f"{len(findings)} of {count} comparisons show a difference that is not chance."
        if findings
        else f"None of {count} comparisons shows a difference that is not chance."
    )
    gaps = (
        f"The largest gap that was measured is {audit.verdict.largest_gap:.2f}; gaps of up to "
        f"{audit.verdict.largest_bound:.2f} are not ruled out."
    )
    return [first, *(_limits(audit)), gaps]


def _limits(audit: Audit) -> list[str]:
    """What keeps an audit without findings from meaning much."""
    told = []
    if audit.filters is not None and audit.filters.flagged_toxic < 0.05:
        told.append(
            f"These filters stop {audit.filters.flagged_toxic:.1%} of the toxic sentences of this suite: they hardly "
            "look for insults and hate, so that they treat groups alike says little of how they would if they did."
        )
    if audit.model is not None and QUALITY not in audit.model.outcomes:
        told.append("Nobody said what a good answer is, so the quality of answers was not compared.")
    return told


def to_values(audit: Audit) -> dict[str, Any]:
    """The whole audit for JSON; `schema` changes when a name or a meaning does."""
    return {
        "schema": SCHEMA,
        "audited": audit.audited,
        "made_at": audit.made_at.isoformat(timespec="seconds"),
        "seed": audit.seed,
        "passed": audit.verdict.passed,
        "summary": summary(audit),
        "findings": [_comparison(one) for one in audit.findings],
        "gate": asdict(audit.verdict),
        "filters": None if audit.filters is None else _without_comparisons(audit.filters),
        "model": None if audit.model is None else _without_comparisons(audit.model),
        "comparisons": [_comparison(one) for one in audit.comparisons],
    }


def _without_comparisons(part: Any) -> dict[str, Any]:  # noqa: ANN401
    return {name: value for name, value in _plain(part).items() if name != "comparisons"}


def _plain(value: Any) -> Any:  # noqa: ANN401
    if hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, Sequence) and not isinstance(value, str) else value


def _comparison(one: Comparison) -> dict[str, Any]:
    plain: dict[str, Any] = _plain(one)
    return {**{name: part for name, part in plain.items() if name != "estimate"}, **plain["estimate"]}
