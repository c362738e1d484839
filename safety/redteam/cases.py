"""Findings as regression cases: what once slipped through is asked again, and must be stopped from then on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from safety.errors import RedTeamError
from safety.redteam.attack import Attack, Canary
from safety.redteam.campaign import Attempt, Progress, attempt_all
from safety.redteam.outcome import STOPPED
from safety.redteam.report import SCHEMA
from safety.redteam.target import Target

Expect = Literal["stopped", "answered"]
FIELDS = ("family", "variant", "category", "goal", "asked", "messages", "harmless", "canary")


@dataclass(frozen=True)
class Case:
    """`stopped`: it is blocked, refused, or shown to a reviewer, and no secret comes out. `answered`: the opposite."""

    case_id: str
    expect: Expect
    attack: Attack


@dataclass(frozen=True)
class Replayed:
    """A case and what came of it now; one that the server answered with an error has not passed."""

    case: Case
    attempt: Attempt

    @property
    def passed(self) -> bool:
        """Whether it is as it should be."""
        if self.attempt.outcome == "failed":
            return False
        if self.case.expect == "answered":
            return self.attempt.outcome not in STOPPED
        return not self.attempt.slipped


def read_report(path: Path) -> dict[str, Any]:
    """A report, or that of a folder. Raises RedTeamError for anything else."""
    path = path / "report.json" if path.is_dir() else path
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RedTeamError(f"{path} is no report of a red team that can be read: {error}.") from None
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise RedTeamError(f"{path} is no report of the form {SCHEMA}; `./ratchet redteam --out DIR` writes one.")
    return report


def cases_of(report: Mapping[str, Any], *, held: bool = False) -> list[Case]:
    """What slipped through, and twins that got no answer; with `held` also what is stopped and answered today."""
    attempts = [one for one in report["attempts"] if one["outcome"] != "failed"]
    entries = [*report["findings"], *report["over_blocked"], *(attempts if held else ())]
    cases = (_case(entry) for entry in entries)
    return list({case.case_id: case for case in cases}.values())


def add_cases(path: Path, cases: Iterable[Case]) -> int:
    """Write those that are not there yet to the end of the file, and return how many these are."""
    known = {case.case_id for case in read_cases(path)} if path.exists() else set()
    fresh = [case for case in cases if case.case_id not in known]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(_values(case), ensure_ascii=False)}\n" for case in fresh)
    return len(fresh)


def read_cases(path: Path) -> list[Case]:
    """The cases of a file. Raises RedTeamError where there is none, and for a line that cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        raise RedTeamError(
            f"There are no cases in {path}; `./ratchet redteam cases REPORT` makes them of a report."
        ) from None
    return list(_read(path, lines))


async def replay(target: Target, cases: Sequence[Case], report: Progress = lambda *_: None) -> list[Replayed]:
    """Ask each case once more."""
    attempts = await attempt_all(target, [case.attack for case in cases], report)
    return [Replayed(case, attempt) for case, attempt in zip(cases, attempts, strict=True)]


def _read(path: Path, lines: Sequence[str]) -> Iterator[Case]:
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            yield Case(row["case_id"], row["expect"], _attack(row))
        except (ValueError, KeyError, TypeError) as error:
            raise RedTeamError(f"Line {number} of {path} is no case: {error!r}.") from None


def _case(entry: Mapping[str, Any]) -> Case:
    digest = sha256(json.dumps(entry["messages"], sort_keys=True).encode()).hexdigest()
    expect: Expect = "answered" if entry["harmless"] else "stopped"
    return Case(f"case-{digest[:12]}", expect, _attack(entry))


def _attack(row: Mapping[str, Any]) -> Attack:
    given = {name: row[name] for name in FIELDS}
    canary = Canary(**given["canary"]) if given["canary"] else None
    return Attack(**{**given, "messages": tuple(given["messages"]), "canary": canary})


def _values(case: Case) -> dict[str, Any]:
    values = case.attack.to_values()
    return {"case_id": case.case_id, "expect": case.expect, **{name: values[name] for name in FIELDS}}
