"""The tables of the safety page, as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analytics.looks import LATEST
from chatbot.pages.transcript import age
from chatbot.proposals import Standing
from chatbot.what_if import WhatIf

PLACES = ("message", "answer")
HEADS = {"block": "blocked", "review": "to reviewers", "transform": "changed", "allow": "let through"}
LONGEST = 220  # characters of an example


def numbers(overview: Mapping[str, Any]) -> str:
    """The row on top."""
    filters, reviewed = overview["filters"], overview["review"]
    modes = [one["mode"] for one in filters]
    acted = sum(row["flagged"] for row in overview["findings"] if not row["shadow"])
    samples = [row for row in reviewed if row["stratum"] == "sample"]
    judged, waiting = (sum(row[name] for row in reviewed) for name in ("judged", "turns"))
    shown = (
        (f"{modes.count('active')}", "filters active"),
        (f"{modes.count('shadow')}", "in shadow"),
        (f"{acted:,}", "texts flagged"),
        (f"{judged:,} of {waiting:,}", "turns for reviewers judged"),
        (
            f"{sum(row['judged'] for row in samples):,} of {sum(row['turns'] for row in samples):,}",
            "of the sample judged",
        ),
        (overview["policy"]["sha256"][:10], f"policy: {overview['policy']['file']}"),
    )
    cells = "".join(
        f"<div class='rt-number'><b>{html.escape(value)}</b><span>{name}</span></div>" for value, name in shown
    )
    trouble = overview["policy"]["trouble"]
    told = f"<p class='rt-bad'>{html.escape(trouble)}</p>" if trouble else ""
    edited = (
        "<p class='rt-bad'>The policy's file was changed by hand; it holds from the next start on.</p>"
        if overview["policy"]["edited"]
        else ""
    )
    return f"{told}{edited}<div class='rt-numbers'>{cells}</div>"


def filters(rows: Sequence[Mapping[str, Any]]) -> str:
    """Every filter with its mode, and how it fared in messages and in answers."""
    head = "<th>filter</th><th>mode</th><th class='rt-n'>messages</th><th class='rt-n'>acted</th>"
    head += "<th class='rt-n'>answers</th><th class='rt-n'>acted</th><th class='rt-n'>failures</th>"
    head += f"<th class='rt-n' title='of the latest {LATEST:,}'>median</th><th class='rt-n'>95 %</th>"
    return _card("The filters, in their order", _table(head, map(_filter, rows)))


def findings(rows: Sequence[Mapping[str, Any]]) -> str:
    """What each filter finds, with precision and recall."""
    head = (
        "<th>filter and label</th><th>in</th><th>from a score of</th><th class='rt-n'>flagged</th>"
        "<th class='rt-n'>judged</th><th>precision</th><th>recall</th><th class='rt-n'>misses seen</th>"
        "<th class='rt-n'>appeals</th>"
    )
    note = (
        "<p class='rt-soft'>With intervals of 95 %. Precision is the share of what was flagged that reviewers found "
        "right. Recall is the share of what should have been flagged that was; it is estimated from the sample of "
        "turns that nothing flagged.</p>"
    )
    told = [row for row in rows if row["flagged"] or row["missed"]]
    silent = [row for row in rows if not (row["flagged"] or row["missed"])]
    rest = f"<details><summary>{len(silent)} more that found nothing, and missed nothing that was seen</summary>"
    rest = f"{rest}{_table(head, map(_finding, silent))}</details>" if silent else ""
    return _card("How often they are right", note + (_table(head, map(_finding, told)) if told else "") + rest)


def shadows(rows: Sequence[Mapping[str, Any]]) -> str:
    """What shadows would have done, beside what happened."""
    if not rows:
        return ""
    head = (
        "<th>shadow</th><th>in</th><th class='rt-n'>both found something</th><th class='rt-n'>only the shadow</th>"
        "<th class='rt-n'>only those that act</th><th class='rt-n'>neither</th><th class='rt-n'>agreement</th>"
    )
    return _card("In shadow, beside what happened", _table(head, map(_shadow, rows)))


def replayed(found: WhatIf) -> str:
    """What the change comes to."""
    what = "messages" if found.role == "input" else "answers"
    shadow = " It runs in shadow: this is what would happen if it acted." if found.shadow else ""
    rows = "".join(
        f"<tr><td>{name}</td><td class='rt-n'>{found.now[key]:,}</td><td class='rt-n'>{found.then[key]:,}</td>"
        f"<td class='rt-n'>{found.then[key] - found.now[key]:+,}</td></tr>"
        for key, name in HEADS.items()
    )
    judged = f"Of {found.changed:,} {what} that change, reviewers judged {found.judged_true + found.judged_false:,}: "
    judged += (
        f"<b>{found.judged_true:,}</b> were {html.escape(found.category)}, <b>{found.judged_false:,}</b> were not."
    )
    rates = "".join(
        f"<tr><td>{name}</td><td>{_rate(before)}</td><td>{_rate(after)}</td></tr>"
        for name, before, after in (
            ("precision", found.precision_before, found.precision),
            ("recall", found.recall_before, found.recall),
        )
    )
    outcomes = f"<tr><th></th><th class='rt-n'>now</th><th class='rt-n'>then</th><th class='rt-n'></th></tr>{rows}"
    compared = f"<tr><th></th><th>in force</th><th>tried</th></tr>{rates}"
    shown = (f"<table class='rt-table'>{table}</table>" for table in (outcomes, compared))
    both = "".join(f"<div class='rt-scroll'>{table}</div>" for table in shown)
    name = f"{found.texts:,} {what} of the last {found.days:g} days"
    return _card(name, f"<div class='rt-two'>{both}</div><p>{judged}{shadow}</p>")


def examples(found: WhatIf) -> str:
    """The texts that are nearest to the threshold, of those that change sides."""
    if not found.examples:
        return ""
    words = {True: "<span class='rt-good'>is it</span>", False: "<span class='rt-bad'>is not</span>", None: ""}
    rows = (
        f"<tr><td class='rt-n'>{one.score:.2f}</td><td>{HEADS[one.now]} → <b>{HEADS[one.then]}</b></td>"
        f"<td class='rt-text'>{html.escape(_short(one.text))}</td><td>{words[one.right]}</td></tr>"
        for one in found.examples
    )
    head = "<th class='rt-n'>score</th><th>now → then</th><th>text</th><th>judged</th>"
    return _card("Some that would change sides", _table(head, rows))


def proposal(one: Standing | None) -> str:
    """A proposal with its diff and its evidence."""
    if one is None:
        return "<p class='rt-soft'>Nothing is proposed. Move the slider above, and propose what it shows.</p>"
    lines = "".join(f"<span class='{_line_class(line)}'>{html.escape(line)}\n</span>" for line in one.diff.splitlines())
    evidence = one.evidence
    told = (
        f"{evidence['changed']:,} of {evidence['texts']:,} texts of {evidence['days']:g} days change; of those judged, "
    )
    told += f"{evidence['judged_true']:,} were right to stop and {evidence['judged_false']:,} were not."
    stale = f"<p class='rt-bad'>{html.escape(one.stale)}</p>" if one.stale else ""
    reason = f"<p>“{html.escape(one.reason)}”</p>" if one.reason else ""
    head = f"<p><b>{html.escape(title(one))}</b></p>{reason}<p class='rt-soft'>{told} Proposed {age(one.at)}.</p>"
    return f"{head}{stale}<pre class='rt-diff'>{lines}</pre>"


def title(one: Standing) -> str:
    """A proposal in one line."""
    before = "not at all" if one.before is None else f"{one.before:g}"
    return f"{one.filter} · {one.label} · {one.role} · {one.action}: {before} → {one.threshold:g} ({one.state})"


def _filter(row: Mapping[str, Any]) -> str:
    places = [row.get(place, {}) for place in PLACES]
    counts = "".join(f"{_count(place, 'looks')}{_count(place, 'acted')}" for place in places)
    failures = sum(place.get("failures", 0) for place in places)
    mode = "<span class='rt-chip'>shadow</span>" if row["mode"] == "shadow" else "active"
    name = f"<td><b>{html.escape(row['filter'])}</b> <span class='rt-soft'>{html.escape(row['version'])}</span></td>"
    slow = "".join(f"<td class='rt-n'>{_slowest(places, name)}</td>" for name in ("p50_ms", "p95_ms"))
    bad = " rt-bad" if failures else ""
    return f"<tr>{name}<td>{mode}</td>{counts}<td class='rt-n{bad}'>{failures:,}</td>{slow}</tr>"


def _finding(row: Mapping[str, Any]) -> str:
    shadow = " <span class='rt-chip'>shadow</span>" if row["shadow"] else ""
    steps = ", ".join(f"{action} {threshold:g}" for action, threshold in row["thresholds"].items()) or "-"
    category = (
        f"<br><span class='rt-soft'>{html.escape(row['category'])}</span>" if row["category"] != row["label"] else ""
    )
    counts = "".join(f"<td class='rt-n'>{row[name]:,}</td>" for name in ("flagged", "judged"))
    rates = "".join(f"<td>{_bar(row[name])}</td>" for name in ("precision", "recall"))
    return (
        f"<tr><td><b>{html.escape(row['filter'])}</b> · {html.escape(row['label'])}{shadow}{category}</td>"
        f"<td>{html.escape(row['place'])}s</td><td>{steps}</td>{counts}{rates}"
        f"<td class='rt-n'>{row['missed']:,}</td><td class='rt-n'>{row['appeals']:,}</td></tr>"
    )


def _shadow(row: Mapping[str, Any]) -> str:
    names = ("both", "shadow", "acted", "neither")
    whole = sum(row[name] for name in names)
    counts = "".join(f"<td class='rt-n'>{row[name]:,}</td>" for name in names)
    agreed = (row["both"] + row["neither"]) / whole if whole else 0.0
    return (
        f"<tr><td><b>{html.escape(row['filter'])}</b></td><td>{row['place']}s</td>{counts}"
        f"<td class='rt-n'>{agreed:.1%}</td></tr>"
    )


def _bar(rate: Mapping[str, Any] | None) -> str:
    """An estimate with its interval, drawn from 0 to 1."""
    if rate is None:
        return "<span class='rt-soft'>not known yet</span>"
    low, high, value = (100 * rate[name] for name in ("low", "high", "value"))
    told = f"{value:.0f} %, from {low:.0f} to {high:.0f} % ({rate['texts']:,} judged)"
    return (
        f"<span class='rt-rate' title='{told}' aria-label='{told}'><b>{value:.0f} %</b>"
        f"<span class='rt-scale'><i style='left:{low:.1f}%;width:{max(1.0, high - low):.1f}%'></i>"
        f"<u style='left:{value:.1f}%'></u></span><small>{low:.0f}–{high:.0f}</small></span>"
    )


def _rate(rate: Any) -> str:  # noqa: ANN401
    return _bar(None if rate is None else rate._asdict())


def _count(place: Mapping[str, Any], name: str) -> str:
    return f"<td class='rt-n'>{place[name]:,}</td>" if place else "<td class='rt-n rt-soft'>-</td>"


def _slowest(places: Sequence[Mapping[str, Any]], name: str) -> str:
    times = [place[name] for place in places if place.get(name) is not None]
    return f"{max(times):.2f} ms" if times else "-"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]} …"


def _line_class(line: str) -> str:
    if line.startswith(("+++", "---")):
        return "rt-same"
    return "rt-plus" if line[:1] == "+" else "rt-minus" if line[:1] == "-" else "rt-same"


def _table(head: str, rows: Iterable[str]) -> str:
    return f"<div class='rt-scroll'><table class='rt-table'><tr>{head}</tr>{''.join(rows)}</table></div>"


def _card(name: str, body: str) -> str:
    return f"<div class='rt-card'><h3>{html.escape(name)}</h3>{body}</div>"
