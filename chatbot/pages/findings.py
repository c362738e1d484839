"""The part of the review page that judges the filters: a row for each finding, and what was missed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import gradio as gr

from chatbot.errors import BadRequest
from chatbot.judgements import Finding, Judged, Missed, Place, VerdictJudged
from chatbot.pages.look import QUIET

RIGHT, WRONG, OTHER = "right", "wrong", "other category"
ROWS = 4  # findings of a turn that can be judged one by one; more are judged over the API
_JUDGED: dict[str, Judged] = {RIGHT: "right", WRONG: "wrong", OTHER: "other"}


@dataclass(frozen=True)
class Rows:
    """`found` holds in the browser which findings the rows are about."""

    found: gr.Textbox
    judged: Sequence[gr.Radio]
    true: Sequence[gr.Radio]
    missed: gr.Dropdown

    @property
    def parts(self) -> list[Any]:
        """All of it, in the order in which `shown` and `said` have it."""
        return [self.found, *self.judged, *self.true, self.missed]


def rows(categories: Sequence[str]) -> Rows:
    """Lay the rows out, in the Blocks that are open."""
    judged, true = [], []
    found = gr.Textbox(visible=False)
    for number in range(ROWS):
        with gr.Row(elem_classes="rt-finding-row"):
            name = "rt-filter" if number == 0 else f"rt-filter-{number}"
            radio = gr.Radio([RIGHT, WRONG], label="The filter was", elem_id=name, elem_classes="rt-pick rt-finding")
            choice = gr.Radio(list(categories), label="It is", visible=False, elem_classes="rt-pick rt-true")
        radio.change(_asks_which, [radio], [choice], **QUIET)
        judged.append(radio)
        true.append(choice)
    places = [f"{place}: {category}" for place in ("message", "answer") for category in categories]
    missed = gr.Dropdown(
        places, value=[], multiselect=True, label="The filters missed (none, or choose)", elem_id="rt-missed"
    )
    return Rows(found, judged, true, missed)


def shown(found: Sequence[Finding], *, quiet: bool) -> list[Any]:
    """Updates for `Rows.parts`, with nothing judged yet; `quiet` where the filters are hardly in question."""
    classes = ["rt-pick", "rt-finding", *(["rt-quiet"] if quiet else [])]
    keys = [(one.place, one.filter, one.label) for one in found[:ROWS]]
    radios = [_hidden()] * ROWS
    for number, one in enumerate(found[:ROWS]):
        radios[number] = gr.update(
            choices=[RIGHT, WRONG, OTHER], value=None, label=_label(one), visible=True, elem_classes=classes
        )
    if not found:
        told = "That the filters found nothing was"
        radios[0] = gr.update(choices=[RIGHT, WRONG], value=None, label=told, visible=True, elem_classes=classes)
    return [json.dumps(keys), *radios, *[_hidden()] * ROWS, []]


def said(parts: Sequence[Any]) -> dict[str, Any]:
    """What the rows say, as `Reviews.decide` takes it. Raises BadRequest."""
    keys, judged, true, missed = json.loads(parts[0]), parts[1 : ROWS + 1], parts[ROWS + 1 : -1], parts[-1] or []
    misses = [Missed(cast("Place", place), category) for place, _, category in (one.partition(": ") for one in missed)]
    if not keys:
        if judged[0] == WRONG and not misses:
            raise BadRequest("Choose below what the filters missed.")
        return {"filter_right": None if judged[0] is None else judged[0] == RIGHT and not misses, "missed": misses}
    verdicts = [
        VerdictJudged(place, name, _JUDGED[word], label, true[number] if word == OTHER else None)
        for number, ((place, name, label), word) in enumerate(zip(keys, judged, strict=False))
        if word is not None
    ]
    if any(verdict.judged == "other" and not verdict.true_category for verdict in verdicts):
        raise BadRequest("Choose the category that it is.")
    return {"verdicts": verdicts, "missed": misses}


def _asks_which(word: str | None) -> Any:  # noqa: ANN401
    return gr.update(visible=True) if word == OTHER else _hidden()


def _hidden() -> Any:  # noqa: ANN401
    return gr.update(visible=False, value=None)


def _label(one: Finding) -> str:
    return f"{one.filter}: {one.category} in the {one.place} was"
