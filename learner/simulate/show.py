"""The demo as it is watched: a live curve in the terminal, and a picture at the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from learner.simulate.crowd import Seen
from learner.simulate.stage import Act, Outcome, Story

BLOCKS = " ▁▂▃▄▅▆▇█"
COLUMNS, ROWS = 64, 8
SMOOTH_SECONDS, QUIET_SECONDS = 12.0, 2.0
LINES = ("#39506b", "#2e8b57", "#b8860b")
TITLES: dict[Act, str] = {
    "starting": "Starting a server of its own",
    "before": "How satisfied are new people?",
    "gathering": "People chat, rate, rewrite and compare",
    "learning": "The learner trains and the gates measure",
    "experiment": "The experiment: both arms, everybody keeps theirs",
    "after": "How satisfied are new people now?",
    "done": "Done",
}
SHADES: dict[Act, str] = {"gathering": "#dfe9f5", "learning": "#f6ecd2", "experiment": "#e3f1e3", "after": "#efe3f3"}


def screen(story: Story) -> RenderableType:
    """The demo at this moment, for `rich.live.Live`."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", width=12)
    facts.add_column()
    facts.add_row("now", f"[bold]{TITLES[story.act]}[/]")
    facts.add_row("", Text(story.note))
    facts.add_row("answers", f"{len(story.seen)} in {time.monotonic() - story.began:.0f} s")
    if interval := story.experiment.get("interval"):
        facts.add_row("difference", f"{interval[0]:+.3f} to {interval[1]:+.3f} per user")
    parts: list[RenderableType] = [facts, Text(), curve(story.seen)]
    if story.act == "learning":
        parts.append(ProgressBar(total=1.0, completed=story.progress, width=COLUMNS + 6))
    return Panel(Group(*parts), title="ratchet demo", subtitle="true satisfaction over time", padding=(1, 2))


def curve(seen: Sequence[Seen]) -> Text:
    """Mean true satisfaction in `COLUMNS` stretches of time, drawn with block characters from 0 to 1."""
    means = _means(seen)
    lines = []
    for row in range(ROWS, 0, -1):
        filled = [np.nan_to_num(mean * ROWS - (row - 1), nan=0.0) for mean in means]
        bar = "".join(BLOCKS[int(np.clip(round(8 * part), 0, 8))] for part in filled)
        lines.append(f"{row / ROWS:4.0%}  {bar}" if row % 2 == 0 else f"      {bar}")
    return Text("\n".join(lines), style="green")


def _means(seen: Sequence[Seen]) -> list[float]:
    if not seen:
        return [float("nan")] * COLUMNS
    times = np.array([one.seconds for one in seen])
    values = np.array([one.satisfaction for one in seen])
    span = max(1e-9, float(times.max() - times.min()))
    column = np.minimum(COLUMNS - 1, ((times - times.min()) / span * COLUMNS).astype(int))
    with np.errstate(invalid="ignore"):
        means: list[float] = (np.bincount(column, values, COLUMNS) / np.bincount(column, minlength=COLUMNS)).tolist()
    return means


def picture(story: Story, outcome: Outcome, path: Path) -> None:
    """Draw true satisfaction over time, by the adapter that answered, with the acts as bands, to a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(10, 4.6), dpi=140)
    _bands(axes, story)
    # A challenger that is promoted stays the model that it is.
    for adapter, color in zip(dict.fromkeys(one.adapter for one in story.seen), cycle(LINES)):
        chosen = [one for one in story.seen if one.adapter == adapter]
        if len(chosen) > 20:
            axes.plot(*_smooth(chosen, story.began), color=color, lw=2, label=adapter)
    for value, act, name in (
        (outcome.satisfaction_before, "before", "before"),
        (outcome.satisfaction_after, "after", "after"),
    ):
        begins = next(at for at, entered in story.acts if entered == act) - story.began
        axes.plot([begins], [value], "o", ms=9, color="#b5482f", zorder=5)
        axes.annotate(
            f"{name} {value:.2f}", (begins, value), xytext=(6, 9), textcoords="offset points", color="#b5482f"
        )
    axes.set(ylim=(0, 1), xlabel="seconds since the start", ylabel="true satisfaction", title=_headline(outcome))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def _bands(axes: object, story: Story) -> None:
    ends = [at for at, _ in story.acts[1:]]
    for (begins, act), end in zip(story.acts, ends, strict=False):
        if act in SHADES:
            axes.axvspan(begins - story.began, end - story.began, color=SHADES[act], lw=0)  # type: ignore[attr-defined]
            middle = (begins + end) / 2 - story.began
            axes.text(middle, 0.02, act, ha="center", color="#555555", fontsize=9)  # type: ignore[attr-defined]


def _smooth(seen: Sequence[Seen], began: float) -> tuple[np.ndarray, np.ndarray]:
    times = np.array([one.seconds - began for one in seen])
    values = np.array([one.satisfaction for one in seen])
    at = np.linspace(times.min(), times.max(), 200)
    away = np.abs(at[:, None] - times[None, :])
    weights = np.exp(-0.5 * (away / (SMOOTH_SECONDS / 2)) ** 2)
    # Where nobody was answered for a while there is nothing to draw.
    return at, np.where(away.min(1) < QUIET_SECONDS, weights @ values / np.maximum(weights.sum(1), 1e-9), np.nan)


def _headline(outcome: Outcome) -> str:
    if outcome.promoted:
        return f"{outcome.promoted} was promoted: {outcome.satisfaction_before:.2f} to {outcome.satisfaction_after:.2f}"
    return f"Nothing was promoted: stopped by {outcome.stopped_by}"
