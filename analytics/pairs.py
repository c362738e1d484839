"""The rules by which what people said becomes pairs and ratings, over the store or over a snapshot of it."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

_FOLDER = Path(__file__).parent
_ANSWERS, _PAIRS, _RATINGS, _EXAMPLES = (
    _FOLDER / f"{name}.sql" for name in ("answers", "pairs", "ratings", "examples")
)
_AGREED = _FOLDER / "agreed.sql"
# A snapshot from before consent was for a conversation has no column for it.
_CONSENT = "(SELECT NULL::VARCHAR AS conversation_id WHERE false UNION ALL BY NAME FROM {})"
_EVENTS = ("consent", "conversation", "turn", "reply", "feedback", "review", "implicit", "example", "import")


def pairs_sql(place: Callable[[str], str]) -> str:
    """The query; `place` gives the SQL of where the events of a kind lie. Its parameter `without` is a list of people.

    Its columns are turn_id, person, person_group, prompt (JSON), chosen, rejected, source and seq, oldest first.
    """
    return _placed(place, _ANSWERS, _PAIRS)


def ratings_sql(place: Callable[[str], str]) -> str:
    """The same for ratings of single answers, with the parameters `surveys`, `praise` and `implicit` besides.

    Its columns are turn_id, person, person_group, prompt (JSON), completion, good, source, weight and seq.
    """
    return _placed(place, _ANSWERS, _RATINGS)


def examples_sql(place: Callable[[str], str]) -> str:
    """The same for what was imported or made; its parameter is `without`.

    Its columns are example_id, person, prompt (JSON), kind, text, rejected, good, source, weight and seq.
    """
    return _placed(place, _EXAMPLES)


def agreed_sql(place: Callable[[str], str]) -> str:
    """The query for the turns that may be learned from: its column is turn_id."""
    return _placed(place, _AGREED)


def rules_sha256() -> str:
    """Names the rules in a manifest."""
    files = (_AGREED, _ANSWERS, _PAIRS, _RATINGS, _EXAMPLES)
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _placed(place: Callable[[str], str], *files: Path) -> str:
    sql = "".join(path.read_text(encoding="utf-8") for path in files)
    sql = sql.replace("{agreed}", _AGREED.read_text(encoding="utf-8"))
    for event in _EVENTS:
        where = place(event)
        sql = sql.replace(f"{{{event}}}", _CONSENT.format(where) if event == "consent" else where)
    return sql
