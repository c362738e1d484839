"""Ways out: preference pairs, thumbs and turns in the shape that TRL reads, of people who agreed only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import BinaryIO, Literal, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

What = Literal["pairs", "thumbs", "turns"]
Format = Literal["jsonl", "parquet"]
BATCH = 1000

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_SCHEMAS: dict[What, pa.Schema] = {
    "pairs": pa.schema(
        [
            ("prompt", _MESSAGES),
            ("chosen", _MESSAGES),
            ("rejected", _MESSAGES),
            *((name, pa.string()) for name in ("source", "turn_id", "person_group")),
        ]
    ),
    "thumbs": pa.schema(
        [
            ("prompt", _MESSAGES),
            ("completion", _MESSAGES),
            ("label", pa.bool_()),
            *((name, pa.string()) for name in ("turn_id", "person_group")),
        ]
    ),
    "turns": pa.schema(
        [("messages", _MESSAGES), *((name, pa.string()) for name in ("turn_id", "person_group", "adapter", "at"))]
    ),
}

_AGREED = "JOIN consents ON consents.person = turns.person AND consents.given"
_ANSWERED = "turns.finish_reason IN ('stop', 'length')"
_SQL: dict[What, str] = {
    "pairs": f"""
        WITH mine AS (
            SELECT feedback.* FROM feedback
            JOIN turn ON turn.turn_id = feedback.turn_id AND turn.person = feedback.person
            WHERE feedback.source = 'user'
        ),
        corrected AS (
            SELECT turn_id, arg_max(correction, seq) AS better, 'correction' AS origin FROM review
            WHERE action = 'decide' AND correction IS NOT NULL GROUP BY turn_id
        ),
        written AS (
            FROM corrected UNION ALL
            SELECT turn_id, arg_max(rewrite, seq), 'rewrite' FROM mine
            WHERE rewrite IS NOT NULL AND turn_id NOT IN (SELECT turn_id FROM corrected) GROUP BY turn_id
        ),
        preferred AS (
            SELECT DISTINCT turn_id AS winner, preferred_over AS loser FROM mine WHERE preferred_over IS NOT NULL
        ),
        opposite AS (
            SELECT if(a.vote > 0, a.turn_id, b.turn_id) AS winner, if(a.vote > 0, b.turn_id, a.turn_id) AS loser
            FROM turns AS b JOIN turns AS a
              ON coalesce(a.sibling_of, a.turn_id) = b.sibling_of AND a.turn_id <> b.turn_id
            WHERE a.vote * b.vote < 0
        ),
        compared AS (
            SELECT winner, loser, 'comparison' AS origin FROM preferred
            WHERE (loser, winner) NOT IN (SELECT (winner, loser) FROM preferred)
            UNION
            SELECT winner, loser, 'sibling' FROM opposite
            WHERE (winner, loser) NOT IN (SELECT (winner, loser) FROM preferred)
              AND (loser, winner) NOT IN (SELECT (winner, loser) FROM preferred)
        )
        SELECT messages, better, completion, origin, turns.turn_id, person_group, turns.seq AS seq
        FROM written JOIN turns USING (turn_id) {_AGREED} WHERE {_ANSWERED} AND better <> completion
        UNION ALL
        SELECT turns.messages, turns.completion, lost.completion, origin, turns.turn_id, turns.person_group, turns.seq
        FROM compared JOIN turns ON turns.turn_id = winner JOIN turns AS lost ON lost.turn_id = loser {_AGREED}
        WHERE turns.finish_reason = 'stop' AND lost.finish_reason IN ('stop', 'length')
          AND lost.person = turns.person AND lost.messages = turns.messages AND lost.completion <> turns.completion
        ORDER BY seq
    """,
    "thumbs": f"""
        SELECT messages, completion, vote > 0, turns.turn_id, person_group FROM turns {_AGREED}
        WHERE {_ANSWERED} AND vote IS NOT NULL ORDER BY turns.seq
    """,
    "turns": f"""
        SELECT messages, completion, turns.turn_id, person_group, adapter, turns."at" FROM turns {_AGREED}
        WHERE {_ANSWERED} ORDER BY turns.seq
    """,
}


def export(connection: duckdb.DuckDBPyConnection, what: What, format: Format, file: BinaryIO) -> int:
    """Write the rows to `file` and return their number.

    pairs: prompt, chosen, rejected; thumbs: prompt, completion, label; turns: messages. Every text is a list of
    {role, content}.
    """
    cursor = connection.execute(_SQL[what])
    writer = pq.ParquetWriter(file, _SCHEMAS[what]) if format == "parquet" else None
    count = 0
    while batch := cursor.fetchmany(BATCH):
        rows = [_row(what, row) for row in batch]
        count += len(rows)
        if writer is None:
            file.writelines(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
        else:
            writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMAS[what]))
    if writer is not None:
        writer.close()
    return count


def _row(what: What, row: tuple[object, ...]) -> dict[str, object]:
    prompt: list[dict[str, str]] = json.loads(str(row[0]))
    answer = [{"role": "assistant", "content": str(row[1])}]
    if what == "pairs":
        rejected = [{"role": "assistant", "content": str(row[2])}]
        told = dict(zip(("source", "turn_id", "person_group"), row[3:6], strict=True))
        return {"prompt": prompt, "chosen": answer, "rejected": rejected, **told}
    if what == "thumbs":
        return {"prompt": prompt, "completion": answer, "label": row[2], "turn_id": row[3], "person_group": row[4]}
    at = cast("datetime", row[5]).replace(tzinfo=UTC).isoformat()
    told = {"turn_id": row[2], "person_group": row[3], "adapter": row[4], "at": at}
    return {"messages": [*prompt, *answer], **told}
