"""The chain of decisions: walked from the first row, and held against what is known of it from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from analytics.columns import canonical
from analytics.heads import Head, Heads

if TYPE_CHECKING:
    from analytics.store import Row, Store

GENESIS = "0" * 64
ERASE = "erase"  # the action of an erasure, whose `blanked` are the hashes of rows that lost their detail
# The text of `detail` is what was hashed, not what it means.
CHAIN = "SELECT * EXCLUDE (detail), detail::VARCHAR AS detail, row_number() OVER (ORDER BY seq) AS place FROM audit"


def audit_hash(previous: str, action: str, actor: str, detail: object, at: datetime) -> str:
    """The link of the chain: SHA-256 over the previous hash and the row, as canonical JSON."""
    return sha256(canonical([previous, action, actor, detail, at.astimezone(UTC).isoformat()]).encode()).hexdigest()


@dataclass(frozen=True)
class Break:
    """The first row that does not hold: its place in the chain from 1, its `seq`, and what was done to it or before."""

    place: int
    seq: int
    action: str
    at: str
    what: str


@dataclass(frozen=True)
class Chain:
    """What a walk along the chain found.

    `head` is the hash of the last decision: noted elsewhere, it is the anchor of a later walk. `unnoted` are decisions
    that no line of `store.heads.jsonl` is of: from before the file, from a kill between the two, or put in by hand.
    `trouble` is what contradicts the chain although it may be whole in itself.
    """

    decisions: int
    head: str
    broken: Break | None = None
    trouble: Sequence[str] = ()
    unnoted: Sequence[Mapping[str, Any]] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.broken is None and not self.trouble

    @property
    def reason(self) -> str | None:
        """What is wrong, in sentences; None where nothing is."""
        told = list(self.trouble)
        if (row := self.broken) is not None:
            told.insert(0, f"The audit chain breaks at row {row.seq} ({row.action}, {row.at}): {row.what}.")
        return " ".join(told) or None

    def to_values(self) -> dict[str, Any]:
        """The fields by name, with `whole` and `reason`."""
        return {"whole": self.whole, "reason": self.reason, **asdict(self)}


def walk(store: Store, heads: Heads, anchors: Sequence[tuple[int | None, str]] = ()) -> Chain:
    """Follow the chain, and hold it against the noted heads and against `anchors`: (count, if known, and hash)."""
    rows = store.rows(f"{CHAIN} ORDER BY seq")
    lines, trouble = heads.read()
    found = [trouble] if trouble else []
    hashes = [str(row["hash"]) for row in rows]
    if told := _contradicted(hashes, lines):
        found.append(told)
    found += [told for count, anchor in anchors if (told := _unanchored(hashes, count, anchor))]
    last = hashes[-1] if hashes else GENESIS
    return Chain(len(rows), last, _first_break(rows, lines), tuple(found), tuple(_unnoted(len(rows), lines)))


def decisions(
    store: Store,
    *,
    action: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Row]:
    """The newest decisions first: place, seq, at, action, actor, detail and hash.

    `action` is one, or the part before its dot, such as `experiment`; `before` is a place, for the page after this one.
    """
    where = (
        "($action IS NULL OR action = $action OR starts_with(action, $action || '.')) "
        'AND ($since IS NULL OR "at" >= $since) AND ($before IS NULL OR place < $before)'
    )
    given = {"action": action, "since": since, "before": before, "limit": limit}
    sql = f'SELECT place, seq, "at", action, actor, detail::JSON AS detail, hash FROM ({CHAIN}) WHERE {where}'
    return store.rows(f"{sql} ORDER BY seq DESC LIMIT $limit", given)


def first_changed(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The first row whose hash is not that of its content, but for those whose detail was erased; None where all hold.

    A row may have lost its detail to the erasure of a person, where a later row, of the erasure, names its hash.
    """
    erased = _erased(rows)
    return next((row for row in rows if not (row_holds(row) or erased.get(row["hash"], 0) > row["place"])), None)


def _erased(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """By the hash of every row whose detail was erased, the place of the row that says so."""
    told = [(row["place"], json.loads(row["detail"])) for row in rows if row["action"] == ERASE]
    return {hash_: place for place, detail in told for hash_ in detail.get("blanked", ())}


def row_holds(row: Mapping[str, Any]) -> bool:
    """Whether a row's hash is that of its content and of the hash that it names as the one before."""
    at = row["at"] if isinstance(row["at"], datetime) else datetime.fromisoformat(str(row["at"]))
    found = audit_hash(str(row["previous_hash"]), str(row["action"]), str(row["actor"]), row["detail"], at)
    return found == str(row["hash"])


def _first_break(rows: Sequence[Row], lines: Sequence[Head]) -> Break | None:
    previous, changed = GENESIS, first_changed(rows)
    for place, row in enumerate(rows):
        if row["previous_hash"] != previous or row is changed:
            what = _what(rows, place, previous, lines)
            return Break(place + 1, row["seq"], row["action"], str(row["at"]), what)
        previous = row["hash"]
    return None


def _what(rows: Sequence[Row], place: int, previous: str, lines: Sequence[Head]) -> str:
    """What was done, as far as hashes can tell."""
    row, after = rows[place], rows[place + 1] if place + 1 < len(rows) else None
    if row["previous_hash"] == previous:
        if after is not None and after["previous_hash"] != row["hash"]:
            return "its hash was changed, and perhaps more of it"
        return "its action, actor, time or detail was changed after it was written"
    if not row_holds(row):
        return "it was put in or changed, for it neither follows the row before it nor has the hash of what it says"
    named = row["previous_hash"]
    stands = next((number for number, other in enumerate(rows, 1) if other["hash"] == named), None)
    if stands is not None:
        return f"it follows the row that stands at place {stands}, so rows were put in another order or put in between"
    noted = next((line.count for line in lines if line.hash == named), None)
    if noted is not None and noted != place:
        return f"{noted - place} rows before it were removed" if noted > place else "rows were put in before it"
    if noted is not None:
        return "the row before it was rewritten, hash and all"
    return "the row before it was removed, or rewritten with another hash"


def _contradicted(hashes: Sequence[str], lines: Sequence[Head]) -> str | None:
    """What the first line says that is not so."""
    for line in lines:
        if line.count > len(hashes):
            gone = line.count - len(hashes)
            return f"The end was cut: at {line.at} there were {line.count} decisions, and {gone} of them are gone."
        if line.count and hashes[line.count - 1] != line.hash:
            return (
                f"The chain was cut or written anew: at {line.at} decision {line.count} had the hash "
                f"{line.hash[:12]}, and now has {hashes[line.count - 1][:12]}."
            )
    return None


def _unanchored(hashes: Sequence[str], count: int | None, anchor: str) -> str | None:
    known = anchor in (hashes if count is None else hashes[max(0, count - 1) : count])
    return None if known else f"The hash {anchor[:12]}, which was noted elsewhere, is not in the chain any more."


def _unnoted(count: int, lines: Sequence[Head]) -> list[dict[str, Any]]:
    """Stretches of decisions, by place, that no line is of, each with the time of the first line after them."""
    gaps, noted = [], 0
    for line in lines:
        if line.count - line.rows > noted:
            gaps.append({"first": noted + 1, "last": line.count - line.rows, "noted": line.at})
        noted = max(noted, line.count)
    if count > noted:
        gaps.append({"first": noted + 1, "last": count, "noted": None})
    return gaps
