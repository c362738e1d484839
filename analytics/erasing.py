"""What is to be erased, and the rules by which rows are taken out of tables, of the store's and of Parquet files alike.

A row goes when one of its columns names a turn, a person, an account or a conversation that goes. So a table that comes
later is covered by the names of its columns; a test holds that none has people under another name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import duckdb

from analytics.columns import tables

Kind = Literal["turns", "people", "accounts", "conversations"]

# By the columns that name somebody or something of theirs, in whatever table.
NAMED: Mapping[str, Kind] = {
    "turn_id": "turns",
    "first_turn": "turns",
    "second_turn": "turns",
    "preferred_over": "turns",
    "person": "people",
    "account_id": "accounts",
    "conversation_id": "conversations",
}
# Of a row that stays: lists from which the ids are taken, and a text that goes with its author.
LISTS: Mapping[str, Kind] = {"people": "people", "turns": "turns"}
NOTES: Mapping[str, str] = {"note": "reviewer"}
ERASED = "erase"  # the action in the audit
_SAYING = ("VARCHAR", "JSON", "VARCHAR[]")
KEPT = ("audit", "erasure")  # the chain, and what tells of erasures: neither has anybody's name or text
SHORTEST = 16  # characters of a text that is looked for elsewhere; shorter ones are anybody's

# Ids from before they were drawn have a name in them.
_OLD_ACTOR = "(actor IN (SELECT id FROM gone_people) AND actor LIKE 'user:%' AND length(actor) <> 29)"
_SAID = """
    SELECT turn_id, messages->>'$[#-1].content' AS text FROM turn
    UNION ALL SELECT turn_id, completion FROM reply
    UNION ALL SELECT turn_id, rewrite FROM feedback
    UNION ALL SELECT turn_id, comment FROM feedback
    UNION ALL SELECT turn_id, correction FROM review
"""
_TEXTS = f"""
    WITH said AS ({_SAID})
    SELECT DISTINCT text FROM said
    WHERE turn_id IN (SELECT id FROM gone_turns) AND length(trim(text)) >= $shortest
      AND text NOT IN (SELECT text FROM said WHERE turn_id NOT IN (SELECT id FROM gone_turns) AND text IS NOT NULL)
"""


@dataclass(frozen=True)
class Scope:
    """What goes: the rows of these people and accounts, and of these turns and whole conversations.

    `names` are what people call them; with `blank` the details of decisions that tell one of these go, too.
    """

    people: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    turns: frozenset[str] = frozenset()
    conversations: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    blank: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is named."""
        return not (self.people or self.accounts or self.turns or self.conversations)

    @property
    def ids(self) -> frozenset[str]:
        """Every id of it."""
        return self.people | self.accounts | self.turns | self.conversations

    def to_values(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in vars(self).items()}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Scope:
        """The other way round."""
        kept = {name: frozenset(value) if isinstance(value, list) else value for name, value in values.items()}
        return cls(**kept)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Affected:
    """What an erasure would take: `rows` by table, `texts` that are nobody else's, and decisions in the audit.

    `told` are those that tell the name or the address of an account of theirs, `named` others with such a name in them.
    """

    rows: Mapping[str, int]
    texts: Sequence[str]
    told: Sequence[Mapping[str, Any]]
    named: Sequence[Mapping[str, Any]]


class Gone(NamedTuple):
    """What an erasure took: the rows by table, the hashes of the decisions whose details went, and all the turns."""

    rows: Mapping[str, int]
    blanked: Sequence[str]
    turns: frozenset[str]


def mark(connection: duckdb.DuckDBPyConnection, scope: Scope) -> None:
    """Put the ids into temporary tables `gone_turns`, ..., which the rules read."""
    kinds: tuple[Kind, ...] = ("turns", "people", "accounts", "conversations")
    for kind in kinds:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE gone_{kind} (id VARCHAR)")
        connection.execute(f"INSERT INTO gone_{kind} SELECT unnest(?::VARCHAR[])", [sorted(getattr(scope, kind))])


def _unmark(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop them."""
    for kind in set(NAMED.values()):
        connection.execute(f"DROP TABLE IF EXISTS gone_{kind}")


def of_people(
    connection: duckdb.DuckDBPyConnection, people: Iterable[str], accounts: Iterable[str], names: Iterable[str]
) -> Scope:
    """All that is of these people: their turns, and the conversations in which nobody else spoke."""
    scope = Scope(frozenset(people), frozenset(accounts), names=frozenset(names))
    found = connection.execute(
        "SELECT turn_id, conversation_id FROM turn WHERE list_contains(?::VARCHAR[], person)", [sorted(scope.people)]
    ).fetchall()
    turns = frozenset(turn for turn, _ in found)
    return replace(scope, turns=turns, conversations=_whole(connection, found))


def of_turns(connection: duckdb.DuckDBPyConnection, turns: Iterable[str]) -> Scope:
    """These turns, and the conversations of which nothing is left without them."""
    wanted = sorted(turns)
    found = connection.execute(
        "SELECT turn_id, conversation_id FROM turn WHERE list_contains(?::VARCHAR[], turn_id)", [wanted]
    ).fetchall()
    return Scope(turns=frozenset(wanted), conversations=_whole(connection, found))


def _whole(connection: duckdb.DuckDBPyConnection, found: list[tuple[str, str]]) -> frozenset[str]:
    """The conversations of whose turns all are among those found."""
    rows = connection.execute(
        "SELECT conversation_id FROM turn WHERE list_contains(?::VARCHAR[], conversation_id) "
        "GROUP BY conversation_id HAVING bool_and(list_contains(?::VARCHAR[], turn_id))",
        [sorted({conversation for _, conversation in found}), [turn for turn, _ in found]],
    ).fetchall()
    return frozenset(conversation for (conversation,) in rows)


def goes(columns: Iterable[str]) -> str:
    """The SQL condition that holds for rows that go, by the columns that their table has."""
    parts = [f'"{name}" IN (SELECT id FROM gone_{NAMED[name]})' for name in columns if name in NAMED]
    # A null names nobody, and would make the whole condition null.
    return f"coalesce({' OR '.join(f'coalesce({part}, false)' for part in parts)}, false)" if parts else "false"


def cleaned(columns: Iterable[str]) -> dict[str, str]:
    """Of rows that stay: by column the SQL of what it holds afterwards."""
    names = list(columns)
    changed = {
        name: f"""(SELECT to_json(coalesce(list(one), [])) FROM (
            SELECT unnest(from_json("{name}", '["VARCHAR"]')) AS one
        ) WHERE one NOT IN (SELECT id FROM gone_{kind}))"""
        for name, kind in LISTS.items()
        if name in names
    }
    changed |= {
        name: f'CASE WHEN "{author}" IN (SELECT id FROM gone_people) THEN NULL ELSE "{name}" END'
        for name, author in NOTES.items()
        if name in names and author in names
    }
    return changed


def affected(connection: duckdb.DuckDBPyConnection, scope: Scope) -> Affected:
    """What an erasure would take: how many rows by table, and the texts that are nobody else's, longest first."""
    mark(connection, scope)
    try:
        counts = {table: _count(connection, table) for table in _tables()}
        found = connection.execute(_TEXTS, {"shortest": SHORTEST}).fetchall()
        texts = sorted((text for (text,) in found), key=len, reverse=True)
        told, named = _told_of(connection), _naming(connection, scope.names)
        rows = {table: count for table, count in counts.items() if count}
        return Affected(rows, tuple(texts), told, [row for row in named if row not in told])
    finally:
        _unmark(connection)


def unsaid(connection: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> list[str]:
    """Those of the texts that stand in nothing that anybody said or was answered, not as a part of it either."""
    found = connection.execute(
        f"WITH said AS ({_SAID}) SELECT text FROM (SELECT unnest(?::VARCHAR[]) AS text) AS wanted "
        "WHERE NOT EXISTS (SELECT 1 FROM said WHERE contains(said.text, wanted.text))",
        [list(texts)],
    ).fetchall()
    return [str(text) for (text,) in found]


def delete(connection: duckdb.DuckDBPyConnection, scope: Scope) -> Gone:
    """Take the rows of `scope` out of every table of the store, within the transaction that is open.

    What its people asked since the scope was looked up goes as well.
    """
    mark(connection, scope)
    connection.execute("INSERT INTO gone_turns SELECT turn_id FROM turn WHERE person IN (SELECT id FROM gone_people)")
    turns = frozenset(turn for (turn,) in connection.execute("SELECT DISTINCT id FROM gone_turns").fetchall())
    removed: dict[str, int] = {}
    blanked = [*_told_of(connection), *(_naming(connection, scope.names) if scope.blank else ())]
    _blank(connection, {row["seq"] for row in blanked})
    for table in _tables():
        columns = _columns(connection, table)
        (count,) = connection.execute(f"DELETE FROM {table} WHERE {goes(columns)}").fetchall()[0]
        if count:
            removed[table] = int(count)
        _clean(connection, table, columns)
    _unmark(connection)
    return Gone(removed, sorted({row["hash"] for row in blanked}), turns)


def _tables() -> list[str]:
    return [table for table in tables() if table not in KEPT]


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    sql = f"SELECT count(*) FROM {table} WHERE {goes(_columns(connection, table))}"
    return int(connection.execute(sql).fetchall()[0][0])


def _clean(connection: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> None:
    if changed := cleaned(columns):
        places = ", ".join(f'"{name}" = {sql}' for name, sql in changed.items())
        connection.execute(f"UPDATE {table} SET {places}")


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return named(connection, table)


def named(connection: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    """The columns of a table or a file in which somebody can be named: a number names nobody."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    return [str(name) for name, kind, *_ in described if kind in _SAYING]


def _blank(connection: duckdb.DuckDBPyConnection, rows: Iterable[int]) -> None:
    """Erase the details of these rows of the audit (by `seq`). Their hashes stay, see `Store.verify_audit`."""
    connection.execute(
        f"""UPDATE audit SET detail = '{{"erased": true}}', actor = if({_OLD_ACTOR}, 'erased', actor)
        WHERE list_contains(?::BIGINT[], seq)""",
        [sorted(rows)],
    )


def _told_of(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows of the audit that tell the name or the address of whoever is marked: seq, action, hash."""
    found = connection.execute(
        "SELECT seq, action, hash FROM audit WHERE (detail->>'account') IN (SELECT id FROM gone_accounts) "
        f"AND (json_exists(detail, '$.name') OR json_exists(detail, '$.address')) OR {_OLD_ACTOR} ORDER BY seq"
    ).fetchall()
    return [{"seq": seq, "action": action, "hash": hash_} for seq, action, hash_ in found]


def _naming(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of the audit in whose details one of the names is a whole value, or a word of one: seq, action, hash."""
    patterns = [
        rf"(?i)(^|[^\w]){_escaped(json.dumps(name, ensure_ascii=False)[1:-1])}($|[^\w])" for name in names if name
    ]
    if not patterns:
        return []
    found = connection.execute(
        "SELECT seq, action, hash FROM audit WHERE len(list_filter(?::VARCHAR[], x -> "
        "regexp_matches(detail::VARCHAR, x))) > 0 ORDER BY seq",
        [patterns],
    ).fetchall()
    return [{"seq": seq, "action": action, "hash": hash_} for seq, action, hash_ in found]


def _escaped(text: str) -> str:
    """For RE2, which knows no other escape of a letter."""
    return "".join(letter if letter.isalnum() or ord(letter) > 127 else f"\\{letter}" for letter in text)
