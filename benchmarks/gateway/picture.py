"""The figures as a picture: throughput by number of streams, what is added to the first token, and the rates held."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.gateway.show import NAMES

COLORS = {"direct": "#8a8a8a", "ratchet": "#b5482f", "litellm": "#4a6fa5"}
WIDTH = 0.26
SHARES = ("p50", "p95", "p99")


def picture(result: Mapping[str, Any], path: Path) -> None:
    """Draw what was measured to a PNG; a panel of which nothing was measured stays empty."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (throughput, latency, rates) = plt.subplots(
        1, 3, figsize=(12, 4), dpi=140, gridspec_kw={"width_ratios": [3, 2, 1.2]}
    )
    _bars(
        throughput, {name: [by[name] for by in result["streams"].values()] for name in NAMES}, list(result["streams"])
    )
    throughput.set(xlabel="streams at once", ylabel="tokens per second", title="Throughput, the same vLLM")
    _own_defaults(throughput, result)
    added = {"ratchet": result["added_ttft_ms"], "litellm": result["litellm_added_ttft_ms"]}
    _bars(latency, {name: [by[share] for share in SHARES] for name, by in added.items()}, SHARES)
    latency.set(ylabel="milliseconds", title="Added time to first token", yscale="symlog")
    _bars(rates, {name: [rate] for name, rate in result["max_rps"].items()}, [""])
    rates.set(ylabel="requests per second", title="Highest rate held")
    for axes in (throughput, latency, rates):
        axes.spines[["top", "right"]].set_visible(False)
    throughput.legend(frameon=False, loc="upper left")
    figure.tight_layout()
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
    if result["vllm_defaults"]:
        told = f"vLLM with its own defaults, {result['ratio_streams']} streams"
        axes.axhline(result["vllm_defaults"], color="#555555", lw=1, ls="--", label=told)
