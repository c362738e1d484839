"""Where feedback went. Everything here is derived from the store and the runs' folders, and nothing is promised."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from analytics import Store, Turn, queries, receipts, said
from chatbot.errors import UnknownReceipt
from chatbot.way import ANSWERED, Decided, Judges, Kept, Way, tell
from learner import FrozenPair, Use, Uses, digest

_PLAIN = ("reasons", "comment", "rewrite", "survey", "critique")  # of these the latest of a person stands


class Receipts:
    """Its calls block, so they are for threads."""

    def __init__(self, store: Store, uses: Uses) -> None:
        self._store, self._uses = store, uses

    def way(self, receipt: str, person: str | None) -> Way:
        """What became of what `person` got this receipt for; None, an operator, may see everybody's.

        Raises UnknownReceipt, for those of others as well.
        """
        for kind, find, follow in (
            ("feedback", receipts.feedback, self._feedback),
            ("appeal", receipts.appeal, self._appeal),
        ):
            row = find(self._store, receipt)
            turn = None if row is None else self._store.asked(row["turn_id"])
            if row is not None and turn is not None and person in (None, row["person"]):
                return follow(receipt, kind, row, turn)
        raise UnknownReceipt(f"There is no receipt {receipt!r} of yours; it is in the answer to what you sent.")

    def _feedback(self, receipt: str, kind: str, row: Mapping[str, Any], turn: Turn) -> Way:
        reply = receipts.reply(self._store, turn.turn_id) or {"completion": "", "finish_reason": None}
        later = [one for one in said.all_of(self._store, row["person"], turn.turn_id) if one["seq"] > row["seq"]]
        kept = _kept(row, later)
        beside = receipts.answers_beside(self._store, turn.turn_id) if row["vote"] else []
        fits = self._fits(row, str(reply["completion"]))
        uses = self._uses.after(row["seq"], [turn.turn_id, *beside], fits)
        way = self._way(receipt, kind, row, turn, kept, uses, self._judges(row, turn), None)
        return replace(way, told=tell(way, reply["finish_reason"] in ANSWERED, self._uses.under_way()))

    def _appeal(self, receipt: str, kind: str, row: Mapping[str, Any], turn: Turn) -> Way:
        found = receipts.decision(self._store, turn.turn_id, row["seq"])
        decided = None
        if found is not None:
            right = (found["filter_right"], found["answer_right"])
            decided = Decided(found["at"], *right, found["correction"] is not None)
        uses = self._uses.after(row["seq"], [turn.turn_id], lambda pair: pair.source == "correction")
        way = self._way(receipt, kind, row, turn, [Kept("appeal", "stands")], uses, None, decided)
        return replace(way, told=tell(way, True, self._uses.under_way()))

    def _way(
        self,
        receipt: str,
        kind: str,
        row: Mapping[str, Any],
        turn: Turn,
        kept: Sequence[Kept],
        uses: Sequence[Use],
        judges: Judges | None,
        decided: Decided | None,
    ) -> Way:
        return Way(
            receipt=receipt,
            kind=kind,
            response_id=turn.turn_id,
            at=row["at"],
            kept=kept,
            consent=queries.consent(self._store, row["person"], turn.conversation_id),
            group=turn.person_group,
            deleted=queries.deleted(self._store, turn.conversation_id),
            judges=judges,
            decided=decided,
            runs=uses,
        )

    def _judges(self, row: Mapping[str, Any], turn: Turn) -> Judges | None:
        if not row["vote"] or turn.experiment_id is None or turn.person_group != "decide":
            return None
        state = receipts.experiment_state(self._store, turn.experiment_id)
        return Judges(turn.experiment_id, turn.adapter, turn.arm, state)

    def _fits(self, row: Mapping[str, Any], answer: str) -> Callable[[FrozenPair], bool]:
        """Whether a pair came of this very feedback: by its texts, for a later vote may have taken its place.

        A reviewer's correction of the answer counts whatever was said, for it takes the place of all of that.
        """
        mine, turn_id, vote = digest(answer), row["turn_id"], row["vote"] or 0
        rewrite = row["rewrite"] and digest(row["rewrite"])
        worse = row["preferred_over"] and said.answer(self._store, row["preferred_over"])
        loser = worse and digest(worse)

        def fits(pair: FrozenPair) -> bool:
            if pair.source == "sibling":
                won, lost = pair.turn_id == turn_id and pair.chosen == mine, pair.rejected == mine
                return won if vote > 0 else vote < 0 and lost
            if pair.turn_id != turn_id:
                return False
            if pair.good is not None:
                return _rated(row, pair)
            if pair.source == "rewrite":
                return pair.chosen == rewrite
            return pair.source == "correction" or (pair.source == "comparison" and pair.rejected == loser)

        return fits


def _rated(row: Mapping[str, Any], rating: FrozenPair) -> bool:
    """Whether a rating is what this feedback said of the answer."""
    if rating.source in ("thumb", "stars"):
        return (
            bool(row["vote"]) and rating.good == (row["vote"] > 0) and (rating.source == "stars") == bool(row["stars"])
        )
    return rating.source in ("survey", "critique") and bool(row[rating.source])


def _kept(row: Mapping[str, Any], later: Sequence[Mapping[str, Any]]) -> list[Kept]:
    kept = []
    if row["vote"] is not None:
        taken_back = row["vote"] == 0 and row["stars"] is None
        after = [one for one in later if one["vote"] is not None]
        gone = after and after[-1]["vote"] == 0 and after[-1]["stars"] is None
        state = "withdrawn" if gone else "replaced" if after else "stands"
        given = "vote" if row["stars"] is None else "stars" if row["vote"] else "neutral stars"
        what = "withdrawal" if taken_back else given
        kept.append(Kept(what, "stands" if taken_back and gone else state))
    kept += [Kept(what, "replaced" if any(one[what] for one in later) else "stands") for what in _PLAIN if row[what]]
    return [*kept, *([Kept("comparison", "stands")] if row["preferred_over"] else [])]
