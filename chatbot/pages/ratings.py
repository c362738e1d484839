"""What people say about answers: thumbs, reasons, rewrites, comparisons, appeals, and their consent to learning."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

import gradio as gr

from chatbot import conversations
from chatbot.api.common import OURS
from chatbot.both_arms import Choice
from chatbot.pages.access import person_of
from chatbot.pages.talk import Talk
from chatbot.services import Services

THANKS = "Thank you."
CHOOSE = "Choose between the two answers first."


class Ratings:
    """Keeps what people say; every method returns what to tell them, in plain text."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._person_of = partial(person_of, services.accounts)

    def rate(self, place: int, vote: int, talk: Talk, request: gr.Request) -> str:
        """Keep a thumb; a vote of 0 takes it back."""
        turn_id = talk.turns.get(place)
        if turn_id is None:
            return "There is no answer to rate here yet."
        if _pending(place, talk):
            return CHOOSE
        talk.about, talk.votes[place] = turn_id, vote
        return self._give(request, turn_id, THANKS if vote else "Your vote is taken back.", vote=vote)

    def copied(self, text: str, talk: Talk, request: gr.Request) -> None:
        """Keep that an answer was copied, as a weak sign. Only its text is known, so the newest such is meant."""
        store, text = self._services.store, text.strip()
        newest_first = (turn_id for _, turn_id in sorted(talk.turns.items(), reverse=True))
        turn_id = next((one for one in newest_first if conversations.answer(store, one).strip() == text), None)
        if turn_id is not None:
            with contextlib.suppress(*OURS):  # nobody waits for it
                self._services.implicits.report(self._person_of(request), turn_id, "copy")

    def explain(self, reasons: list[str], comment: str, talk: Talk, request: gr.Request) -> tuple[str, bool]:
        """Keep why an answer was bad; also tells whether that must be said once more, in other words."""
        if talk.about is None:
            return "There is no vote to explain any more.", False
        if not (reasons or comment.strip()):
            return "Choose a reason or write a few words.", True
        told, kept = self._keep(request, talk.about, THANKS, reasons=reasons, comment=comment.strip() or None)
        return told, not kept

    def rewrite(self, place: int, text: str, talk: Talk, request: gr.Request) -> str:
        """Keep the answer as the person would have written it."""
        turn_id = talk.turns.get(place)
        if turn_id is None:
            return "Only answers can be rewritten."
        if _pending(place, talk):
            return CHOOSE
        text, answer = text.strip(), conversations.answer(self._services.store, turn_id).strip()
        if text in ("", answer):
            return "Nothing was changed, so nothing is kept."
        talk.about = turn_id
        told = "Thank you, your rewrite is kept; the model's own answer stays on show."
        return self._give(request, turn_id, told, rewrite=text)

    def compare(self, newer_is_better: bool, talk: Talk, request: gr.Request) -> str:
        """Keep which of two answers was better."""
        earlier, talk.earlier = talk.earlier, None
        newer = talk.latest
        if earlier is None or newer is None:
            return "There is nothing to compare any more."
        better, worse = (newer, earlier) if newer_is_better else (earlier, newer)
        return self._give(request, better, THANKS, preferred_over=worse)

    def choose(self, choice: Choice, talk: Talk, request: gr.Request) -> tuple[str, str | None]:
        """Keep what somebody found of a pair: what to tell, and the answer that goes into the chat, if any."""
        pair = talk.pair
        if pair is None:
            return "There is nothing to choose from any more.", None
        ids = pair.left.begun.turn_id, pair.right.begun.turn_id
        try:
            receipt = self._services.both_arms.choose(self._person_of(request), *ids, choice=choice)
        except OURS as error:
            return str(error), None
        chosen = {"left": pair.left, "right": pair.right}.get(choice, pair.own)
        talk.pair, talk.turns[max(talk.turns)] = None, chosen.begun.turn_id
        return (THANKS if receipt is None else f"{THANKS} Receipt {receipt.receipt}."), chosen.text

    def appeal(self, comment: str, talk: Talk, request: gr.Request) -> str:
        """Ask a person to look at what the filter stopped; what cannot be kept may be said in other words."""
        if talk.blocked is None:
            return "There is nothing to appeal."
        try:
            number = self._services.feedbacks.appeal(self._person_of(request), talk.blocked, comment.strip())
        except OURS as error:
            return str(error)
        talk.blocked = None
        return f"A person will look at it. Receipt {number}."

    def must_ask(self, talk: Talk, request: gr.Request) -> bool:
        """Whether the person was never asked if this conversation may be learned from."""
        return not talk.temporary and self._agreed(talk, request) is None

    def consent(self, talk: Talk, request: gr.Request) -> str:
        """How it stands with the consent to learn from this conversation."""
        given = False if talk.temporary else self._agreed(talk, request)
        return f"Learning from you: {'not asked yet' if given is None else 'on' if given else 'off'}"

    def agree(self, given: bool, talk: Talk, request: gr.Request) -> str:
        """Keep the person's consent for this conversation, or their refusal."""
        self._services.feedbacks.set_consent(self._person_of(request), given, talk.conversation_id)
        return self.consent(talk, request)

    def turn_consent(self, talk: Talk, request: gr.Request) -> str:
        """Turn it around: on for this conversation, and off for all."""
        if self._agreed(talk, request):
            self._services.feedbacks.set_consent(self._person_of(request), False)
            return self.consent(talk, request)
        return self.agree(True, talk, request)

    def _agreed(self, talk: Talk, request: gr.Request) -> bool | None:
        return self._services.feedbacks.consent(self._person_of(request), talk.conversation_id)

    def _give(self, request: gr.Request, turn_id: str, told: str, **given: Any) -> str:  # noqa: ANN401
        return self._keep(request, turn_id, told, **given)[0]

    def _keep(self, request: gr.Request, turn_id: str, told: str, **given: Any) -> tuple[str, bool]:  # noqa: ANN401
        """What to tell, and whether it was kept."""
        try:
            receipt = self._services.feedbacks.give(self._person_of(request), turn_id, **given)
        except OURS as error:
            return str(error), False
        return f"{told} Receipt {receipt.receipt}. {receipt.judged or ''}".strip(), True


def _pending(place: int, talk: Talk) -> bool:
    """Whether two answers stand side by side where the answer will be."""
    return talk.pair is not None and place == max(talk.turns)
