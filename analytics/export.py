"""Ways out: preference pairs, thumbs and turns in the shape that TRL reads, of people who agreed only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import BinaryIO, Literal, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.pairs import pairs_sql

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

_AGREED = "JOIN turn_consents AS agreed ON agreed.turn_id = turns.turn_id AND agreed.given"
_ANSWERED = "turns.finish_reason IN ('stop', 'length') AND turns.turn_id NOT IN (SELECT turn_id FROM deleted_turns)"
_SQL: dict[What, str] = {
    "pairs": f"""
        SELECT prompt, chosen, rejected, source, turn_id, person_group FROM ({pairs_sql(str)}) ORDER BY seq, turn_id
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
    cursor = connection.execute(_SQL[what], {"without": []} if what == "pairs" else {})
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
