"""What Open WebUI exports: feedback with a snapshot of its chat, and chats with what was rated in them.

backend/open_webui/models/feedbacks.py of github.com/open-webui/open-webui; a chat's messages form a tree by parentId.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from learner.imports.made import Left, Made
from learner.imports.messages import Messages, Unfit, text_of

Record = Mapping[str, Any]


def is_open_webui(record: Record) -> bool:
    """Whether a record is a feedback or a chat of Open WebUI."""
    feedback = isinstance(record.get("data"), Mapping) and "rating" in record["data"]
    return feedback or "snapshot" in record or _history(record) is not None


def open_webui(record: Record) -> Iterator[Made | Left]:
    """The examples of a feedback or of a chat. Raises Unfit."""
    if isinstance(record.get("data"), Mapping):
        yield from _feedback(record)
    elif (tree := _history(record)) is not None:
        yield from _chat(record, tree)
    else:
        raise Unfit("it is neither a feedback nor a chat")


class _Tree:
    """The messages of a chat, by id."""

    def __init__(self, known: Mapping[str, Record], system: str) -> None:
        self.known, self._system = known, system

    def prompt(self, message: Record) -> Messages:
        """What was said before a message, along its branch."""
        before: list[dict[str, str]] = []
        parent, seen = message.get("parentId"), set()
        while parent and parent in self.known and parent not in seen:
            seen.add(parent)
            one = self.known[parent]
            before.append({"role": _role(one), "content": text_of(one.get("content"))})
            parent = one.get("parentId")
        if not before:
            raise Unfit("the question is not in the snapshot")
        begin = [{"role": "system", "content": self._system}] if self._system else []
        return (*begin, *before[::-1])

    def siblings(self, message: Record) -> list[Record]:
        """The other answers to the same question."""
        parent = message.get("parentId")
        return [
            one
            for one in self.known.values()
            if one.get("parentId") == parent and one is not message and one.get("role") == "assistant"
        ]


def _role(message: Record) -> str:
    role = str(message.get("role"))
    if role not in ("user", "assistant", "system"):
        raise Unfit(f"a message has the role {role[:20]!r}")
    return role


def _history(record: Record) -> _Tree | None:
    """The tree in a chat, or in the chat of a snapshot; exports nest it once or twice."""
    inner: Any = record.get("snapshot", record)
    system = ""
    for _ in range(3):
        if not isinstance(inner, Mapping):
            return None
        history = inner.get("history")
        if isinstance(history, Mapping) and isinstance(history.get("messages"), Mapping):
            params = inner.get("params")
            system = str(inner.get("system") or (params.get("system") if isinstance(params, Mapping) else "") or "")
            return _Tree(history["messages"], system)
        inner = inner.get("chat")
    return None


def _feedback(record: Record) -> Iterator[Made | Left]:
    data, meta = record["data"], record.get("meta") or {}
    good = _thumb(data.get("rating"))
    if good is None:
        raise Unfit("the rating is neither 1 nor -1")
    tree = _history(record)
    if tree is None:
        raise Unfit("there is no snapshot of the chat; export the feedback with its snapshots")
    message = tree.known.get(str(meta.get("message_id")))
    if message is None:
        raise Unfit("the answer is not in the snapshot")
    rater = record.get("user_id")
    others = [one for one in tree.siblings(message) if one.get("model") in (data.get("sibling_model_ids") or [])]
    if others and (good or len(others) == 1):
        # In the arena, and beside the answers of other models, a thumb up says that this one won.
        yield from _won(tree, message, others, good, rater)
    else:
        yield _rated(tree, message, good, rater)


def _won(tree: _Tree, message: Record, others: list[Record], good: bool, rater: object) -> Iterator[Made | Left]:
    prompt, mine = tree.prompt(message), text_of(message.get("content"))
    for other in others:
        theirs = text_of(other.get("content"))
        if not theirs.strip():
            yield Left("the other answer is empty")
            continue
        first, second = (mine, theirs) if good else (theirs, mine)
        yield Made(prompt, first, second, rater=_named(rater), weight=round(1 / len(others), 4))


def _chat(record: Record, tree: _Tree) -> Iterator[Made | Left]:
    rated = False
    for message in tree.known.values():
        annotation = message.get("annotation")
        good = _thumb(annotation.get("rating")) if isinstance(annotation, Mapping) else None
        if good is not None:
            rated = True
            yield _rated(tree, message, good, record.get("user_id"))
    if not rated:
        yield Left("nobody rated an answer of this chat")


def _rated(tree: _Tree, message: Record, good: bool, rater: object) -> Made:
    return Made(tree.prompt(message), text_of(message.get("content")), good=good, rater=_named(rater))


def _thumb(rating: object) -> bool | None:
    return {"1": True, "-1": False}.get(str(rating))


def _named(rater: object) -> str | None:
    return str(rater) if rater else None
