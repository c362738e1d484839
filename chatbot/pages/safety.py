"""The safety page: how often the filters are right, what other thresholds would do, and proposals to change them."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import gradio as gr

from chatbot.accounts import Caller
from chatbot.api.common import OURS
from chatbot.errors import BadRequest
from chatbot.pages import tables
from chatbot.pages.look import QUIET, bar
from chatbot.pages.plot import thresholds
from chatbot.permissions import OPERATE
from chatbot.services import Services
from safety.change import Change

REFRESH_SECONDS = 15.0
DAYS = {"7 days": 7.0, "30 days": 30.0, "90 days": 90.0, "a year": 365.0}
NOTHING = "<p class='rt-soft'>Filters that give scores can be replayed once they have looked at something.</p>"


class SafetyPage:
    """The page's handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def overview(self, days: str) -> tuple[str, str, str, str]:
        """The figures."""
        found = self._services.filter_errors.overview(DAYS[days])
        return (
            tables.numbers(found),
            tables.filters(found["filters"]),
            tables.findings(found["findings"]),
            tables.shadows(found["shadows"]),
        )

    def choices(self, days: str, chosen: str | None) -> Any:  # noqa: ANN401
        """What can be replayed, keeping what is chosen."""
        found = [(name, _key(change)) for name, change in self._services.what_ifs.choices(DAYS[days])]
        keys = [key for _, key in found]
        return gr.update(choices=found, value=chosen if chosen in keys else next(iter(keys), None))

    def begin(self, chosen: str | None, days: str) -> Any:  # noqa: ANN401
        """The slider at the threshold in force."""
        change = self._change(chosen, None, days)
        return gr.skip() if change is None else gr.update(value=change.threshold)

    def replay(self, chosen: str | None, threshold: float, days: str) -> tuple[Any, ...]:
        """What the threshold comes to: in words, as a plot, and by examples."""
        change = self._change(chosen, threshold, days)
        if change is None:
            return NOTHING, gr.update(visible=False), ""
        try:
            found = self._services.what_ifs.what_if(change, DAYS[days])
        except OURS as error:
            return _told(str(error), good=False), gr.update(visible=False), ""
        plot = thresholds(found.curve, found.before, found.threshold)
        return tables.replayed(found), gr.update(value=plot, visible=True), tables.examples(found)

    def propose(self, chosen: str | None, threshold: float, days: str, reason: str, request: gr.Request) -> Any:  # noqa: ANN401
        """Propose what the slider shows."""

        def step() -> str:
            change = self._change(chosen, threshold, days)
            if change is None:
                raise BadRequest("Choose what to replay first.")
            made = self._services.proposals.propose(self._caller(request), change, DAYS[days], reason)
            return f"Proposed: {tables.title(made)}. An operator has to approve it."

        return self._done(step), *self.proposals(None, request)

    def proposals(self, chosen: str | None, request: gr.Request) -> tuple[Any, ...]:
        """The proposals as choices, the chosen one with its diff, and the buttons where the caller may decide on it."""
        found = self._services.proposals.all()
        ids = [one.proposal_id for one in found]
        chosen = chosen if chosen in ids else next(iter(ids), None)
        one = next((one for one in found if one.proposal_id == chosen), None)
        may = one is not None and one.state == "open" and self._caller(request).may(OPERATE)
        choices = [(tables.title(one), one.proposal_id) for one in found]
        radio = gr.update(choices=choices, value=chosen, visible=len(found) > 1)
        return radio, tables.proposal(one), gr.update(visible=may), gr.update(visible=may)

    def approve(self, chosen: str, request: gr.Request) -> Any:  # noqa: ANN401
        """Approve the proposal that is shown."""

        def step() -> str:
            self._caller(request).must(OPERATE)
            done = self._services.proposals.approve(chosen, self._caller(request))
            return f"In force from now on: {tables.title(done)}."

        return self._done(step), *self.proposals(chosen, request)

    def reject(self, chosen: str, request: gr.Request) -> Any:  # noqa: ANN401
        """Reject the proposal that is shown."""

        def step() -> str:
            self._caller(request).must(OPERATE)
            self._services.proposals.reject(chosen, self._caller(request))
            return "Rejected; nothing changes."

        return self._done(step), *self.proposals(chosen, request)

    def _change(self, chosen: str | None, threshold: float | None, days: str) -> Change | None:
        """What is chosen, with the threshold in force unless another is tried."""
        known = {_key(change): change for _, change in self._services.what_ifs.choices(DAYS[days])}
        change = known.get(chosen or "")
        return change if change is None or threshold is None else replace(change, threshold=float(threshold))

    def _caller(self, request: gr.Request) -> Caller:
        return self._services.accounts.caller(request.request, by_key=False)

    def _done(self, step: Callable[[], str]) -> str:
        try:
            return _told(step(), good=True)
        except OURS as error:
            return _told(str(error), good=False)


class WhatIfParts(NamedTuple):
    """Where another threshold is tried."""

    chosen: gr.Dropdown
    slider: gr.Slider
    words: gr.HTML
    plot: gr.Plot
    examples: gr.HTML
    reason: gr.Textbox
    propose: gr.Button


class ProposalParts(NamedTuple):
    """Where a proposal is decided on."""

    chosen: gr.Radio
    shown: gr.HTML
    approve: gr.Button
    reject: gr.Button


def page(services: Services) -> gr.Blocks:
    """Build the page."""
    handlers = SafetyPage(services)
    with gr.Blocks(title="Ratchet: safety") as blocks:
        bar(blocks, services.accounts, "Safety")
        with gr.Column(elem_classes="rt-wide"):
            days = gr.Radio([*DAYS], value="30 days", show_label=False, container=False, elem_classes="rt-pick")
            overview = [gr.HTML(elem_id=f"rt-safety-{name}") for name in ("numbers", "filters", "findings", "shadows")]
            what_if = _what_if()
            told = gr.HTML(elem_id="rt-told")
            proposals = _proposals()
        _hear(blocks, handlers, days, overview, what_if, proposals, told)
    return blocks


def _what_if() -> WhatIfParts:
    with gr.Column(elem_classes="rt-card rt-what-if"):
        gr.HTML("<h3>What if</h3>")
        with gr.Row():
            chosen = gr.Dropdown([], label="What is tried", elem_id="rt-what", scale=5)
            slider = gr.Slider(0, 1, value=0.5, step=0.01, label="From a score of", elem_id="rt-threshold", scale=6)
        words = gr.HTML(NOTHING, elem_id="rt-replayed")
        plot = gr.Plot(show_label=False, container=False, elem_id="rt-curve", visible=False)
        examples = gr.HTML(elem_id="rt-examples")
        with gr.Row(elem_classes="rt-line"):
            reason = gr.Textbox(
                placeholder="Why this is better (optional)", show_label=False, container=False, scale=8, max_length=1000
            )
            propose = gr.Button("Propose", variant="primary", elem_id="rt-propose")
    return WhatIfParts(chosen, slider, words, plot, examples, reason, propose)


def _proposals() -> ProposalParts:
    with gr.Column(elem_classes="rt-card"):
        gr.HTML("<h3>Proposals</h3>")
        chosen = gr.Radio([], show_label=False, container=False, elem_id="rt-proposals", visible=False)
        shown = gr.HTML(elem_id="rt-proposal")
        with gr.Row(elem_classes="rt-actions"):
            approve = gr.Button("Approve", variant="primary", elem_id="rt-approve", visible=False)
            reject = gr.Button("Reject", elem_id="rt-reject", visible=False)
    return ProposalParts(chosen, shown, approve, reject)


def _hear(
    blocks: gr.Blocks,
    handlers: SafetyPage,
    days: gr.Radio,
    overview: list[gr.HTML],
    what_if: WhatIfParts,
    proposals: ProposalParts,
    told: gr.HTML,
) -> None:
    tried = [what_if.chosen, what_if.slider, days]
    seen = [what_if.words, what_if.plot, what_if.examples]
    blocks.load(handlers.overview, [days], overview, **QUIET)
    gr.Timer(REFRESH_SECONDS).tick(handlers.overview, [days], overview, **QUIET)
    blocks.load(handlers.choices, [days, what_if.chosen], [what_if.chosen], **QUIET)
    blocks.load(handlers.proposals, [proposals.chosen], [*proposals], **QUIET)
    days.change(handlers.overview, [days], overview, **QUIET)
    days.change(handlers.choices, [days, what_if.chosen], [what_if.chosen], **QUIET).then(
        handlers.replay, tried, seen, **QUIET
    )
    what_if.chosen.change(handlers.begin, [what_if.chosen, days], [what_if.slider], **QUIET).then(
        handlers.replay, tried, seen, **QUIET
    )
    what_if.slider.change(handlers.replay, tried, seen, trigger_mode="always_last", **QUIET)
    what_if.propose.click(handlers.propose, [*tried, what_if.reason], [told, *proposals], **QUIET)
    proposals.chosen.input(handlers.proposals, [proposals.chosen], [*proposals], **QUIET)
    for button, handler in ((proposals.approve, handlers.approve), (proposals.reject, handlers.reject)):
        button.click(handler, [proposals.chosen], [told, *proposals], **QUIET).then(
            handlers.choices, [days, what_if.chosen], [what_if.chosen], **QUIET
        ).then(handlers.overview, [days], overview, **QUIET)


def _key(change: Change) -> str:
    """What is tried, whatever the threshold."""
    return json.dumps({name: value for name, value in asdict(change).items() if name != "threshold"})


def _told(text: str, *, good: bool) -> str:
    return f"<p class='{'rt-good' if good else 'rt-bad'}'>{html.escape(text)}</p>"
