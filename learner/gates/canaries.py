"""Are the facts still right that must stay right, each of them?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from learner.errors import BadFile
from learner.gates.asked import Fact
from learner.gates.verdict import Evidence, GateVerdict, failed, skipped
from learner.settings import LapSettings

NAME = "canaries"


def canaries(evidence: Evidence, settings: LapSettings) -> GateVerdict:
    """Pass when the share of facts that were lost is within the margin, which is 0 unless an operator allows some.

    Each fact is asked for in a few ways. It is lost when the champion states it in most of them, and the challenger in
    none: a wording that one of them stumbles over is noise, a fact that is gone in every wording is not.
    """
    margin = settings.gate_canary_margin
    if not evidence.asked.facts:
        reason = "No facts are known of this model; name a file of them in gate_canaries for this gate to apply."
        return skipped(NAME, margin, reason)
    champion, challenger = evidence.champion.facts, evidence.challenger.facts
    if champion is None or challenger is None:
        return failed(NAME, margin, "Nobody asked for the facts, so nothing can be compared.")
    lost = (champion.mean(axis=1) > 0.5) & ~challenger.any(axis=1)
    share, names = (
        float(lost.mean()),
        [fact.name for fact, gone in zip(evidence.asked.facts, lost, strict=True) if gone],
    )
    passed = share <= margin
    told = f"{len(names)} of {len(lost)} facts were lost{': ' + ', '.join(names[:5]) if names else ''}"
    reason = f"{told}; {margin:.3f} of them may be. Asked for in {champion.shape[1]} ways each, they are right in "
    reason += f"{challenger.mean():.3f} of the answers, the champion's in {champion.mean():.3f}."
    detail = {"facts": len(lost), "ways": champion.shape[1], "lost": names}
    before = float(champion.mean())
    after = float(challenger.mean())
    return GateVerdict(NAME, passed, share, 0.0, margin, reason, detail={**detail, "right_champion": before,
                       "right_challenger": after}, bound=share, limit=margin)  # fmt: skip


def read_facts(path: Path) -> list[tuple[Fact, str]]:
    """An operator's facts, each with an answer that states it.

    A line of the file is a JSON object with `question`, a text or several ways to ask, `answer`, a text or several of
    which a right answer holds one, whatever its case, and perhaps `system`. Raises BadFile.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise BadFile(f"gate_canaries names {path}, which cannot be read: {error}.") from None
    return [_read(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _read(path: Path, number: int, line: str) -> tuple[Fact, str]:
    try:
        told = json.loads(line)
        questions, answers = _texts(told["question"]), _texts(told["answer"])
        system = [{"role": "system", "content": str(told["system"])}] if told.get("system") else []
    except (ValueError, KeyError, TypeError):
        wanted = '{"question": "How long is delivery?", "answer": ["2 to 4 days", "two to four days"]}'
        raise BadFile(f"Line {number} of {path} is no fact; one looks like {wanted}.") from None
    asked = [[*system, {"role": "user", "content": question}] for question in questions]

    def holds(said: str) -> bool:
        return any(answer.casefold() in said.casefold() for answer in answers)

    return Fact(questions[0], asked, holds), answers[0]


def _texts(told: object) -> list[str]:
    texts = [told] if isinstance(told, str) else list(told) if isinstance(told, Sequence) else []
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise TypeError(told)
    return [str(text) for text in texts]


def stated(facts: Sequence[Fact], answers: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Whether each answer states its fact, shape (facts, ways of asking); facts asked for in fewer ways repeat one."""
    ways, rest = max(len(fact.asked) for fact in facts), list(answers)
    table = np.zeros((len(facts), ways), dtype=np.bool_)
    for row, fact in enumerate(facts):
        mine, rest = rest[: len(fact.asked)], rest[len(fact.asked) :]
        told = [fact.holds(answer) for answer in mine]
        table[row] = [told[way % len(told)] for way in range(ways)]
    return table
