"""The figures as a picture: throughput by number of streams, what is added to the first token, and the rates held."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.gateway.figures import BESIDE
from benchmarks.gateway.show import NAMES

COLORS = {"direct": "#8a8a8a", "ratchet": "#b5482f", "ratchet_defaults": "#d99a86", "litellm": "#4a6fa5"}
OWN_DEFAULTS = "vLLM with its own defaults"
WIDTH = 0.2
SHARES = ("p50", "p95", "p99")


def picture(result: Mapping[str, Any], path: Path) -> None:
    """Draw what was measured to a PNG; a panel of which nothing was measured stays empty."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (throughput, latency, rates) = plt.subplots(
        1, 3, figsize=(12, 4.4), dpi=140, gridspec_kw={"width_ratios": [3, 2, 1.2]}
    )
    _bars(
        throughput, {name: [by[name] for by in result["streams"].values()] for name in NAMES}, list(result["streams"])
    )
    throughput.set(xlabel="streams at once", ylabel="tokens per second", title="Throughput, the same vLLM")
    _own_defaults(throughput, result)
    added = {"ratchet": result["added_ttft_ms"], **{name: result[f"{name}_added_ttft_ms"] for name in BESIDE}}
    _bars(latency, {name: [by[share] for share in SHARES] for name, by in added.items()}, SHARES)
    latency.set(ylabel="milliseconds", title="Added time to first token", yscale="symlog")
    latency.margins(y=0.3)
    _bars(rates, {name: [rate] for name, rate in result["max_rps"].items()}, [""])
    rates.set(ylabel="requests per second", title="Highest rate held")
    for axes in (throughput, latency, rates):
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = throughput.get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="lower center", ncols=len(labels))
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    plt.close(figure)


def _bars(axes: Any, series: Mapping[str, list[float | None]], labels: Any) -> None:  # noqa: ANN401 - matplotlib has no types
    for place, (name, values) in enumerate(series.items()):
        at = [number + (place - (len(series) - 1) / 2) * WIDTH for number in range(len(values))]
        bars = axes.bar(at, [value or 0 for value in values], WIDTH, color=COLORS[name], label=NAMES[name])
        axes.bar_label(bars, ["" if value is None else f"{value:,.0f}" for value in values], fontsize=7, padding=2)
    axes.set_xticks(range(len(labels)), labels)


def _own_defaults(axes: Any, result: Mapping[str, Any]) -> None:  # noqa: ANN401 - matplotlib has no types
    """A line across the bars of the number of streams at which it was measured, which is the last."""
    if result["vllm_defaults"]:
        last = len(result["streams"]) - 1
        ends = (last - 2 * WIDTH, last + 2 * WIDTH)
        axes.plot(ends, [result["vllm_defaults"]] * 2, color="#222222", lw=1.5, ls="--", label=OWN_DEFAULTS)
