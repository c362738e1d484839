"""An adapter's model card, in the Hugging Face Hub's format: what it is, what taught it, what it had to show.

One is written into the folder when the adapter is registered, and is never changed, for the folder is not either. A
fuller one, with what became of the adapter since, is made when it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learner.adapter import CARD, README
from learner.progress import read_json
from learner.provenance import dataset_of, recipe_of

if TYPE_CHECKING:
    from analytics import Store
    from learner.registry import Registry

SIDES = {
    "learn": "pairs that taught",
    "ratings": "ratings that taught",
    "judge": "pairs held out to judge",
    "judge_ratings": "ratings held out to judge",
}
STARTER_LICENSE = "apache-2.0"
LIMITS = """\
## Intended use and limits

It was trained to please the people who used this server, on their questions. It is meant to be served by this server,
with its filters before and behind it, for what they use it for, and for nothing else.

- It works on the base named above only; its hash is checked before it is served.
- It knows no more than its base. Preferences change how it answers, and whether an answer is right was measured only
  where a gate says so.
- People who gave feedback are not everybody. What they did not ask about was not measured.
- Gates and experiments show that it is not worse than the champion it was compared with, by the margins below. They do
  not show that it is safe.
"""


def model_card(
    adapter: str,
    weights_sha256: str,
    card: Mapping[str, Any],
    *,
    since: Sequence[Mapping[str, Any]] = (),
    experiments: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The card as Markdown with a YAML header; `card` is the content of `card.json` in the adapter's folder.

    `since` are the adapter's rows (at, state, reason) and `experiments` those it was in, for the fuller card.
    """
    gates = card.get("gates") or []
    parts = (
        f"# {adapter}",
        _origin(adapter, weights_sha256, card),
        _dataset(card),
        _training(card),
        _gates(gates, card.get("champion_then")),
        _experiments(experiments),
        _since(since),
        LIMITS,
    )
    return f"---\n{_header(adapter, card)}\n---\n\n" + "\n\n".join(part.strip() for part in parts if part) + "\n"


def current_card(store: Store, registry: Registry, adapter: str) -> str:
    """The fuller card: with every experiment and every state of the adapter until now. Raises UnknownAdapter."""
    folder = registry.folder(adapter)
    card = (read_json(folder / CARD) if folder is not None else None) or {}
    states = store.rows("SELECT * FROM adapter WHERE adapter = ? ORDER BY seq", (adapter,))
    latest = "QUALIFY row_number() OVER (PARTITION BY experiment_id ORDER BY seq DESC) = 1 ORDER BY seq"
    experiments = store.rows(f"SELECT * FROM experiment WHERE challenger = ? {latest}", (adapter,))
    base = {"base": states[0]["base"]} if states else {"base": registry.base}
    sha256 = str(states[0]["weights_sha256"]) if states else registry.base_sha256
    return model_card(adapter, sha256, {**base, **card}, since=states, experiments=experiments)


def _header(adapter: str, card: Mapping[str, Any]) -> str:
    from huggingface_hub import ModelCardData  # only here: it is slow to load

    model, base = (card.get("training") or {}).get("model"), str(card.get("base") or "")
    data = ModelCardData(
        base_model=_base_model(base),
        license=_license(base, model),
        library_name="peft",
        pipeline_tag="text-generation",
        model_name=adapter,
        tags=["lora", "ratchet", *([str(recipe)] if (recipe := recipe_of(card)["name"]) else [])],
    )
    return str(data.to_yaml()).strip()


def _base_model(base: str) -> str:
    """A Hub id as the Hub writes it."""
    return base.replace("--", "/", 1)


def _license(base: str, model: str | None) -> str:
    """That of the base: an adapter is of no use without it. `other` where the base says nothing."""
    if base == "starter":
        return STARTER_LICENSE
    readme = Path(model) / README if model else None
    if readme is not None and readme.is_file():
        from huggingface_hub import ModelCard

        return str(ModelCard.load(readme, ignore_metadata_errors=True).data.to_dict().get("license") or "other")
    return "other"


def _origin(adapter: str, weights_sha256: str, card: Mapping[str, Any]) -> str:
    rows = {
        "weights (SHA-256)": f"`{weights_sha256}`",
        "base": _base_model(str(card.get("base") or "unknown")),
        "base (SHA-256)": f"`{card.get('base_sha256') or 'unknown'}`",
        "compared with": card.get("champion_then") or "nothing",
    }
    told = (
        f"A LoRA adapter that Ratchet trained on what people said about answers. `{adapter}` names these weights only."
    )
    return f"{told}\n\n{_table(('', ''), rows.items())}"


def _dataset(card: Mapping[str, Any]) -> str:
    dataset = dataset_of(card)
    if dataset is None:
        return "## Training data\n\nNot recorded: it is a copy, or was registered without a dataset."
    sides = [
        (told, side["rows"], side["people"], _sources(side["sources"]), f"{side['largest_share']:.1%}")
        for name, told in SIDES.items()
        if (side := dataset["rows"].get(name))
    ]
    lines = [
        f"Dataset `{dataset['id']}`, as of {str(dataset['instant'])[:19]} (SHA-256 `{dataset['dataset_sha256']}`).",
        _table(("", "rows", "people", "sources", "largest share of one person"), sides),
        f"Consent: {dataset['consent']}. Nobody both taught and judged: people are split by a hash into learn, decide "
        f"and holdout ({'/'.join(map(str, dataset['groups'] or ()))} percent).",
        f"{dataset['clean_pairs']} clean pairs were mixed in; in {dataset['rows_with_placeholders']} rows personal "
        f"data was replaced by placeholders; {dataset['people_left_out']} people were left out.",
    ]
    return "## Training data\n\n" + "\n\n".join(lines)


def _training(card: Mapping[str, Any]) -> str:
    recipe = recipe_of(card)
    if not recipe["name"]:
        return ""
    told = f"Recipe `{recipe['name']}`. {recipe['reason'] or ''}".strip()
    settings = json.dumps(recipe["settings"], indent=1, sort_keys=True)
    measured = {name: value for name, value in recipe["measured"].items() if isinstance(value, int | float | str)}
    figures = f"\n\n{_table(('measured', ''), measured.items())}" if measured else ""
    folded = f"<details><summary>Settings</summary>\n\n```json\n{settings}\n```\n\n</details>"
    return f"## Training\n\n{told}{figures}\n\n{folded}"


def _gates(gates: Sequence[Mapping[str, Any]], champion: str | None) -> str:
    if not gates:
        return ""
    rows = [
        (
            gate["gate"],
            _number(gate.get("measured")),
            _number(gate.get("against")),
            _verdict(gate),
            gate.get("reason", ""),
        )
        for gate in gates
    ]
    head = ("gate", "adapter", str(champion or "champion"), "verdict", "why")
    return f"## Gates\n\n{_table(head, rows)}"


def _experiments(experiments: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for one in experiments:
        found = one.get("detail") or {}
        between = "-" if found.get("lower") is None else f"{found['lower']:+.3f} to {found['upper']:+.3f}"
        people = f"{found.get('users_challenger', 0)} / {found.get('users_champion', 0)}"
        rows.append((one["experiment_id"], one["champion"], one["state"], people, between, one["reason"]))
    head = ("experiment", "against", "came to", "people (it / champion)", "difference per person", "why")
    return f"## Experiments\n\n{_table(head, rows)}" if rows else ""


def _since(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    told = [(f"{row['at']:%Y-%m-%d %H:%M} UTC", row["state"], row["reason"]) for row in rows]
    return f"## What became of it\n\n{_table(('since', 'state', 'why'), told)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)])


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def _sources(sources: Mapping[str, int]) -> str:
    return ", ".join(f"{source} {rows}" for source, rows in sources.items()) or "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _verdict(gate: Mapping[str, Any]) -> str:
    return "does not apply" if gate.get("skipped") else "passed" if gate.get("passed") else "stopped"
