"""An account has to be known for a while: accounts by the dozen are made in an hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from learner.settings import LapSettings
from learner.trust.record import Record
from learner.trust.step import Outcome, Row, sift

# Guests chat on loopback only, where somebody has the machine already, and for whom an operator's key speaks
# ("user:...") the operator vouches.
KINDS = ("account:", "key:")


def without_newcomers(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Leave for a later lap what came from accounts that asked their first question less than a while ago."""
    least = timedelta(hours=settings.account_age_hours)

    def why(row: Row) -> str | None:
        person = row.lesson.person
        if not row.own or not person.startswith(KINDS):
            return None
        young = record.now - record.first_seen.get(person, record.now) < least
        return "the account is too new" if young else None

    return sift(rows, why)
