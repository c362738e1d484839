"""What guardrails look at: the scores of one person's answers, for any query that joins turns with replies."""

from __future__ import annotations

from collections.abc import Mapping

# By guardrail its column among `SCORES`.
COLUMNS: Mapping[str, str] = {
    "flags": "flags",
    "refusals": "refusals",
    "rating rate": "rating",
    "latency": "latency",
    "length": "length",
}
# Shares of their answers for flags, refusals (`$refusal` is a regular expression) and the rating rate; mean logarithms
# of milliseconds and tokens for latency and length, of those whose answers have them.
SCORES = """
    avg(if(flagged.turn_id IS NULL, 0.0, 1.0)) AS flags,
    avg(if(reply.finish_reason = 'content_filter' OR regexp_matches(left(reply.completion, 300), $refusal), 1.0, 0.0))
        AS refusals,
    avg(if(votes.turn_id IS NULL, 0.0, 1.0)) AS rating,
    avg(ln(1 + reply.duration_ms)) AS latency, avg(ln(1 + reply.completion_tokens)) AS length
"""
JOINED = """
    JOIN reply USING (turn_id)
    LEFT JOIN (SELECT DISTINCT turn_id FROM flag WHERE "by" = 'filter') AS flagged USING (turn_id)
    LEFT JOIN votes USING (turn_id)
"""
