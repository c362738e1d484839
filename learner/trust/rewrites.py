"""What people write themselves may name what nobody ever heard of: a price, a link, a date. A reviewer looks first."""

from __future__ import annotations

from collections.abc import Sequence

from learner.pair import Pair
from learner.settings import LapSettings
from learner.trust.claims import new_claims, operators_terms, vocabulary
from learner.trust.record import Record
from learner.trust.step import Outcome, Row, sift

SHOWN = 3  # of the new things, for a message


def screen_rewrites(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Take rewrites with new links or named things until a reviewer found no fault with the flag on their turn."""
    words, terms = vocabulary(record), operators_terms(settings.known_terms)

    def why(row: Row) -> str | None:
        pair = row.lesson
        if not isinstance(pair, Pair) or pair.source != "rewrite" or settings.rewrite_review == "off":
            return None
        if record.allowed.get(pair.turn_id, -1) > row.seq:
            return None
        if settings.rewrite_review == "all":
            return "rewrites wait for a reviewer"
        asked = [str(message.get("content")) for message in pair.prompt]
        new = new_claims(pair.chosen, [*asked, pair.rejected, terms])
        return "names what is new and waits for a reviewer" if any(not words.knows(claim) for claim in new) else None

    return sift(rows, why)


def told(new: set[str]) -> str:
    """What is new in a rewrite, for the reviewer."""
    named = sorted(new)
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return f"the rewrite names what is new: {', '.join(named[:SHOWN])}{more}"
