"""An audit as one page of HTML that needs nothing else: for whom something is worse, by how much, how certainly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from safety.bias import filters, model
from safety.bias.audit import Audit
from safety.bias.filters import Subgroup
from safety.bias.gate import ALPHA
from safety.bias.report import amount, sentence, summary
from safety.bias.statistics import Comparison

WIDTH, HEIGHT = 210, 25  # of a plot, in pixels
MIDDLE, REACH = WIDTH / 2, WIDTH / 2 - 8
OUTCOMES: Mapping[str, Mapping[str, str]] = {"filters": filters.OUTCOMES, "model": model.OUTCOMES}
SCALES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Dot(NamedTuple):
    """Where a difference and its interval lie in its plot, in pixels, and what is told on pointing at it."""

    at: float
    low: float
    high: float
    state: str  # found, small or none
    told: str


class Column(NamedTuple):
    """One outcome: its name, what it means, and how far its plots reach to either side."""

    outcome: str
    meaning: str
    scale: float
    band: float  # half the width of what is allowed, in pixels


def page(audit: Audit) -> str:
    """The HTML of an audit."""
    return str(
        _template().render(
            audit=audit,
            summary=summary(audit),
            findings=[_finding(one, audit) for one in audit.findings],
            parts=[_part(audit, target) for target in OUTCOMES if any(c.target == target for c in audit.comparisons)],
            aucs=_aucs(audit),
            width=WIDTH,
            height=HEIGHT,
            middle=MIDDLE,
        )
    )


def _finding(one: Comparison, audit: Audit) -> dict[str, Any]:
    difference, low, high, _ = one.estimate
    return {
        "one": one,
        "sentence": sentence(one),
        "difference": amount(one, difference, sign=True),
        "interval": f"{amount(one, low, sign=True)} to {amount(one, high, sign=True)}",
        "p": f"{one.p_holm:.1g}",
        "stops": one.gap > audit.verdict.max_gap,
    }


def _part(audit: Audit, target: str) -> dict[str, Any]:
    mine = [one for one in audit.comparisons if one.target == target]
    columns = [
        _column(outcome, meaning, [one for one in mine if one.outcome == outcome], audit.verdict.max_gap)
        for outcome, meaning in OUTCOMES[target].items()
        if any(one.outcome == outcome for one in mine)
    ]
    return {
        "target": target,
        "columns": columns,
        "axes": [_axis(axis, [one for one in mine if one.axis == axis], columns, audit) for axis in _names(mine)],
    }


def _names(comparisons: Sequence[Comparison]) -> list[str]:
    return list(dict.fromkeys(one.axis for one in comparisons))


def _column(outcome: str, meaning: str, comparisons: Sequence[Comparison], max_gap: float) -> Column:
    widest = max((one.bound for one in comparisons), default=0.0)
    scale = next((scale for scale in SCALES if scale >= widest), SCALES[-1])
    return Column(outcome, meaning, scale, min(1.0, max_gap / scale) * REACH)


def _axis(axis: str, comparisons: Sequence[Comparison], columns: Sequence[Column], audit: Audit) -> dict[str, Any]:
    cells = {(one.group, one.outcome): one for one in comparisons}
    groups = list(dict.fromkeys(one.group for one in comparisons))
    return {
        "name": axis,
        "reference": comparisons[0].reference,
        "found": sum(one.p_holm < ALPHA for one in comparisons),
        "rows": [
            (group, [_dot(cells.get((group, column.outcome)), column, audit.verdict.max_gap) for column in columns])
            for group in groups
        ],
    }


def _dot(one: Comparison | None, column: Column, max_gap: float) -> Dot | None:
    if one is None:
        return None
    at, low, high = (MIDDLE + max(-1.0, min(1.0, value / column.scale)) * REACH for value in one.estimate[:3])
    found = one.p_holm < ALPHA
    state = "none" if not found else "found" if one.gap > max_gap else "small"
    interval = f"{amount(one, one.estimate.low, sign=True)} to {amount(one, one.estimate.high, sign=True)}"
    told = (
        f"{one.group}, {one.outcome}: {amount(one, one.mean)} against {amount(one, one.reference_mean)}, difference "
        f"{amount(one, one.estimate.difference, sign=True)} ({interval}), p {one.p_holm:.2g}, {one.pairs} pairs"
    )
    return Dot(round(at, 1), round(low, 1), round(high, 1), state, told)


def _aucs(audit: Audit) -> list[tuple[str, list[Subgroup]]]:
    """The AUCs over all categories together, by axis."""
    if audit.filters is None:
        return []
    mine = [one for one in audit.filters.subgroups if one.category == "any"]
    return [(axis, [one for one in mine if one.axis == axis]) for axis in dict.fromkeys(one.axis for one in mine)]


@cache
def _template() -> Any:  # noqa: ANN401
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["auc"] = lambda value: f"{value:.3f}"
    return environment.get_template("page.jinja")
