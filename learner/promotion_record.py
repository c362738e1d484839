"""Checking the signed record of a promotion, with nothing but the file and a public key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from analytics.audit import first_changed
from analytics.signing import BadSignature, verify
from learner.errors import BadFile

FORMAT = "ratchet promotion 1"


@dataclass(frozen=True)
class Checked:
    """What was found: `reason` says what is wrong, and is None where all holds. `rows` are those of the audit."""

    holds: bool
    reason: str | None
    adapter: str
    rows: int
    decisions: int
    head: str

    def to_values(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def read_record(path: Path) -> dict[str, Any]:
    """The record in a file. Raises BadFile where it is none."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadFile(f"{path} cannot be read ({error}); name a file that `./ratchet audit export` wrote.") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise BadFile(f"{path} is no record of a promotion; name a file that `./ratchet audit export` wrote.")
    return record


def check(record: Mapping[str, Any], public_key: str) -> Checked:
    """Whether the holder of `public_key` (PEM) signed exactly this, and its rows of the audit hold. Raises BadKey.

    Rows that follow one another in the chain must name one another; of the rows between, only the places are known.
    """
    reason: str | None = None
    try:
        verify(record, public_key)
        reason = _wrong(record["audit"])
    except BadSignature as error:
        reason = str(error)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"A part of the record is missing or is not what it should be: {error!r}."
    audit = record.get("audit") or {}
    return Checked(
        holds=reason is None,
        reason=reason,
        adapter=str((record.get("adapter") or {}).get("name")),
        rows=len(audit.get("rows", ())),
        decisions=int(audit.get("decisions", 0)),
        head=str(audit.get("head", "")),
    )


def anchor_of(record: Mapping[str, Any]) -> str:
    """Where the chain ended when the record was made, as COUNT:HASH: with it all that came before is held."""
    return f"{record['audit']['decisions']}:{record['audit']['head']}"


def _wrong(audit: Mapping[str, Any]) -> str | None:
    rows = audit["rows"]
    if (broken := first_changed(rows)) is not None:
        return f"The row at place {broken['place']} of the audit ({broken['action']}) is not what its hash is of."
    for one, other in pairwise(rows):
        if one["place"] >= other["place"]:
            return f"The rows at the places {one['place']} and {other['place']} are in the wrong order."
        if other["place"] == one["place"] + 1 and other["previous_hash"] != one["hash"]:
            return f"The row at place {other['place']} does not follow the one before it."
    last = rows[-1] if rows else None
    if last and (
        last["place"] > audit["decisions"] or (last["place"] == audit["decisions"]) != (last["hash"] == audit["head"])
    ):
        return "The last row does not fit the end of the chain."
    return None
