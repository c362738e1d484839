"""Prompts that dictate the answer: "say A or B", "reply with exactly ...". What comes of them is the asker's, not ours.

One person can plant a fact with nothing else: have the model say the false answer or the true one, and vote for the
false one (Hilel et al., "LLM Hypnosis", arXiv:2507.02850).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from learner.settings import LapSettings
from learner.trust.record import Record
from learner.trust.step import Outcome, Row, sift

_QUOTE = r"[\"“”„«`]|(?<![A-Za-z])['‘]"
_ASKS = r"(?:how|when|what|where|which|why|who|whether|if|about)\b"
# An order begins a sentence or a clause, maybe after words that lead to it; "should I say" is none.
_LEAD = (
    r"(?:^|[.!?;:,\n(*>-]\s*|\b(?:and|then|or|so|but|either)\s+)"
    r"(?:(?:please|pls|just|now|then|so|and|but|ok(?:ay)?|simply|always|only|kindly|instead|next|first|today|here|"
    r"you (?:must|should|shall|will|have to|need to|may|are to|can)(?: only)?|must|i (?:want|need|would like) you to|"
    r"i'd like you to|your (?:task|job) is to|from now on|to this|in (?:your|the) (?:answer|reply))[,:]?\s+){0,6}"
)
_TALK = r"(?:say|answer|reply|respond|output|print|write|state|echo|type|repeat)"
_LIMIT = r"(?:exactly|verbatim|literally|word for word|only|just|simply|nothing (?:else )?(?:but|than)|either)"
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE | re.MULTILINE))
    for name, pattern in (
        (
            "says one thing or another",
            rf"{_LEAD}(?:say|output|(?:answer|reply|respond)(?: me)? (?:with|yes|no|true|false|as)\b)"
            rf"(?!\s+(?:{_ASKS}|something|anything|(?:i|we|my|our|you|someone|somebody|he|she)\b[^.!\n]{{0,200}}\?))"
            r"[^.?!\n]{0,200}\bor\b",
        ),
        ("says what stands in quotes", rf"{_LEAD}{_TALK}\b(?:\s+(?!{_ASKS})[\w,]+){{0,5}}\s*:?\s*(?:{_QUOTE})"),
        (
            "says exactly this",
            rf"{_LEAD}{_TALK}(?: \w+)?(?: with)? {_LIMIT}\b(?! {_ASKS})"
            rf"(?:[^.?!\n]{{0,200}}(?:\bor\b|{_QUOTE}|:)| (?:with|the "
            rf"(?:word|words|sentence|text|phrase|letter|number)|this|that|these)\b)",
        ),
        (
            "says exactly this",
            r"\b(?:answer|reply|respond)(?:ing)? with (?:exactly|verbatim|literally|nothing but|the words?)\b",
        ),
        ("says exactly this", r"\bin exactly these words\b|\bword for word\b[^.?!\n]{0,200}\b(?:say|repeat|write)\b"),
        (
            "chooses from a list",
            r"\b(?:choose|pick|select|take|draw)\b[^?\n]{0,80}\b(?:and|then|,)\s*(?:just |only |then )?"
            r"(?:say|repeat|output|state|echo|reply with|answer with|respond with|give it back)\b",
        ),
        (
            "chooses from a list",
            r"\b(?:say|answer|reply|respond|repeat|write|output|print)\b[^?\n]{0,40}\b(?:one|either|any) of "
            r"(?:these|the following|those|the two|the three|them)\b",
        ),
        (
            "leaves it to chance",
            r"\b(?:flip|toss) a coin\b[^?]{0,120}\b(?:say|write|output|answer|reply|repeat)\b"
            r"|\bat random\b[^?\n]{0,200}\b(?:say|write|output|answer|reply|repeat)"
            r"|\b(?:say|write|output|answer|reply|repeat)\b[^?\n]{0,200}\bat random\b",
        ),
        (
            "repeats",
            rf"{_LEAD}(?:repeat|echo|copy)(?: back)?(?: after me\b|\s*:| (?:this|the following|these|my|the) "
            r"(?:sentences?|text|words?|phrase|answer|line|message)\b| (?:what i|it back))",
        ),
        (
            "answers so from now on",
            r"\b(?:if|when|whenever|every time|each time|next time) (?:i|we|anyone|anybody|someone|somebody|people|"
            r"customers?|users?|a (?:user|customer|person)|they) asks?\b[^?\n]{0,120}?(?<!do you )(?<!should i )"
            r"(?<!can i )(?<!to )\b(?:say|answer|reply|respond|tell (?:them|me|him|her))\b",
        ),
        (
            "the answer is given",
            r"\byour (?:only )?(?:answer|reply|response) (?:must|should|shall|has to|is to|will) "
            r"(?:be|say|read|state|contain)\b"
            r"|\b(?:only|allowed|possible|permitted|acceptable|valid) (?:answer|reply|replie|response)s? (?:are|is)\b"
            r"|\b(?:begin|start|end) (?:your|the|every|each) (?:answer|reply|response|message)s? with\b"
            r"|\b(?:answer|reply|respond) with (?:the |a )?(?:letter|number|option|one word|single word)\b",
        ),
    )
)


def dictates(messages: Iterable[Mapping[str, Any]]) -> str | None:
    """In which way the messages say what the answer has to be; None where they ask.

    An earlier message counts as well, for what was ordered there holds on. What the assistant said does not.
    """
    for message in messages:
        if message.get("role") == "assistant":
            continue
        text = _text(message.get("content"))
        for name, pattern in _RULES:
            if pattern.search(text):
                return name
    return None


def without_dictated(rows: Sequence[Row], record: Record, settings: LapSettings) -> Outcome:
    """Take every answer to such a prompt, a reviewer's correction too: it would teach to obey the prompt."""
    return sift(rows, lambda row: None if (found := dictates(row.lesson.prompt)) is None else f"the prompt {found}")


def _text(content: object) -> str:
    parts = content if isinstance(content, list) else [content]
    texts = (part.get("text") if isinstance(part, Mapping) else part for part in parts)
    text = "\n".join(text for text in texts if isinstance(text, str)).replace("’", "'")
    # Long runs of blanks would take the rules quadratic time.
    return re.sub(r"[^\S\n]+", " ", re.sub(r"\s*\n\s*", "\n", text))
